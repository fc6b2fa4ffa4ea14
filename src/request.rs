//! Requests and replies, and their encoding in messages.

use std::fmt;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::config::{Config, Protocol};
use crate::deadline::after;
use crate::error::{Error, Hint, Result};
use crate::message::{Message, Outgoing, Payload, QoS};
use crate::names;
use crate::session::{Asked, WhenFull};

pub(crate) mod envelope;

use envelope::{Envelope, can_be_answered};

/// The options of a request, for [`Client::request_message`]. A [`Duration`] converts into options with that timeout.
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
    /// Creates options with a timeout for the whole request, from sending it to its reply.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        RequestOptions { timeout, envelope: false }
    }

    /// Puts the request into the [envelope](Request#the-envelope) also over MQTT 5, for a replier that speaks 3.1.1 and
    /// receives no properties. Default `false`. Over 3.1.1 the envelope is always used.
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
    /// Sends a request at QoS 1 and blocks until its reply arrives, at most for the timeout.
    ///
    /// A replier subscribes to the topic and answers with [`reply`](Client::reply). Any number of threads may send
    /// requests at the same time; each gets the reply to its own. A reply goes neither to the client's queue nor to a
    /// [`Subscription`](crate::Subscription): no thread has to receive, and a full inbox does not matter. The library
    /// acknowledges replies itself, in the order of receipt, whatever the [`AckMode`](crate::AckMode).
    ///
    /// The reply goes to [`ConfigBuilder::response_topic`](crate::ConfigBuilder::response_topic), if one is set.
    /// Otherwise it goes to this client's P2P topic `{parent}/p2p/{client id}`, where `parent` is the first level of
    /// the request's topic. That needs no subscription. A broker without P2P topics needs a response topic. The replier
    /// needs the right to publish to the topic. [`Request`] describes how requests and replies are written in each
    /// version of MQTT.
    ///
    /// A lost connection does not end the wait: an unacknowledged request is sent again, and the reply may still come.
    /// Like any QoS 1 message, a request may reach the replier twice. A spool does not keep requests.
    ///
    /// A reply that no request waits for is acknowledged, dropped and counted
    /// ([`Stats::late_replies`](crate::Stats::late_replies)), as are further replies to the same request. A reply that
    /// the server keeps in a persistent session for a later run arrives there as an ordinary message. When
    /// unacknowledged messages use up the [`receive_maximum`](crate::ConfigBuilder::receive_maximum), the server holds
    /// back QoS 1 and 2 replies, too.
    ///
    /// # Errors
    /// As [`publish`](Client::publish), at once when the request itself fails. [`Timeout`](crate::ErrorKind::Timeout)
    /// in the stage [`Reply`](crate::Stage::Reply) when the server has the request
    /// ([`Fate::Delivered`](crate::Fate::Delivered)), but no reply arrived. [`Closed`](crate::ErrorKind::Closed), or
    /// the reason why the client has ended, with the [`fate`](crate::Error::fate) of the request.
    pub fn request(&self, topic: impl AsRef<str>, payload: impl Into<Payload>, timeout: Duration) -> Result<Message> {
        self.request_message(Outgoing::new(topic, QoS::AtLeastOnce, payload), timeout)
    }

    /// Sends a request to one client, which needs no subscription for it, and blocks as [`request`](Client::request).
    /// The topic is `{parent}/p2p/{client_id}`, as for [`send_p2p`](Client::send_p2p).
    ///
    /// # Errors
    /// As [`request`](Client::request). For an offline client this is a timeout, since the service does not report that
    /// it is offline.
    pub fn request_p2p(
        &self,
        parent: impl AsRef<str>,
        client_id: impl AsRef<str>,
        payload: impl Into<Payload>,
        timeout: Duration,
    ) -> Result<Message> {
        self.request(names::p2p_topic(parent, client_id)?, payload, timeout)
    }

    /// Sends a request with the options of [`Outgoing`] and [`RequestOptions`], and blocks as
    /// [`request`](Client::request).
    ///
    /// [`Outgoing::timeout`] limits the time to the acknowledgement of the request.
    ///
    /// # Errors
    /// As [`request`](Client::request). [`Invalid`](crate::ErrorKind::Invalid) when the message has a response topic or
    /// correlation data, since the client chooses both.
    pub fn request_message(&self, message: Outgoing, options: impl Into<RequestOptions>) -> Result<Message> {
        let (asked, deadline) = self.ask(message, options.into(), WhenFull::WaitUntil)?;
        asked.wait(deadline)
    }

    /// Sends a request as [`request_message`](Client::request_message), and returns without waiting for its reply, nor
    /// for room. One thread can so wait for any number of requests. With a response topic, blocks until that is
    /// subscribed.
    ///
    /// # Errors
    /// As [`request_message`](Client::request_message); [`Full`](crate::ErrorKind::Full) when there is no room.
    #[doc(hidden)]
    pub fn start_request(&self, message: Outgoing, options: impl Into<RequestOptions>) -> Result<StartedRequest> {
        let (asked, _) = self.ask(message, options.into(), |_| WhenFull::Fail)?;
        Ok(StartedRequest(Some(asked)))
    }

    fn ask(
        &self,
        message: Outgoing,
        RequestOptions { timeout, envelope }: RequestOptions,
        full: impl FnOnce(Instant) -> WhenFull,
    ) -> Result<(Asked, Instant)> {
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
        Ok((expected.send(message, envelope, publish_by, full(publish_by))?, deadline))
    }

    /// Replies to a request at QoS 1, in the form of the request, and blocks as [`publish`](Client::publish).
    ///
    /// [`Request::reply`] makes a reply with more options, or one that is sent without waiting. This call does not
    /// acknowledge the request; with [`AckMode::Manual`](crate::AckMode::Manual), call [`Message::ack`] after it.
    ///
    /// # Errors
    /// As [`publish`](Client::publish); [`Invalid`](crate::ErrorKind::Invalid) when the message is not a request.
    pub fn reply(&self, request: &Message, payload: impl Into<Payload>) -> Result<()> {
        let Some(asked) = request.request() else {
            let message = format!("the message on \"{}\" is not a request: it has no response topic", request.topic);
            return Err(Error::invalid(message));
        };
        self.publish_message(asked.reply(QoS::AtLeastOnce, payload))
    }
}

