//! The client: what a program holds.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::delivery::Delivery;
use crate::error::Result;
use crate::events::Events;
use crate::identity;
use crate::inbox::{Messages, Stream};
use crate::message::{Message, Outgoing, QoS};
use crate::session::{self, Body, QueueId, Session, Until, WhenFull};
use crate::stats::Stats;
use crate::subscribe::SubscribeOptions;
use crate::token::Token;

/// How long dropping the last handle may take.
const DROP: Duration = Duration::from_secs(1);

/// A connection to ApsaraMQ for MQTT, kept alive by one background thread.
///
/// All calls block, none needs a runtime, and all may be made from any thread, also from inside an async program and
/// while another thread receives. A clone is another handle to the same connection. Every wait has a deadline, the
/// configured time-out or the one given to [`with_timeout`](Client::with_timeout), but for [`recv`](Client::recv) and
/// an unlimited [`messages`](Client::messages), which wait as long as the client lives.
///
/// The connection is made again by itself when it breaks; see the [crate documentation](crate) for what that means
/// for messages and subscriptions.
///
/// Dropping the last handle says goodbye quietly and within a second; [`disconnect`](Client::disconnect) does the
/// same with the configured time-out and reports what was not delivered. After a `fork`, the child's use of its
/// parent's client is an error ([`Forked`](crate::ErrorKind::Forked)).
#[derive(Clone)]
pub struct Client {
    handle: Arc<Handle>,
    timeout: Duration,
}

/// What all clones share; its drop ends the connection.
struct Handle {
    session: Arc<Session>,
}

impl Client {
    /// Connects, and blocks until the service has accepted the login (CONNACK) and, in ordered mode, the order flag.
    ///
    /// The first connect is tried once and fails at once with its reason; only a connection that stood is made again
    /// by itself.
    ///
    /// # Errors
    /// [`Resolve`](crate::ErrorKind::Resolve), [`Connect`](crate::ErrorKind::Connect), [`Tls`](crate::ErrorKind::Tls),
    /// [`Refused`](crate::ErrorKind::Refused) with the CONNACK code and its usual cause,
    /// [`Protocol`](crate::ErrorKind::Protocol) when something else than MQTT answers,
    /// [`Credentials`](crate::ErrorKind::Credentials), or [`Timeout`](crate::ErrorKind::Timeout) with the stage,
    /// within [`Config::timeout`].
    pub fn connect(config: Config) -> Result<Client> {
        let timeout = config.timeout();
        let session = Session::start(config)?;
        Ok(Client { handle: Arc::new(Handle { session }), timeout })
    }

    /// A client of a session made by hand.
    #[cfg(all(test, feature = "spool"))]
    pub(crate) fn over(session: Arc<Session>) -> Client {
        let timeout = session.config().timeout();
        Client { handle: Arc::new(Handle { session }), timeout }
    }

