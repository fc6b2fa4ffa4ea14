//! The handle of an emulator, and its thread.

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

/// How long the thread of the emulator may take to respond. It needs microseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A running emulator of one instance of ApsaraMQ for MQTT.
///
/// It runs on a thread of its own. All methods can be called from any thread. Dropping it stops it without an error and
/// leaves no thread and no socket behind.
pub struct Emulator {
    service: Arc<Service>,
    certificates: Certificates,
    addresses: [SocketAddr; LISTENERS],
    engine: Mutex<Option<Engine>>,
    /// Reserve the ports while the emulator is stopped.
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
    /// Starts an emulator with default settings. Blocks for some milliseconds.
    ///
    /// # Errors
    /// [`Error::Io`] if the system has no port or thread left.
    pub fn start() -> Result<Self, Error> {
        Self::builder().start()
    }

    /// Returns a builder, to change settings before the start.
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

    /// Registers a client id for device credentials (一机一密) and returns its credential. Later logins with an earlier
    /// credential of this client id are refused.
    pub fn register_device(&self, client_id: &str) -> DeviceCredential {
        lock(&self.service.directory).register_device(client_id)
    }

    /// Removes the credential of a client id; later logins with it are refused. Returns true if there was one.
    pub fn unregister_device(&self, client_id: &str) -> bool {
        lock(&self.service.directory).unregister_device(client_id)
    }

    /// Issues a token to the first AccessKey, for these topics and filters. It expires after `lifetime`, which may be
    /// shorter than the 60 s of the service, and which [`Builder::token_time_scale`] does not change.
    pub fn issue_token(&self, permission: Permission, resources: &[&str], lifetime: Duration) -> String {
        lock(&self.service.tokens).issue(self.access_key_id(), permission, resources, lifetime)
    }

    /// Revokes a token. Clients connected with it receive a notice (code 3), and their connections are closed at once.
    /// Returns true if the token was ever issued.
    pub fn revoke_token(&self, token: &str) -> bool {
        self.service.revoke_token(token)
    }

    /// Closes the connection of a client, as a failing network would; a persistent session stays. Returns true if the
    /// client was connected. When it returns, the client is offline; its socket closes within moments.
    pub fn kick(&self, client_id: &str) -> bool {
        self.service.kick(client_id)
    }

    /// Refuses all later logins with this CONNACK code of MQTT 3.1.1, 1 to 5; any other is replaced by 5. MQTT 5
    /// clients receive the corresponding reason code. `None` accepts logins again. Existing connections are not
    /// affected.
    pub fn refuse_logins(&self, code: Option<u8>) {
        lock(&self.service.switches).refuse_all = code.map(connack_code);
    }

    /// Refuses the next `count` logins with this code; see [`refuse_logins`](Self::refuse_logins).
    pub fn refuse_next_logins(&self, count: u32, code: u8) {
        lock(&self.service.switches).refuse_next = (count, connack_code(code));
    }

    /// Throttles the next `count` calls of the OpenAPI, before any check: `ApplyToken` fails with its own
    /// `ApplyTokenOverFlow` (400), any other action with `Throttling.User` (429) and `x-acs-retry-after: 1`.
    pub fn throttle_api(&self, count: u32) {
        lock(&self.service.switches).throttle_api = count;
    }

    /// Fails the next `count` calls of the OpenAPI with this error, before any check. A status outside 400 to 599 is
    /// replaced by 500.
    pub fn fail_api(&self, count: u32, status: u16, code: &str) {
        let status = if (400..=599).contains(&status) { status } else { 500 };
        lock(&self.service.switches).fail_api = (count, status, code.to_owned());
    }

    /// Delays all later responses of the OpenAPI. The calls themselves are carried out and logged without delay.
    /// [`Duration::ZERO`] ends the delay.
    pub fn delay_api(&self, delay: Duration) {
        lock(&self.service.switches).delay_api = delay;
    }

    /// Sets the clock of the OpenAPI ahead by `seconds`, or back if negative. The clock is shown in the `Date` header,
    /// and timestamps of requests and the `ExpireTime` of `ApplyToken` are checked against it. MQTT keeps the true
    /// time. 0 ends the skew.
    pub fn set_clock_skew(&self, seconds: i64) {
        lock(&self.service.switches).clock_skew = seconds;
    }

