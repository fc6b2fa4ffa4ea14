//! The entries of the log: what the emulator saw.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::SystemTime;

use crate::login::LoginMode;
use crate::token::Permission;

/// One thing the emulator saw.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogEntry {
    /// The number of the entry, from 0 without a gap, across restarts of the emulator.
    pub sequence: u64,
    /// The time of the entry.
    pub time: SystemTime,
    /// The client id that the entry is about; empty if there is none.
    pub client_id: String,
    /// The event that the emulator saw.
    pub what: What,
}

/// The kinds of log entries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// The listeners are open, after a start or restart.
    Started,
    /// The listeners and all connections are closed, and the sessions deleted.
    Stopped,
    /// A login was accepted; written just before the CONNACK is sent.
    Connected {
        /// The protocol version of the connection.
        version: Version,
        /// The listener that accepted it.
        listener: Listener,
        /// The way in which the client logged in.
        login: LoginMode,
        /// The flag clean session (3.1.1) or clean start (5).
        clean_session: bool,
        /// The flag session present of the CONNACK.
        session_present: bool,
        /// The keep-alive of the CONNECT, in seconds.
        keep_alive: u16,
    },
    /// A login was refused.
    LoginRefused {
        /// The CONNACK code of MQTT 3.1.1, 1 to 5, also for MQTT 5 clients.
        code: u8,
        /// The reason, as text.
        reason: String,
    },
    /// A client published to a topic that it may use; written before the acknowledgement is sent.
    Published {
        /// The topic, with its alias resolved.
        topic: String,
        /// The QoS: 0, 1 or 2.
        qos: u8,
        /// The packet id, for QoS 1 and 2.
        packet_id: Option<u16>,
        /// The flag DUP: the client sent it before.
        dup: bool,
        /// True if the client had enabled ordered messages on this connection before.
        ordered: bool,
        /// The payload.
        payload: Payload,
    },
    /// A publish of the client was acknowledged: PUBACK (QoS 1) or PUBCOMP (QoS 2) is sent.
    PublishAcknowledged {
        /// The packet id of the publish.
        packet_id: u16,
    },
    /// A PUBREL of MQTT 5 named an unknown packet id: PUBCOMP with 0x92 is sent.
    ReleaseUnknown {
        /// The packet id of the PUBREL.
        packet_id: u16,
    },
    /// The client broke a rule, and its connection is closed.
    Violation {
        /// The action of the client.
        action: Action,
        /// The topic or filter of the packet; empty if there is none.
        topic: String,
        /// The rule, as text.
        reason: String,
    },
    /// A client has subscribed: from now on it receives messages; written just before the SUBACK is sent.
    Subscribed {
        /// The filter.
        filter: String,
        /// The requested QoS: 0, 1 or 2.
        qos: u8,
    },
    /// A subscription was beyond the quota: it is acknowledged, but receives no messages.
    FilterIgnored {
        /// The filter.
        filter: String,
    },
    /// A client has unsubscribed; written just before the UNSUBACK is sent.
    Unsubscribed {
        /// The filter.
        filter: String,
    },
    /// The client enabled ordered messages (`$SYS/enableOrderMsg`).
    OrderEnabled,
    /// The client replaced a token (`$SYS/uploadToken`).
    TokenUploaded {
        /// The type of the token.
        permission: Permission,
    },
    /// A message to a `$SYS` topic was acknowledged without effect.
    ControlIgnored {
        /// The topic.
        topic: String,
        /// The reason, as text.
        reason: String,
    },
    /// A notice for the client; written just before it is sent.
    NoticePushed {
        /// The topic of the notice.
        topic: String,
    },
    /// A message for the client; written just before it is sent.
    Delivered {
        /// The topic, with its alias resolved.
        topic: String,
        /// The QoS: 0, 1 or 2.
        qos: u8,
        /// The packet id, for QoS 1 and 2.
        packet_id: Option<u16>,
        /// The flag DUP: it was sent before.
        dup: bool,
        /// The payload.
        payload: Payload,
    },
    /// The client acknowledged a message: PUBACK (QoS 1) or PUBCOMP (QoS 2) was received.
    DeliveryAcknowledged {
        /// The packet id of the message.
        packet_id: u16,
    },
    /// A P2P message is stored for its target, the client of this entry, which is offline.
    Stored {
        /// The topic.
        topic: String,
    },
    /// A message for the client of this entry was dropped.
    Dropped {
        /// The topic.
        topic: String,
        /// The reason, as text.
        reason: String,
    },
    /// [`Emulator::kick`](crate::Emulator::kick) or `CloseConnection` of the OpenAPI was called for this client.
    Kicked,
    /// The service itself sent a message, by [`Emulator::publish_as_service`](crate::Emulator::publish_as_service) or
    /// `SendMessage` of the OpenAPI.
    ServicePublished {
        /// The topic.
        topic: String,
        /// The QoS: 0, 1 or 2.
        qos: u8,
        /// The payload.
        payload: Payload,
    },
    /// A call of the OpenAPI was carried out; written before its response is sent. The client id of the entry is the
    /// parameter `ClientId` of the call, if it has one.
    ApiCalled {
        /// The action.
        action: String,
    },
    /// A call of the OpenAPI was refused; otherwise as [`What::ApiCalled`].
    ApiRefused {
        /// The action; empty if the call could not be read.
        action: String,
        /// The error code of the response.
        code: String,
    },
    /// The connection ended.
    Disconnected {
        /// The reason.
        reason: DisconnectReason,
    },
}