    /// Another handle to the same connection, whose calls wait this long instead of the configured time-out.
    ///
    /// ```no_run
    /// # fn main() -> aliyun_mqtt::Result<()> {
    /// # use aliyun_mqtt::{Client, Config, QoS};
    /// # let client = Client::connect(Config::from_env()?)?;
    /// use std::time::Duration;
    /// client.with_timeout(Duration::from_secs(3)).publish("demo/urgent", QoS::AtLeastOnce, "now or never")?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Client {
        Client { handle: Arc::clone(&self.handle), timeout }
    }

    /// The configuration it was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        self.session().config()
    }

    // ---- sending ----

    /// Publishes a message and blocks until its fate is known.
    ///
    /// `Ok` means: QoS 0, written to the socket; QoS 1, acknowledged by the broker (PUBACK); QoS 2, completed (PUBCOMP).
    /// While there is no connection it waits for one, within the deadline.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) at once, when the topic or the size breaks a rule. Otherwise
    /// [`Error::fate`](crate::Error::fate) tells: [`NotSent`](crate::Fate::NotSent) is safe to repeat;
    /// [`Unknown`](crate::Fate::Unknown) was written but not acknowledged in time, and is not sent again;
    /// [`Refused`](crate::Fate::Refused) is not wanted by the service. A time-out names its stage.
    pub fn publish(&self, topic: &str, qos: QoS, payload: impl Into<Vec<u8>>) -> Result<()> {
        self.publish_message(Outgoing::new(topic, qos, payload))
    }

    /// As [`publish`](Client::publish), with the options of [`Outgoing`].
    ///
    /// # Errors
    /// As [`publish`](Client::publish).
    pub fn publish_message(&self, message: Outgoing) -> Result<()> {
        let timeout = message.timeout.unwrap_or(self.timeout);
        self.submit(message, timeout, WhenFull::WaitUntil(after(timeout)))?.wait().map(drop)
    }

    /// Hands a message over and returns while it is under way, with a `Spool` once it is on disk. The [`Delivery`]
    /// tells its fate; [`flush`](Client::flush) waits for all of them.
    ///
    /// Blocks only while the outbox is full or the publish rate leaves no slot, and with a spool until the message is
    /// stored, at most for the time-out. The message itself may stay unsettled for [`Config::message_age`], or the time-out
    /// if that is not set; in a spool, for ever.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid), [`Timeout`](crate::ErrorKind::Timeout) in the stage `window` or `spool`,
    /// [`Spool`](crate::ErrorKind::Spool), or the reason the client is dead. In each case the message was not sent, and is
    /// not going to be.
    pub fn publish_nowait(&self, topic: &str, qos: QoS, payload: impl Into<Vec<u8>>) -> Result<Delivery> {
        self.publish_message_nowait(Outgoing::new(topic, qos, payload))
    }

    /// As [`publish_nowait`](Client::publish_nowait), with the options of [`Outgoing`].
    ///
    /// # Errors
    /// As [`publish_nowait`](Client::publish_nowait).
    pub fn publish_message_nowait(&self, message: Outgoing) -> Result<Delivery> {
        let age = self.age_of(&message);
        self.hand_over(message, age, WhenFull::WaitUntil(after(age.min(self.timeout))))
    }

    /// As [`publish_nowait`](Client::publish_nowait), but never blocks; with a spool it blocks while a QoS 1 or 2 message is
    /// stored, at most for the time-out.
    ///
    /// # Errors
    /// [`Full`](crate::ErrorKind::Full) when there is no room now; [`Invalid`](crate::ErrorKind::Invalid), the spool's
    /// errors as there, or the reason the client is dead.
    pub fn try_publish(&self, topic: &str, qos: QoS, payload: impl Into<Vec<u8>>) -> Result<Delivery> {
        let message = Outgoing::new(topic, qos, payload);
        let age = self.age_of(&message);
        self.hand_over(message, age, WhenFull::Fail)
    }

    /// Sends a message to one client, which needs no subscription for it, and blocks as [`publish`](Client::publish).
    ///
    /// `parent` is the first level of a topic the sender may write to; the message goes to
    /// `{parent}/p2p/{client_id}` (help.aliyun.com/document_detail/96176.htm). An offline client gets it later only under
    /// QoS 1 and when the *sender* keeps its session (glossary of the product); otherwise it is lost, as far as is known
    /// without an error here.
    ///
    /// # Errors
    /// As [`publish`](Client::publish).
    pub fn send_p2p(&self, parent: &str, client_id: &str, qos: QoS, payload: impl Into<Vec<u8>>) -> Result<()> {
        self.publish_message(Outgoing::new(identity::p2p_topic(parent, client_id)?, qos, payload))
    }

    /// Blocks until every message accepted so far is settled, at most this long.
    ///
    /// # Errors
    /// [`Timeout`](crate::ErrorKind::Timeout) with the number still open;
    /// [`Undelivered`](crate::ErrorKind::Undelivered) when messages have failed since the last report and their
    /// [`Delivery`] had been dropped, so that nobody has seen it.
    pub fn flush(&self, timeout: Duration) -> Result<()> {
        self.session().flush(after(timeout))
    }

    /// Gives the service a new token in the place of the one of its kind, without a new connection, and blocks until it
    /// has taken it (PUBACK). Meanwhile nothing else is published or subscribed.
    ///
    /// For programs that hold tokens themselves ([`Credentials::tokens`](crate::Credentials::tokens)); with a
    /// [`token_provider`](crate::Credentials::token_provider) it happens by itself. Without a connection the token is kept
    /// for the next login, and the call waits for that. The token must belong to the AccessKey of the login.
    ///
    /// Source: help.aliyun.com/document_detail/54282.html.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) when this client did not log in with tokens;
    /// [`Rejected`](crate::ErrorKind::Rejected) when the service refuses it, where the one before comes back if it is
    /// alive; or a time-out, after which the token counts for the next login.
    pub fn upload_token(&self, token: Token) -> Result<()> {
        self.session().upload_token(token, after(self.timeout))
    }

    // ---- subscribing and receiving ----

    /// Subscribes and blocks until the broker agrees (SUBACK). Returns the granted QoS, which may be lower than asked.
    ///
    /// Messages go to the client's own queue. On a lost session the subscription is made again by itself. A client
    /// may have 30 filters; the service accepts more, but sends nothing for them, so one too many is refused here
    /// ([`Limits`](crate::Limits)).
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid); [`Rejected`](crate::ErrorKind::Rejected) with the SUBACK code;
    /// [`SuspectedRefusal`](crate::ErrorKind::SuspectedRefusal), since this service answers a subscription without
    /// permission by cutting the connection; or a time-out.
    pub fn subscribe(&self, filter: &str, qos: QoS) -> Result<QoS> {
        let granted = self.subscribe_many(&[(filter, qos)])?;
        granted.first().copied().ok_or_else(|| crate::Error::internal("SUBACK without a verdict"))
    }

    /// Subscribes to several filters in one packet; the granted QoS of each, in their order.
    ///
    /// # Errors
    /// As [`subscribe`](Client::subscribe). When one filter is refused, the others may have been granted all the same.
    pub fn subscribe_many(&self, filters: &[(&str, QoS)]) -> Result<Vec<QoS>> {
        let filters: Vec<_> = filters.iter().map(|(filter, qos)| ((*filter).to_string(), (*qos).into())).collect();
        session::check_filters(&filters, self.config())?;
        self.session().subscribe(&filters, true, after(self.timeout))
    }

    /// As [`subscribe`](Client::subscribe), with the options of MQTT 5.
    ///
    /// # Errors
    /// As [`subscribe`](Client::subscribe); [`Invalid`](crate::ErrorKind::Invalid) also where the options need MQTT 5 and
    /// the client speaks 3.1.1, or where two filters with identifiers overlap.
    pub fn subscribe_with(&self, filter: &str, options: SubscribeOptions) -> Result<QoS> {
        let filters = [(filter.to_string(), options)];
        session::check_filters(&filters, self.config())?;
        let granted = self.session().subscribe(&filters, true, after(self.timeout))?;
        granted.first().copied().ok_or_else(|| crate::Error::internal("SUBACK without a verdict"))
    }

    /// Subscribes, and gives the matching messages to a [`Stream`] instead of the client's queue.
    ///
    /// The stream begins with the messages that already wait in the client's queue and match, in the order of receipt,
    /// acknowledged or not: those of a kept session arrive before a program can ask for them. On an error they go back to
    /// their places.
    ///
    /// # Errors
    /// As [`subscribe`](Client::subscribe).
    pub fn subscribe_stream(&self, filter: &str, qos: QoS) -> Result<Stream> {
        self.subscribe_stream_with(filter, qos.into())
    }

    /// As [`subscribe_stream`](Client::subscribe_stream), with the options of MQTT 5.
    ///
    /// # Errors
    /// As [`subscribe_with`](Client::subscribe_with).
    pub fn subscribe_stream_with(&self, filter: &str, options: SubscribeOptions) -> Result<Stream> {
        let filters = [(filter.to_string(), options)];
        session::check_filters(&filters, self.config())?;
        self.session().check_process()?;
        // The stream exists first: a message may follow SUBACK at once, or come before it.
        let queue = self.session().open_stream(filter);
        let stream = Stream::new(Arc::clone(self.session()), queue, filter.to_string());
        if let Err(error) = self.session().subscribe(&filters, false, after(self.timeout)) {
            if error.fate() == Some(crate::Fate::Unknown) {
                // So that the end of `stream` takes it back.
                self.session().doubtful(filter, options);
            }
            return Err(error);
        }
        Ok(stream)
    }

    /// Unsubscribes and blocks until the broker confirms (UNSUBACK). Streams with this filter get nothing more.
    ///
    /// # Errors
    /// A time-out, or the reason the client is dead. Even then the filter is not subscribed again after a reconnect; only
    /// a kept session may still have it.
    pub fn unsubscribe(&self, filter: &str) -> Result<()> {
        session::check_filters(&[(filter.to_string(), QoS::AtMostOnce.into())], self.config())?;
        self.session().unsubscribe(filter, after(self.timeout))
    }

    /// Blocks until a message comes, or the client is dead.
    ///
    /// By default taking a message acknowledges it; see [`AckMode`](crate::AckMode).
    ///
    /// # Errors
    /// The reason the client is dead, after everything received before has been taken.
    pub fn recv(&self) -> Result<Message> {
        self.session().recv(QueueId::Client)
    }

    /// Blocks at most this long for a message. `Ok(None)`: nothing came in time.
    ///
    /// # Errors
    /// As [`recv`](Client::recv).
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Option<Message>> {
        self.session().take(QueueId::Client, Until::after(timeout))
    }

    /// Looks for a message without blocking.
    ///
    /// # Errors
    /// As [`recv`](Client::recv).
    pub fn try_recv(&self) -> Result<Option<Message>> {
        self.session().take(QueueId::Client, Until::Now)
    }

    /// An iterator over the client's own messages, which can end after an idle time or a count.
    pub fn messages(&self) -> Messages<'_> {
        Messages::new(self.session(), QueueId::Client)
    }

    // ---- looking and leaving ----

    /// A listener for what happens to the connection from now on.
    #[must_use]
    pub fn events(&self) -> Events {
        self.session().events()
    }

    /// Counters and gauges of this moment. In a forked child, which has no client, all are zero.
    #[must_use]
    pub fn stats(&self) -> Stats {
        if self.session().check_process().is_err() {
            return Stats::default();
        }
        self.session().stats()
    }

    /// Whether there is a connection now. Publishing does not need to ask: it waits for one.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.session().check_process().is_ok() && self.session().is_connected()
    }

    /// Delivers what was accepted, says goodbye (DISCONNECT), and ends the background thread, within the time-out.
    ///
    /// Waits for the server to finish the exchange of each QoS 2 message that was acknowledged before, so that it does not
    /// come again in a kept session. When the time is over first, that is a warning in the log, not an error.
    ///
    /// From the start of it, every handle refuses new work with [`Closed`](crate::ErrorKind::Closed). What was received
    /// before can still be taken, but not acknowledged; how much that is, [`Event::Ended`](crate::Event::Ended),
    /// [`Stats::untaken`](crate::Stats::untaken) and a warning in the log tell. Calling it again does nothing.
    ///
    /// # Errors
    /// [`Undelivered`](crate::ErrorKind::Undelivered), naming what was not delivered in time, or had failed before
    /// without anybody seeing it; or the reason the client was dead already.
    pub fn disconnect(&self) -> Result<()> {
        self.session().close(after(self.timeout))
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.handle.session
    }

    /// How long a message handed over without waiting may stay unsettled.
    fn age_of(&self, message: &Outgoing) -> Duration {
        let default =
            if self.session().spools() && message.qos != QoS::AtMostOnce { Duration::MAX } else { self.timeout };
        message.timeout.or(self.config().message_age()).unwrap_or(default)
    }

    /// Submits, and with a spool waits until it is on disk.
    fn hand_over(&self, message: Outgoing, age: Duration, full: WhenFull) -> Result<Delivery> {
        let until = after(age.min(self.timeout));
        let delivery = self.submit(message, age, full)?;
        self.session().wait_stored(&delivery, until)?;
        Ok(delivery)
    }

    fn submit(&self, message: Outgoing, timeout: Duration, full: WhenFull) -> Result<Delivery> {
        self.session().check_process()?;
        self.config().check(&message)?;
        self.session().submit(Body::Publish(Arc::new(message)), after(timeout), full)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Err(error) = self.session.close(Instant::now() + DROP) {
            if error.kind() != crate::ErrorKind::Forked {
                log::debug!("when the client was dropped: {error}");
            }
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("config", self.config()).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// This long from now; a year is as good as for ever.
pub(crate) fn after(timeout: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    Instant::now() + timeout.min(YEAR)
}
