//! Log entries as JSON.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::log::{Action, DisconnectReason, Listener, LogEntry, Payload, Version, What};
use crate::time::{end_of_calendar, unix_millis};

/// Returns an entry as JSON, with at most `max_payload` bytes of its payload.
pub(super) fn to_json(entry: &LogEntry, max_payload: usize) -> Value {
    let mut members = fields(&entry.what, max_payload);
    members.insert("sequence".into(), entry.sequence.into());
    members.insert("time".into(), time(entry.time).into());
    members.insert("time_ms".into(), unix_millis(entry.time).into());
    members.insert("client_id".into(), entry.client_id.as_str().into());
    members.insert("what".into(), entry.what.name().into());
    members.insert("text".into(), entry.to_string().into());
    Value::Object(members)
}

/// The schema of an entry. Further members depend on the kind.
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["sequence", "time", "time_ms", "client_id", "what", "text"],
        "properties": {
            "sequence": { "type": "integer", "description": "The number of the entry, from 0 without a gap." },
            "time": { "type": "string", "format": "date-time" },
            "time_ms": { "type": "integer", "description": "The same in milliseconds since 1970." },
            "client_id": { "type": "string", "description": "Empty if the entry is about no client." },
            "what": { "type": "string", "enum": What::NAMES },
            "text": { "type": "string", "description": "The entry as a line for people." },
            "version": { "type": "string", "enum": ["3.1.1", "5"] },
            "listener": { "type": "string", "enum": ["tcp", "tls", "ws", "wss"] },
            "login": { "type": "string", "description": "The mode of the login." },
            "clean_session": { "type": "boolean" },
            "session_present": { "type": "boolean" },
            "keep_alive": { "type": "integer", "description": "In seconds." },
            "code": {
                "type": ["integer", "string"],
                "description": "The CONNACK code of a refused login, or the error code of a refused API call.",
            },
            "reason": { "type": "string", "description": "Why: what the service never tells." },
            "reason_text": { "type": "string", "description": "The reason of a disconnection, for people." },
            "topic": { "type": "string" },
            "filter": { "type": "string" },
            "qos": { "type": "integer", "minimum": 0, "maximum": 2 },
            "packet_id": { "type": ["integer", "null"] },
            "dup": { "type": "boolean" },
            "ordered": { "type": "boolean" },
            "action": { "type": "string" },
            "permission": { "type": "string", "enum": ["R", "W", "RW"] },
            "payload": {
                "type": "object",
                "required": ["size"],
                "properties": {
                    "size": { "type": "integer", "description": "The size of the whole payload in bytes." },
                    "text": { "type": "string", "description": "The payload, if it is UTF-8." },
                    "base64": { "type": "string", "description": "The payload, if it is not UTF-8." },
                    "cut": { "type": "boolean", "description": "True if only the beginning is here." },
                },
            },
        },
    })
}

/// Returns a point in time as text.
pub(super) fn time(time: SystemTime) -> String {
    // `humantime` panics beyond these bounds.
    humantime::format_rfc3339_millis(time.clamp(SystemTime::UNIX_EPOCH, end_of_calendar())).to_string()
}

pub(super) fn version_name(version: Version) -> &'static str {
    match version {
        Version::V311 => "3.1.1",
        Version::V5 => "5",
    }
}

pub(super) fn listener_name(listener: Listener) -> &'static str {
    match listener {
        Listener::Tcp => "tcp",
        Listener::Tls => "tls",
        Listener::Ws => "ws",
        Listener::Wss => "wss",
    }
}

