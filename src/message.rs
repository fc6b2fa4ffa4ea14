//! Messages, sent and received, and the quality of service.

use std::fmt;
use std::time::Duration;

use crate::error::Result;
use crate::session::AckHandle;

mod block;
mod held;
mod json;
mod outgoing;
mod payload;
mod properties;
mod qos;
#[cfg(feature = "spool")]
mod stored;

pub(crate) use block::block;
pub use outgoing::Outgoing;
pub use payload::Payload;
pub(crate) use properties::{Properties, check_publish_len, number_len, publish_len};
pub use qos::QoS;

/// A received message.
///
/// P2P messages and offline messages arrive without a subscription, some right after the connection is made.
///
/// The manual has more about [receiving](crate::manual::receiving).
#[derive(Clone)]
pub struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: QoS,
    pub(crate) duplicate: bool,
    pub(crate) retained: bool,
    /// The properties of MQTT 5, if there are any.
    pub(crate) properties: Option<Box<Properties>>,
    pub(crate) ack: Option<AckHandle>,
}

impl Message {
    /// Creates a received message without flags, properties or acknowledgement.
    #[cfg(test)]
    pub(crate) fn received(topic: &str, qos: QoS, payload: &[u8]) -> Self {
        Message {
            topic: topic.to_string(),
            payload: payload.to_vec(),
            qos,
            duplicate: false,
            retained: false,
            properties: None,
            ack: None,
        }
    }

    /// Returns the topic the message was published to.
    ///
    /// The documentation does not say which topic the receiver of a P2P message sees. This library assumes the one that
    /// was published to: `{parent}/p2p/{client id}`.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Returns the payload, exactly as the publisher sent it.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Returns the payload as text.
    ///
    /// # Errors
    /// The payload is not UTF-8.
    pub fn payload_str(&self) -> std::result::Result<&str, std::str::Utf8Error> {
        std::str::from_utf8(&self.payload)
    }

    /// Returns the payload without copying it.
    #[must_use]
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }

    /// Returns the quality of service of the delivery: the lower of the publisher's and the subscription's.
    #[must_use]
    pub fn qos(&self) -> QoS {
        self.qos
    }

    /// Returns true if the server marked the message as sent before (DUP flag).
    ///
    /// The service sends a QoS 1 message again when its acknowledgement takes longer than 5 to 10 s (help page
    /// "Limits"), so a receiver must expect repetitions.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        self.duplicate
    }

    /// Returns the RETAIN flag. The service has no retained messages; other brokers have.
    #[must_use]
    pub fn is_retained(&self) -> bool {
        self.retained
    }

    /// Returns the user properties, in the order of the sender. Empty with MQTT 3.1.1.
    #[must_use]
    pub fn user_properties(&self) -> &[(String, String)] {
        self.properties.as_ref().map_or(&[], |properties| &properties.user)
    }

    /// Returns the value of the first user property with this key (MQTT 5).
    #[must_use]
    pub fn user_property(&self, key: &str) -> Option<&str> {
        self.user_properties().iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Returns the content type, if the sender gave one (MQTT 5).
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.properties.as_ref()?.content_type.as_deref()
    }

    /// Returns true if the sender declared the payload to be UTF-8 text (MQTT 5). The payload may still be something
    /// else.
    #[must_use]
    pub fn payload_format_utf8(&self) -> bool {
        self.properties.as_ref().is_some_and(|properties| properties.text)
    }

    /// Returns the time left, in whole seconds, until the message expires, as of when the server sent it (MQTT 5).
    #[must_use]
    pub fn message_expiry(&self) -> Option<Duration> {
        self.properties.as_ref()?.expiry.map(|seconds| Duration::from_secs(u64::from(seconds)))
    }

    /// Returns the topic that the sender wants a reply on, if it gave one (MQTT 5). [`request`](Message::request)
    /// covers both versions of MQTT.
    #[must_use]
    pub fn response_topic(&self) -> Option<&str> {
        self.properties.as_ref()?.response_topic.as_deref()
    }

    /// Returns the data that a reply should repeat, if the sender gave any (MQTT 5).
    #[must_use]
    pub fn correlation_data(&self) -> Option<&[u8]> {
        self.properties.as_ref()?.correlation_data.as_deref()
    }

    /// Returns the identifiers of the subscriptions that the message matched
    /// ([`SubscribeOptions::identifier`](crate::SubscribeOptions::identifier)).
    #[must_use]
    pub fn subscription_identifiers(&self) -> &[u32] {
        self.properties.as_ref().map_or(&[], |properties| &properties.identifiers)
    }

    /// Acknowledges the message, with [`AckMode::Manual`](crate::AckMode::Manual). Does not block.
    ///
    /// Acknowledgements are sent in the order of receipt, as MQTT requires: each waits for those of earlier messages.
    /// Does nothing when called again, also on a clone, for a QoS 0 message, and in the other modes.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed) or the reason why the client has ended;
    /// [`ConnectionLost`](crate::ErrorKind::ConnectionLost) when the connection it came over and its session are gone,
    /// as always with a clean session: the acknowledgement has no effect. With a persistent session it is kept, and
    /// sent when the server repeats the message.
    pub fn ack(&self) -> Result<()> {
        match &self.ack {
            Some(handle) => handle.ack(),
            None => Ok(()),
        }
    }
}

/// Shows the length of the payload, not the payload.
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
