//! The queries of traces, which read the log of the emulator.

use serde_json::{Map, Value, json};

use super::call::{Call, fields, page};
use crate::api::clock::trace_time;
use crate::api::response::{ApiError, Outcome};
use crate::api::trace::{DeviceEvent, MessageEvent, device_events, message_events, message_id};
use crate::time::unix_millis;

pub(super) fn device(call: &Call<'_>) -> Outcome {
    let (client_id, span, view) = (call.parameters.need("ClientId")?, Span::of(call)?, View::of(call)?);
    let events =
        device_events(&call.service.log, client_id).into_iter().filter(|event| span.has(unix_millis(event.time)));
    Ok(view.show("DeviceInfoList", events.map(|event| device_item(&event)).collect()))
}

pub(super) fn of_client(call: &Call<'_>) -> Outcome {
    let (client_id, span, view) = (call.parameters.need("ClientId")?, Span::of(call)?, View::of(call)?);
    let events = select(call, &span, |event| event.client_id == client_id);
    Ok(view.show("MessageOfClientList", events))
}

pub(super) fn published(call: &Call<'_>) -> Outcome {
    let (id, span) = (call.parameters.need("MsgId")?, Span::of(call)?);
    let events =
        select(call, &span, |event| event.action.is_publish() && message_id(call.service, event.message) == id);
    Ok(fields([("MessageTraceLists", events.into())]))
}

pub(super) fn subscribed(call: &Call<'_>) -> Outcome {
    let (id, span, view) = (call.parameters.need("MsgId")?, Span::of(call)?, View::of(call)?);
    let client_id = call.parameters.get("ClientId");
    let events = select(call, &span, |event| {
        !event.action.is_publish()
            && message_id(call.service, event.message) == id
            && client_id.is_none_or(|client_id| event.client_id == client_id)
    });
    Ok(view.show("MessageTraceLists", events))
}

/// The time span of a query, both ends included.
struct Span {
    begin: u64,
    end: u64,
}

impl Span {
    fn of(call: &Call<'_>) -> Result<Self, ApiError> {
        // Required by all queries; the emulator accepts any region.
        call.parameters.need("MqttRegionId")?;
        let (begin, end) = (call.parameters.number("BeginTime")?, call.parameters.number("EndTime")?);
        if begin > end {
            return Err(ApiError::parameter("BeginTime is behind EndTime"));
        }
        Ok(Self { begin, end })
    }

    fn has(&self, millis: u64) -> bool {
        (self.begin..=self.end).contains(&millis)
    }
}

/// The page of a query, and its order.
struct View {
    number: u64,
    size: u64,
    reverse: bool,
}

impl View {
    fn of(call: &Call<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            number: call.parameters.number_within("CurrentPage", 1, i32::MAX.unsigned_abs().into())?,
            size: call.parameters.number_within("PageSize", 1, 100)?,
            reverse: call.parameters.flag("Reverse")?,
        })
    }

    fn show(&self, name: &str, mut items: Vec<Value>) -> Map<String, Value> {
        if self.reverse {
            items.reverse();
        }
        fields([
            ("Total", items.len().into()),
            ("CurrentPage", self.number.into()),
            ("PageSize", self.size.into()),
            (name, page(&items, self.number, self.size).into()),
        ])
    }
}

fn select(call: &Call<'_>, span: &Span, wanted: impl Fn(&MessageEvent) -> bool) -> Vec<Value> {
    message_events(&call.service.log)
        .into_iter()
        .filter(|event| span.has(unix_millis(event.time)) && wanted(event))
        .map(|event| message_item(call, &event))
        .collect()
}

fn device_item(event: &DeviceEvent) -> Value {
    json!({
        "Time": trace_time(event.time),
        "Action": event.action,
        "ActionCode": format!("mqtt.trace.action.{}", event.action),
        "ActionInfo": event.info,
        "ChannelId": format!("{:032x}", event.channel),
    })
}

fn message_item(call: &Call<'_>, event: &MessageEvent) -> Value {
    let (action, code, info) = event.action.words();
    json!({
        "Time": trace_time(event.time),
        "Action": action,
        "ActionCode": code,
        "ActionInfo": info,
        "MsgId": message_id(call.service, event.message),
        "ClientId": event.client_id,
    })
}
