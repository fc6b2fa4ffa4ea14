//! The worker thread: makes connections, feeds their events to the state, and pauses between attempts.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use super::login::{Renewer, login};
use super::login_policy::{LoginPolicy, Next, is_refused_login};
use crate::config::proxy::Proxy;
use crate::credentials::Login;
use crate::detached;
use crate::error::{Code, Error, ErrorKind, Fate, Result, Stage};
use crate::events::Event;
use crate::printable::excerpt;
use crate::session::Session;
use crate::session::core::state::{Awaited, Disconnected, Flow};
use crate::session::wire::dial;
use crate::session::wire::dialler;
use crate::session::wire::link::{Cause, ConnAck, Failure, LinkEvent, LinkPump, LinkSender};
use crate::session::wire::open;
use crate::session::wire::oversized;
use crate::session::wire::probe;
use crate::session::wire::route::Route;

/// A value of `Session::connecting`.
pub(in crate::session) const ASKING: u8 = 1;
pub(in crate::session) const DIALLING: u8 = 2;
pub(in crate::session) const SETTING_UP: u8 = 3;

/// The longest time for examining a failed handshake.
const PROBE: Duration = Duration::from_secs(5);

/// The longest time for one attempt to reconnect.
const DIAL: Duration = Duration::from_secs(30);

/// How much longer than its caller the first attempt waits, so that the caller reports the timeout.
const LATER: Duration = Duration::from_secs(1);

/// A connection that has been made, and the server's answer.
type Dialled = (Box<dyn LinkSender>, Box<dyn LinkPump>, ConnAck);

/// How an attempt ended.
enum End {
    /// DISCONNECT was sent, or there was no connection.
    Left,
    /// A connection could not be made, or was lost.
    Failed(Failure),
    /// A failure that the state has already handled, with the time the connection had lasted.
    Disconnected { failure: Failure, disconnected: Disconnected, lasted: Duration },
}

/// Runs until the client is closed or gives up. `ready` receives the outcome of the first connection.
pub(in crate::session) fn run(session: &Arc<Session>, ready: SyncSender<Result<()>>) {
    let mut worker = Worker {
        session,
        ready: Some(ready),
        policy: LoginPolicy::new(&session.config),
        renewer: Renewer::default(),
        probed: None,
        let_in: false,
        deadline: Instant::now() + session.config.timeout(),
    };
    let reason = catch_unwind(AssertUnwindSafe(|| worker.work())).unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<&str>().map(ToString::to_string);
        let what = what.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Error::internal(format!("the connection's thread panicked: {}", excerpt(&what))).with_fate(Fate::Unknown)
    });
    if let Some(ready) = worker.ready.take() {
        let _ = ready.send(Err(reason.clone()));
    }
    let mut state = session.lock();
    let ended = state.die(&reason);
    drop(state);
    // The program's logger may panic, which must not leave anybody waiting for the end of this thread.
    let _ = catch_unwind(AssertUnwindSafe(|| session.emit(ended.as_slice())));
    worker.renewer.join();
    let mut state = session.lock();
    state.life.worker_ended();
    state.mark_changed();
    if session.stranded.swap(true, Ordering::Relaxed) {
        detached::count_stranded(false);
    }
    drop(state);
    session.events.close();
}

struct Worker<'a> {
    session: &'a Arc<Session>,
    ready: Option<SyncSender<Result<()>>>,
    policy: LoginPolicy,
    renewer: Renewer,
    /// The findings about a failed handshake since the last connection.
    probed: Option<probe::Findings>,
    /// When the caller of the first connection no longer waits.
    deadline: Instant,
    /// The server has sent a packet above the limit: from now on such packets are read and discarded.
    let_in: bool,
}

