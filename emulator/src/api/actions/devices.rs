//! The actions on device credentials (一机一密).

use serde_json::{Map, Value, json};

use super::call::{Call, fields, page};
use crate::account::{Device, Directory};
use crate::api::response::{ApiError, Outcome};
use crate::names;
use crate::service::lock;
use crate::time::unix_millis;

pub(super) fn register(call: &Call<'_>) -> Outcome {
    let client_id = client_id(call)?;
    let mut directory = lock(&call.service.directory);
    directory.register_device(client_id);
    directory.devices.get(client_id).map(|device| answer(&directory, client_id, device)).ok_or_else(unknown)
}

pub(super) fn get(call: &Call<'_>) -> Outcome {
    let client_id = client_id(call)?;
    let directory = lock(&call.service.directory);
    directory.devices.get(client_id).map(|device| answer(&directory, client_id, device)).ok_or_else(unknown)
}

pub(super) fn refresh(call: &Call<'_>) -> Outcome {
    let client_id = client_id(call)?;
    let mut directory = lock(&call.service.directory);
    let device = directory.refresh_device(client_id).cloned().ok_or_else(unknown)?;
    Ok(answer(&directory, client_id, &device))
}

pub(super) fn unregister(call: &Call<'_>) -> Outcome {
    let client_id = client_id(call)?;
    if lock(&call.service.directory).unregister_device(client_id) { Ok(fields([])) } else { Err(unknown()) }
}

pub(super) fn list(call: &Call<'_>) -> Outcome {
    let group = call.parameters.need("GroupId")?;
    let size = call.parameters.number_within("PageSize", 1, 100)?;
    // The next token is the number of the next page.
    let number = match call.parameters.get("NextToken") {
        Some(_) => call.parameters.number("NextToken")?,
        None => call.parameters.number_or("PageNo", 1)?,
    };
    if number == 0 {
        return Err(ApiError::parameter("pages count from 1"));
    }
    let directory = lock(&call.service.directory);
    check_group(&directory, group)?;
    let client_ids: Vec<_> =
        directory.devices.keys().filter(|client_id| names::group_of(client_id) == Ok(group)).collect();
    let more = number.checked_mul(size).is_some_and(|shown| usize::try_from(shown).is_ok_and(|n| n < client_ids.len()));
    let list = json!({
        "ClientIdList": page(&client_ids, number, size),
        "PageNo": number.to_string(),
        "PageSize": size.to_string(),
        "NextToken": if more { (number + 1).to_string() } else { String::new() },
        "Total": client_ids.len().to_string(),
    });
    Ok(fields([("DeviceCredentialClientIdList", list)]))
}

/// Returns the client id of the call, which must belong to a known group.
fn client_id<'a>(call: &Call<'a>) -> Result<&'a str, ApiError> {
    let client_id = call.parameters.need("ClientId")?;
    let group = names::group_of(client_id).map_err(ApiError::parameter)?;
    check_group(&lock(&call.service.directory), group)?;
    Ok(client_id)
}

fn check_group(directory: &Directory, group: &str) -> Result<(), ApiError> {
    if directory.knows_group(group) { Ok(()) } else { Err(ApiError::permission("there is no such group id")) }
}

fn answer(directory: &Directory, client_id: &str, device: &Device) -> Map<String, Value> {
    let credential = json!({
        "ClientId": client_id,
        "InstanceId": directory.instance_id,
        "DeviceAccessKeyId": device.credential.access_key_id,
        "DeviceAccessKeySecret": device.credential.access_key_secret,
        "CreateTime": unix_millis(device.created),
        "UpdateTime": unix_millis(device.updated),
    });
    fields([("DeviceCredential", credential)])
}

fn unknown() -> ApiError {
    ApiError::parameter("the client id has no credential")
}
