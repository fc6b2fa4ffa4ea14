//! A message to be sent.

use std::fmt;
use std::time::Duration;

use super::{Properties, QoS, check_publish_len, publish_len};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// A message to be sent, where [`Client::publish`](crate::Client::publish) is not enough.
///
/// The service has neither retained messages nor wills, so neither is offered.
///
/// Everything from [`user_property`](Outgoing::user_property) on needs MQTT 5
/// ([`ConfigBuilder::protocol`](crate::ConfigBuilder::protocol)); with MQTT 3.1.1 such a message is refused when it is
/// published ([`Invalid`](crate::ErrorKind::Invalid)).
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
    /// `None`: there are none, as always with MQTT 3.1.1.
    pub(crate) properties: Option<Box<Properties>>,
    /// Of no use to a later run, so no spool keeps it.
    pub(crate) transient: bool,
}

impl Outgoing {
    /// A message of these bytes to this topic. The topic and the size are checked when it is published.
    #[must_use]
    pub fn new(topic: impl Into<String>, qos: QoS, payload: impl Into<Vec<u8>>) -> Self {
        Outgoing {
            topic: topic.into(),
            qos,
            payload: payload.into(),
            timeout: None,
            properties: None,
            transient: false,
        }
    }

    /// How long this message may stay unsettled; by default the client's time-out, or its message age for
    /// [`publish_nowait`](crate::Client::publish_nowait).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Adds a user property: a key and a value of up to 65,535 bytes each, without NUL. Keys may repeat, and the order is
    /// kept. Needs MQTT 5.
    ///
    /// All together may have 8 K where the service hands the message on to RocketMQ (help page "Server-side data
    /// forwarding"); elsewhere no bound is documented, so none is checked here.
    #[must_use]
    pub fn user_property(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(|properties| properties.user.push((key.into(), value.into())))
    }

    /// What the payload is, such as `application/json`. Needs MQTT 5.
    #[must_use]
    pub fn content_type(self, content_type: impl Into<String>) -> Self {
        self.with(|properties| properties.content_type = Some(content_type.into()))
    }

    /// Says that the payload is UTF-8 text (payload format indicator 1); a payload that is not is refused. Needs MQTT 5.
    #[must_use]
    pub fn text(self) -> Self {
        self.with(|properties| properties.text = true)
    }

    /// After this time the broker delivers the message no more: up to 4,294,967,295 s, counted in whole seconds, a
    /// broken one in full. Needs MQTT 5.
    ///
    /// The service drops stored messages that have expired (help page "MQTT 5.0 overview"). Handed on to RocketMQ, it is
    /// 0 to 65,535 s (help page "Server-side data forwarding").
    #[must_use]
    pub fn expiry(self, time: Duration) -> Self {
        let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
        self.with(|properties| properties.expiry = Some(u32::try_from(seconds).unwrap_or(u32::MAX)))
    }

    /// Where an answer should go: a topic under the rules of any other. Needs MQTT 5.
    #[must_use]
    pub fn response_topic(self, topic: impl Into<String>) -> Self {
        self.with(|properties| properties.response_topic = Some(topic.into()))
    }

    /// What the answer should repeat, so that it can be told from others: up to 65,535 bytes. Needs MQTT 5.
    #[must_use]
    pub fn correlation_data(self, data: impl Into<Vec<u8>>) -> Self {
        self.with(|properties| properties.correlation_data = Some(data.into()))
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

    /// Topic, payload and properties, in bytes as they are sent.
    #[cfg(any(feature = "spool", test))]
    pub(crate) fn encoded_len(&self) -> usize {
        self.topic.len()
            + self.payload.len()
            + self.properties.as_ref().map_or(0, |properties| properties.encoded_len())
    }

    /// The bytes of its packet in MQTT 5.
    pub(crate) fn packet_len(&self) -> usize {
        publish_len(&self.topic, self.qos, self.properties.as_deref(), self.payload.len())
    }

    /// Refuses properties that break a rule, or that MQTT 3.1.1 (`v5` false) does not have.
    pub(crate) fn check_properties(&self, limits: &Limits, v5: bool) -> Result<()> {
        let Some(properties) = &self.properties else { return Ok(()) };
        if !v5 {
            let message = format!("the properties of the message to \"{}\" need MQTT 5", self.topic);
            return Err(Error::invalid(message).with_hint("call ConfigBuilder::protocol(Protocol::V5)"));
        }
        properties.check(&self.payload, limits)?;
        let len = self.packet_len();
        if len > limits.packet_len {
            let (topic, max) = (&self.topic, limits.packet_len);
            let message = format!("the message to \"{topic}\" makes a packet of {len} bytes; the limit is {max}");
            return Err(
                Error::invalid(message).with_hint("a receiver with the same Limits::packet_len would not take it")
            );
        }
        check_publish_len(len)
    }

    fn with(mut self, change: impl FnOnce(&mut Properties)) -> Self {
        change(self.properties.get_or_insert_default());
        self
    }
}

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
