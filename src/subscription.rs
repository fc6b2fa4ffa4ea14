//! Received messages: the handle of one subscription, and the iterator over messages.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{ErrorKind, Result};
use crate::message::Message;
use crate::session::{QueueId, Session, Until};

/// Receives the messages of one subscription; from [`Client::subscription`](crate::Client::subscription).
///
/// It receives matching messages in place of the client's own queue, beginning with those that already wait there. If
/// several subscriptions match, the first of them receives the message. Its messages count against the bounds of the
/// client's inbox.
///
/// Dropping it unsubscribes in the background, unless another `Subscription` or the client itself has the same filter,
/// or the client is closed. The messages it still holds move to the next `Subscription` that matches, else to the
/// client's own queue, each to its place in the order of receipt. A program that wants its kept session to collect
/// messages while it is away calls [`disconnect`](crate::Client::disconnect) first.
///
/// It does not keep the client alive.
///
/// The manual has more about [receiving](crate::manual::receiving).
pub struct Subscription {
    session: Arc<Session>,
    queue: u64,
    filter: String,
}

impl Subscription {
    pub(crate) fn new(session: Arc<Session>, queue: u64, filter: String) -> Self {
        Subscription { session, queue, filter }
    }

    /// Returns the filter.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Takes the next message. Blocks until there is one, without a deadline.
    ///
    /// # Errors
    /// The reason why the client has ended, after every message received before has been taken;
    /// [`Closed`](crate::ErrorKind::Closed) at once when a [`Closer`](crate::Closer) ends the wait.
    pub fn recv(&self) -> Result<Message> {
        self.session.recv(QueueId::Subscription(self.queue))
    }

    /// Takes the next message. Blocks at most this long. `Ok(None)`: none came in time.
    ///
    /// # Errors
    /// As [`recv`](Subscription::recv).
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Option<Message>> {
        self.session.take(QueueId::Subscription(self.queue), Until::after(timeout))
    }

    /// Takes the next message, if there is one. Does not block.
    ///
    /// # Errors
    /// The reason why the client has ended, or [`Closed`](crate::ErrorKind::Closed), after every message received
    /// before has been taken.
    pub fn try_recv(&self) -> Result<Option<Message>> {
        self.session.take(QueueId::Subscription(self.queue), Until::Now)
    }

    /// Returns an iterator over the messages; see [`Messages`].
    pub fn messages(&self) -> Messages<'_> {
        Messages::new(&self.session, QueueId::Subscription(self.queue))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if self.session.check_process().is_ok() {
            self.session.close_queue(self.queue, &self.filter);
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("filter", &self.filter).finish_non_exhaustive()
    }
}

/// An iterator over received messages, from [`Client::messages`](crate::Client::messages) or
/// [`Subscription::messages`].
///
/// Each `next` blocks until a message comes, without a deadline unless [`idle`](Messages::idle) sets one. The iterator
/// ends without an error when the program closes or disconnects the client. If the client ends for another reason, the
/// iterator yields that error once and then ends.
///
/// ```no_run
/// # fn main() -> aliyun_mqtt::Result<()> {
/// # let client = aliyun_mqtt::Client::connect(aliyun_mqtt::Config::from_env()?)?;
/// use std::time::Duration;
/// // At most 10 messages, and the end once none has come for 2 seconds.
/// for message in client.messages().idle(Duration::from_secs(2)).take(10) {
///     println!("{}", message?.topic());
/// }
/// # Ok(()) }
/// ```
#[must_use = "an iterator does nothing until it is used"]
pub struct Messages<'a> {
    session: &'a Arc<Session>,
    queue: QueueId,
    idle: Option<Duration>,
    ended: bool,
}

impl<'a> Messages<'a> {
    pub(crate) fn new(session: &'a Arc<Session>, queue: QueueId) -> Self {
        Messages { session, queue, idle: None, ended: false }
    }

    /// Ends the iterator when no message has come for this long.
    pub fn idle(mut self, time: Duration) -> Self {
        self.idle = Some(time);
        self
    }
}

impl Iterator for Messages<'_> {
    type Item = Result<Message>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let until = self.idle.map_or(Until::Forever, Until::after);
        let next = match self.session.take(self.queue, until) {
            Ok(message) => message.map(Ok),
            Err(error) if error.kind() == ErrorKind::Closed => None,
            Err(error) => Some(Err(error)),
        };
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

impl std::iter::FusedIterator for Messages<'_> {}

impl fmt::Debug for Messages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").field("idle", &self.idle).finish_non_exhaustive()
    }
}

impl Until {
    /// Returns the instant this long from now; `Forever` if the clock cannot represent it.
    pub(crate) fn after(time: Duration) -> Self {
        if time.is_zero() {
            return Until::Now;
        }
        Instant::now().checked_add(time).map_or(Until::Forever, Until::At)
    }
}
