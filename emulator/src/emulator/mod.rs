//! The handle a program holds, and the thread behind it.

mod endpoints;

use std::fmt;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::account::DeviceCredential;
use crate::broker::SessionInfo;
use crate::builder::Builder;
use crate::engine::{self, Command};
use crate::error::Error;
use crate::log::LogEntry;
use crate::names;
use crate::service::{Order, Service, lock};
use crate::settings::{LISTENERS, Settings};
use crate::sockets;
use crate::time::end_of_calendar;
use crate::tls::Certificates;
use crate::token::Permission;

/// How long the thread behind may take to answer; it needs microseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A running stand-in for one instance of ApsaraMQ for MQTT.
///
/// It lives on a thread of its own; any method can be called from any thread. Dropping it stops it, quietly, and leaves
/// neither thread nor socket behind.
pub struct Emulator {
    service: Arc<Service>,
    certificates: Certificates,
    addresses: [SocketAddr; LISTENERS],
    engine: Mutex<Option<Engine>>,
    /// The ports stay this emulator's own while it is stopped.
    #[cfg(target_os = "linux")]
    _kept: Vec<tokio::net::TcpSocket>,
}

struct Engine {
    commands: UnboundedSender<Command>,
    thread: JoinHandle<()>,
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator")
            .field("addresses", &self.addresses)
            .field("running", &lock(&self.engine).is_some())
            .finish_non_exhaustive()
    }
}

impl Emulator {
    /// Starts an emulator with all defaults. Blocks for some milliseconds.
    ///
    /// # Errors
    /// [`Error::Io`] when the system has no port or thread left.
    pub fn start() -> Result<Self, Error> {
        Self::builder().start()
    }

