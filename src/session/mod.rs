//! The session: one worker thread that owns the connection, and the state it shares with the callers.
//!
//! * `state` is everything that is known, under one mutex; `outbox`, `acks`, `queues` and `subscriptions` are its
//!   parts. Callers put operations in and hand over what the window has room for; the worker does the rest.
//! * `worker` makes connections, feeds their events to the state, and waits between them.
//! * `line` is what an adapter gives: `v4` is MQTT 3.1.1. Another protocol version is another adapter.
//!
//! Nothing here runs user code under the lock, and the worker never waits for a user.

mod acks;
mod backoff;
mod failure;
mod helper;
mod line;
mod lost;
mod op;
mod outbox;
mod probe;
mod queues;
mod rate;
mod state;
mod subscriptions;
mod v4;
mod worker;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub(crate) use op::Body;
pub(crate) use queues::QueueId;

use crate::config::Config;
use crate::delivery::{Delivery, Settler};
use crate::error::{Code, Error, ErrorKind, Fate, Result, Stage};
use crate::events::{EventHub, Events};
use crate::identity;
use crate::message::{Message, QoS};
use crate::stats::Stats;
use state::{Phase, State};

/// How long `disconnect` and `Drop` wait for the worker to end after it was told to.
const GRACE: Duration = Duration::from_secs(2);

/// Workers whose client is gone, but which are still stuck in a call of the operating system.
static STRANDED: AtomicUsize = AtomicUsize::new(0);

/// Locks, whatever a panicking thread may have left behind: no invariant here spans a panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many workers of disconnected or dropped clients have not ended yet.
///
/// A worker that is stuck in the system's resolver or in dialling cannot be interrupted. It is left to itself, ends
/// when that call returns, and is counted here until then.
#[must_use]
pub fn stranded_workers() -> usize {
    STRANDED.load(Ordering::Relaxed)
}

/// How long to wait for a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    Now,
    At(Instant),
    Forever,
}

/// What to do when there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenFull {
    Wait,
    Fail,
}

/// Acknowledges one message by hand.
#[derive(Clone)]
pub(crate) struct AckHandle {
    session: Arc<Session>,
    key: u64,
}

impl AckHandle {
    fn new(session: &Arc<Session>, key: u64) -> Self {
        AckHandle { session: Arc::clone(session), key }
    }

    pub(crate) fn ack(&self) -> Result<()> {
        self.session.check_process()?;
        let mut state = self.session.lock();
        if state.acknowledge(self.key) {
            return Ok(());
        }
        state.check_open()?;
        let message = "the message was acknowledged before, or its connection is gone and the session with it";
        Err(Error::new(ErrorKind::ConnectionLost, message))
    }
}

/// What callers and the worker share.
pub(crate) struct Session {
    config: Config,
    state: Mutex<State>,
    /// An operation was settled, or the phase changed.
    changed: Condvar,
    /// A message arrived, or none ever will again.
    arrived: Condvar,
    events: EventHub,
    worker: Mutex<Option<JoinHandle<()>>>,
    /// The stage the worker is in while it connects, as far as it knows: `Stage::Credentials` or `Stage::Connect`.
    connecting: AtomicU8,
    stranded: AtomicBool,
    process: u32,
}

impl Session {
    /// Starts the worker and waits until the connection is set up, at most until the configured time-out.
    pub(crate) fn start(config: Config) -> Result<Arc<Session>> {
        let deadline = Instant::now() + config.timeout();
        let session = Arc::new(Session {
            state: Mutex::new(State::new(&config)),
            changed: Condvar::new(),
            arrived: Condvar::new(),
            events: EventHub::default(),
            worker: Mutex::new(None),
            connecting: AtomicU8::new(0),
            stranded: AtomicBool::new(false),
            process: std::process::id(),
            config,
        });
        let (ready, first) = sync_channel(1);
        let shared = Arc::clone(&session);
        let worker = std::thread::Builder::new()
            .name("aliyun-mqtt".to_string())
            .spawn(move || worker::run(&shared, ready))
            .map_err(|error| Error::internal("cannot start a thread").with_source(error))?;
        *lock(&session.worker) = Some(worker);

        // Half-way to the deadline, a probe of our own starts to find out where it hangs.
        let probe_at = deadline - session.config.timeout().mul_f64(0.4);
        let answer = first.recv_timeout(probe_at.saturating_duration_since(Instant::now())).or_else(|_| {
            let probe = probe::start(&session.config, deadline.saturating_duration_since(Instant::now()));
            let answer = first.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            answer.map_err(|error| (error, probe.stage()))
        });
        let error = match answer {
            Ok(Ok(())) => return Ok(session),
            Ok(Err(error)) => error,
            Err((RecvTimeoutError::Disconnected, _)) => Error::internal("the worker ended without a word"),
            Err((RecvTimeoutError::Timeout, stage)) => session.connect_timeout(stage),
        };
        session.lock().say_goodbye();
        session.end_worker(Instant::now());
        Err(error)
    }

