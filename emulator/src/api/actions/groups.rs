//! The actions CreateGroupId, ListGroupId and DeleteGroupId. They affect later logins.

use serde_json::{Value, json};

use super::call::{Call, fields};
use crate::api::response::{ApiError, Outcome};
use crate::names;
use crate::service::lock;
use crate::time::unix_millis;

pub(super) fn create(call: &Call<'_>) -> Outcome {
    let id = call.parameters.need("GroupId")?;
    names::check_group(id).map_err(ApiError::parameter)?;
    if lock(&call.service.directory).add_group(id) {
        Ok(fields([]))
    } else {
        Err(ApiError::parameter("the group id exists already"))
    }
}

pub(super) fn list(call: &Call<'_>) -> Outcome {
    let directory = lock(&call.service.directory);
    let groups: Vec<Value> = directory
        .groups
        .iter()
        .map(|group| {
            json!({
                "GroupId": group.id,
                "InstanceId": directory.instance_id,
                "IndependentNaming": true,
                "CreateTime": unix_millis(group.created),
                "UpdateTime": unix_millis(group.created),
                "Tags": [],
            })
        })
        .collect();
    Ok(fields([("Data", groups.into())]))
}

pub(super) fn delete(call: &Call<'_>) -> Outcome {
    let id = call.parameters.need("GroupId")?;
    if lock(&call.service.directory).remove_group(id) {
        Ok(fields([]))
    } else {
        Err(ApiError::permission("there is no such group id"))
    }
}
