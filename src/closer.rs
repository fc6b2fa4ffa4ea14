//! The handle that ends the waits of a client from another thread.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::session::Session;

/// Ends the waits of a client from any thread; from [`Client::closer`](crate::Client::closer).
///
/// It does not keep the client alive, and does nothing once the client has ended.
///
/// ```no_run
/// # fn on_ctrl_c(_: impl FnOnce() + Send + 'static) {}
/// # fn work(_: &aliyun_mqtt::Message) {}
/// # fn main() -> aliyun_mqtt::Result<()> {
/// # let client = aliyun_mqtt::Client::connect(aliyun_mqtt::Config::from_env()?)?;
/// let closer = client.closer();
/// on_ctrl_c(move || closer.close());
/// for message in client.messages() {
///     let message = message?;
///     work(&message);
///     message.ack()?; // The connection is still there.
/// }
/// client.disconnect()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Closer {
    session: Weak<Session>,
    /// The process it was made in: after a fork, the child's copy must not touch a lock.
    process: u32,
}

impl Closer {
    pub(crate) fn new(session: &Arc<Session>) -> Self {
        Closer { session: Arc::downgrade(session), process: std::process::id() }
    }

    /// Closes the client and returns at once.
    ///
    /// From then on, on every handle of the client:
    ///
    /// * Calls that wait end with [`Closed`](crate::ErrorKind::Closed), also those made later:
    ///   [`recv`](crate::Client::recv), [`recv_timeout`](crate::Client::recv_timeout), [`flush`](crate::Client::flush),
    ///   [`Delivery::wait`](crate::Delivery::wait) and the others. [`messages`](crate::Client::messages) ends without
    ///   an error. Messages in the inbox stay there; [`try_recv`](crate::Client::try_recv), or a timeout of zero, still
    ///   takes them.
    /// * New messages and subscriptions are refused with [`Closed`](crate::ErrorKind::Closed).
    /// * A blocking call that was sending, such as [`publish`](crate::Client::publish) or
    ///   [`subscribe`](crate::Client::subscribe), gives its operation up and reports its [`fate`](crate::Error::fate):
    ///   [`NotSent`](crate::Fate::NotSent) was not written and will not be; [`Unknown`](crate::Fate::Unknown) was
    ///   written, and its acknowledgement is not waited for.
    ///
    /// The connection stays until [`disconnect`](crate::Client::disconnect): messages already received can still be
    /// acknowledged, and queued messages are still delivered. `disconnect` waits as usual, within its timeout.
    ///
    /// Any thread may call it, any number of times. It takes locks, so a signal handler must not call it, only a thread
    /// that the handler wakes. In a forked child it does nothing.
    pub fn close(&self) {
        if self.process == std::process::id() {
            if let Some(session) = self.session.upgrade() {
                session.interrupt();
            }
        }
    }
}

impl fmt::Debug for Closer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closer").finish_non_exhaustive()
    }
}