    /// Forbids this topic or filter: from now on, publishing to a topic that it matches, or subscribing to a filter
    /// that it covers, is a violation. A wider subscription (`a/#` where `a/b` is forbidden) stays allowed.
    pub fn forbid(&self, filter: &str) {
        lock(&self.service.switches).forbidden.push(filter.to_owned());
    }

    /// Reverts a [`forbid`](Self::forbid) of exactly this filter. Returns true if there was one.
    pub fn allow(&self, filter: &str) -> bool {
        let mut switches = lock(&self.service.switches);
        let before = switches.forbidden.len();
        switches.forbidden.retain(|forbidden| forbidden != filter);
        switches.forbidden.len() < before
    }

    /// Sends a QoS 0 message to one connected client, whatever it has subscribed to, such as `$SYS/tokenExpireNotice`.
    /// Returns true if the client was connected.
    pub fn push_notice(&self, client_id: &str, topic: &str, payload: impl Into<Vec<u8>>) -> bool {
        let order = Order::Push { topic: topic.to_owned(), payload: payload.into() };
        self.service.link(client_id).is_some_and(|link| link.orders.send(order).is_ok())
    }

    /// Sends a message as RocketMQ or the OpenAPI would: to the subscribers of its topic, or to the target of a P2P
    /// topic. If that target is not connected, the message is dropped. Blocks until the broker inside has accepted it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a topic the instance does not have and for a QoS above 2, [`Error::Stopped`] after
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

    /// Returns all sessions, those of offline clients included, sorted by client id. Empty while stopped.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.ask(|respond_to| Command::Sessions { respond_to }).unwrap_or_default()
    }

    /// Returns true if a client is connected: from just before its CONNACK is sent until its connection has ended.
    #[must_use]
    pub fn is_online(&self, client_id: &str) -> bool {
        self.service.link(client_id).is_some()
    }

    /// Returns all entries that the log still holds, in order.
    #[must_use]
    pub fn log(&self) -> Vec<LogEntry> {
        self.service.log.since(0)
    }

    /// Returns the entries from this sequence number on.
    #[must_use]
    pub fn log_since(&self, sequence: u64) -> Vec<LogEntry> {
        self.service.log.since(sequence)
    }

    /// Returns the sequence number of the next log entry. Take it before an action, and call
    /// [`log_since`](Self::log_since) after it.
    #[must_use]
    pub fn log_position(&self) -> u64 {
        self.service.log.position()
    }

    /// Returns the first log entry that `wanted` accepts, among those in the log and those that come within `timeout`.
    /// `wanted` sees the entries in order, each once.
    pub fn wait_for_log(&self, timeout: Duration, wanted: impl FnMut(&LogEntry) -> bool) -> Option<LogEntry> {
        self.wait_for_log_since(0, timeout, wanted)
    }

    /// As [`wait_for_log`](Self::wait_for_log), from this sequence number on.
    pub fn wait_for_log_since(
        &self,
        sequence: u64,
        timeout: Duration,
        wanted: impl FnMut(&LogEntry) -> bool,
    ) -> Option<LogEntry> {
        self.service.log.wait(sequence, timeout, wanted)
    }

    /// Closes all connections and listeners, and returns when all are closed. Sessions and stored messages are deleted;
    /// accounts, tokens, switches and the log stay. Does nothing if the emulator is stopped already.
    ///
    /// # Errors
    /// [`Error::Broker`] if the thread of the emulator has panicked.
    pub fn stop(&self) -> Result<(), Error> {
        let Some(engine) = lock(&self.engine).take() else { return Ok(()) };
        // Fails only if the thread has ended, which the join reports.
        let _ = engine.commands.send(Command::Stop);
        engine.thread.join().map_err(|_| Error::Broker("its thread panicked".into()))
    }

    /// Stops the emulator if it is running, and starts it again on the same ports. Sessions are deleted; see
    /// [`stop`](Self::stop).
    ///
    /// # Errors
    /// [`Error::Io`] if another program has taken one of the ports in the meantime. On Linux the ports stay reserved.
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
        // Nobody is left to handle the error.
        let _ = self.stop();
    }
}

/// The broker inside panics at times that a calendar cannot show.
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