    /// Settings to change before the start.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn launch(settings: Settings) -> Result<Self, Error> {
        let mut addresses = settings.ports.map(|port| SocketAddr::new(settings.address, port));
        #[cfg(target_os = "linux")]
        let kept = sockets::keep(&mut addresses)?;
        let listeners = sockets::bind(&addresses)?;
        for (address, listener) in addresses.iter_mut().zip(&listeners) {
            *address = listener.local_addr().map_err(|error| Error::io("read a listener's address", error))?;
        }
        let emulator = Self {
            service: Arc::new(Service::new(settings)),
            certificates: Certificates::make()?,
            addresses,
            engine: Mutex::new(None),
            #[cfg(target_os = "linux")]
            _kept: kept,
        };
        *lock(&emulator.engine) = Some(emulator.start_engine(listeners)?);
        Ok(emulator)
    }

    /// Registers a client id for 一机一密 and returns its credential; an earlier one of this client id is void from now
    /// on, for the next login.
    pub fn register_device(&self, client_id: &str) -> DeviceCredential {
        lock(&self.service.directory).register_device(client_id)
    }

    /// Takes a client id's credential away, for the next login. Returns whether there was one.
    pub fn unregister_device(&self, client_id: &str) -> bool {
        lock(&self.service.directory).unregister_device(client_id)
    }

    /// Issues a token to the first access key, for these topics and filters, for so long from now on (any duration, also
    /// one shorter than the service's 60 s; [`Builder::token_time_scale`] does not touch it).
    pub fn issue_token(&self, permission: Permission, resources: &[&str], lifetime: Duration) -> String {
        lock(&self.service.tokens).issue(self.access_key_id(), permission, resources, lifetime)
    }

    /// Revokes a token; clients that are connected with it are told (code 3) and cut at once. Returns whether the token
    /// was ever issued.
    pub fn revoke_token(&self, token: &str) -> bool {
        self.service.revoke_token(token)
    }

    /// Cuts the connection of a client, as a network would; its session stays if it is one that is kept. Returns whether
    /// the client was connected. On return it counts as offline; its socket closes within moments.
    pub fn kick(&self, client_id: &str) -> bool {
        self.service.kick(client_id)
    }

    /// Refuses each following login with this 3.1.1 CONNACK code, 1 to 5 (5 is taken for anything else; MQTT 5 clients
    /// get the reason code of the same meaning); `None` ends it. Connections that exist are not touched.
    pub fn refuse_logins(&self, code: Option<u8>) {
        lock(&self.service.switches).refuse_all = code.map(connack_code);
    }

    /// Refuses the next `count` logins with this code, then goes on as before.
    pub fn refuse_next_logins(&self, count: u32, code: u8) {
        lock(&self.service.switches).refuse_next = (count, connack_code(code));
    }

    /// Answers the next `count` calls of the OpenAPI as throttled, before anything else is looked at: `ApplyToken` with
    /// its own `ApplyTokenOverFlow` (400), any other action with `Throttling.User` (429) and `x-acs-retry-after: 1`.
    pub fn throttle_api(&self, count: u32) {
        lock(&self.service.switches).throttle_api = count;
    }

    /// Answers the next `count` calls of the OpenAPI with this error, before anything else is looked at. A status that
    /// is none from 400 to 599 is taken for 500.
    pub fn fail_api(&self, count: u32, status: u16, code: &str) {
        let status = if (400..=599).contains(&status) { status } else { 500 };
        lock(&self.service.switches).fail_api = (count, status, code.to_owned());
    }

    /// Keeps each following answer of the OpenAPI back for so long: the call is carried out, and logged, before.
    /// [`Duration::ZERO`] ends it.
    pub fn delay_api(&self, delay: Duration) {
        lock(&self.service.switches).delay_api = delay;
    }

    /// Sets the clock of the OpenAPI ahead by so many seconds, or back: the one in its `Date` header, and against which
    /// the time stamps of requests and the `ExpireTime` of `ApplyToken` are checked. 0 ends it. MQTT goes on by the
    /// true time.
    pub fn set_clock_skew(&self, seconds: i64) {
        lock(&self.service.switches).clock_skew = seconds;
    }

    /// Makes publishing to, and subscribing within, this topic or filter a permission fault from now on. A subscription
    /// that reaches further (`a/#` where `a/b` is forbidden) stays allowed.
    pub fn forbid(&self, filter: &str) {
        lock(&self.service.switches).forbidden.push(filter.to_owned());
    }

    /// Takes back a [`forbid`](Self::forbid) of exactly this text. Returns whether there was one.
    pub fn allow(&self, filter: &str) -> bool {
        let mut switches = lock(&self.service.switches);
        let before = switches.forbidden.len();
        switches.forbidden.retain(|forbidden| forbidden != filter);
        switches.forbidden.len() < before
    }

    /// Pushes a message at QoS 0 to one connected client, whatever it has subscribed to: made for
    /// `$SYS/tokenExpireNotice` and its like. Returns whether the client was connected.
    pub fn push_notice(&self, client_id: &str, topic: &str, payload: impl Into<Vec<u8>>) -> bool {
        let order = Order::Push { topic: topic.to_owned(), payload: payload.into() };
        self.service.link(client_id).is_some_and(|link| link.orders.send(order).is_ok())
    }

    /// Sends a message as RocketMQ or the OpenAPI would: to the subscribers of its topic, or to the target of a P2P
    /// topic if that is connected (if not, the message is dropped). Blocks until the broker inside has taken it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a topic the instance does not have or a QoS above 2, [`Error::Stopped`] after
    /// [`stop`](Self::stop).
    pub fn publish_as_service(&self, topic: &str, qos: u8, payload: impl Into<Vec<u8>>) -> Result<(), Error> {
        let parent =
            names::parent_of_topic(topic, self.service.settings.limits.topic_length).map_err(Error::Invalid)?;
        if !self.service.knows_parent(parent) {
            return Err(Error::Invalid(format!("there is no parent topic {parent:?}")));
        }
        let (topic, payload) = (topic.to_owned(), Bytes::from(payload.into()));
        self.ask(|respond_to| Command::Publish { topic, qos, payload, respond_to })?
    }

    /// All sessions, of connected clients and kept ones, sorted by client id. Empty while stopped.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.ask(|respond_to| Command::Sessions { respond_to }).unwrap_or_default()
    }

    /// Whether a client is connected: from just before its CONNACK leaves until its connection is known to have ended.
    #[must_use]
    pub fn is_online(&self, client_id: &str) -> bool {
        self.service.link(client_id).is_some()
    }

    /// Everything seen so far (as far as it is kept), in order.
    #[must_use]
    pub fn log(&self) -> Vec<LogEntry> {
        self.service.log.since(0)
    }

    /// What was seen from this sequence number on.
    #[must_use]
    pub fn log_since(&self, sequence: u64) -> Vec<LogEntry> {
        self.service.log.since(sequence)
    }

    /// The sequence number the next log entry will get: take it before an action, and look at
    /// [`log_since`](Self::log_since) after it.
    #[must_use]
    pub fn log_position(&self) -> u64 {
        self.service.log.position()
    }

    /// The first log entry that `wanted` accepts, whether it is there already or comes within `timeout`. Entries are
    /// shown to `wanted` in order, each once.
    pub fn wait_for_log(&self, timeout: Duration, wanted: impl FnMut(&LogEntry) -> bool) -> Option<LogEntry> {
        self.wait_for_log_since(0, timeout, wanted)
    }

    /// As [`wait_for_log`](Self::wait_for_log), but only looks from this sequence number on.
    pub fn wait_for_log_since(
        &self,
        sequence: u64,
        timeout: Duration,
        wanted: impl FnMut(&LogEntry) -> bool,
    ) -> Option<LogEntry> {
        self.service.log.wait(sequence, timeout, wanted)
    }

    /// Cuts all connections and closes the listeners. Sessions and waiting messages are lost; accounts, tokens, switches
    /// and the log stay. Blocks until all is closed. Does nothing if it is stopped already.
    ///
    /// # Errors
    /// [`Error::Broker`] if the thread behind had panicked.
    pub fn stop(&self) -> Result<(), Error> {
        let Some(engine) = lock(&self.engine).take() else { return Ok(()) };
        // Fails only if the thread is gone, which the join shows.
        let _ = engine.commands.send(Command::Stop);
        engine.thread.join().map_err(|_| Error::Broker("its thread panicked".into()))
    }

    /// Stops if it is running, and starts again on the same ports. Sessions are lost; see [`stop`](Self::stop).
    ///
    /// # Errors
    /// [`Error::Io`] if somebody else has taken one of the ports in the meantime; on Linux nobody gets one by chance.
    pub fn restart(&self) -> Result<(), Error> {
        self.stop()?;
        let engine = self.start_engine(sockets::bind(&self.addresses)?)?;
        *lock(&self.engine) = Some(engine);
        Ok(())
    }

    fn start_engine(&self, listeners: Vec<StdListener>) -> Result<Engine, Error> {
        check_clock(SystemTime::now())?;
        let (commands, received) = unbounded_channel();
        let (ready, is_ready) = channel();
        let (service, acceptor) = (Arc::clone(&self.service), self.certificates.acceptor.clone());
        let thread = std::thread::Builder::new()
            .name("mqtt-emulator".into())
            .spawn(move || engine::run(&service, acceptor, listeners, received, &ready))
            .map_err(|error| Error::io("start a thread", error))?;
        is_ready.recv().unwrap_or_else(|_| Err(Error::Broker("its thread ended".into())))?;
        Ok(Engine { commands, thread })
    }

    fn ask<T>(&self, command: impl FnOnce(Sender<T>) -> Command) -> Result<T, Error> {
        let commands = lock(&self.engine).as_ref().map(|engine| engine.commands.clone()).ok_or(Error::Stopped)?;
        let (respond_to, answer) = channel();
        commands.send(command(respond_to)).map_err(|_| Error::Stopped)?;
        answer.recv_timeout(ANSWER_TIMEOUT).map_err(|_| Error::Stopped)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = self.stop();
    }
}

/// The broker inside panics where the calendar has no such time.
fn check_clock(now: SystemTime) -> Result<(), Error> {
    if (SystemTime::UNIX_EPOCH..=end_of_calendar()).contains(&now) {
        Ok(())
    } else {
        Err(Error::Broker("this machine's clock is before 1970 or after 9999; set it".into()))
    }
}

fn connack_code(code: u8) -> u8 {
    if (1..=5).contains(&code) { code } else { 5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_the_broker_does_not_take_is_refused() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(check_clock(SystemTime::now()).is_ok() && check_clock(at(253_402_300_799)).is_ok());
        for off in [at(253_402_300_800), SystemTime::UNIX_EPOCH - Duration::from_secs(1)] {
            assert!(matches!(check_clock(off), Err(Error::Broker(why)) if why.contains("clock")));
        }
    }
}
