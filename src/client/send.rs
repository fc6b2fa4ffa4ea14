//! Publishing.

use std::sync::Arc;
use std::time::Duration;

use super::Client;
use crate::deadline::after;
use crate::delivery::Delivery;
use crate::error::Result;
use crate::message::{Outgoing, Payload, QoS};
use crate::publish_each::PublishEach;
use crate::session::{Body, WhenFull};
use crate::token::Token;

impl Client {
    /// Publishes a message and blocks until its outcome is known, at most for the timeout.
    ///
    /// `Ok` means: QoS 0, written to the socket; QoS 1, acknowledged by the server (PUBACK); QoS 2, completed
    /// (PUBCOMP). While there is no connection, it waits for one, within the timeout.
    ///
    /// The topic may have 128 characters and the payload 64 KB, unless [`Limits`](crate::Limits) allows more.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) at once, when the topic or the size breaks a rule.
    /// [`Timeout`](crate::ErrorKind::Timeout) with the stage; [`Rejected`](crate::ErrorKind::Rejected) or
    /// [`SuspectedRefusal`](crate::ErrorKind::SuspectedRefusal) when the service refuses the message;
    /// [`Closed`](crate::ErrorKind::Closed), or the reason why the client has ended.
    ///
    /// In each case [`Error::fate`](crate::Error::fate) is the outcome for the message:
    /// [`NotSent`](crate::Fate::NotSent), which is safe to repeat; [`Unknown`](crate::Fate::Unknown), written but not
    /// acknowledged in time, and not sent again; [`Refused`](crate::Fate::Refused), refused by the service.
    pub fn publish(&self, topic: impl AsRef<str>, qos: QoS, payload: impl Into<Payload>) -> Result<()> {
        self.publish_message(Outgoing::new(topic, qos, payload))
    }

    /// Publishes a message with the options of [`Outgoing`], and blocks as [`publish`](Client::publish).
    ///
    /// [`Outgoing::timeout`] replaces the timeout.
    ///
    /// # Errors
    /// As [`publish`](Client::publish).
    pub fn publish_message(&self, message: Outgoing) -> Result<()> {
        let timeout = message.timeout.unwrap_or(self.timeout);
        self.submit(message, timeout, WhenFull::WaitUntil(after(timeout)))?.finish_message().map(drop)
    }

    /// Queues a message and returns without waiting for the acknowledgement. With a `Spool`, returns once the message
    /// is on disk. Use the returned [`Delivery`] to learn the outcome, or [`flush`](Client::flush) to wait for all
    /// messages.
    ///
    /// Blocks only while the outbox is full or the publish rate leaves no slot, and with a spool until the message is
    /// stored; at most for the timeout. Each call waits for one sync to disk, which calls from other threads share; for
    /// many messages from one thread, use [`enqueue_many`](Client::enqueue_many).
    ///
    /// The message may stay without an acknowledgement for [`Outgoing::timeout`], else for
    /// [`Config::message_age`](crate::Config::message_age), else for the timeout. A message in a spool has no limit
    /// unless one of the first two is set.
    ///
    /// ```no_run
    /// # fn main() -> aliyun_mqtt::Result<()> {
    /// # let client = aliyun_mqtt::Client::connect(aliyun_mqtt::Config::from_env()?)?;
    /// use aliyun_mqtt::{Outgoing, QoS};
    /// let delivery = client.enqueue(Outgoing::new("demo/hello", QoS::AtLeastOnce, "Hello"))?;
    /// // ... other work ...
    /// delivery.wait()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid); [`Timeout`](crate::ErrorKind::Timeout) in the stage `window` or `spool`;
    /// [`Spool`](crate::ErrorKind::Spool); [`Closed`](crate::ErrorKind::Closed), or the reason why the client has
    /// ended. In each case the message was not sent and will not be.
    pub fn enqueue(&self, message: Outgoing) -> Result<Delivery> {
        let age = self.age_of(&message);
        self.queue(message, age, WhenFull::WaitUntil(after(age.min(self.timeout))))
    }

    /// Queues a message like [`enqueue`](Client::enqueue), but does not wait for room. With a spool it still blocks
    /// until a QoS 1 or 2 message is stored, at most for the timeout.
    ///
    /// # Errors
    /// [`Full`](crate::ErrorKind::Full) when the outbox or the spool is full, or the publish rate leaves no slot;
    /// otherwise as [`enqueue`](Client::enqueue).
    pub fn try_enqueue(&self, message: Outgoing) -> Result<Delivery> {
        let age = self.age_of(&message);
        self.queue(message, age, WhenFull::Fail)
    }

