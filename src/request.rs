//! Requests and replies: what a program asks and answers, and how that is written into messages.

use std::time::Duration;

use crate::client::{Client, after};
use crate::config::{Config, Protocol};
use crate::error::{Error, Result};
use crate::limits::MQTT_TEXT_LEN;
use crate::message::{Message, Outgoing, Payload, QoS};
use crate::names;

pub(crate) mod envelope;

use envelope::Envelope;

/// How a request is made, for [`Client::request_message`]. A [`Duration`] is the time-out, and the rest as usual.
///
/// ```
/// use aliyun_mqtt::RequestOptions;
/// use std::time::Duration;
/// let options = RequestOptions::new(Duration::from_secs(5)).envelope(true);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestOptions {
    timeout: Duration,
    envelope: bool,
}

impl RequestOptions {
    /// The reply must be there after this time, with everything before it.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        RequestOptions { timeout, envelope: false }
    }

    /// Whether the request travels in the [envelope](Request#the-envelope) also over MQTT 5, for a replier that speaks
    /// 3.1.1 and does not see properties. Default `false`. Over 3.1.1 it always does.
    #[must_use]
    pub fn envelope(mut self, envelope: bool) -> Self {
        self.envelope = envelope;
        self
    }
}

impl From<Duration> for RequestOptions {
    fn from(timeout: Duration) -> Self {
        RequestOptions::new(timeout)
    }
}

impl Client {
    /// Sends a request at QoS 1, and blocks until its reply is there, at most for the time-out.
    ///
    /// The topic is that of any other message: a replier subscribes to it, and answers with [`reply`](Client::reply). Any
    /// number of threads may ask at the same time; each gets the reply to its own request. The reply reaches neither the
    /// client's queue nor a stream: nobody need receive, a full inbox does not matter, and whatever the
    /// [`AckMode`](crate::AckMode), the library acknowledges the reply itself, in the order of receipt.
    ///
    /// The reply goes to [`ConfigBuilder::response_topic`](crate::ConfigBuilder::response_topic), or, where none is set, to
    /// this client itself: to the P2P topic `{parent}/p2p/{client id}`, with the first level of the request's topic as
    /// parent. That needs no subscription, but the service's rules: a broker that has no P2P topics needs a response topic.
    /// The replier needs the right to write there. How a request and its reply are written, in each version of MQTT, stands
    /// at [`Request`].
    ///
    /// A lost connection does not end the wait: the request is sent again if it was not acknowledged, and the reply may
    /// still come. As any message of QoS 1, a request may reach the replier twice. A spool does not keep requests.
    ///
    /// A reply that comes when nobody waits for it any more is dropped, acknowledged, and counted
    /// ([`Stats::late_replies`](crate::Stats::late_replies)); so is every further reply to one request. Only the client that
    /// asked knows its replies: one that the broker keeps in a persistent session for a later run is there a message like
    /// any other. Where a
    /// [`receive_maximum`](crate::ConfigBuilder::receive_maximum) is used up by messages that the program does not take, the
    /// broker holds back replies of QoS 1 and 2, too.
    ///
    /// # Errors
    /// As [`publish`](Client::publish), at once when the request itself fails. [`Timeout`](crate::ErrorKind::Timeout) in
    /// the stage [`Reply`](crate::Stage::Reply) when the broker has the request
    /// ([`Fate::Delivered`](crate::Fate::Delivered)), but no reply came. The reason the client is dead, or
    /// [`Closed`](crate::ErrorKind::Closed), as soon as it is; the [`fate`](crate::Error::fate) tells of the request.
    pub fn request(&self, topic: impl AsRef<str>, payload: impl Into<Payload>, timeout: Duration) -> Result<Message> {
        self.request_message(Outgoing::new(topic.as_ref(), QoS::AtLeastOnce, payload), timeout)
    }

    /// As [`request`](Client::request), to one client, which needs no subscription for it: to the P2P topic
    /// `{parent}/p2p/{client_id}`, as [`send_p2p`](Client::send_p2p).
    ///
    /// # Errors
    /// As [`request`](Client::request). An offline client gives a time-out: the service does not say that it is.
    pub fn request_p2p(
        &self,
        parent: impl AsRef<str>,
        client_id: impl AsRef<str>,
        payload: impl Into<Payload>,
        timeout: Duration,
    ) -> Result<Message> {
        self.request(names::p2p_topic(parent, client_id)?, payload, timeout)
    }

