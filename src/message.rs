//! Messages: what is sent, what is received, and the quality of service.

use std::fmt;
use std::time::Duration;

use crate::error::{Error, Hint, Result};
use crate::limits::Limits;
use crate::session::AckHandle;

mod held;
mod properties;
#[cfg(feature = "spool")]
mod stored;

pub(crate) use held::block;
pub(crate) use properties::{Properties, check_publish_len, number_len, publish_len};

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
