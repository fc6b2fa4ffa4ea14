//! The numbers of kinds, stages, fates and QoS.

use aliyun_mqtt::{ErrorKind, Fate, QoS, Stage};

use crate::input::Failure;

/// The kind of an error. Numbers never change their meaning; later versions may add some.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amq_kind {
    /// A kind that this version of the interface has no number for.
    Other = 0,
    /// A setting is missing or invalid; nothing was tried.
    Config = 1,
    /// An argument breaks a rule of MQTT or of the service (topic, filter, payload, client id); nothing was sent.
    Invalid = 2,
    /// No credentials were obtained: a callback failed or took too long.
    Credentials = 3,
    /// A deadline passed; amq_error_stage says where.
    Timeout = 4,
    /// The host name could not be resolved.
    Resolve = 5,
    /// No TCP connection could be made.
    Connect = 6,
    /// The HTTP proxy refused to make the connection, or the other side is not a proxy.
    Proxy = 7,
    /// The TLS handshake failed: an untrusted or expired certificate, a wrong name, or no TLS on that port.
    Tls = 8,
    /// The server refused CONNECT; amq_error_code is the CONNACK code.
    Refused = 9,
    /// The server does not speak MQTT (or the API's server HTTP), or breaks its rules.
    Protocol = 10,
    /// The connection was lost or closed by the other side.
    ConnectionLost = 11,
    /// The server refused this very operation; amq_error_code is the code.
    Rejected = 12,
    /// The operation was probably refused: the server closed the connection every time it was sent. The service does
    /// that when the permission is missing.
    SuspectedRefusal = 13,
    /// The service reported the client's token as invalid, and there is no callback to ask for another.
    TokenInvalid = 14,
    /// The API answered with an error.
    Api = 15,
    /// There is no room: the outbox is at its bound, or the publish rate leaves no slot now.
    Full = 16,
    /// The spool's file cannot be used.
    Spool = 17,
    /// This program closed, disconnected or freed the client.
    Closed = 18,
    /// Some messages accepted earlier were not delivered (from amq_client_flush and amq_client_disconnect);
    /// amq_error_undelivered is their number.
    Undelivered = 19,
    /// The object was made in another process, before a fork.
    Forked = 20,
    /// A fault in this library or one of its dependencies. Please report it.
    Internal = 21,
    /// An argument of the call cannot be used (AMQ_ERROR_MISUSE).
    Misuse = 22,
}

/// The stage of a call in which an error occurred.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amq_stage {
    /// Stages have no meaning for this error.
    None = 0,
    /// Waiting for a credentials callback.
    Credentials = 1,
    /// Resolving the host name.
    Resolve = 2,
    /// Making the TCP connection.
    Connect = 3,
    /// Waiting for the HTTP proxy.
    Proxy = 4,
    /// The TLS handshake.
    Tls = 5,
    /// Waiting for the answer to CONNECT.
    Connack = 6,
    /// Waiting for room: in the outbox, in the window of unacknowledged messages, or in the publish rate.
    Window = 7,
    /// Waiting for the server's acknowledgement of an operation that was sent.
    Ack = 8,
    /// Waiting for the reply to a request that the server has.
    Reply = 9,
    /// Using the disk to store a message.
    Spool = 10,
    /// Waiting for the service's API, with the request on its way.
    Api = 11,
    /// A stage that this version of the interface has no number for.
    Other = 12,
}

/// The fate of a message that was not acknowledged, or of a request that was not answered.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amq_fate {
    /// The error is not about a message.
    None = 0,
    /// It was never written to a connection: sending it again cannot duplicate it.
    NotSent = 1,
    /// It was written but not acknowledged: it may have been delivered.
    Unknown = 2,
    /// The service refused it, or probably did.
    Refused = 3,
    /// The server has the request, but no reply arrived.
    Delivered = 4,
    /// This run has not delivered it, but it stays in the spool, and the next run sends it: do not send it again
    /// yourself.
    Spooled = 5,
    /// A fate that this version of the interface has no number for: treat it as AMQ_FATE_UNKNOWN.
    Other = 6,
}

