//! The client: the handle that a program uses.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::closer::Closer;
use crate::config::Config;
use crate::deadline::after;
use crate::error::Result;
use crate::events::Events;
use crate::session::Session;
use crate::stats::Stats;

mod receive;
mod send;

/// The longest time that dropping the last handle may take.
const DROP: Duration = Duration::from_secs(1);

/// A connection to ApsaraMQ for MQTT, kept alive by one background thread.
///
/// The calls block and need no runtime. Each may be made from any thread, also from inside an async program and while
/// another thread receives. A clone is another handle to the same connection.
///
/// Every wait has a deadline: the configured timeout, or the one given to [`with_timeout`](Client::with_timeout). The
/// exceptions are `recv` and `messages`, of the client and of a [`Subscription`](crate::Subscription), which wait as
/// long as the client lives, and [`Delivery::wait`](crate::Delivery::wait) with a spool. [`closer`](Client::closer)
/// gives a handle that ends the waits from another thread.
///
/// A lost connection is made again in the background; the manual describes [connections](crate::manual::connections),
/// and what happens to [messages](crate::manual::sending) meanwhile.
///
/// Dropping the last handle disconnects quietly within a second. [`disconnect`](Client::disconnect) takes up to the
/// configured timeout and reports what was not delivered. After a `fork`, every call in the child on its parent's
/// client fails with [`Forked`](crate::ErrorKind::Forked).
#[derive(Clone)]
pub struct Client {
    handle: Arc<Handle>,
    timeout: Duration,
}

/// The part that all clones share. Its drop ends the connection.
struct Handle {
    session: Arc<Session>,
}

impl Client {
    /// Connects and blocks until the service has accepted the login (CONNACK) and, in ordered mode, the order flag; at
    /// most for [`Config::timeout`].
    ///
    /// The first connect is tried once and fails at once with its reason. Only a connection that was established is
    /// made again in the background.
    ///
    /// # Errors
    /// [`Resolve`](crate::ErrorKind::Resolve), [`Connect`](crate::ErrorKind::Connect), [`Tls`](crate::ErrorKind::Tls),
    /// [`Refused`](crate::ErrorKind::Refused) with the CONNACK code and its usual cause,
    /// [`Protocol`](crate::ErrorKind::Protocol) when the answer is not MQTT,
    /// [`Credentials`](crate::ErrorKind::Credentials), or [`Timeout`](crate::ErrorKind::Timeout) with the stage.
    pub fn connect(config: Config) -> Result<Client> {
        let timeout = config.timeout();
        let session = Session::start(config)?;
        Ok(Client { handle: Arc::new(Handle { session }), timeout })
    }

    /// Wraps a session that a test made.
    #[cfg(all(test, feature = "spool"))]
    pub(crate) fn over(session: Arc<Session>) -> Client {
        let timeout = session.config().timeout();
        Client { handle: Arc::new(Handle { session }), timeout }
    }

    /// Returns another handle to the same connection, whose calls use this timeout in place of the configured one.
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

    /// Returns the configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        self.session().config()
    }

    /// Returns a listener for what happens to the connection from now on.
    #[must_use]
    pub fn events(&self) -> Events {
        self.session().events()
    }

    /// Returns the current counters and gauges. In a forked child all are zero.
    #[must_use]
    pub fn stats(&self) -> Stats {
        if self.session().check_process().is_err() {
            return Stats::default();
        }
        self.session().stats()
    }

    /// Returns true if there is a connection now. There is no need to check before publishing, which waits for a
    /// connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.session().check_process().is_ok() && self.session().is_connected()
    }

    /// Returns a handle that ends the waits of all calls from any thread, for Ctrl-C or a supervisor's stop request.
    ///
    /// The handle does not keep the client alive.
    #[must_use]
    pub fn closer(&self) -> Closer {
        Closer::new(self.session())
    }

    /// Delivers the accepted messages, sends DISCONNECT, and ends the background thread. Blocks at most for the
    /// timeout.
    ///
    /// Waits for the server to finish the exchange of each QoS 2 message that was acknowledged before, so that it is
    /// not delivered again in a kept session. If the time is over first, a warning is logged, and the call does not
    /// fail.
    ///
    /// As soon as it begins, every handle refuses new operations with [`Closed`](crate::ErrorKind::Closed). Messages
    /// received before can still be taken, but not acknowledged. Their number is in
    /// [`Event::Ended`](crate::Event::Ended), in [`Stats::untaken`](crate::Stats::untaken) and in a warning in the log.
    /// When it returns, every [`Delivery`](crate::Delivery) is settled. Calling it again does nothing.
    ///
    /// # Errors
    /// [`Undelivered`](crate::ErrorKind::Undelivered) with the number of messages that were not delivered in time, or
    /// that had failed before without being reported, and the first reason; or the reason for which the client had
    /// already ended.
    pub fn disconnect(&self) -> Result<()> {
        self.session().close(after(self.timeout))
    }

    /// Returns when the first of the tokens in use expires, as far as that is known. For the command line.
    #[doc(hidden)]
    #[must_use]
    pub fn token_expires(&self) -> Option<SystemTime> {
        self.session().check_process().ok().and_then(|()| self.session().token_expires())
    }

    /// Fails with the reason for which new operations are refused, if the client is closed or has ended. Does not
    /// block. For the bindings to other languages.
    #[doc(hidden)]
    pub fn check_open(&self) -> Result<()> {
        self.session().check_process()?;
        self.session().check_open()
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.handle.session
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

/// A program may keep these in statics, share them, and move them between threads.
const _: () = {
    const fn send_and_sync<T: Send + Sync>() {}
    send_and_sync::<Client>();
    send_and_sync::<Closer>();
    send_and_sync::<Config>();
    send_and_sync::<crate::Delivery>();
    send_and_sync::<crate::Error>();
    send_and_sync::<crate::Subscription>();
};
