//! The worker thread: makes connections, feeds their events to the state, and waits between them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::line::{Cause, Failure, LineEvent, LinePump, LineSender};
use super::route::Route;
use super::state::{Flow, Loss};
use super::{STRANDED, Session, closed, dial, dialler, oversized, probe, renewal};
use crate::backoff::Backoff;
use crate::config::proxy::Proxy;
use crate::credentials::{Login, Provider};
use crate::error::{Code, Error, ErrorKind, Fate, Result, Stage};
use crate::events::Event;
use crate::helper;
use crate::printable::excerpt;

/// What `Session::connecting` says.
pub(super) const ASKING: u8 = 1;
pub(super) const DIALLING: u8 = 2;
pub(super) const SETTING_UP: u8 = 3;

/// How long a failed handshake is looked into, at most.
const PROBE: Duration = Duration::from_secs(5);

/// How long one attempt to connect again may take, at most.
const DIAL: Duration = Duration::from_secs(30);

/// How much longer than its caller the first attempt waits, so that it does not speak in its place.
const LATER: Duration = Duration::from_secs(1);

/// How long a login waits for new tokens, at most, where the ones held will do.
const PATIENCE: Duration = Duration::from_secs(2);

/// A connection that has been made, and its first event.
type Dialled = (Box<dyn LineSender>, Box<dyn LinePump>, LineEvent);

/// How an attempt ended.
enum End {
    /// DISCONNECT was sent, or nothing was there to be ended.
    Left,
    /// A connection could not be made, or was lost.
    Failed(Failure),
    /// A failure that was already told to the state, with the time the connection had lasted.
    Lost { failure: Failure, loss: Loss, lasted: Duration },
}

/// Runs until the client is closed or given up. `ready` hears of the first connection.
pub(super) fn run(session: &Arc<Session>, ready: SyncSender<Result<()>>) {
    let mut worker = Worker {
        session,
        ready: Some(ready),
        backoff: Backoff::new(session.config.backoff_min(), session.config.backoff_max()),
        refused_since: None,
        asked_again: false,
        spent: false,
        condemned_since: None,
        renewer: None,
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
    session.announce(&mut state);
    drop(state);
    // The program's logger may panic, which must not keep anybody waiting for this thread's end.
    let _ = catch_unwind(AssertUnwindSafe(|| session.tell(ended.as_slice())));
    if let Some(renewer) = worker.renewer.take() {
        // It never blocks longer than it takes to see that the client has ended.
        let _ = renewer.join();
    }
    let mut state = session.lock();
    state.worker_gone = true;
    state.touch();
    session.announce(&mut state);
    if session.stranded.swap(true, Ordering::Relaxed) {
        STRANDED.fetch_sub(1, Ordering::Relaxed);
    }
    drop(state);
    session.events.close();
}

struct Worker<'a> {
    session: &'a Arc<Session>,
    ready: Option<SyncSender<Result<()>>>,
    backoff: Backoff,
    /// Since when logins have been refused, without one that worked.
    refused_since: Option<Instant>,
    /// After a refusal, the provider has been asked once more at once.
    asked_again: bool,
    /// Since logins have been refused, new tokens were got: they are not got again.
    spent: bool,
    /// Since when connections have been ended over their token, one after the other.
    condemned_since: Option<Instant>,
    /// Renews tokens while a connection stands; started when there are any to renew.
    renewer: Option<JoinHandle<()>>,
    /// What was found out about a handshake that failed, since the last connection that stood.
    probed: Option<probe::Findings>,
    /// When the caller of the first connection no longer waits.
    deadline: Instant,
    /// The server has sent a packet above the limit: from now on they are read, to be set aside.
    let_in: bool,
}

