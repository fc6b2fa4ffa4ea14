//! `GET /v1/events`: what happens to the connection, as a stream of server-sent events.

use std::rc::Rc;
use std::time::Duration;

use aliyun_mqtt::{Bytes, Error, Event, Notice};
use hyper::{Response, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};

use super::body::Body;
use super::problem::Problem;
use super::shared::{Phase, Relay};

/// How many events a slow reader may be behind before it misses some.
pub(super) const KEPT: usize = 256;

/// The pause after which a comment shows that the connection still stands.
const BEAT: Duration = Duration::from_secs(15);

pub(super) fn get(relay: Rc<Relay>) -> Result<Response<Body>, Problem> {
    let waiting = relay.waiting()?;
    let mut events = relay.events.subscribe();
    let (to, parts) = mpsc::channel(16);
    tokio::task::spawn_local(async move {
        let _waiting = waiting;
        let state = if relay.metrics.is_connected() { "connected" } else { "disconnected" };
        let mut next = shown("state", &json!({ "state": state }));
        loop {
            if to.send(Bytes::from(next)).await.is_err() {
                return;
            }
            next = tokio::select! {
                event = events.recv() => match event {
                    Ok(event) => event.to_string(),
                    Err(broadcast::error::RecvError::Lagged(count)) => shown("missed", &json!({ "count": count })),
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                () = tokio::time::sleep(BEAT) => ":\n\n".to_string(),
                () = relay.reached(Phase::Draining) => return,
                () = to.closed() => return,
            };
        }
    });
    let response = Response::builder()
        .status(StatusCode::OK)
        .header(header::CONTENT_TYPE, "text/event-stream")
        .header(header::CACHE_CONTROL, "no-store");
    Ok(response.body(Body::Parts(parts)).unwrap_or_default())
}

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

fn shown(name: &str, object: &Value) -> String {
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
