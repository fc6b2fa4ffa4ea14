//! The action SendMessage.

use bytes::Bytes;

use super::call::{Call, fields};
use crate::api::response::{ApiError, Outcome};
use crate::api::trace::message_id;
use crate::login::{Identity, LoginMode};
use crate::names;

/// The QoS of the message, which is not documented.
const QOS: u8 = 1;

/// The caller, who has signed the call.
const CALLER: Identity = Identity::Full(LoginMode::Signature);

pub(super) async fn send(call: &Call<'_>) -> Outcome {
    let service = call.service;
    let topic = call.parameters.need("MqttTopic")?;
    let payload = call.parameters.need("Payload")?.as_bytes();
    let limits = &service.settings.limits;
    names::parent_of_topic(topic, limits.topic_length).map_err(ApiError::parameter)?;
    if payload.len() > limits.payload {
        return Err(ApiError::parameter(format!("Payload has {} bytes, more than {}", payload.len(), limits.payload)));
    }
    service.may_publish(&CALLER, topic, payload.len()).map_err(|denial| ApiError::permission(denial.reason))?;
    let sent = call.broker.send(service, topic, QOS, Bytes::copy_from_slice(payload)).await;
    let number = sent.map_err(|error| ApiError::new(500, "InternalError", error.to_string()))?;
    Ok(fields([("MsgId", message_id(service, number).into())]))
}