/// A request that waits for its reply, for programs that wait for many on one thread; from
/// [`Client::start_request`]. Dropping it gives the request up.
#[doc(hidden)]
pub struct StartedRequest(Option<Asked>);

impl StartedRequest {
    /// Sends the tag to the channel once the request has its reply or has failed, or now if it has. A later call
    /// replaces the channel of an earlier one. The end of the timeout is the program's to notice.
    pub fn report_to(&self, to: &Sender<u64>, tag: u64) {
        if let Some(asked) = &self.0 {
            asked.announce_end(to, tag);
        }
    }

    /// Returns the reply without waiting. If there is none yet, ends the request: what was not sent is withdrawn.
    ///
    /// # Errors
    /// As [`Client::request_message`]. [`Closed`](crate::ErrorKind::Closed) if the message was neither acknowledged nor
    /// past its timeout.
    pub fn finish(mut self) -> Result<Message> {
        match self.0.take() {
            Some(asked) => asked.give_up(),
            None => Err(Error::internal("a request has ended twice")),
        }
    }
}

impl Drop for StartedRequest {
    fn drop(&mut self) {
        if let Some(asked) = self.0.take() {
            // Nobody waits for it any longer.
            let _ = asked.give_up();
        }
    }
}

impl fmt::Debug for StartedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartedRequest").finish_non_exhaustive()
    }
}

/// A received message read as a request; from [`Message::request`].
///
/// The manual has more about [requests and replies](crate::manual::requests).
///
/// # Encoding
///
/// Over MQTT 5 they follow the standard (section 4.10): a request carries the properties Response Topic and Correlation
/// Data, and a reply carries the same Correlation Data and no Response Topic. The payloads are the programs' own.
/// Programs in other languages need nothing else. The service forwards both properties (help page "MQTT 5.0 overview").
///
/// A client of MQTT 3.1.1 neither sends nor receives properties, so its payloads travel in an envelope. A reply has the
/// form of its request, whatever version the replier speaks. A client of MQTT 5 reaches a replier of 3.1.1 with
/// [`RequestOptions::envelope`].
///
/// # The envelope
///
/// Version 1 of this library's own format, which the service does not interpret. Numbers are big-endian.
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
/// A payload that differs from this in a length, the kind or the version is an ordinary payload. The correlation data
/// of this library has 24 bytes, so an envelope adds 33 bytes and the response topic to a request, and 33 bytes to a
/// reply. The limit for payloads includes them ([`Limits::payload_len`](crate::Limits::payload_len)).
///
/// # Trust
///
/// The sender of a request chooses the topic of the reply, which is published with the replier's rights. Check
/// [`response_topic`](Request::response_topic) where that matters. A message whose response topic begins with `$`, as
/// the service's own topics do, or contains a wildcard, is not a request.
///
/// A message is accepted as a reply if it repeats correlation data that this client has made for a request, a number
/// with 16 unguessable bytes, and arrives on the response topic of that request. Anything else is an ordinary message.
/// This assumes that a P2P message arrives under the topic it was published to, which the service's documentation does
/// not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    payload: &'a [u8],
    response_topic: &'a str,
    correlation: Option<&'a [u8]>,
    enveloped: bool,
}

impl<'a> Request<'a> {
    /// Returns the payload, without the envelope if there was one.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Returns the topic of the reply.
    #[must_use]
    pub fn response_topic(&self) -> &'a str {
        self.response_topic
    }

    /// Returns the correlation data, which the reply repeats. `None` if the sender, over MQTT 5, has set none.
    #[must_use]
    pub fn correlation_data(&self) -> Option<&'a [u8]> {
        self.correlation
    }

    /// Returns true if the request came in the [envelope](Request#the-envelope), and not with the properties of MQTT 5.
    #[must_use]
    pub fn is_enveloped(&self) -> bool {
        self.enveloped
    }

    /// Makes the reply as a message, for any call that sends and with any option.
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
    /// Reads this message as a request. Returns `None` if it has no response topic. [`Client::reply`] replies to it.
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

/// Returns the topic for the reply to a message.
fn response_topic(message: &Outgoing, config: &Config) -> Result<String> {
    if let Some(properties) = &message.properties {
        if properties.response_topic.is_some() || properties.correlation_data.is_some() {
            let what = "a request must not set a response topic or correlation data: the client chooses both";
            return Err(Error::invalid(what).with_hint(Hint::Set { name: "response_topic" }));
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
            "a reply to \"{}\" cannot be sent to this client by P2P: the first level of that topic and the client id \
             make no valid topic",
            message.topic
        );
        Error::invalid(message).with_hint(Hint::Set { name: "response_topic" })
    })
}

/// Turns a message into a request.
fn asking(mut message: Outgoing, envelope: bool, response_topic: &str, correlation: &[u8]) -> Outgoing {
    message.transient = true;
    if envelope {
        message.payload = Envelope::Request { correlation, response_topic, payload: &message.payload }.encode().into();
        return message;
    }
    message.response_topic(response_topic).correlation_data(correlation)
}
