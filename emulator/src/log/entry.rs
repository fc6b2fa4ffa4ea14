//! The entries of the log: what the emulator saw.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::SystemTime;

use crate::token::Permission;

/// One thing the emulator saw.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogEntry {
    /// Counts from 0 without a gap, over the whole life of the emulator, restarts included.
    pub sequence: u64,
    /// When it was seen.
    pub time: SystemTime,
    /// The client it is about; empty where there is none.
    pub client_id: String,
    /// What it was.
    pub what: What,
}

/// The kinds of log entries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// The listeners are open (again).
    Started,
    /// The listeners are closed and all connections cut; sessions are gone.
    Stopped,
    /// A login was accepted; written just before the CONNACK leaves.
    Connected {
        /// Protocol version of the connection.
        version: Version,
        /// Which listener it came in by.
        listener: Listener,
        /// Clean session (3.1.1) or clean start (5).
        clean_session: bool,
        /// What the CONNACK says about an earlier session.
        session_present: bool,
        /// The keep-alive the client asked for, in seconds.
        keep_alive: u16,
    },
    /// A login was refused.
    LoginRefused {
        /// CONNACK code in its 3.1.1 form, 1 to 5, for MQTT 5 as well.
        code: u8,
        /// Why, in words.
        reason: String,
    },
    /// A client published to a topic it may use; written before the acknowledgement.
    Published {
        /// The topic, alias resolved.
        topic: String,
        /// 0, 1 or 2.
        qos: u8,
        /// Packet id, for QoS 1 and 2.
        packet_id: Option<u16>,
        /// Whether the client marked it as sent again.
        dup: bool,
        /// Whether this connection had switched on the order flag before.
        ordered: bool,
        /// The body.
        payload: Payload,
    },
    /// A publish of the client was acknowledged to the end: PUBACK (QoS 1) or PUBCOMP (QoS 2) leaves.
    PublishAcknowledged {
        /// Packet id of the publish.
        packet_id: u16,
    },
    /// A PUBREL of MQTT 5 named a message that is not there: PUBCOMP with 0x92 leaves.
    ReleaseUnknown {
        /// Packet id of the PUBREL.
        packet_id: u16,
    },
    /// The client broke a rule and is cut.
    Violation {
        /// What it tried.
        action: Action,
        /// The topic or filter it named; empty where there is none.
        topic: String,
        /// Which rule, in words.
        reason: String,
    },
    /// A client subscribed; written before the SUBACK.
    Subscribed {
        /// The filter.
        filter: String,
        /// The QoS asked for, 0 to 2.
        qos: u8,
    },
    /// A subscription was beyond the quota: acknowledged, but no message will come by it.
    FilterIgnored {
        /// The filter.
        filter: String,
    },
    /// A client unsubscribed; written before the UNSUBACK.
    Unsubscribed {
        /// The filter.
        filter: String,
    },
    /// `$SYS/enableOrderMsg` was taken.
    OrderEnabled,
    /// `$SYS/uploadToken` was taken.
    TokenUploaded {
        /// The type of the token replaced.
        permission: Permission,
    },
    /// A message to a `$SYS` topic was acknowledged, but has no effect.
    ControlIgnored {
        /// The topic.
        topic: String,
        /// Why, in words.
        reason: String,
    },
    /// The emulator pushed a notice; written just before it leaves.
    NoticePushed {
        /// The topic of the notice.
        topic: String,
    },
    /// A message is handed to the client's connection.
    Delivered {
        /// The topic the client sees, alias resolved.
        topic: String,
        /// 0, 1 or 2.
        qos: u8,
        /// Packet id, for QoS 1 and 2.
        packet_id: Option<u16>,
        /// Whether it is sent again.
        dup: bool,
        /// The body.
        payload: Payload,
    },
    /// The client acknowledged a message to the end: PUBACK (QoS 1) or PUBCOMP (QoS 2) came.
    DeliveryAcknowledged {
        /// Packet id of the message.
        packet_id: u16,
    },
    /// A P2P message waits for its target, which is the client of this entry.
    Stored {
        /// The topic.
        topic: String,
    },
    /// The broker dropped a message meant for the client of this entry.
    Dropped {
        /// The topic.
        topic: String,
        /// Why, in words.
        reason: String,
    },
    /// `Emulator::kick`, or `CloseConnection` of the OpenAPI, was called for this client.
    Kicked,
    /// The service itself sent a message: `Emulator::publish_as_service`, or `SendMessage` of the OpenAPI.
    ServicePublished {
        /// The topic.
        topic: String,
        /// 0, 1 or 2.
        qos: u8,
        /// The body.
        payload: Payload,
    },
    /// A call of the OpenAPI was accepted and has been carried out; written before its answer leaves. The client id of
    /// the entry is the call's `ClientId` parameter, if it has one.
    ApiCalled {
        /// The action.
        action: String,
    },
    /// A call of the OpenAPI was refused; as for [`What::ApiCalled`].
    ApiRefused {
        /// The action; empty if none could be read.
        action: String,
        /// The error code of the answer.
        code: String,
    },
    /// The connection has ended.
    Disconnected {
        /// Why.
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

/// The way a connection came in.
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

/// What a client was doing when it broke a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// PUBLISH.
    Publish,
    /// SUBSCRIBE.
    Subscribe,
    /// A publish to `$SYS/uploadToken`.
    UploadToken,
    /// A token ran out, or was revoked, while the client was connected.
    HoldToken,
    /// A packet that cannot be read, or that has no place here.
    Packet,
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client sent DISCONNECT.
    DisconnectedByClient,
    /// The client's end of the connection was closed without a DISCONNECT.
    ClosedByClient,
    /// A rule was broken: see the [`What::Violation`] before it.
    Violation,
    /// Another connection logged in with the same client id.
    ClientIdConflict,
    /// Nothing was heard of the client for its keep-alive time and half of it again.
    NoHeartbeat,
    /// [`Emulator::kick`](crate::Emulator::kick).
    Kicked,
    /// The emulator was stopped.
    Stopped,
    /// The broker inside closed the connection for another reason.
    ClosedByBroker,
}

/// The body of a message. Its `Debug` shows at most 64 bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Payload(Arc<[u8]>);

impl Payload {
    /// Bytes in front of the body: how often it is shared.
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

impl LogEntry {
    /// Bytes of memory, texts and payload included.
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