    /// As [`request`](Client::request), with the options of [`Outgoing`] and [`RequestOptions`].
    ///
    /// Response topic and correlation data are the client's to choose; a message that has any is refused. A time-out of
    /// the message itself counts for its acknowledgement.
    ///
    /// # Errors
    /// As [`request`](Client::request).
    pub fn request_message(&self, message: Outgoing, options: impl Into<RequestOptions>) -> Result<Message> {
        let RequestOptions { timeout, envelope } = options.into();
        let session = self.session();
        session.check_process()?;
        let deadline = after(timeout);
        let publish_by = message.timeout.map_or(deadline, |timeout| after(timeout).min(deadline));
        let response_topic = response_topic(&message, self.config())?;
        let envelope = envelope || self.config().protocol() == Protocol::V311;
        let expected = session.expect_reply(&response_topic);
        let message = asking(message, envelope, &response_topic, expected.correlation());
        self.config().check(&message)?;
        if let Some(topic) = self.config().response_topic() {
            session.subscribe_to_replies(topic, &message.topic, deadline)?;
        }
        expected.ask(message, envelope, publish_by, deadline)
    }

    /// Answers a request at QoS 1, in the form in which it was asked, and blocks as [`publish`](Client::publish).
    ///
    /// For more than a payload, or without waiting: [`Request::reply`]. The request is not acknowledged by this; with
    /// [`AckMode::Manual`](crate::AckMode::Manual) call [`Message::ack`], best after the reply.
    ///
    /// # Errors
    /// As [`publish`](Client::publish); [`Invalid`](crate::ErrorKind::Invalid) when the message is no request.
    pub fn reply(&self, request: &Message, payload: impl Into<Payload>) -> Result<()> {
        let Some(asked) = request.request() else {
            let message = format!("the message on \"{}\" is no request: it does not say where to reply", request.topic);
            return Err(Error::invalid(message));
        };
        self.publish_message(asked.reply(QoS::AtLeastOnce, payload))
    }
}

/// A received message, seen as a request; from [`Message::request`].
///
/// # How requests and replies are written
///
/// Over MQTT 5 as the standard has it (section 4.10): a request carries the properties Response Topic and Correlation Data,
/// a reply the same Correlation Data and no Response Topic, and the payloads are the programs' own. Programs in other
/// languages need nothing else. The service passes both properties on (help page "MQTT 5.0 overview").
///
/// A client of MQTT 3.1.1 neither sends nor sees properties, so there the payload travels in an envelope. A reply has the
/// form of its request, whatever version the replier speaks; a client of MQTT 5 asks one of 3.1.1 with
/// [`RequestOptions::envelope`].
///
/// # The envelope
///
/// Version 1 of a format of this library's own; the service knows nothing of it. Numbers are big-endian.
///
/// | offset | bytes | content |
/// |---|---|---|
/// | 0 | 4 | `FA 41 52 52` (hexadecimal); the first occurs in no UTF-8 text |
/// | 4 | 1 | version: 1 |
/// | 5 | 1 | kind: 1 request, 2 reply |
/// | 6 | 1 | `c`, the length of the correlation data: 1 to 255 |
/// | 7 | 2 | `t`, the length of the response topic: 1 to 65,535 in a request, 0 in a reply |
/// | 9 | `c` | correlation data; a reply repeats that of the request |
/// | 9 + `c` | `t` | response topic, in UTF-8, to which the reply is published |
/// | 9 + `c` + `t` | the rest | the program's payload |
///
/// Whatever differs from this, in a length, kind or version, is no envelope but an ordinary payload. The correlation data
/// of this library has 24 bytes, so an envelope adds 33 bytes and the response topic to a request, and 33 to a reply; the
/// limit for payloads counts them ([`Limits::payload_len`](crate::Limits::payload_len)).
///
/// # Whom to trust
///
/// Whoever may publish requests chooses where their replies go, with the replier's rights; look at
/// [`response_topic`](Request::response_topic) where that matters. Topics that begin with `$`, such as the service's own,
/// and those with wildcards make a message no request.
///
/// A reply counts if it repeats correlation data that this client has made for a request, a number with 16 unguessable
/// bytes, and comes on the response topic of that request; anything else is a message like any other. That a P2P message
/// arrives under the topic it was sent to is assumed here, since the service's documentation does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    payload: &'a [u8],
    response_topic: &'a str,
    correlation: Option<&'a [u8]>,
    enveloped: bool,
}

