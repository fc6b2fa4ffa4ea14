//! Messages: what is sent, what is received, and the quality of service.

use std::fmt;
use std::time::Duration;

use crate::error::Result;
use crate::session::AckHandle;

mod held;
mod outgoing;
mod properties;
mod qos;
#[cfg(feature = "spool")]
mod stored;

pub(crate) use held::block;
pub use outgoing::Outgoing;
pub(crate) use properties::{Properties, check_publish_len, number_len, publish_len};
pub use qos::QoS;

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
    /// Of MQTT 5, where there are any.
    pub(crate) properties: Option<Box<Properties>>,
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

    /// The user properties, in the order of the sender. Empty with MQTT 3.1.1.
    #[must_use]
    pub fn user_properties(&self) -> &[(String, String)] {
        self.properties.as_ref().map_or(&[], |properties| &properties.user)
    }

    /// The value of the first user property with this key.
    #[must_use]
    pub fn user_property(&self, key: &str) -> Option<&str> {
        self.user_properties().iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// What the payload is, if the sender said so (MQTT 5).
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.properties.as_ref()?.content_type.as_deref()
    }

    /// Whether the sender said that the payload is UTF-8 text (MQTT 5). Nobody need have checked it.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.properties.as_ref().is_some_and(|properties| properties.text)
    }

    /// What is left of the time the message is good for, as the broker saw it when it sent it (MQTT 5).
    #[must_use]
    pub fn expiry(&self) -> Option<Duration> {
        self.properties.as_ref()?.expiry.map(|seconds| Duration::from_secs(u64::from(seconds)))
    }

    /// Where the sender wants an answer (MQTT 5).
    #[must_use]
    pub fn response_topic(&self) -> Option<&str> {
        self.properties.as_ref()?.response_topic.as_deref()
    }

    /// What an answer should repeat (MQTT 5).
    #[must_use]
    pub fn correlation_data(&self) -> Option<&[u8]> {
        self.properties.as_ref()?.correlation_data.as_deref()
    }

    /// The identifiers of the subscriptions it matched
    /// ([`SubscribeOptions::identifier`](crate::SubscribeOptions::identifier)).
    #[must_use]
    pub fn subscription_identifiers(&self) -> &[u32] {
        self.properties.as_ref().map_or(&[], |properties| &properties.identifiers)
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
            .field("properties", &self.properties)
            .finish_non_exhaustive()
    }
}