impl Worker<'_> {
    /// Returns the reason for the end.
    fn work(&mut self) -> Error {
        let config = &self.session.config;
        let (endpoint, proxy) = (config.endpoint(), config.proxy());
        // What is loopback to a proxy is another machine's.
        let stays_here = endpoint.is_loopback() && proxy.is_none_or(Proxy::is_loopback);
        if !endpoint.transport().is_tls() && !stays_here {
            log::warn!("the connection to {} is not encrypted: anybody on the way can read it", config.route());
        }
        loop {
            let (failure, loss) = match self.attempt() {
                End::Left => return closed(),
                End::Failed(failure) => {
                    let failure = self.look_into(failure);
                    let mut events = Vec::new();
                    let loss = self.session.lock().lost(&failure, &mut events);
                    self.session.tell(&events);
                    (failure, loss)
                }
                End::Lost { failure, loss, lasted } => {
                    if self.backoff.lasted(lasted) {
                        self.condemned_since = None;
                    }
                    if loss.cured {
                        self.backoff.reset();
                    }
                    (failure, loss)
                }
            };
            let Loss { reason, fatal, condemned, .. } = loss;
            let fatal = fatal.or_else(|| self.condemned(condemned, &reason));
            if self.leaving() {
                return closed();
            }
            if let Some(fatal) = fatal {
                self.session.tell(&[Event::Disconnected { reason, retry_in: None }]);
                return fatal;
            }
            if !self.let_in && oversized::passes(&failure, &self.session.config) {
                // Once in the client's life, so there is nothing to wait for.
                self.let_in = true;
                self.session.tell(&[Event::Disconnected { reason, retry_in: Some(Duration::ZERO) }]);
                continue;
            }
            let refused = matches!(failure.cause, Cause::Refused(4 | 5));
            let renewable = refused && self.session.lock().login_refused(SystemTime::now());
            if self.ready.is_some() && renewable && !self.spent {
                // What the provider gave may be out of date: one more try with new tokens.
                self.refused_since.get_or_insert_with(Instant::now);
                continue;
            }
            if self.ready.is_some() {
                // The first connect fails at once, with its reason, which its caller gets: nobody else can know of it yet.
                return reason;
            }
            let Some(pause) = self.pause_after(&failure) else {
                self.session.tell(&[Event::Disconnected { reason: reason.clone(), retry_in: None }]);
                return given_up(&reason);
            };
            self.session.tell(&[Event::Disconnected { reason, retry_in: Some(pause) }]);
            if self.sleep(pause) {
                return closed();
            }
        }
    }

    /// A connection was ended over its token, though it was new: another one is got each time, but not for ever.
    fn condemned(&mut self, code: Option<Code>, reason: &Error) -> Option<Error> {
        let Some(code) = code else {
            self.condemned_since = None;
            return None;
        };
        let Some(since) = self.condemned_since else {
            self.condemned_since = Some(Instant::now());
            return None;
        };
        let message = format!("the service has ended one connection after another over its token: {code}");
        let error = Error::new(ErrorKind::TokenInvalid, message).with_code(code).with_source(reason.clone());
        (since.elapsed() >= self.session.config.refusal_patience()).then_some(error)
    }

    /// How long to wait before the next attempt; `None` when there is to be none.
    fn pause_after(&mut self, failure: &Failure) -> Option<Duration> {
        let refused = match failure.cause {
            Cause::Refused(1 | 2) => return None,
            Cause::Refused(4 | 5) => true,
            _ => false,
        };
        if !refused {
            self.refused_since = None;
            (self.asked_again, self.spent) = (false, false);
            return Some(self.backoff.next());
        }
        let since = *self.refused_since.get_or_insert_with(Instant::now);
        if !std::mem::replace(&mut self.asked_again, true) {
            return Some(Duration::ZERO);
        }
        if since.elapsed() >= self.session.config.refusal_patience() {
            return None;
        }
        Some(self.backoff.slowest().min(self.session.config.refusal_patience()))
    }

    /// One connection, from the credentials to its end.
    fn attempt(&mut self) -> End {
        if self.leaving() {
            return End::Left;
        }
        self.session.connecting.store(ASKING, Ordering::Relaxed);
        let login = match self.login() {
            Ok(login) => login,
            Err(error) => return End::Failed(Failure { error, cause: Cause::Other }),
        };
        if self.leaving() {
            return End::Left;
        }
        self.session.lock().logging_in(&login);
        self.session.connecting.store(DIALLING, Ordering::Relaxed);
        let config = &self.session.config;
        // The first caller's deadline is its own, and it knows best what hangs; later nobody waits for this very attempt.
        let limit = if self.ready.is_some() { config.timeout() + LATER } else { config.timeout().min(DIAL) };
        let deadline = Instant::now() + limit;
        match self.dial(&login, deadline) {
            Ok((sender, mut pump, event)) => {
                drop(login);
                self.serve(sender, pump.as_mut(), event)
            }
            Err(Some(failure)) => End::Failed(oversized::explain(failure, config)),
            Err(None) => End::Left,
        }
    }

    /// Makes a connection to one of the addresses: its two halves, and its first event. `Err(None)`: the client is leaving.
    fn dial(&self, login: &Login, deadline: Instant) -> Result<Dialled, Option<Failure>> {
        let config = &self.session.config;
        let leaving = || self.leaving();
        dial::check_descriptors(config)?;
        let mut route = Route::find(config, deadline, &leaving)?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let longest = oversized::longest(config, self.let_in);
            let (sender, pump) = dial::open(config, login, left, longest, route.target())?;
            match dialler::dial(config, pump, &route, deadline, &leaving) {
                dialler::Dialled::Made(pump, event) => return Ok((sender, pump, event)),
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

    fn serve(&mut self, sender: Box<dyn LineSender>, pump: &mut dyn LinePump, first: LineEvent) -> End {
        let (mut sender, mut first) = (Some(sender), Some(first));
        let mut since = Instant::now();
        let mut quiet_until = None;
        loop {
            let event = match quiet_until {
                _ if first.is_some() => Ok(first.take()),
                None => pump.next().map(Some),
                // Not asked once more at its end, or a busy line would put that off for ever.
                Some(until) if Instant::now() >= until => Ok(None),
                Some(until) => pump.next_before(until),
            };
            let failure = match event {
                Ok(None) => {
                    quiet_until = None;
                    self.session.lock().end_quiet();
                    self.after_event(pump)
                }
                Ok(Some(LineEvent::ConnAck { session_present, allowed })) => {
                    since = Instant::now();
                    self.session.connecting.store(SETTING_UP, Ordering::Relaxed);
                    if let Some(sender) = sender.take() {
                        quiet_until = self.session.lock().connected(sender, session_present, allowed, pump);
                    }
                    self.after_event(pump)
                }
                Ok(Some(event)) => {
                    let mut events = Vec::new();
                    let flow = self.session.lock().handle(event, true, &mut events);
                    self.session.tell(&events);
                    match flow {
                        Ok(Flow::Left(by)) => {
                            pump.drain(by);
                            return End::Left;
                        }
                        Ok(Flow::Go) => self.after_event(pump),
                        Err(error) => Some(Failure { error, cause: Cause::Other }),
                    }
                }
                Err(failure) => Some(oversized::explain(failure, &self.session.config)),
            };
            let Some(failure) = failure else { continue };
            if sender.is_some() {
                return End::Failed(failure);
            }
            return self.lost(failure, pump, since.elapsed());
        }
    }

    /// Hands over what has become possible, and tells those who wait. A failure means that the line is of no use.
    fn after_event(&mut self, pump: &mut dyn LinePump) -> Option<Failure> {
        let mut state = self.session.lock();
        state.push_out(Some(pump));
        let newly_set_up = state.set_up() && !state.is_online();
        let connected = newly_set_up.then(|| {
            state.online();
            state.push_out(Some(pump));
            Event::Connected { session_present: state.session_present(), number: state.stats.connections }
        });
        let now = Instant::now();
        let overdue = state.step_overdue(now);
        let wedged = state.wedged(now);
        let held_back = state.held_back();
        self.session.announce(&mut state);
        drop(state);
        if let Some(connected) = connected {
            self.refused_since = None;
            (self.asked_again, self.spent) = (false, false);
            self.probed = None;
            // Told before `connect` returns: who listens from then on hears only of later connections.
            self.session.tell(&[connected]);
            if let Some(ready) = self.ready.take() {
                let _ = ready.send(Ok(()));
            }
        }
        self.session.tell(held_back.as_slice());
        let what = match (overdue, wedged) {
            (Some(step), _) => step,
            (_, true) => "earlier messages, and others wait behind them",
            _ => return None,
        };
        let message = format!("the broker did not acknowledge {what} (stage: ack)");
        Some(Failure { error: Error::new(ErrorKind::Timeout(Stage::Ack), message), cause: Cause::Other })
    }

    /// What had been read before the end still counts; then the outbox takes back what was not acknowledged.
    fn lost(&mut self, failure: Failure, pump: &mut dyn LinePump, lasted: Duration) -> End {
        let leftovers = pump.leftovers();
        let mut events = Vec::new();
        let mut state = self.session.lock();
        state.read_leftovers(leftovers, &mut events);
        let loss = state.lost(&failure, &mut events);
        self.session.announce(&mut state);
        drop(state);
        self.session.tell(&events);
        End::Lost { failure, loss, lasted }
    }

    /// User name and password: of the credentials, or of the tokens held, after asking the provider where there is one.
    fn login(&mut self) -> Result<Login> {
        let config = &self.session.config;
        let credentials = config.credentials();
        if let Some(provider) = credentials.as_provider() {
            let enough = credentials.keeps_tokens() && !self.session.lock().wants_tokens(SystemTime::now(), self.spent);
            if !enough {
                if let Some(login) = self.ask(provider)? {
                    return Ok(login);
                }
            }
        }
        match self.session.lock().token_login() {
            Some((key_id, password)) => Login::with_tokens(&key_id, config.instance_id(), password),
            None => credentials.login(config.client_id(), config.instance_id()),
        }
    }

    /// Asks the provider; gives the login, if it is not one by tokens.
    fn ask(&mut self, provider: Arc<Provider>) -> Result<Option<Login>> {
        let config = &self.session.config;
        self.spent |= self.refused_since.is_some();
        // With tokens that are due but good, messages do not wait for a slow source: whoever renews them will.
        let enough = config.credentials().keeps_tokens() && self.session.lock().tokens_usable(SystemTime::now());
        let patience = if enough { config.timeout().min(PATIENCE) } else { config.timeout() };
        let answer = self.session.ask(provider, Instant::now() + patience);
        let now = SystemTime::now();
        let credentials = match answer {
            Ok(credentials) => credentials,
            Err(reason) if !enough || self.leaving() => return Err(reason),
            Err(reason) if reason.kind() == ErrorKind::Timeout(Stage::Credentials) => return Ok(None),
            Err(reason) => {
                let event = self.session.lock().renewal_failed(reason, now);
                self.session.tell(&[event]);
                return Ok(None);
            }
        };
        if !self.session.lock().given(&credentials, now) {
            return credentials.login(config.client_id(), config.instance_id()).map(Some);
        }
        if self.renewer.is_none() {
            let session = Arc::clone(self.session);
            let renewer = helper::start("aliyun-mqtt-token", move || {
                // What may panic here is the program's logger; that must not be the end of its tokens.
                while catch_unwind(AssertUnwindSafe(|| renewal::run(&session))).is_err() {}
            });
            self.renewer = Some(renewer?);
        }
        Ok(None)
    }

    /// Finds out where a handshake hung, or what it is that answers there.
    fn look_into(&mut self, failure: Failure) -> Failure {
        let config = &self.session.config;
        let cause = failure.cause;
        let unclear = match cause {
            Cause::HandshakeTimeout => failure.error.stage().is_none(),
            // Where MQTT was spoken before, whoever says nothing is a broker that is restarting, or the line was cut. A probe
            // would only put off the next attempt, since a broker may wait for the rest of what is no MQTT packet.
            Cause::NoConnAck => self.ready.is_some(),
            Cause::Foreign => true,
            _ => false,
        };
        if !unclear || self.leaving() {
            return failure;
        }
        // Once in an outage: each look is one more connection there.
        let findings = self.probed.take().unwrap_or_else(|| {
            // What is found has to reach the caller in time.
            let left = self.deadline.saturating_duration_since(Instant::now()).mul_f64(0.8);
            let limit = if self.ready.is_some() { left.min(PROBE) } else { PROBE };
            probe::start(config, limit).finish(Instant::now() + limit, || self.leaving())
        });
        let error = match cause {
            Cause::HandshakeTimeout => Some(probe::time_out(config, &findings)),
            _ => findings.foreign(config),
        };
        self.probed = Some(findings);
        match error {
            Some(error) => Failure { error: error.with_source(failure.error), cause },
            None => failure,
        }
    }

    fn leaving(&self) -> bool {
        self.session.lock().leaving
    }

    /// Waits; true when it is time to leave.
    fn sleep(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut state = self.session.lock();
        while !state.leaving && Instant::now() < until {
            state = self.session.wait(state, until);
        }
        state.leaving
    }
}

/// The reason every later call gives.
fn given_up(reason: &Error) -> Error {
    let error = Error::new(reason.kind(), format!("the client has given up: {reason}")).with_source(reason.clone());
    match reason.code() {
        Some(code) => error.with_code(code),
        None => error,
    }
}
