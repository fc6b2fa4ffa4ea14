//! Log entries as text, for people.

use std::fmt::{self, Write};

use super::entry::{DisconnectReason, LogEntry, What};

impl fmt::Display for LogEntry {
    /// Writes one line without the time: the client, if there is one, and what it did. Of payloads only the length is
    /// shown. Control characters in names appear as `\n` or `\u{1b}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.client_id.is_empty() {
            write!(OneLine(f), "{}: ", self.client_id)?;
        }
        self.what.fmt(f)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = OneLine(f);
        match self {
            What::Started => f.write_str("listening"),
            What::Stopped => f.write_str("stopped"),
            What::Connected { version, listener, login, clean_session, session_present, keep_alive } => write!(
                f,
                "connected, {version:?} over {listener:?}, {login:?} login, clean session {clean_session}, session \
                 present {session_present}, keep-alive {keep_alive} s"
            ),
            What::LoginRefused { code, reason } => write!(f, "login refused with CONNACK {code}: {reason}"),
            What::Published { topic, qos, packet_id: _, dup, ordered, payload } => {
                let dup = if *dup { ", sent again" } else { "" };
                let ordered = if *ordered { ", ordered" } else { "" };
                write!(f, "published to {topic}, QoS {qos}, {} bytes{dup}{ordered}", payload.len())
            }
            What::PublishAcknowledged { packet_id } => write!(f, "publish {packet_id} acknowledged"),
            What::ReleaseUnknown { packet_id } => write!(f, "released {packet_id}, which is unknown"),
            What::Violation { action, topic, reason } => write!(f, "disconnected for {action:?} {topic}: {reason}"),
            What::Subscribed { filter, qos } => write!(f, "subscribed to {filter}, QoS {qos}"),
            What::FilterIgnored { filter } => {
                write!(f, "subscribed to {filter}, beyond the quota: it receives no messages")
            }
            What::Unsubscribed { filter } => write!(f, "unsubscribed from {filter}"),
            What::OrderEnabled => f.write_str("enabled ordered messages"),
            What::TokenUploaded { permission } => write!(f, "uploaded a new token, {permission:?}"),
            What::ControlIgnored { topic, reason } => write!(f, "{topic} has no effect: {reason}"),
            What::NoticePushed { topic } => write!(f, "was sent the notice {topic}"),
            What::Delivered { topic, qos, packet_id: _, dup, payload } => {
                let dup = if *dup { ", sent again" } else { "" };
                write!(f, "was sent {topic}, QoS {qos}, {} bytes{dup}", payload.len())
            }
            What::DeliveryAcknowledged { packet_id } => write!(f, "acknowledged message {packet_id}"),
            What::Stored { topic } => write!(f, "a message on {topic} is stored for it"),
            What::Dropped { topic, reason } => write!(f, "a message on {topic} was dropped: {reason}"),
            What::Kicked => f.write_str("kicked"),
            What::ServicePublished { topic, qos, payload } => {
                write!(f, "the service published to {topic}, QoS {qos}, {} bytes", payload.len())
            }
            What::ApiCalled { action } => write!(f, "API {action}"),
            What::ApiRefused { action, code } => write!(f, "API {action} refused: {code}"),
            What::Disconnected { reason } => write!(f, "disconnected: {reason}"),
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DisconnectReason::DisconnectedByClient => "the client sent DISCONNECT",
            DisconnectReason::ClosedByClient => "the client closed the connection without a DISCONNECT",
            DisconnectReason::Violation => "the client broke a rule",
            DisconnectReason::ClientIdConflict => "another connection uses the same client id",
            DisconnectReason::NoHeartbeat => "no heartbeat",
            DisconnectReason::Kicked => "kicked",
            DisconnectReason::Stopped => "the emulator stopped",
            DisconnectReason::ClosedByBroker => "closed by the broker",
        })
    }
}

/// Escapes control characters: clients choose names, which must neither break a line nor control a terminal.
struct OneLine<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c.is_control() {
            true => write!(self.0, "{}", c.escape_default()),
            false => self.0.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_breaks_no_line() {
        let what = What::Subscribed { filter: "a\n\u{1b}[2J/\u{4f60}".into(), qos: 1 };
        assert_eq!(what.to_string(), "subscribed to a\\n\\u{1b}[2J/\u{4f60}, QoS 1");
        let time = std::time::SystemTime::UNIX_EPOCH;
        let entry = LogEntry { sequence: 0, time, client_id: "x\r".into(), what };
        assert!(entry.to_string().starts_with("x\\r: subscribed"), "{entry}");
    }
}
