//! Received messages: what a subscription's stream and the message iterator look like to a user.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{ErrorKind, Result};
use crate::message::Message;
use crate::session::{QueueId, Session, Until};

/// The messages of one subscription, from [`Client::subscribe_stream`](crate::Client::subscribe_stream).
///
/// It gets its matches *instead* of the client's own queue, those first that already wait there; where several streams
/// match, the one made first gets the message. What a stream holds counts against the client's inbox bounds.
///
/// Dropping it unsubscribes in the background (unless another stream or the client itself holds the same filter) and
/// hands what it still held to the next stream that matches, else to the client's queue, each message to its place in the
/// order of receipt. A program that keeps its session for what comes while it is away calls
/// [`disconnect`](crate::Client::disconnect) first. The stream does not keep the client alive.
pub struct Stream {
    session: Arc<Session>,
    queue: u64,
    filter: String,
}

impl Stream {
    pub(crate) fn new(session: Arc<Session>, queue: u64, filter: String) -> Self {
        Stream { session, queue, filter }
    }

    /// The filter it was made for.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Blocks until a message comes, or the client is dead.
    ///
    /// # Errors
    /// The reason the client is dead, after everything received before has been taken.
    pub fn recv(&self) -> Result<Message> {
        self.session.recv(QueueId::Subscription(self.queue))
    }

    /// Blocks at most this long. `Ok(None)`: nothing came in time.
    ///
    /// # Errors
    /// As [`recv`](Stream::recv).
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Option<Message>> {
        self.session.take(QueueId::Subscription(self.queue), Until::after(timeout))
    }

    /// Looks without blocking.
    ///
    /// # Errors
    /// As [`recv`](Stream::recv).
    pub fn try_recv(&self) -> Result<Option<Message>> {
        self.session.take(QueueId::Subscription(self.queue), Until::Now)
    }

    /// An iterator over its messages; see [`Messages`].
    pub fn messages(&self) -> Messages<'_> {
        Messages::new(&self.session, QueueId::Subscription(self.queue))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.session.check_process().is_ok() {
            self.session.close_stream(self.queue, &self.filter);
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("filter", &self.filter).finish_non_exhaustive()
    }
}

/// An iterator over received messages, from [`Client::messages`](crate::Client::messages) or [`Stream::messages`].
///
/// Without a limit it ends only when the client is closed by this program; a client that died for another reason
/// yields that error once, and then ends.
///
/// ```no_run
/// # fn main() -> aliyun_mqtt::Result<()> {
/// # let client = aliyun_mqtt::Client::connect(aliyun_mqtt::Config::from_env()?)?;
/// use std::time::Duration;
/// // At most 10 messages, and no more once none has come for 2 seconds.
/// for message in client.messages().idle(Duration::from_secs(2)).limit(10) {
///     println!("{}", message?.topic());
/// }
/// # Ok(()) }
/// ```
#[must_use = "an iterator does nothing until it is used"]
pub struct Messages<'a> {
    session: &'a Arc<Session>,
    queue: QueueId,
    idle: Option<Duration>,
    left: Option<usize>,
    ended: bool,
}

impl<'a> Messages<'a> {
    pub(crate) fn new(session: &'a Arc<Session>, queue: QueueId) -> Self {
        Messages { session, queue, idle: None, left: None, ended: false }
    }

    /// Ends when no message has come for this long.
    pub fn idle(mut self, time: Duration) -> Self {
        self.idle = Some(time);
        self
    }

    /// Ends after this many messages, without taking one more.
    pub fn limit(mut self, count: usize) -> Self {
        self.left = Some(count);
        self
    }
}

impl Iterator for Messages<'_> {
    type Item = Result<Message>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended || self.left == Some(0) {
            return None;
        }
        let until = self.idle.map_or(Until::Forever, Until::after);
        match self.session.take(self.queue, until) {
            Ok(Some(message)) => {
                self.left = self.left.map(|left| left - 1);
                Some(Ok(message))
            }
            Ok(None) => {
                self.ended = true;
                None
            }
            Err(error) => {
                self.ended = true;
                (error.kind() != ErrorKind::Closed).then_some(Err(error))
            }
        }
    }
}

impl fmt::Debug for Messages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").field("idle", &self.idle).field("left", &self.left).finish_non_exhaustive()
    }
}

impl Until {
    /// This long from now; for ever, if that is beyond what the clock can say.
    pub(crate) fn after(time: Duration) -> Self {
        if time.is_zero() {
            return Until::Now;
        }
        Instant::now().checked_add(time).map_or(Until::Forever, Until::At)
    }
}