/// The quality of service of a message or subscription.
// The words of the MQTT specification.
#[allow(clippy::enum_variant_names)]
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amq_qos {
    /// Sent once, without an acknowledgement.
    AtMostOnce = 0,
    /// Acknowledged; may arrive more than once.
    AtLeastOnce = 1,
    /// Arrives exactly once as long as the server keeps the session.
    ExactlyOnce = 2,
}

impl amq_kind {
    pub(crate) fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Config => amq_kind::Config,
            ErrorKind::Invalid => amq_kind::Invalid,
            ErrorKind::Credentials => amq_kind::Credentials,
            ErrorKind::Timeout(_) => amq_kind::Timeout,
            ErrorKind::Resolve => amq_kind::Resolve,
            ErrorKind::Connect => amq_kind::Connect,
            ErrorKind::Proxy => amq_kind::Proxy,
            ErrorKind::Tls => amq_kind::Tls,
            ErrorKind::Refused => amq_kind::Refused,
            ErrorKind::Protocol => amq_kind::Protocol,
            ErrorKind::ConnectionLost => amq_kind::ConnectionLost,
            ErrorKind::Rejected => amq_kind::Rejected,
            ErrorKind::SuspectedRefusal => amq_kind::SuspectedRefusal,
            ErrorKind::TokenInvalid => amq_kind::TokenInvalid,
            ErrorKind::Api => amq_kind::Api,
            ErrorKind::Full => amq_kind::Full,
            ErrorKind::Spool => amq_kind::Spool,
            ErrorKind::Closed => amq_kind::Closed,
            ErrorKind::Undelivered { .. } => amq_kind::Undelivered,
            ErrorKind::Forked => amq_kind::Forked,
            ErrorKind::Internal => amq_kind::Internal,
            _ => amq_kind::Other,
        }
    }
}

impl amq_stage {
    pub(crate) fn of(stage: Option<Stage>) -> Self {
        match stage {
            None => amq_stage::None,
            Some(Stage::Credentials) => amq_stage::Credentials,
            Some(Stage::Resolve) => amq_stage::Resolve,
            Some(Stage::Connect) => amq_stage::Connect,
            Some(Stage::Proxy) => amq_stage::Proxy,
            Some(Stage::Tls) => amq_stage::Tls,
            Some(Stage::ConnAck) => amq_stage::Connack,
            Some(Stage::Window) => amq_stage::Window,
            Some(Stage::Ack) => amq_stage::Ack,
            Some(Stage::Reply) => amq_stage::Reply,
            Some(Stage::Spool) => amq_stage::Spool,
            Some(Stage::Api) => amq_stage::Api,
            Some(_) => amq_stage::Other,
        }
    }
}

impl amq_fate {
    pub(crate) fn of(fate: Option<Fate>) -> Self {
        match fate {
            None => amq_fate::None,
            Some(Fate::NotSent) => amq_fate::NotSent,
            Some(Fate::Unknown) => amq_fate::Unknown,
            Some(Fate::Refused) => amq_fate::Refused,
            Some(Fate::Delivered) => amq_fate::Delivered,
            Some(Fate::Spooled) => amq_fate::Spooled,
            Some(_) => amq_fate::Other,
        }
    }
}

impl amq_qos {
    pub(crate) fn of(qos: QoS) -> Self {
        match qos {
            QoS::AtMostOnce => amq_qos::AtMostOnce,
            QoS::AtLeastOnce => amq_qos::AtLeastOnce,
            QoS::ExactlyOnce => amq_qos::ExactlyOnce,
        }
    }
}

/// Reads a QoS from a number of the caller.
pub(crate) fn qos(number: i32) -> Result<QoS, Failure> {
    u8::try_from(number)
        .ok()
        .and_then(|level| QoS::try_from(level).ok())
        .ok_or_else(|| Failure::misuse(format!("qos is {number}; it must be 0, 1 or 2")))
}
