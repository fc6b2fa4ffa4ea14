//! The actions of the OpenAPI, one function each.

mod call;
mod devices;
mod groups;
mod messages;
mod sessions;
mod tokens;
mod traces;

pub(super) use self::call::Call;
use super::response::{ApiError, Outcome};

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

/// Checks the instance id, which every action needs.
fn check_instance(call: &Call<'_>) -> Result<(), ApiError> {
    if call.parameters.need("InstanceId")? == call.service.settings.directory.instance_id {
        return Ok(());
    }
    Err(ApiError::new(400, "InstancePermissionCheckFailed", "the instance is not one of this account"))
}
