//! Kinds, stages and fates: the parts of an [`Error`](crate::Error) that programs match.

use std::fmt;

#[cfg(doc)]
use crate::Error;

/// The kind of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is missing or invalid; nothing was tried.
    Config,
    /// An argument breaks a rule of MQTT or of the service (topic, filter, payload, client id); nothing was sent.
    Invalid,
    /// No credentials were obtained: a provider failed, panicked or took too long.
    Credentials,
    /// A deadline passed in this [`Stage`].
    Timeout(Stage),
    /// The host name could not be resolved.
    Resolve,
    /// No TCP connection could be made.
    Connect,
    /// The HTTP proxy refused to make the connection ([`Error::code`] is its status), or the other side is not a proxy.
    Proxy,
    /// The TLS handshake failed: an untrusted or expired certificate, a wrong name, or no TLS on that port.
    Tls,
    /// The server refused CONNECT; [`Error::code`] is the CONNACK code.
    Refused,
    /// The server does not speak MQTT, or breaks its rules. From the API: the server does not speak HTTP, or its answer
    /// is not the expected JSON.
    Protocol,
    /// The connection was lost or closed by the other side.
    ConnectionLost,
    /// The server refused this very operation: SUBACK 0x80, any refusing code of MQTT 5, or a
    /// `$SYS/tokenInvalidNotice` that can only be about it. [`Error::code`] is the code.
    Rejected,
    /// The operation was probably refused: the server closed the connection every time it was sent, most recently with
    /// nothing else in flight. The service closes the connection of a client that publishes or subscribes without
    /// permission (alibabacloud.com/help/doc-detail/151304.htm). After two such messages the topic is refused as a
    /// whole for a while, so messages that were not sent fail with this kind, too; see
    /// [`Event::TopicRefused`](crate::Event::TopicRefused).
    SuspectedRefusal,
    /// The service reported the client's token as invalid (`$SYS/tokenInvalidNotice`), and there is no provider to ask
    /// for another; [`Error::code`] is its code.
    TokenInvalid,
    /// The API answered with an error; [`Error::api`] has its code and request id.
    Api,
    /// There is no room: the outbox is at its bound, or the publish rate leaves no slot now.
    Full,
    /// The spool's file cannot be used: it is locked by another client, damaged, not a spool, or the disk fails or is
    /// full. The message this error is about, if any, was not accepted.
    Spool,
    /// This program closed, disconnected or dropped the client.
    Closed,
    /// Some messages accepted earlier were not delivered (from `flush` and `disconnect`).
    Undelivered {
        /// The number of these messages.
        count: usize,
    },
    /// The client (or `openapi::Api`) was made in another process, before a `fork`.
    Forked,
    /// A fault in this library or one of its dependencies. Please report it.
    Internal,
}

impl ErrorKind {
    /// Returns the name of the kind in snake case, such as `connection_lost`: for programs in other languages, and for
    /// JSON. Names never change.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Config => "config",
            ErrorKind::Invalid => "invalid",
            ErrorKind::Credentials => "credentials",
            ErrorKind::Timeout(_) => "timeout",
            ErrorKind::Resolve => "resolve",
            ErrorKind::Connect => "connect",
            ErrorKind::Proxy => "proxy",
            ErrorKind::Tls => "tls",
            ErrorKind::Refused => "refused",
            ErrorKind::Protocol => "protocol",
            ErrorKind::ConnectionLost => "connection_lost",
            ErrorKind::Rejected => "rejected",
            ErrorKind::SuspectedRefusal => "suspected_refusal",
            ErrorKind::TokenInvalid => "token_invalid",
            ErrorKind::Api => "api",
            ErrorKind::Full => "full",
            ErrorKind::Spool => "spool",
            ErrorKind::Closed => "closed",
            ErrorKind::Undelivered { .. } => "undelivered",
            ErrorKind::Forked => "forked",
            ErrorKind::Internal => "internal",
        }
    }
}

/// The stage of a call in which an [`Error`] occurred. `Display` writes its name in lower case: `resolve`, `connack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Stage {
    /// Waiting for a credentials provider.
    Credentials,
    /// Resolving the host name.
    Resolve,
    /// Making the TCP connection.
    Connect,
    /// Waiting for the HTTP proxy.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// Waiting for the answer to CONNECT.
    ConnAck,
    /// Waiting for room: in the outbox, in the window of unacknowledged messages, or in the publish rate.
    Window,
    /// Waiting for the server's acknowledgement of an operation that was sent.
    Ack,
    /// Waiting for the reply to a request that the server has.
    Reply,
    /// Using the disk to store a message.
    Spool,
    /// Waiting for the service's API, with the request on its way.
    Api,
}

impl Stage {
    /// Returns the name of the stage: `resolve`, `connect`, `proxy`, `tls`, `connack`, `window`, `ack`, `reply`,
    /// `spool`, `credentials` or `api`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Credentials => "credentials",
            Stage::Resolve => "resolve",
            Stage::Connect => "connect",
            Stage::Proxy => "proxy",
            Stage::Tls => "tls",
            Stage::ConnAck => "connack",
            Stage::Window => "window",
            Stage::Ack => "ack",
            Stage::Reply => "reply",
            Stage::Spool => "spool",
            Stage::Api => "api",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The fate of a message that was not acknowledged, or of a request that was not answered. `Display` writes it in lower
/// case: `not sent`, `unknown`.
///
/// The manual has more about [what became of a message](crate::manual::sending).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fate {
    /// It was never written to a connection: sending it again cannot duplicate it.
    NotSent,
    /// It was written but not acknowledged: it may have been delivered.
    Unknown,
    /// The service refused it, or probably did.
    Refused,
    /// The server has it (QoS 0: it was written), but no reply arrived. Only from
    /// [`Client::request`](crate::Client::request).
    Delivered,
    /// This run has not delivered it, but it stays in the spool, and the next run sends it: do not send it again
    /// yourself. It may have been delivered without having been acknowledged.
    Spooled,
}

impl Fate {
    /// Returns the fate in words: `not sent`, `unknown`, `refused`, `delivered` or `spooled`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Fate::NotSent => "not sent",
            Fate::Unknown => "unknown",
            Fate::Refused => "refused",
            Fate::Delivered => "delivered",
            Fate::Spooled => "spooled",
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