/// The protocol version of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.
    V5,
}

/// The listener that accepted a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listener {
    /// Plain TCP.
    Tcp,
    /// TLS.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

/// The action by which a client broke a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// PUBLISH.
    Publish,
    /// SUBSCRIBE.
    Subscribe,
    /// A publish to `$SYS/uploadToken`.
    UploadToken,
    /// A token expired or was revoked while the client was connected.
    HoldToken,
    /// A malformed or unexpected packet.
    Packet,
}

/// The reason for the end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client sent DISCONNECT.
    DisconnectedByClient,
    /// The client closed the connection without a DISCONNECT.
    ClosedByClient,
    /// The client broke a rule: see the [`What::Violation`] before it.
    Violation,
    /// Another connection logged in with the same client id.
    ClientIdConflict,
    /// No packet of the client arrived for 1.5 times its keep-alive.
    NoHeartbeat,
    /// [`Emulator::kick`](crate::Emulator::kick) was called.
    Kicked,
    /// The emulator was stopped.
    Stopped,
    /// The broker inside closed the connection for a reason of its own.
    ClosedByBroker,
}

/// The payload of a message. Its `Debug` shows at most 64 bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Payload(Arc<[u8]>);

impl Payload {
    /// The size of the reference counts in front of the bytes.
    const HEADER: usize = 2 * size_of::<usize>();
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(64)];
        write!(f, "{:?} ({} bytes)", String::from_utf8_lossy(shown), self.0.len())
    }
}

/// Gives each kind of entry its name.
macro_rules! names {
    ($($variant:ident => $name:literal,)*) => {
        impl What {
            /// The names of all kinds, as [`name`](Self::name) returns them.
            pub const NAMES: &[&str] = &[$($name),*];

            /// Returns the name of the kind, such as `published`, as the control API writes it.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)*
                }
            }
        }
    };
}

names! {
    Started => "started",
    Stopped => "stopped",
    Connected => "connected",
    LoginRefused => "login_refused",
    Published => "published",
    PublishAcknowledged => "publish_acknowledged",
    ReleaseUnknown => "release_unknown",
    Violation => "violation",
    Subscribed => "subscribed",
    FilterIgnored => "filter_ignored",
    Unsubscribed => "unsubscribed",
    OrderEnabled => "order_enabled",
    TokenUploaded => "token_uploaded",
    ControlIgnored => "control_ignored",
    NoticePushed => "notice_pushed",
    Delivered => "delivered",
    DeliveryAcknowledged => "delivery_acknowledged",
    Stored => "stored",
    Dropped => "dropped",
    Kicked => "kicked",
    ServicePublished => "service_published",
    ApiCalled => "api_called",
    ApiRefused => "api_refused",
    Disconnected => "disconnected",
}

impl LogEntry {
    /// Returns the size in memory, texts and payload included.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.client_id.len() + self.what.size_of_contents()
    }
}

impl What {
    fn size_of_contents(&self) -> usize {
        match self {
            What::Published { topic, payload, .. }
            | What::Delivered { topic, payload, .. }
            | What::ServicePublished { topic, payload, .. } => topic.len() + Payload::HEADER + payload.len(),
            What::Violation { topic, reason, .. }
            | What::ControlIgnored { topic, reason }
            | What::Dropped { topic, reason } => topic.len() + reason.len(),
            What::ApiRefused { action, code } => action.len() + code.len(),
            What::LoginRefused { reason: text, .. }
            | What::Subscribed { filter: text, .. }
            | What::FilterIgnored { filter: text }
            | What::Unsubscribed { filter: text }
            | What::NoticePushed { topic: text }
            | What::Stored { topic: text }
            | What::ApiCalled { action: text } => text.len(),
            What::Started
            | What::Stopped
            | What::Connected { .. }
            | What::PublishAcknowledged { .. }
            | What::ReleaseUnknown { .. }
            | What::OrderEnabled
            | What::TokenUploaded { .. }
            | What::DeliveryAcknowledged { .. }
            | What::Kicked
            | What::Disconnected { .. } => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_payload_is_shown_cut() {
        let shown = format!("{:?}", Payload::from(&[b'x'; 1000][..]));
        assert!(shown.len() < 100 && shown.contains("1000 bytes"), "{shown}");
    }
}
