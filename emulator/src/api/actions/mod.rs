//! The actions of the OpenAPI, one function each, and what they share.

mod devices;
mod groups;
mod messages;
mod sessions;
mod tokens;
mod traces;

use std::time::SystemTime;

use serde_json::{Map, Value};

use super::Api;
use super::request::Parameters;
use super::response::{ApiError, Outcome};

/// A call whose signature is good.
pub(super) struct Call<'a> {
    pub(super) api: &'a Api,
    /// The access key id.
    pub(super) caller: &'a str,
    pub(super) parameters: &'a Parameters,
    /// By the clock of the OpenAPI.
    pub(super) now: SystemTime,
}

/// Carries a call out.
pub(super) async fn run(call: &Call<'_>, action: &str) -> Outcome {
    let action: fn(&Call<'_>) -> Outcome = match action {
        "ApplyToken" => tokens::apply,
        "QueryToken" => tokens::query,
        "RevokeToken" => tokens::revoke,
        "SendMessage" => {
            check_instance(call)?;
            return messages::send(call).await;
        }
        "QuerySessionByClientId" => sessions::query,
        "BatchQuerySessionByClientIds" => sessions::query_batch,
        "CloseConnection" => sessions::close,
        "CreateGroupId" => groups::create,
        "ListGroupId" => groups::list,
        "DeleteGroupId" => groups::delete,
        "RegisterDeviceCredential" => devices::register,
        "GetDeviceCredential" => devices::get,
        "RefreshDeviceCredential" => devices::refresh,
        "UnRegisterDeviceCredential" => devices::unregister,
        "ListDeviceCredentialClientId" => devices::list,
        "QueryMqttTraceDevice" => traces::device,
        "QueryMqttTraceMessageOfClient" => traces::of_client,
        "QueryMqttTraceMessagePublish" => traces::published,
        "QueryMqttTraceMessageSubscribe" => traces::subscribed,
        _ => return Err(ApiError::new(404, "ApiNotSupport", "The specified API is not supported.")),
    };
    check_instance(call)?;
    action(call)
}

/// Each action names the instance it is for.
fn check_instance(call: &Call<'_>) -> Result<(), ApiError> {
    if call.parameters.need("InstanceId")? == call.api.service.settings.directory.instance_id {
        return Ok(());
    }
    Err(ApiError::new(400, "InstancePermissionCheckFailed", "the instance is not one of this account"))
}

/// The fields of an answer.
fn fields<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// One page of a list, the first being page 1; nothing behind the last.
fn page<T>(items: &[T], number: u64, size: u64) -> &[T] {
    let place = |pages: u64| usize::try_from(pages.saturating_mul(size)).unwrap_or(usize::MAX).min(items.len());
    &items[place(number.saturating_sub(1))..place(number)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        let items = [1, 2, 3, 4, 5];
        assert_eq!(page(&items, 1, 2), [1, 2]);
        assert_eq!(page(&items, 3, 2), [5]);
        assert!(page(&items, 4, 2).is_empty() && page(&items, u64::MAX, u64::MAX).is_empty());
        assert_eq!(page(&items, 0, 2), [0; 0]);
    }
}
