//! Messages: what is sent, what is received, and the quality of service.

use std::fmt;
use std::time::Duration;

use crate::error::Result;
use crate::session::AckHandle;

/// Quality of service of a publication or a subscription.
///
/// The service supports all three. It keeps offline messages only for QoS 1 with a persistent session, and has no
/// persistent sessions for QoS 2 (help page "Receive offline messages").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QoS {
    /// 0: sent once, never acknowledged; may be lost.
    AtMostOnce = 0,
    /// 1: acknowledged; may arrive more than once.
    AtLeastOnce = 1,
    /// 2: acknowledged in two steps; arrives once as long as the broker keeps the session.
    ExactlyOnce = 2,
}

impl QoS {
    /// The QoS of a number from 0 to 2; `None` for any other.
    #[must_use]
    pub fn from_level(level: u8) -> Option<Self> {
        match level {
            0 => Some(QoS::AtMostOnce),
            1 => Some(QoS::AtLeastOnce),
            2 => Some(QoS::ExactlyOnce),
            _ => None,
        }
    }

    /// 0, 1 or 2.
    #[must_use]
    pub fn level(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for QoS {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QoS {}", self.level())
    }
}

/// A message to be sent, where [`Client::publish`](crate::Client::publish) is not enough.
///
/// The service has neither retained messages nor wills, so neither is offered.
///
/// ```
/// use aliyun_mqtt::{Outgoing, QoS};
/// use std::time::Duration;
/// let message = Outgoing::new("demo/hello", QoS::AtLeastOnce, "Hello").timeout(Duration::from_secs(5));
/// assert_eq!(message.topic(), "demo/hello");
/// ```
#[derive(Clone)]
pub struct Outgoing {
    pub(crate) topic: String,
    pub(crate) qos: QoS,
    pub(crate) payload: Vec<u8>,
    pub(crate) timeout: Option<Duration>,
}

impl Outgoing {
    /// A message of these bytes to this topic. The topic and the size are checked when it is published.
    #[must_use]
    pub fn new(topic: impl Into<String>, qos: QoS, payload: impl Into<Vec<u8>>) -> Self {
        Outgoing { topic: topic.into(), qos, payload: payload.into(), timeout: None }
    }

    /// How long this message may stay unsettled; by default the client's time-out, or its message age for
    /// [`publish_nowait`](crate::Client::publish_nowait).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The quality of service.
    #[must_use]
    pub fn qos(&self) -> QoS {
        self.qos
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// What it counts against the outbox's bound in bytes.
    pub(crate) fn size(&self) -> usize {
        self.topic.len() + self.payload.len()
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("topic", &self.topic)
            .field("qos", &self.qos)
            .field("payload_len", &self.payload.len())
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// A received message.
///
/// P2P messages and offline messages arrive without a subscription, some right after the connection is made.
#[derive(Clone)]
pub struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: QoS,
    pub(crate) duplicate: bool,
    pub(crate) retained: bool,
    pub(crate) ack: Option<AckHandle>,
}

impl Message {
    /// The topic it was published to. For a P2P message the documentation does not say which topic the receiver
    /// sees; the sent one, `{parent}/p2p/{client id}`, is assumed.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The bytes, untouched.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The bytes as text.
    ///
    /// # Errors
    /// They are not UTF-8.
    pub fn payload_str(&self) -> std::result::Result<&str, std::str::Utf8Error> {
        std::str::from_utf8(&self.payload)
    }

    /// The bytes, moved out.
    #[must_use]
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }

    /// The quality of service it was delivered with: the lower of the publisher's and the subscription's.
    #[must_use]
    pub fn qos(&self) -> QoS {
        self.qos
    }

    /// The DUP flag: the broker has sent this message before. The service sends a QoS 1 message again when its
    /// acknowledgement takes longer than 5 to 10 s (help page "Limits"), so a receiver must expect repeats.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        self.duplicate
    }

    /// The RETAIN flag. The service has no retained messages; other brokers have.
    #[must_use]
    pub fn is_retained(&self) -> bool {
        self.retained
    }

    /// Acknowledges the message, with [`AckMode::Manual`](crate::AckMode::Manual). Does not block.
    ///
    /// Acknowledgements leave in the order of receipt, as MQTT demands: one given early waits for those before it.
    /// Calling it twice, also on a clone, or for a QoS 0 message, or in another mode does nothing.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) or the reason the client is dead;
    /// [`ConnectionLost`](crate::ErrorKind::ConnectionLost) when the connection it came over is gone and its session
    /// with it, as always with a clean session: the acknowledgement no longer counts. With a persistent session it is
    /// kept, and sent when the broker repeats the message.
    pub fn ack(&self) -> Result<()> {
        match &self.ack {
            Some(handle) => handle.ack(),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.topic)
            .field("qos", &self.qos)
            .field("payload_len", &self.payload.len())
            .field("duplicate", &self.duplicate)
            .field("retained", &self.retained)
            .finish_non_exhaustive()
    }
}