impl Worker<'_> {
    /// Returns the reason for the end.
    fn work(&mut self) -> Error {
        let config = &self.session.config;
        let (endpoint, proxy) = (config.endpoint(), config.proxy());
        // A loopback address behind a proxy belongs to another machine.
        let stays_here = endpoint.is_loopback() && proxy.is_none_or(Proxy::is_loopback);
        if !endpoint.transport().is_tls() && !stays_here {
            log::warn!(
                "the connection to {} is not encrypted: anybody on the network path can read it",
                config.route()
            );
        }
        loop {
            let (failure, disconnected) = match self.attempt() {
                End::Left => return Error::closed(),
                End::Failed(failure) => {
                    let failure = self.look_into(failure);
                    let mut events = Vec::new();
                    let mut state = self.session.lock();
                    let disconnected = state.disconnected(&failure, self.session.now(), &mut events);
                    let wake = state.unlock();
                    self.session.emit(&events);
                    drop(wake);
                    (failure, disconnected)
                }
                End::Disconnected { failure, disconnected, lasted } => {
                    self.policy.ended(lasted, disconnected.cured);
                    (failure, disconnected)
                }
            };
            let Disconnected { reason, fatal, ended_over_token, relogin, .. } = disconnected;
            let fatal = fatal.or_else(|| {
                let code = self.policy.out_of_patience_over_tokens(ended_over_token, Instant::now())?;
                Some(over_tokens(code, &reason))
            });
            if self.leaving() {
                return Error::closed();
            }
            if let Some(fatal) = fatal {
                self.session.emit(&[Event::Disconnected { reason, retry_in: None }]);
                return fatal;
            }
            if relogin {
                // This happens once per key, and the login is ready.
                self.session.emit(&[Event::Disconnected { reason, retry_in: Some(Duration::ZERO) }]);
                continue;
            }
            if !self.let_in && oversized::passes(&failure, &self.session.config) {
                // This happens once per client, so there is no need for a pause.
                self.let_in = true;
                self.session.emit(&[Event::Disconnected { reason, retry_in: Some(Duration::ZERO) }]);
                continue;
            }
            let renewable = is_refused_login(failure.cause) && {
                let other_key = self.session.config.credentials().login_refused();
                self.session.lock().login_refused(self.session.now()) || other_key
            };
            if self.ready.is_some() {
                if self.policy.first_again(failure.cause, renewable, Instant::now()) {
                    continue;
                }
                // The first connect fails at once, and only its caller gets the reason: nobody else knows the client
                // yet.
                return reason;
            }
            let Next::After(pause) = self.policy.next(failure.cause, Instant::now()) else {
                self.session.emit(&[Event::Disconnected { reason: reason.clone(), retry_in: None }]);
                return given_up(&reason);
            };
            self.session.emit(&[Event::Disconnected { reason, retry_in: Some(pause) }]);
            if self.sleep(pause) {
                return Error::closed();
            }
        }
    }

    /// Makes and runs one connection, from the credentials to its end.
    fn attempt(&mut self) -> End {
        if self.leaving() {
            return End::Left;
        }
        self.session.connecting.store(ASKING, Ordering::Relaxed);
        let login = match login(self.session, &mut self.policy, &mut self.renewer) {
            Ok(login) => login,
            Err(error) => return End::Failed(Failure { error, cause: Cause::Other }),
        };
        if self.leaving() {
            return End::Left;
        }
        self.session.lock().logging_in(&login);
        self.session.connecting.store(DIALLING, Ordering::Relaxed);
        let config = &self.session.config;
        // The caller of the first attempt has its own deadline and reports what hangs; nobody waits for a later
        // attempt.
        let limit = if self.ready.is_some() { config.timeout() + LATER } else { config.timeout().min(DIAL) };
        let deadline = Instant::now() + limit;
        match self.dial(&login, deadline) {
            Ok((sender, mut pump, ack)) => {
                drop(login);
                self.serve(sender, ack, pump.as_mut())
            }
            Err(Some(failure)) => End::Failed(oversized::explain(failure, config)),
            Err(None) => End::Left,
        }
    }

    /// Makes a connection to one of the addresses. Returns its two halves and the server's answer. `Err(None)`: the
    /// client is leaving.
    fn dial(&self, login: &Login, deadline: Instant) -> Result<Dialled, Option<Failure>> {
        let config = &self.session.config;
        let leaving = || self.leaving();
        dial::check_descriptors(config)?;
        let mut route = Route::find(config, deadline, &leaving)?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let longest = oversized::longest(config, self.let_in);
            let (sender, pump) = open::open(config, login, left, longest, route.target())?;
            match dialler::dial(config, pump, &route, deadline, &leaving) {
                dialler::Dialled::Made(pump, ack) => return Ok((sender, pump, ack)),
                dialler::Dialled::Failed(failure) => {
                    if let Some(failure) = route.failed(failure, config, deadline, &leaving) {
                        return Err(Some(failure));
                    }
                }
                dialler::Dialled::Elsewhere(address) => {
                    log::debug!("another address of {} answers: {address}", config.route());
                    route.settle(address);
                }
                dialler::Dialled::Leaving => return Err(None),
                dialler::Dialled::TimedOut => return Err(Some(route.timed_out(config))),
            }
        }
    }

    /// Serves one connection, from CONNACK to its end.
    fn serve(&mut self, sender: Box<dyn LinkSender>, ack: ConnAck, pump: &mut dyn LinkPump) -> End {
        let since = Instant::now();
        self.session.connecting.store(SETTING_UP, Ordering::Relaxed);
        let mut state = self.session.lock();
        let mut quiet_until = state.connected(sender, ack, pump, self.session.now());
        drop(state);
        let mut batch = VecDeque::new();
        loop {
            match self.handle(&mut batch, pump) {
                Ok(Flow::Left(by)) => {
                    pump.drain(by);
                    return End::Left;
                }
                Ok(Flow::Go) => {}
                Err(failure) => return self.disconnected(failure, batch, pump, since.elapsed()),
            }
            let read = match quiet_until {
                None => pump.next(&mut batch),
                // Not polled once more at its end, or a busy connection would delay that forever.
                Some(until) if Instant::now() >= until => Ok(()),
                Some(until) => pump.next_before(until, &mut batch),
            };
            if let Err(failure) = read {
                // Nothing more can be sent, not even acknowledgements of what came before.
                return self.disconnected(failure, batch, pump, since.elapsed());
            }
            if batch.is_empty() && quiet_until.take().is_some() {
                self.session.lock().end_quiet(self.session.now());
            }
        }
    }

    /// Handles what was read; then sends what has become possible, wakes the waiters, and rests if the program is far
    /// behind. After a failure the connection is unusable.
    fn handle(&mut self, batch: &mut VecDeque<LinkEvent>, pump: &mut dyn LinkPump) -> Result<Flow, Failure> {
        let broken = |error| Failure { error, cause: Cause::Other };
        let mut events = Vec::new();
        let mut state = self.session.lock();
        let now = self.session.now();
        let flow = state.handle_all(batch, now, &mut events);
        let Ok(Flow::Go) = flow else {
            let wake = state.unlock();
            self.session.emit(&events);
            drop(wake);
            return flow.map_err(broken);
        };
        state.send_ready(Some(&mut *pump), now);
        let newly_set_up = state.set_up() && !state.is_online();
        let connected = newly_set_up.then(|| {
            state.online();
            state.send_ready(Some(&mut *pump), now);
            Event::Connected { session_present: state.session_present(), number: state.stats.connections }
        });
        let overdue = state.step_overdue(now);
        let stalled = state.stalled(now);
        let held_back = state.held_back(now);
        let crowded = state.inbox.is_crowded();
        let wake = state.unlock();
        self.session.emit(&events);
        drop(wake);
        if let Some(connected) = connected {
            self.policy.connected();
            self.probed = None;
            // Emitted before `connect` returns: later listeners receive only later events.
            self.session.emit(&[connected]);
            if let Some(ready) = self.ready.take() {
                let _ = ready.send(Ok(()));
            }
        }
        self.session.emit(held_back.as_slice());
        if let Some(until) = pump.idle_until().filter(|_| crowded) {
            // Locked anew: whoever was woken just now waits no longer.
            let mut state = self.session.lock();
            if state.begin_rest() {
                state = state.rest(until);
                state.end_rest(self.session.now());
            }
        }
        let what = match (overdue, stalled) {
            (Some(step), _) => step,
            (_, true) => "earlier messages, which block others",
            _ => return Ok(Flow::Go),
        };
        let message = format!("the server did not acknowledge {what}");
        Err(broken(Error::new(ErrorKind::Timeout(Stage::Ack), message)))
    }

    /// Handles what was read before the end; then the outbox takes back what was not acknowledged.
    fn disconnected(
        &mut self,
        failure: Failure,
        read: VecDeque<LinkEvent>,
        pump: &mut dyn LinkPump,
        lasted: Duration,
    ) -> End {
        let failure = oversized::explain(failure, &self.session.config);
        let leftovers = pump.leftovers();
        let mut events = Vec::new();
        let mut state = self.session.lock();
        let now = self.session.now();
        state.read_leftovers(read, leftovers, now, &mut events);
        let disconnected = state.disconnected(&failure, now, &mut events);
        let wake = state.unlock();
        self.session.emit(&events);
        drop(wake);
        End::Disconnected { failure, disconnected, lasted }
    }

    /// Finds out where a handshake hung, or which other protocol answers there.
    fn look_into(&mut self, failure: Failure) -> Failure {
        let config = &self.session.config;
        let cause = failure.cause;
        let unclear = match cause {
            Cause::HandshakeTimeout => failure.error.stage().is_none(),
            // After an earlier connection, silence means a restarting server or a broken connection. A probe would only
            // delay the next attempt, since a server may wait for the rest of what is not an MQTT packet.
            Cause::NoConnAck => self.ready.is_some(),
            Cause::Foreign => true,
            _ => false,
        };
        if !unclear || self.leaving() {
            return failure;
        }
        // Once per outage: each probe is one more connection.
        let findings = self.probed.take().unwrap_or_else(|| {
            // The findings have to reach the caller in time.
            let left = self.deadline.saturating_duration_since(Instant::now()).mul_f64(0.8);
            let limit = if self.ready.is_some() { left.min(PROBE) } else { PROBE };
            probe::start(config, limit).finish(Instant::now() + limit, || self.leaving())
        });
        let error = match cause {
            Cause::HandshakeTimeout => Some(probe::timeout_error(config, &findings)),
            _ => findings.foreign(config),
        };
        self.probed = Some(findings);
        match error {
            Some(error) => Failure { error: error.with_source(failure.error), cause },
            None => failure,
        }
    }

    fn leaving(&self) -> bool {
        self.session.lock().life.is_leaving()
    }

    /// Pauses, unless the program gives a new token. Returns true when the client is leaving.
    fn sleep(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut state = self.session.lock();
        while !state.life.is_leaving() && !state.has_new_token() && Instant::now() < until {
            state = state.wait(Awaited::Change, until);
        }
        state.life.is_leaving()
    }
}

/// The reason for ending a client after the service has repeatedly closed its connections because of the token.
fn over_tokens(code: Code, reason: &Error) -> Error {
    let message = format!("the service has repeatedly closed the connection because of its token: {code}");
    Error::new(ErrorKind::TokenInvalid, message).with_code(code).with_source(reason.clone())
}

/// The error of every later call.
fn given_up(reason: &Error) -> Error {
    let error = Error::new(reason.kind(), "the client has given up").with_reason(reason.clone());
    match reason.code() {
        Some(code) => error.with_code(code),
        None => error,
    }
}