    /// Queues many messages in their order, like [`enqueue`](Client::enqueue), and returns one result for each.
    ///
    /// With a spool, a batch costs one sync to disk, however many messages it has, as long as they find room without
    /// waiting; a larger batch is stored in parts, as room becomes free. Each message accepted is on disk when the call
    /// returns. If the process ends before that, the next run sends what was stored: none of the batch, its first
    /// messages, or all.
    ///
    /// Blocks for room and for the disk at most for the timeout, all messages together.
    ///
    /// Takes the whole input before it queues the first message, so the input has to end and fit into memory; for more,
    /// use [`publish_each`](Client::publish_each). A message that is invalid gives an error in its place; the others
    /// are queued nevertheless. When the timeout passes while a message waits for room, that message and those behind
    /// it give errors, so that none overtakes another; those before it stay queued.
    ///
    /// ```no_run
    /// # fn main() -> aliyun_mqtt::Result<()> {
    /// # let client = aliyun_mqtt::Client::connect(aliyun_mqtt::Config::from_env()?)?;
    /// use aliyun_mqtt::{Outgoing, QoS};
    /// let messages = (0..10).map(|number| Outgoing::new("demo/batch", QoS::AtLeastOnce, number.to_string()));
    /// for delivery in client.enqueue_many(messages) {
    ///     delivery?.wait()?;
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use = "each result says whether its message was queued"]
    pub fn enqueue_many(&self, messages: impl IntoIterator<Item = Outgoing>) -> Vec<Result<Delivery>> {
        let checked = messages.into_iter().map(|message| {
            self.check(&message)?;
            let age = self.age_of(&message);
            Ok((Body::Publish(Arc::new(message)), age))
        });
        // Before the lock: the iterator is the program's own code.
        let checked = checked.collect();
        let until = after(self.timeout);
        let deliveries = self.session().submit_many(checked, until);
        self.session().wait_all_stored(deliveries, until)
    }

    /// Publishes many messages and returns an iterator over their results, in the order given.
    ///
    /// The iterator is lazy. Each `next` takes messages from the input until a window of them is in flight
    /// ([`Stats::window`](crate::Stats::window)), there is no room for more, or the input ends; then it blocks until
    /// the outcome of the oldest is known. Memory is bounded by one window
    /// ([`Config::max_window`](crate::Config::max_window)), whatever the length of the input. Dropping
    /// the iterator stops taking from the input; [`flush`](Client::flush) and [`disconnect`](Client::disconnect) wait
    /// for the messages in flight. One more message may have been taken from the input by then, which is not sent.
    ///
    /// With an input that blocks, such as a channel, the results wait for it: `next` takes a window of messages before
    /// it returns the first result. For such an input, use [`enqueue`](Client::enqueue).
    ///
    /// With a spool, a message is sent once it is on disk. The next one is taken from the input without waiting for
    /// that, and the messages that were taken during one sync share the next.
    ///
    /// Each message may stay without an acknowledgement for [`Outgoing::timeout`], else for
    /// [`Config::message_age`](crate::Config::message_age), else for the timeout.
    ///
    /// Each item is the [`Receipt`](crate::Receipt) of its message, or an error as from [`publish`](Client::publish). A
    /// failed message does not stop the others. When the client is closed or has ended, each remaining message gives
    /// one error.
    ///
    /// ```no_run
    /// # fn main() -> aliyun_mqtt::Result<()> {
    /// # let client = aliyun_mqtt::Client::connect(aliyun_mqtt::Config::from_env()?)?;
    /// use aliyun_mqtt::{Outgoing, QoS};
    /// let rows = ["one", "two", "three"];
    /// let messages = rows.iter().map(|row| Outgoing::new("demo/rows", QoS::AtLeastOnce, *row));
    /// for (row, result) in rows.iter().zip(client.publish_each(messages)) {
    ///     if let Err(error) = result {
    ///         eprintln!("{row}: {error}");
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn publish_each<M>(&self, messages: M) -> PublishEach<M::IntoIter>
    where
        M: IntoIterator<Item = Outgoing>,
    {
        PublishEach::new(self.clone(), messages.into_iter())
    }

    /// Sends a message to one client and blocks as [`publish`](Client::publish). The receiver needs no subscription.
    ///
    /// `parent` is the first level of a topic the sender may publish to; the message goes to `{parent}/p2p/{client_id}`
    /// (help.aliyun.com/document_detail/96176.htm). An offline receiver gets it later only with QoS 1 and if the
    /// *sender* keeps its session (glossary of the product). Otherwise it is lost, as far as is known without an error
    /// for the sender. [`Outgoing::p2p`] makes such a message for the other calls.
    ///
    /// # Errors
    /// As [`publish`](Client::publish).
    pub fn send_p2p(
        &self,
        parent: impl AsRef<str>,
        client_id: impl AsRef<str>,
        qos: QoS,
        payload: impl Into<Payload>,
    ) -> Result<()> {
        self.publish_message(Outgoing::p2p(parent, client_id, qos, payload)?)
    }

    /// Blocks until every message accepted so far is settled, at most this long.
    ///
    /// # Errors
    /// [`Timeout`](crate::ErrorKind::Timeout) with the number of messages still open;
    /// [`Undelivered`](crate::ErrorKind::Undelivered) with the number of messages that have failed since the last
    /// report and whose [`Delivery`] had been dropped, and the first reason; [`Closed`](crate::ErrorKind::Closed) when
    /// a [`Closer`](crate::Closer) ends the wait.
    pub fn flush(&self, timeout: Duration) -> Result<()> {
        self.session().flush(after(timeout))
    }

    /// Replaces the token of the same kind on the present connection, and blocks until the service has accepted the new
    /// one (PUBACK), at most for the timeout. Meanwhile nothing else is published or subscribed.
    ///
    /// For programs that hold tokens themselves ([`Credentials::tokens`](crate::Credentials::tokens)); with a
    /// [`token_provider`](crate::Credentials::token_provider) tokens are renewed in the background. Without a
    /// connection the token is kept for the next login, and the call waits for that. The token must belong to the
    /// AccessKey of the login.
    ///
    /// Source: help.aliyun.com/document_detail/54282.html.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) when this client did not log in with tokens;
    /// [`Rejected`](crate::ErrorKind::Rejected) when the service refuses it, after which the previous token is used
    /// again if it has not expired; [`Timeout`](crate::ErrorKind::Timeout), after which the next login uses the new
    /// token.
    pub fn upload_token(&self, token: Token) -> Result<()> {
        self.session().upload_token(token, after(self.timeout))
    }

    /// Replaces the token of the same kind without waiting: it is uploaded on the present connection, or used for the
    /// next login, which is then made at once. For the bindings to other languages.
    #[doc(hidden)]
    pub fn put_token(&self, token: Token) -> Result<()> {
        self.session().put_token(token)
    }

    /// Returns how long a queued message may stay unsettled.
    fn age_of(&self, message: &Outgoing) -> Duration {
        let default =
            if self.session().spools() && message.qos != QoS::AtMostOnce { Duration::MAX } else { self.timeout };
        message.timeout.or(self.config().message_age()).unwrap_or(default)
    }

    /// Submits a message, and with a spool waits until it is on disk.
    fn queue(&self, message: Outgoing, age: Duration, full: WhenFull) -> Result<Delivery> {
        let until = after(age.min(self.timeout));
        let delivery = self.submit(message, age, full)?;
        self.session().wait_stored(delivery, until)
    }

    /// Submits a message of [`publish_each`](Client::publish_each).
    pub(crate) fn start(&self, message: &Arc<Outgoing>, wait: bool) -> Result<Delivery> {
        let age = message.timeout.or(self.config().message_age()).unwrap_or(self.timeout);
        let full = if wait { WhenFull::WaitUntil(after(age)) } else { WhenFull::WaitForRate(after(age)) };
        self.submit(Arc::clone(message), age, full)
    }

    /// Returns how many messages may be in flight now, at least as many as on a new connection.
    pub(crate) fn window(&self) -> usize {
        let start = self.config().window().into();
        // In a forked child, another thread may hold the lock forever.
        self.session().check_process().map_or(start, |()| self.session().window().max(start))
    }

    fn submit(&self, message: impl Into<Arc<Outgoing>>, timeout: Duration, full: WhenFull) -> Result<Delivery> {
        let message = message.into();
        self.check(&message)?;
        self.session().submit(Body::Publish(message), after(timeout), full)
    }

    /// Refuses an invalid message. In a forked child, the process is what is wrong first; for a valid message, the
    /// session finds that out.
    fn check(&self, message: &Outgoing) -> Result<()> {
        self.config().check(message).or_else(|error| self.session().check_process().and(Err(error)))
    }
}