/// Returns the members that the kind has.
fn fields(what: &What, max_payload: usize) -> Map<String, Value> {
    let value = match what {
        What::Started | What::Stopped | What::OrderEnabled | What::Kicked => json!({}),
        What::Connected { version, listener, login, clean_session, session_present, keep_alive } => json!({
            "version": version_name(*version),
            "listener": listener_name(*listener),
            "login": login.as_str(),
            "clean_session": clean_session,
            "session_present": session_present,
            "keep_alive": keep_alive,
        }),
        What::LoginRefused { code, reason } => json!({ "code": code, "reason": reason }),
        What::Published { topic, qos, packet_id, dup, ordered, payload } => json!({
            "topic": topic, "qos": qos, "packet_id": packet_id, "dup": dup, "ordered": ordered,
            "payload": payload_json(payload, max_payload),
        }),
        What::PublishAcknowledged { packet_id }
        | What::ReleaseUnknown { packet_id }
        | What::DeliveryAcknowledged { packet_id } => json!({ "packet_id": packet_id }),
        What::Violation { action, topic, reason } => {
            json!({ "action": action_name(*action), "topic": topic, "reason": reason })
        }
        What::Subscribed { filter, qos } => json!({ "filter": filter, "qos": qos }),
        What::FilterIgnored { filter } | What::Unsubscribed { filter } => json!({ "filter": filter }),
        What::TokenUploaded { permission } => json!({ "permission": permission.as_str() }),
        What::ControlIgnored { topic, reason } | What::Dropped { topic, reason } => {
            json!({ "topic": topic, "reason": reason })
        }
        What::NoticePushed { topic } | What::Stored { topic } => json!({ "topic": topic }),
        What::Delivered { topic, qos, packet_id, dup, payload } => json!({
            "topic": topic, "qos": qos, "packet_id": packet_id, "dup": dup,
            "payload": payload_json(payload, max_payload),
        }),
        What::ServicePublished { topic, qos, payload } => {
            json!({ "topic": topic, "qos": qos, "payload": payload_json(payload, max_payload) })
        }
        What::ApiCalled { action } => json!({ "action": action }),
        What::ApiRefused { action, code } => json!({ "action": action, "code": code }),
        What::Disconnected { reason } => json!({ "reason": reason_name(*reason), "reason_text": reason.to_string() }),
    };
    let Value::Object(members) = value else { unreachable!("each arm is an object") };
    members
}

fn payload_json(payload: &Payload, max: usize) -> Value {
    let mut end = payload.len().min(max);
    let mut value = match std::str::from_utf8(payload) {
        Ok(text) => {
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            json!({ "text": text[..end] })
        }
        Err(_) => json!({ "base64": STANDARD.encode(&payload[..end]) }),
    };
    value["size"] = payload.len().into();
    if end < payload.len() {
        value["cut"] = true.into();
    }
    value
}

fn action_name(action: Action) -> &'static str {
    match action {
        Action::Publish => "publish",
        Action::Subscribe => "subscribe",
        Action::UploadToken => "upload_token",
        Action::HoldToken => "hold_token",
        Action::Packet => "packet",
    }
}

fn reason_name(reason: DisconnectReason) -> &'static str {
    match reason {
        DisconnectReason::DisconnectedByClient => "disconnected_by_client",
        DisconnectReason::ClosedByClient => "closed_by_client",
        DisconnectReason::Violation => "violation",
        DisconnectReason::ClientIdConflict => "client_id_conflict",
        DisconnectReason::NoHeartbeat => "no_heartbeat",
        DisconnectReason::Kicked => "kicked",
        DisconnectReason::Stopped => "stopped",
        DisconnectReason::ClosedByBroker => "closed_by_broker",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_text_or_base64_and_cut_where_a_character_ends() {
        let shown = |bytes: &[u8], max| payload_json(&Payload::from(bytes), max);
        assert_eq!(shown(b"Hello", 100), json!({ "size": 5, "text": "Hello" }));
        assert_eq!(shown(&[0, 255], 100), json!({ "size": 2, "base64": "AP8=" }));
        assert_eq!(shown("中中".as_bytes(), 4), json!({ "size": 6, "text": "中", "cut": true }));
        assert_eq!(shown(b"", 0), json!({ "size": 0, "text": "" }));
    }
}
