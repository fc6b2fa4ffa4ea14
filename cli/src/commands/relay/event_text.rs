//! The events of the connection as server-sent events.

use aliyun_mqtt::{Error, Event, Notice};
use serde_json::{Value, json};

/// How many events a slow reader may be behind before it misses some.
pub(super) const KEPT: usize = 256;

/// Returns an event as the stream has it.
pub(super) fn event(event: &Event) -> String {
    let (name, object) = match event {
        Event::Connected { session_present, number, .. } => {
            ("connected", json!({ "session_present": session_present, "number": number }))
        }
        Event::Disconnected { reason, retry_in, .. } => {
            ("disconnected", with(reason, json!({ "retry_in_seconds": retry_in.map(|time| time.as_secs_f64()) })))
        }
        Event::Notice(notice) => ("notice", self::notice(notice)),
        Event::SubscriptionLost { filter, reason, .. } => {
            ("subscription_lost", with(reason, json!({ "filter": filter })))
        }
        Event::TopicRefused { topic, retry_in, reason, .. } => {
            ("topic_refused", with(reason, json!({ "topic": topic, "retry_in_seconds": retry_in.as_secs_f64() })))
        }
        Event::TokenRenewed { kind, .. } => ("token_renewed", json!({ "token": kind.as_str() })),
        Event::TokenRenewalFailed { reason, .. } => ("token_renewal_failed", with(reason, json!({}))),
        Event::MessageSetAside { topic, size, reason, .. } => {
            ("message_set_aside", with(reason, json!({ "topic": topic, "size": size })))
        }
        Event::InboxFull => ("inbox_full", json!({})),
        Event::AcksHeldBack { topic, held_back, .. } => {
            ("acks_held_back", json!({ "topic": topic, "held_back": held_back }))
        }
        Event::Ended { reason, .. } => ("ended", with(reason, json!({}))),
        _ => ("other", json!({})),
    };
    shown(name, &object)
}

/// Returns a server-sent event with this name and object.
pub(super) fn shown(name: &str, object: &Value) -> String {
    format!("event: {name}\ndata: {object}\n\n")
}

fn with(reason: &Error, mut object: Value) -> Value {
    object["kind"] = json!(reason.kind().as_str());
    object["reason"] = json!(reason.message());
    object["hint"] = json!(reason.hint());
    object["code"] = json!(reason.code().map(aliyun_mqtt::Code::number));
    object
}

fn notice(notice: &Notice) -> Value {
    match notice {
        Notice::TokenExpire { expires, kind, .. } => json!({
            "notice": "token_expire",
            "expires": expires.map(crate::time::rfc3339),
            "token": kind.map(aliyun_mqtt::TokenKind::as_str),
        }),
        Notice::TokenInvalid { code, kind, .. } => json!({
            "notice": "token_invalid",
            "code": code.number(),
            "token": kind.map(aliyun_mqtt::TokenKind::as_str),
        }),
        Notice::Other { topic, payload, .. } => json!({ "notice": "other", "topic": topic, "payload": payload }),
        _ => json!({ "notice": "other" }),
    }
}
