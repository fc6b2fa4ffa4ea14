//! The handle of an emulator.

mod accounts;
pub(crate) mod endpoints;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::broker::SessionInfo;
use crate::builder::Builder;
use crate::control::Control;
use crate::error::Error;
use crate::log::LogEntry;
use crate::machine::Machine;
use crate::service::lock;
use crate::settings::Settings;
use crate::token::Permission;

/// A running emulator of one instance of ApsaraMQ for MQTT.
///
/// It runs on a thread of its own. All methods can be called from any thread. Dropping it stops it without an error and
/// leaves no thread and no socket behind.
pub struct Emulator {
    machine: Arc<Machine>,
    control: Option<Control>,
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator")
            .field("addresses", &self.machine.addresses)
            .field("running", &self.machine.is_running())
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
        let control = settings.control.clone();
        let machine = Arc::new(Machine::launch(settings)?);
        let control = control.map(|settings| Control::start(&settings, Arc::clone(&machine))).transpose()?;
        Ok(Self { machine, control })
    }

    /// Issues a token to the first AccessKey, for these topics and filters. It expires after `lifetime`, which may be
    /// shorter than the 60 s of the service, and which [`Builder::token_time_scale`] does not change.
    pub fn issue_token(&self, permission: Permission, resources: &[&str], lifetime: Duration) -> String {
        lock(&self.machine.service.tokens).issue(self.access_key_id(), permission, resources, lifetime)
    }

    /// Revokes a token. Clients connected with it receive a notice (code 3), and their connections are closed at once.
    /// Returns true if the token was ever issued.
    pub fn revoke_token(&self, token: &str) -> bool {
        self.machine.service.revoke_token(token)
    }

    /// Lets a token expire now, whatever its lifetime. Clients connected with it receive a notice (code 2), and their
    /// connections are closed at once. Returns true if the token was ever issued.
    pub fn expire_token(&self, token: &str) -> bool {
        self.machine.service.expire_token(token)
    }

    /// Closes the connection of a client, as a failing network would; a persistent session stays. Returns true if the
    /// client was connected. When it returns, the client is offline; its socket closes within moments.
    pub fn kick(&self, client_id: &str) -> bool {
        self.machine.service.kick(client_id)
    }

    /// Refuses all later logins with this CONNACK code of MQTT 3.1.1, 1 to 5; any other is replaced by 5. MQTT 5
    /// clients receive the corresponding reason code. `None` accepts logins again. Existing connections are not
    /// affected.
    pub fn refuse_logins(&self, code: Option<u8>) {
        lock(&self.machine.service.switches).refuse_logins(code);
    }

    /// Refuses the next `count` logins with this code; see [`refuse_logins`](Self::refuse_logins).
    pub fn refuse_next_logins(&self, count: u32, code: u8) {
        lock(&self.machine.service.switches).refuse_next_logins(count, code);
    }

    /// Throttles the next `count` calls of the OpenAPI, before any check: `ApplyToken` fails with its own
    /// `ApplyTokenOverFlow` (400), any other action with `Throttling.User` (429) and `x-acs-retry-after: 1`.
    pub fn throttle_api(&self, count: u32) {
        lock(&self.machine.service.switches).throttle_api = count;
    }

    /// Fails the next `count` calls of the OpenAPI with this error, before any check. A status outside 400 to 599 is
    /// replaced by 500.
    pub fn fail_api(&self, count: u32, status: u16, code: &str) {
        lock(&self.machine.service.switches).fail_api(count, status, code);
    }

    /// Delays all later responses of the OpenAPI. The calls themselves are carried out and logged without delay.
    /// [`Duration::ZERO`] ends the delay.
    pub fn delay_api(&self, delay: Duration) {
        lock(&self.machine.service.switches).delay_api = delay;
    }

    /// Sets the clock of the OpenAPI ahead by `seconds`, or back if negative. The clock is shown in the `Date` header,
    /// and timestamps of requests and the `ExpireTime` of `ApplyToken` are checked against it. MQTT keeps the true
    /// time. 0 ends the skew.
    pub fn set_clock_skew(&self, seconds: i64) {
        lock(&self.machine.service.switches).clock_skew = seconds;
    }

    /// Forbids this topic or filter: from now on, publishing to a topic that it matches, or subscribing to a filter
    /// that it covers, is a violation. A wider subscription (`a/#` where `a/b` is forbidden) stays allowed.
    /// An ill-formed filter forbids nothing, and neither does one beyond the first 10,000.
    pub fn forbid(&self, filter: &str) {
        lock(&self.machine.service.switches).forbid(filter);
    }

    /// Reverts a [`forbid`](Self::forbid) of exactly this filter. Returns true if there was one.
    pub fn allow(&self, filter: &str) -> bool {
        lock(&self.machine.service.switches).allow(filter)
    }

    /// Sends a QoS 0 message to one connected client, whatever it has subscribed to, such as `$SYS/tokenExpireNotice`.
    /// Returns true if the client was connected.
    pub fn push_notice(&self, client_id: &str, topic: &str, payload: impl Into<Vec<u8>>) -> bool {
        self.machine.service.push_notice(client_id, topic.to_owned(), payload.into())
    }

    /// Sends a message as RocketMQ or the OpenAPI would: to the subscribers of its topic, or to the target of a P2P
    /// topic. If that target is not connected, the message is dropped. Blocks until the broker inside has accepted it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a topic the instance does not have, a payload above its limit and a QoS above 2,
    /// [`Error::Stopped`] after [`stop`](Self::stop).
    pub fn publish_as_service(&self, topic: &str, qos: u8, payload: impl Into<Vec<u8>>) -> Result<(), Error> {
        self.machine.publish(topic, qos, payload.into())
    }

    /// Returns all sessions, those of offline clients included, sorted by client id. Empty while stopped.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.machine.sessions()
    }

    /// Returns true if a client is connected: from just before its CONNACK is sent until its connection has ended.
    #[must_use]
    pub fn is_online(&self, client_id: &str) -> bool {
        self.machine.service.link(client_id).is_some()
    }

    /// Returns all entries that the log still holds, in order.
    #[must_use]
    pub fn log(&self) -> Vec<LogEntry> {
        self.machine.service.log.since(0)
    }

    /// Returns the entries from this sequence number on.
    #[must_use]
    pub fn log_since(&self, sequence: u64) -> Vec<LogEntry> {
        self.machine.service.log.since(sequence)
    }

    /// Returns the sequence number of the next log entry. Take it before an action, and call
    /// [`log_since`](Self::log_since) after it.
    #[must_use]
    pub fn log_position(&self) -> u64 {
        self.machine.service.log.position()
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
        self.machine.service.log.wait(sequence, timeout, wanted)
    }

    /// Closes all connections and listeners, and returns when all are closed. Sessions and stored messages are deleted;
    /// accounts, tokens, switches and the log stay. Does nothing if the emulator is stopped already.
    ///
    /// # Errors
    /// [`Error::Broker`] if the thread of the emulator has panicked.
    pub fn stop(&self) -> Result<(), Error> {
        self.machine.stop()
    }

    /// Stops the emulator if it is running, and starts it again on the same ports. Sessions are deleted; see
    /// [`stop`](Self::stop).
    ///
    /// # Errors
    /// [`Error::Io`] if another program has taken one of the ports in the meantime. On Linux the ports stay reserved.
    pub fn restart(&self) -> Result<(), Error> {
        self.machine.restart()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Before the engine, which it could start again.
        self.control = None;
        // Nobody is left to handle the error.
        let _ = self.stop();
    }
}
