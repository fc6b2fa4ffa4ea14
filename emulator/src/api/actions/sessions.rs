//! The actions QuerySessionByClientId, BatchQuerySessionByClientIds and CloseConnection.

use serde_json::{Value, json};

use super::call::{Call, fields};
use crate::api::response::{ApiError, Outcome};
use crate::names;

const MAX_BATCH: usize = 10;

pub(super) fn query(call: &Call<'_>) -> Outcome {
    let online = is_online(call, call.parameters.need("ClientId")?)?;
    Ok(fields([("OnlineStatus", online.into())]))
}

pub(super) fn query_batch(call: &Call<'_>) -> Outcome {
    let client_ids = call.parameters.list("ClientIdList")?;
    if client_ids.len() > MAX_BATCH {
        return Err(ApiError::parameter(format!("ClientIdList has more than {MAX_BATCH} client ids")));
    }
    let list = client_ids
        .into_iter()
        .map(|client_id| Ok(json!({ "ClientId": client_id, "OnlineStatus": is_online(call, client_id)? })))
        .collect::<Result<Vec<Value>, ApiError>>()?;
    Ok(fields([("OnlineStatusList", list.into())]))
}

pub(super) fn close(call: &Call<'_>) -> Outcome {
    let client_id = call.parameters.need("ClientId")?;
    names::check_length(client_id).map_err(ApiError::parameter)?;
    let closed = call.service.kick(client_id);
    let (code, message) = if closed { (200, "operation success.") } else { (404, "the client is not connected") };
    Ok(fields([("Code", code.into()), ("Message", message.into()), ("Success", closed.into())]))
}

/// Returns true if a client is connected. Its id can have any form, because custom identities choose theirs freely.
fn is_online(call: &Call<'_>, client_id: &str) -> Result<bool, ApiError> {
    names::check_length(client_id).map_err(ApiError::parameter)?;
    Ok(call.service.link(client_id).is_some())
}
