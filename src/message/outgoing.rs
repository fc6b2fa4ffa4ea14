//! A message to be sent.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::{Payload, Properties, QoS, check_publish_len, publish_len};
use crate::error::{Error, Hint, Result};
use crate::limits::Limits;
use crate::names;

/// A message to be sent.
///
/// [`Client::publish_message`](crate::Client::publish_message) sends it and waits for the acknowledgement,
/// [`Client::enqueue`](crate::Client::enqueue) queues it. Topic, size and properties are checked at that time.
///
/// The service has neither retained messages nor wills, so neither is offered.
///
/// Everything from [`user_property`](Outgoing::user_property) on needs MQTT 5
/// ([`ConfigBuilder::protocol`](crate::ConfigBuilder::protocol)); with MQTT 3.1.1 such a message is refused when it is
/// published ([`Invalid`](crate::ErrorKind::Invalid)).
///
/// The manual has more about [sending](crate::manual::sending).
///
/// ```
/// use aliyun_mqtt::{Outgoing, QoS};
/// use std::time::Duration;
/// # fn main() -> aliyun_mqtt::Result<()> {
/// let message = Outgoing::new("demo/hello", QoS::AtLeastOnce, "Hello").timeout(Duration::from_secs(5));
/// assert_eq!(message.topic(), "demo/hello");
/// let message = Outgoing::p2p("demo", "GID_demo@@@0002", QoS::AtLeastOnce, "psst")?;
/// assert_eq!(message.topic(), "demo/p2p/GID_demo@@@0002");
/// let message = Outgoing::json("demo/reading", QoS::AtLeastOnce, &[20.5, 21.0])?;
/// assert_eq!(message.payload(), b"[20.5,21.0]");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Outgoing {
    pub(crate) topic: String,
    pub(crate) qos: QoS,
    pub(crate) payload: Payload,
    pub(crate) timeout: Option<Duration>,
    /// `None` if there are none, as always with MQTT 3.1.1.
    pub(crate) properties: Option<Box<Properties>>,
    /// Useless to a later run, so a spool does not keep it.
    pub(crate) transient: bool,
}

impl Outgoing {
    /// Creates a message to a topic.
    #[must_use]
    pub fn new(topic: impl AsRef<str>, qos: QoS, payload: impl Into<Payload>) -> Self {
        Outgoing {
            topic: topic.as_ref().to_string(),
            qos,
            payload: payload.into(),
            timeout: None,
            properties: None,
            transient: false,
        }
    }

    /// Creates a message to one client, which needs no subscription for it: to the topic `{parent}/p2p/{client_id}`.
    ///
    /// `parent` is a parent topic the sender may publish to. [`Client::send_p2p`](crate::Client::send_p2p) describes
    /// what happens if the receiver is offline.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): `parent` is not one topic level, or `client_id` is empty or contains
    /// `/`, `+`, `#` or NUL.
    pub fn p2p(
        parent: impl AsRef<str>,
        client_id: impl AsRef<str>,
        qos: QoS,
        payload: impl Into<Payload>,
    ) -> Result<Self> {
        Ok(Outgoing::new(names::p2p_topic(parent, client_id)?, qos, payload))
    }

    /// Creates a message whose payload is the value in JSON, without spaces or line breaks.
    ///
    /// It sets no property, so it works with MQTT 3.1.1 and 5. [`Message::json`](crate::Message::json) reads such a
    /// payload.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the value cannot be written in JSON, such as a map whose keys are not
    /// texts. The cause is the error's [`source`](std::error::Error::source).
    pub fn json(topic: impl AsRef<str>, qos: QoS, value: &(impl Serialize + ?Sized)) -> Result<Self> {
        let topic = topic.as_ref();
        match serde_json::to_vec(value) {
            Ok(payload) => Ok(Outgoing::new(topic, qos, payload)),
            Err(error) => {
                let message = format!("the payload for \"{topic}\" cannot be written in JSON");
                Err(Error::invalid(message).with_source(error))
            }
        }
    }

    /// Sets how long this message may stay without an acknowledgement. After that it is given up: it is not sent, or,
    /// if it was written already, its fate is [`Unknown`](crate::Fate::Unknown).
    ///
    /// By default [`Config::timeout`](crate::Config::timeout), or the time given to
    /// [`Client::with_timeout`](crate::Client::with_timeout). For queued messages
    /// [`Config::message_age`](crate::Config::message_age) comes first, if it is set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Adds a user property: a key and a value of up to 65,535 bytes each, without NUL. Keys may repeat, and the order
    /// is kept. Needs MQTT 5.
    ///
    /// The service accepts 8 KB of user properties for messages that it forwards to RocketMQ (help page "Server-side
    /// data forwarding"). No limit is documented otherwise, so none is checked here.
    #[must_use]
    pub fn user_property(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(|properties| properties.user.push((key.into(), value.into())))
    }