    fn connect_timeout(&self, probed: Stage) -> Error {
        let stage = match self.connecting.load(Ordering::Relaxed) {
            worker::ASKING => Stage::Credentials,
            worker::SETTING_UP => Stage::Ack,
            _ => probed,
        };
        probe::time_out(&self.config, stage)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Refuses to touch a client that was made before a `fork`: its worker exists in the parent only, and its locks may
    /// have been held at that moment.
    pub(crate) fn check_process(&self) -> Result<()> {
        if std::process::id() == self.process {
            return Ok(());
        }
        let message = "this client was made in another process: after a fork, the child has to make its own";
        Err(Error::new(ErrorKind::Forked, message).with_fate(Fate::NotSent))
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    // ---- sending ----

    /// Accepts an operation, if there is room before the deadline, and hands it over if the window has room.
    pub(crate) fn submit(self: &Arc<Self>, body: Body, deadline: Instant, full: WhenFull) -> Result<Delivery> {
        self.check_process()?;
        let size = body.size();
        let is_publish = matches!(body, Body::Publish(_));
        let mut state = self.lock();
        loop {
            state.check_open().map_err(|error| error.with_fate(Fate::NotSent))?;
            let now = Instant::now();
            self.expire_in(&mut state, now);
            let room = state.outbox.has_room(size);
            let slot = state.rate.as_ref().filter(|_| is_publish).and_then(|rate| rate.wait_until(now));
            if room && slot.is_none() {
                break;
            }
            let stop = if now >= deadline { Some(ErrorKind::Timeout(Stage::Window)) } else { None };
            let stop = if full == WhenFull::Fail { Some(ErrorKind::Full) } else { stop };
            if let Some(kind) = stop {
                return Err(no_room(kind, &body, room));
            }
            let wake = [slot, state.outbox.next_deadline()].into_iter().flatten().fold(deadline, Instant::min);
            state = self.wait(state, wake);
        }
        if is_publish {
            state.stats.published += 1;
            if let Some(rate) = &mut state.rate {
                rate.used(Instant::now());
            }
        }
        self.check_filters(&state, &body)?;
        if let Body::Unsubscribe(filter) = &body {
            // From now on it is not restored; should the broker not hear of it before the session ends, that ends it too.
            state.subscriptions.remove(filter);
        }
        let (settler, slot) = Settler::new();
        let seq = state.outbox.push(body, settler, deadline);
        state.push_out(None);
        Ok(Delivery::new(Arc::clone(self), slot, seq, deadline))
    }

    /// Beyond 30 the service accepts filters but sends nothing for them, so one too many is refused here.
    fn check_filters(&self, state: &State, body: &Body) -> Result<()> {
        let mut all: std::collections::BTreeSet<&str> = body.filters().collect();
        if all.is_empty() {
            return Ok(());
        }
        all.extend(state.subscriptions.filters());
        all.extend(state.outbox.pending_filters());
        let limit = self.config.limits().filters;
        if all.len() <= limit {
            return Ok(());
        }
        let message = format!(
            "{} would make {} filters, but a client may have {limit}; the service sends nothing for those beyond",
            body.describe(),
            all.len()
        );
        Err(Error::invalid(message)
            .with_hint("use a wildcard filter, or raise Limits::filters if your instance allows more"))
    }

    /// SUBSCRIBE, blocking to SUBACK; the granted QoS of each filter, or an error if any was refused.
    pub(crate) fn subscribe(self: &Arc<Self>, filters: &[(String, QoS)], deadline: Instant) -> Result<Vec<QoS>> {
        let delivery = self.submit(Body::Subscribe(filters.to_vec()), deadline, WhenFull::Wait)?;
        let reply = delivery.wait_reply(deadline)?.ok_or_else(overdue)?;
        let verdicts = filters.iter().zip(reply.granted);
        verdicts.map(|((filter, _), verdict)| verdict.map_err(|code| refused_filter(filter, code))).collect()
    }

    /// The client itself has subscribed to these, not only a stream.
    pub(crate) fn own_filters(&self, filters: &[(String, QoS)]) {
        let mut state = self.lock();
        filters.iter().for_each(|(filter, _)| state.subscriptions.owned(filter));
    }

    /// UNSUBSCRIBE, blocking to UNSUBACK.
    pub(crate) fn unsubscribe(self: &Arc<Self>, filter: &str, deadline: Instant) -> Result<()> {
        let delivery = self.submit(Body::Unsubscribe(filter.to_string()), deadline, WhenFull::Wait)?;
        delivery.wait_reply(deadline)?.map(drop).ok_or_else(overdue)
    }

    /// Waits until everything accepted before is settled; reports what failed without anybody seeing it.
    pub(crate) fn flush(&self, deadline: Instant) -> Result<()> {
        self.check_process()?;
        let mut state = self.lock();
        let mark = state.outbox.next_seq();
        loop {
            let now = Instant::now();
            self.expire_in(&mut state, now);
            if !state.outbox.any_open_before(mark) {
                return state.outbox.lost.report().map_or(Ok(()), Err);
            }
            if now >= deadline {
                let open = state.outbox.open_before(mark);
                let message = format!("{open} message(s) are still not acknowledged (stage: ack)");
                return Err(Error::new(ErrorKind::Timeout(Stage::Ack), message));
            }
            let wake = state.outbox.next_deadline().map_or(deadline, |next| next.min(deadline));
            state = self.wait(state, wake);
        }
    }

    /// Settles operations past their deadline.
    pub(crate) fn expire(&self) {
        self.expire_in(&mut self.lock(), Instant::now());
    }

    fn expire_in(&self, state: &mut State, now: Instant) {
        if state.expire(now) {
            // What was behind may have room now.
            state.push_out(None);
            self.announce(state);
        }
    }

    pub(crate) fn note_lost(&self, error: &Error) {
        self.lock().outbox.lost.note(error);
    }

    // ---- receiving ----

    /// The next message of a queue, or `None` when `until` has passed; the reason, once the client is dead and the
    /// queue is empty.
    pub(crate) fn take(&self, queue: QueueId, until: Until) -> Result<Option<Message>> {
        self.check_process()?;
        let mut state = self.lock();
        loop {
            if let Some(message) = state.take(queue) {
                return Ok(Some(message));
            }
            if let Phase::Dead(reason) = &state.phase {
                return Err(reason.clone());
            }
            let left = match until {
                Until::Now => return Ok(None),
                Until::Forever => None,
                Until::At(instant) => match instant.saturating_duration_since(Instant::now()) {
                    Duration::ZERO => return Ok(None),
                    left => Some(left),
                },
            };
            state.receivers += 1;
            state = match left {
                None => self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => self.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
            state.receivers -= 1;
        }
    }

    /// [`take`](Session::take) without end.
    pub(crate) fn recv(&self, queue: QueueId) -> Result<Message> {
        self.take(queue, Until::Forever)?.ok_or_else(|| Error::internal("an endless wait ended"))
    }

    /// A queue for what matches the filter. It exists before SUBSCRIBE is sent, so nothing is missed.
    pub(crate) fn open_stream(&self, filter: &str) -> u64 {
        self.lock().queues.open_stream(filter)
    }

    /// The stream is gone: its messages go to the client, and its filter is unsubscribed in the background.
    pub(crate) fn close_stream(self: &Arc<Self>, queue: u64, filter: &str) {
        let mut state = self.lock();
        let shared = state.queues.close_stream(queue);
        let only_for_streams = state.subscriptions.only_for_streams(filter);
        self.announce(&state);
        drop(state);
        if only_for_streams && !shared {
            let deadline = Instant::now() + self.config.timeout();
            // It is for convenience only: with no room now, the subscription simply stays.
            if let Err(error) = self.submit(Body::Unsubscribe(filter.to_string()), deadline, WhenFull::Fail) {
                log::debug!("the filter of a dropped stream stays subscribed: {error}");
            }
        }
    }

    // ---- looking and leaving ----

    pub(crate) fn events(&self) -> Events {
        self.events.listen()
    }

    pub(crate) fn stats(&self) -> Stats {
        self.lock().snapshot()
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.lock().is_online()
    }

    /// Drains until the deadline, says goodbye, ends the worker; reports what was not delivered.
    pub(crate) fn close(&self, deadline: Instant) -> Result<()> {
        self.check_process()?;
        let mut state = self.lock();
        state.closing = true;
        self.announce(&state);
        loop {
            let now = Instant::now();
            self.expire_in(&mut state, now);
            if state.outbox.open() == 0 || now >= deadline || state.worker_gone {
                break;
            }
            let wake = state.outbox.next_deadline().map_or(deadline, |next| next.min(deadline));
            state = self.wait(state, wake);
        }
        state.give_up();
        let report = state.outbox.lost.report();
        let dead = match &state.phase {
            Phase::Dead(reason) if reason.kind() != ErrorKind::Closed => Some(reason.clone()),
            _ => None,
        };
        state.say_goodbye();
        self.announce(&state);
        drop(state);
        self.end_worker(deadline);
        report.or(dead).map_or(Ok(()), Err)
    }

    /// Waits for the worker's end until the deadline, but no less than the grace period if it must be left behind.
    fn end_worker(&self, deadline: Instant) {
        let until = deadline.min(Instant::now() + GRACE).max(Instant::now() + Duration::from_millis(100));
        let mut state = self.lock();
        while !state.worker_gone && Instant::now() < until {
            state = self.wait(state, until);
        }
        let ended = state.worker_gone;
        if !ended {
            state.die(&closed());
            if !self.stranded.swap(true, Ordering::Relaxed) {
                STRANDED.fetch_add(1, Ordering::Relaxed);
                log::warn!("the connection's thread is stuck in a call of the system and ends by itself later");
            }
        }
        self.announce(&state);
        drop(state);
        if let Some(worker) = lock(&self.worker).take().filter(|_| ended) {
            // It is at its very end; a panic was caught inside.
            let _ = worker.join();
        }
    }

    fn wait<'a>(&self, mut state: MutexGuard<'a, State>, until: Instant) -> MutexGuard<'a, State> {
        let left = until.saturating_duration_since(Instant::now());
        state.watchers += 1;
        let mut state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        state.watchers -= 1;
        state
    }

    /// Wakes whoever waits for a change.
    fn announce(&self, state: &State) {
        if state.watchers > 0 {
            self.changed.notify_all();
        }
        if state.receivers > 0 && (state.queues.count() > 0 || matches!(state.phase, Phase::Dead(_))) {
            self.arrived.notify_all();
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The error of every call on a client that was closed by its program.
fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the client was disconnected by this program")
}

fn overdue() -> Error {
    Error::internal("an operation stayed open past its deadline")
}

fn no_room(kind: ErrorKind, body: &Body, room: bool) -> Error {
    let why = match (room, kind) {
        (true, _) => "the publish rate leaves no slot",
        (false, ErrorKind::Full) => "the outbox is full of messages that are not acknowledged yet",
        (false, _) => "the outbox stayed full of messages that are not acknowledged yet",
    };
    let stage = if kind == ErrorKind::Full { "" } else { " (stage: window)" };
    Error::new(kind, format!("{} was not sent: {why}{stage}", body.describe())).with_fate(Fate::NotSent)
}

fn refused_filter(filter: &str, code: u8) -> Error {
    Error::new(ErrorKind::Rejected, format!("the broker refused the subscription to \"{filter}\""))
        .with_code(Code::SubAck(code))
        .with_fate(Fate::Refused)
        .with_hint("check that the parent topic exists and that this client may read it")
}

/// Refuses bad filters before anything is accepted.
pub(crate) fn check_filters(filters: &[(String, QoS)], config: &Config) -> Result<()> {
    if filters.is_empty() {
        return Err(Error::invalid("a subscription needs at least one filter"));
    }
    filters.iter().try_for_each(|(filter, _)| identity::check_filter(filter, config.limits()))
}