impl<'a> Request<'a> {
    /// What was asked: the bytes without the envelope, if they came in one.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Where the reply goes.
    #[must_use]
    pub fn response_topic(&self) -> &'a str {
        self.response_topic
    }

    /// What the reply repeats. `None`: the sender, of MQTT 5, has given none.
    #[must_use]
    pub fn correlation_data(&self) -> Option<&'a [u8]> {
        self.correlation
    }

    /// Whether it came in the [envelope](Request#the-envelope), and not with the properties of MQTT 5.
    #[must_use]
    pub fn is_enveloped(&self) -> bool {
        self.enveloped
    }

    /// The reply as a message, to be published by any means, with other options if need be.
    ///
    /// ```no_run
    /// # fn main() -> aliyun_mqtt::Result<()> {
    /// # let client = aliyun_mqtt::Client::connect(aliyun_mqtt::Config::from_env()?)?;
    /// # let message = client.recv()?;
    /// use aliyun_mqtt::QoS;
    /// if let Some(request) = message.request() {
    ///     client.enqueue(request.reply(QoS::AtLeastOnce, "done"))?;
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn reply(&self, qos: QoS, payload: impl Into<Payload>) -> Outgoing {
        let payload = payload.into();
        match self.correlation {
            Some(correlation) if self.enveloped => {
                let payload = Envelope::Reply { correlation, payload: &payload }.encode();
                Outgoing::new(self.response_topic, qos, payload)
            }
            Some(correlation) => Outgoing::new(self.response_topic, qos, payload).correlation_data(correlation),
            None => Outgoing::new(self.response_topic, qos, payload),
        }
    }
}

impl Message {
    /// This message as a request, if it is one: if it says where to reply. [`Client::reply`] answers it.
    #[must_use]
    pub fn request(&self) -> Option<Request<'_>> {
        if let Some(response_topic) = self.response_topic() {
            return can_be_answered(response_topic).then_some(Request {
                payload: &self.payload,
                response_topic,
                correlation: self.correlation_data(),
                enveloped: false,
            });
        }
        match Envelope::parse(&self.payload)? {
            Envelope::Request { correlation, response_topic, payload } => {
                Some(Request { payload, response_topic, correlation: Some(correlation), enveloped: true })
            }
            Envelope::Reply { .. } => None,
        }
    }
}

/// Whether a reply can, and may, be published there.
fn can_be_answered(topic: &str) -> bool {
    (1..=MQTT_TEXT_LEN).contains(&topic.len()) && !topic.starts_with('$') && !topic.contains(['+', '#', '\0'])
}

/// Where the reply to a message should go.
fn response_topic(message: &Outgoing, config: &Config) -> Result<String> {
    if let Some(properties) = &message.properties {
        if properties.response_topic.is_some() || properties.correlation_data.is_some() {
            let what =
                "a request has a response topic or correlation data of its own, but these are chosen by the client";
            return Err(Error::invalid(what).with_hint("call ConfigBuilder::response_topic"));
        }
    }
    if let Some(topic) = config.response_topic() {
        return Ok(topic.to_string());
    }
    let parent = message.topic.split('/').next().unwrap_or_default();
    let topic = names::p2p_topic(parent, config.client_id().as_str())
        .and_then(|topic| names::check_topic(&topic, config.limits()).map(|()| topic))
        .ok()
        .filter(|topic| can_be_answered(topic));
    topic.ok_or_else(|| {
        let message = format!(
            "a reply to \"{}\" cannot be sent to this client by P2P: from the first level of that topic and the client id, \
             no topic can be made",
            message.topic
        );
        Error::invalid(message).with_hint("call ConfigBuilder::response_topic")
    })
}

/// The message as a request.
fn asking(mut message: Outgoing, envelope: bool, response_topic: &str, correlation: &[u8]) -> Outgoing {
    message.transient = true;
    if envelope {
        message.payload = Envelope::Request { correlation, response_topic, payload: &message.payload }.encode().into();
        return message;
    }
    message.response_topic(response_topic).correlation_data(correlation)
}