    /// Sets the content type, such as `application/json`: up to 65,535 bytes without NUL. Needs MQTT 5.
    #[must_use]
    pub fn content_type(self, content_type: impl Into<String>) -> Self {
        self.with(|properties| properties.content_type = Some(content_type.into()))
    }

    /// Declares that the payload is UTF-8 text (payload format indicator 1). A payload that is not UTF-8 is refused
    /// when the message is sent. Needs MQTT 5.
    #[must_use]
    pub fn payload_format_utf8(self) -> Self {
        self.with(|properties| properties.text = true)
    }

    /// The server discards the message after this long. Rounded up to whole seconds; at most 4,294,967,295 s. Needs
    /// MQTT 5.
    ///
    /// The service discards expired messages from its offline store (help page "MQTT 5.0 overview"). For messages that
    /// it forwards to RocketMQ, the range is 0 to 65,535 s (help page "Server-side data forwarding").
    #[must_use]
    pub fn message_expiry(self, time: Duration) -> Self {
        let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
        self.with(|properties| properties.expiry = Some(u32::try_from(seconds).unwrap_or(u32::MAX)))
    }

    /// Sets the topic that a reply should go to. The rules for topics apply. Needs MQTT 5.
    #[must_use]
    pub fn response_topic(self, topic: impl Into<String>) -> Self {
        self.with(|properties| properties.response_topic = Some(topic.into()))
    }

    /// Sets the data that a reply should repeat, so that the sender can match it to this message: up to 65,535 bytes.
    /// Needs MQTT 5.
    #[must_use]
    pub fn correlation_data(self, data: impl Into<Vec<u8>>) -> Self {
        self.with(|properties| properties.correlation_data = Some(data.into()))
    }

    /// Returns the topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Returns the quality of service.
    #[must_use]
    pub fn qos(&self) -> QoS {
        self.qos
    }

    /// Returns the payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Returns the size of topic, payload and properties on the wire, in bytes.
    #[cfg(any(feature = "spool", test))]
    pub(crate) fn encoded_len(&self) -> usize {
        self.topic.len()
            + self.payload.len()
            + self.properties.as_ref().map_or(0, |properties| properties.encoded_len())
    }

    /// Returns the size of its packet in MQTT 5, in bytes.
    pub(crate) fn packet_len(&self) -> usize {
        publish_len(&self.topic, self.qos, self.properties.as_deref(), self.payload.len())
    }

    /// Refuses properties that break a rule, or that MQTT 3.1.1 (`v5` false) does not have.
    pub(crate) fn check_properties(&self, limits: &Limits, v5: bool) -> Result<()> {
        let Some(properties) = &self.properties else { return Ok(()) };
        if !v5 {
            let message = format!("the properties of the message to \"{}\" need MQTT 5", self.topic);
            return Err(Error::invalid(message).with_hint(Hint::UseMqtt5));
        }
        properties.check(&self.payload, limits)?;
        let len = self.packet_len();
        if len > limits.packet_len {
            let (topic, max) = (&self.topic, limits.packet_len);
            let message = format!("the message to \"{topic}\" makes a packet of {len} bytes; the limit is {max}");
            return Err(Error::invalid(message).with_hint(Hint::ReceiverLimit));
        }
        check_publish_len(len)
    }

    fn with(mut self, change: impl FnOnce(&mut Properties)) -> Self {
        change(self.properties.get_or_insert_default());
        self
    }
}

/// Shows the length of the payload, not the payload.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("topic", &self.topic)
            .field("qos", &self.qos)
            .field("payload_len", &self.payload.len())
            .field("timeout", &self.timeout)
            .field("properties", &self.properties)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::error::Error as _;

    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_p2p_message_has_the_topic_of_one_client() {
        let client_id: crate::ClientId = "GID_Test@@@0001".parse().expect("a client id");
        let message = Outgoing::p2p(String::from("demo"), &client_id, QoS::AtMostOnce, "x").expect("good names");
        assert_eq!(message.topic(), "demo/p2p/GID_Test@@@0001");
        for (parent, id) in [("demo/a", "x"), ("demo", ""), ("", "x")] {
            let error = Outgoing::p2p(parent, id, QoS::AtMostOnce, "x").expect_err("a bad name");
            assert_eq!(error.kind(), ErrorKind::Invalid, "{parent} {id}");
        }
    }

    #[test]
    fn json_is_written_or_the_error_names_the_topic() {
        let message = Outgoing::json("demo/t", QoS::AtLeastOnce, &BTreeMap::from([("a", 1)])).expect("good JSON");
        assert_eq!(message.payload(), br#"{"a":1}"#);
        assert!(message.properties.is_none(), "MQTT 3.1.1 has none");
        let keys = BTreeMap::from([(vec![1], "not-to-be-shown")]);
        let error = Outgoing::json("demo/t", QoS::AtLeastOnce, &keys).expect_err("keys must be texts");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let text = error.to_string();
        assert!(text.contains("\"demo/t\"") && !text.contains("not-to-be-shown"), "{text}");
        assert!(error.source().is_some());
    }
}
