//! The session: one worker thread that owns the connection, and the state it shares with the callers.
//!
//! * `state` is everything that is known, under one mutex; `outbox`, `acks`, `queues` and `subscriptions` are its
//!   parts. Callers put operations in and hand over what the window has room for; the worker does the rest.
//! * `sending`, `receiving` and `requesting` are what callers do with it; `replies` finds the request a message answers.
//! * `worker` makes connections, feeds their events to the state, and waits between them.
//! * `line` is what an adapter gives: `v4` is MQTT 3.1.1, `v5` MQTT 5; `dial` chooses, and is what both need to connect;
//!   `route` chooses among a name's addresses, `race` tries them, and `dialler` makes the connection on a thread of its own;
//!   `rules` is what a server must not send; `failure` and, for proxies and WebSocket, `tunnel` and `upgrade` put their
//!   errors into words.
//!
//! Nothing here runs user code under the lock, not even a logger, and the worker never waits for a user.

mod acks;
mod asking;
mod dial;
mod dialler;
mod failure;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod line;
mod lost;
mod op;
mod outbox;
mod oversized;
mod probe;
mod queues;
mod race;
mod rate;
mod receiving;
mod renewal;
mod replies;
mod requesting;
mod route;
mod rules;
#[cfg_attr(not(feature = "tls"), path = "secure_disabled.rs")]
mod secure;
mod sending;
mod spooling;
mod state;
mod subscriptions;
#[cfg_attr(not(feature = "proxy"), path = "tunnel_disabled.rs")]
mod tunnel;
#[cfg_attr(not(feature = "websocket"), path = "upgrade_disabled.rs")]
mod upgrade;
#[cfg_attr(aliyun_mqtt_model, path = "../../models/line.rs")]
mod v4;
mod v5;
mod worker;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[cfg(feature = "tls")]
pub(crate) use dialler::Watch;
pub(crate) use op::Body;
pub(crate) use queues::QueueId;
pub(crate) use receiving::{AckHandle, Until};
pub(crate) use sending::{WhenFull, check_filters};

use crate::config::Config;
use crate::error::{Error, ErrorKind, Fate, Result, Stage};
use crate::events::{Event, EventHub, Events, Notice, Untaken};
use crate::helper;
use crate::printable::excerpt;
use crate::stats::Stats;
use asking::Asking;
use state::{Phase, State};

/// How long `disconnect` waits for the worker to end after it was told to.
const GRACE: Duration = Duration::from_secs(2);

/// What is kept of a closing client's time for saying goodbye.
const GOODBYE: Duration = Duration::from_millis(300);

/// The least time given to a worker to end by itself.
const MOMENT: Duration = Duration::from_millis(100);

/// Workers whose client is gone, but which are still stuck in a call of the operating system.
static STRANDED: AtomicUsize = AtomicUsize::new(0);

/// Locks, whatever a panicking thread may have left behind: no invariant here spans a panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many workers of disconnected or dropped clients have not ended yet.
///
/// A worker that is stuck in a call of the system, such as a write that is not taken, cannot be interrupted. It is left to
/// itself, ends when that call returns, and is counted here until then. So is a dial that was given up, also by a client that
/// found another address: it ends when its time is up (the time-out of the configuration, and 30 s at most after the first
/// connection), or when the look-up of the name does.
#[must_use]
pub fn stranded_workers() -> usize {
    STRANDED.load(Ordering::Relaxed)
}

/// What callers and the worker share.
pub(crate) struct Session {
    config: Config,
    state: Mutex<State>,
    /// An operation was settled, or the phase changed.
    changed: Condvar,
    /// A message arrived, or none ever will again.
    arrived: Condvar,
    /// Something that whoever renews tokens wants to look at.
    token_news: Condvar,
    asking: Asking,
    events: EventHub,
    worker: Mutex<Option<JoinHandle<()>>>,
    /// The stage the worker is in while it connects, as far as it knows: `Stage::Credentials` or `Stage::Connect`.
    connecting: AtomicU8,
    stranded: AtomicBool,
    process: u32,
    spool: Option<Arc<crate::spool::Queue>>,
}

impl Session {
    /// Starts the worker and waits until the connection is set up, at most until the configured time-out.
    pub(crate) fn start(config: Config) -> Result<Arc<Session>> {
        let deadline = Instant::now() + config.timeout();
        let opened = spooling::open(&config, deadline)?;
        Session::start_with(config, deadline, opened)
    }

    fn start_with(config: Config, deadline: Instant, mut opened: Option<crate::spool::Opened>) -> Result<Arc<Session>> {
        let mut state = State::new(&config);
        let spool = opened.as_mut().and_then(|opened| spooling::restore(&mut state, &config, opened));
        let session = Arc::new(Session {
            state: Mutex::new(state),
            changed: Condvar::new(),
            arrived: Condvar::new(),
            token_news: Condvar::new(),
            asking: Asking::default(),
            events: EventHub::new(),
            worker: Mutex::new(None),
            connecting: AtomicU8::new(0),
            stranded: AtomicBool::new(false),
            process: std::process::id(),
            spool,
            config,
        });
        if let Some(opened) = opened {
            session.start_writer(opened)?;
        }
        let (ready, first) = sync_channel(1);
        let shared = Arc::clone(&session);
        match helper::start_on("aliyun-mqtt", dial::stack(&session.config), move || worker::run(&shared, ready)) {
            Ok(worker) => *lock(&session.worker) = Some(worker),
            Err(error) => {
                session.close_spool(deadline);
                return Err(error);
            }
        }

        // Well before the deadline, a probe of our own starts to find out where it hangs.
        let probe_at = deadline - session.config.timeout().mul_f64(0.4);
        let answer = first.recv_timeout(probe_at.saturating_duration_since(Instant::now())).or_else(|_| {
            let probe = probe::start(&session.config, deadline.saturating_duration_since(Instant::now()));
            let answer = first.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            answer.map_err(|error| (error, probe.findings()))
        });
        let error = match answer {
            Ok(Ok(())) => return Ok(session),
            Ok(Err(error)) => error,
            Err((RecvTimeoutError::Disconnected, _)) => Error::internal("the worker ended without a word"),
            Err((RecvTimeoutError::Timeout, findings)) => session.connect_timeout(findings),
        };
        session.leave(Instant::now());
        Err(error)
    }

    fn connect_timeout(&self, probed: probe::Findings) -> Error {
        let findings = match self.connecting.load(Ordering::Relaxed) {
            worker::ASKING => probe::Findings::at(Stage::Credentials),
            worker::SETTING_UP => probe::Findings::at(Stage::Ack),
            _ => probed,
        };
        probe::time_out(&self.config, &findings)
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

    /// In a forked child, a listener that hears nothing.
    pub(crate) fn events(&self) -> Events {
        if self.check_process().is_err() {
            return Events::deaf();
        }
        self.events.listen()
    }

    pub(crate) fn stats(&self) -> Stats {
        let stats = self.lock().snapshot();
        if let Some(queue) = &self.spool {
            let (spooled_messages, spooled_bytes) = queue.present();
            return Stats { spooled_messages, spooled_bytes, ..stats };
        }
        stats
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.lock().is_online()
    }

    /// Drains until shortly before the deadline (the QoS 2 exchanges of received messages, too), says goodbye, ends the
    /// worker; reports what was not delivered.
    pub(crate) fn close(&self, deadline: Instant) -> Result<()> {
        self.check_process()?;
        let left = deadline.saturating_duration_since(Instant::now());
        let drained = deadline - (left / 3).min(GOODBYE);
        let mut state = self.lock();
        state.closing = true;
        state.replies.end(&closed());
        state.touch();
        self.announce(&mut state);
        loop {
            let now = Instant::now();
            self.expire_in(&mut state, now);
            // The server keeps a received QoS 2 message until its exchange ends, and may send it again after that.
            let drained_already = state.outbox.open() == 0 && state.unfinished_exchanges() == 0;
            if drained_already || now >= drained || state.worker_gone {
                break;
            }
            let wake = state.outbox.next_deadline().map_or(drained, |next| next.min(drained));
            state = self.wait(state, wake);
        }
        state.give_up();
        let unfinished = state.unfinished_exchanges();
        let report = state.outbox.lost.report();
        let dead = match &state.phase {
            Phase::Dead(reason) if reason.kind() != ErrorKind::Closed => Some(reason.clone()),
            _ => None,
        };
        drop(state);
        if unfinished > 0 {
            log::warn!("the server has not finished {unfinished} QoS 2 exchanges: it may deliver these messages again");
        }
        self.leave(deadline);
        report.or(dead).map_or(Ok(()), Err)
    }

    /// Says goodbye and waits for the worker's end, a moment at the least; a worker that is stuck is left behind.
    fn leave(&self, deadline: Instant) {
        let now = Instant::now();
        let until = deadline.min(now + GRACE).max(now + MOMENT);
        let mut state = self.lock();
        state.say_goodbye(until - MOMENT / 2);
        self.announce(&mut state);
        while !state.worker_gone && Instant::now() < until {
            state = self.wait(state, until);
        }
        let ended = state.worker_gone;
        let mut newly_stranded = false;
        let mut told = None;
        if !ended {
            told = state.die(&closed());
            newly_stranded = !self.stranded.swap(true, Ordering::Relaxed);
            // Under the lock, as the worker counts itself out: it must not come first.
            STRANDED.fetch_add(usize::from(newly_stranded), Ordering::Relaxed);
        }
        self.announce(&mut state);
        drop(state);
        self.tell(told.as_slice());
        if newly_stranded {
            log::warn!("the connection's thread is stuck in a call of the system and ends by itself later");
        }
        if let Some(worker) = lock(&self.worker).take().filter(|_| ended) {
            // It is at its very end; a panic was caught inside.
            let _ = worker.join();
        }
        // Everything is settled: nothing more is written.
        self.close_spool(until);
    }

    fn wait<'a>(&self, mut state: MutexGuard<'a, State>, until: Instant) -> MutexGuard<'a, State> {
        let left = until.saturating_duration_since(Instant::now());
        state.watchers += 1;
        let mut state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        state.watchers -= 1;
        state
    }

    /// Tells listeners and the log. Never under the lock: a logger is user code, and comes last, since it may panic.
    fn tell(&self, events: &[Event]) {
        for event in events {
            self.events.send(event);
            log_event(event, &self.config);
        }
    }

    /// Wakes whoever waits for what has happened.
    fn announce(&self, state: &mut State) {
        if state.take_token_news() {
            self.token_news.notify_all();
        }
        let (changed, arrived) = state.take_changes();
        if changed && state.watchers > 0 {
            self.changed.notify_all();
        }
        if arrived && state.receivers > 0 {
            self.arrived.notify_all();
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("config", &self.config).finish_non_exhaustive()
    }
}

/// What of an event goes to the log.
fn log_event(event: &Event, config: &Config) {
    match event {
        Event::Notice(Notice::Other { topic, .. }) => log::info!("notice of the service on {topic}, not understood"),
        Event::Notice(notice) => log::info!("notice of the service: {notice:?}"),
        Event::SubscriptionLost { reason, .. } => log::warn!("{reason}"),
        Event::TopicRefused { topic, retry_in, reason } => {
            log::warn!("messages to {topic:?} are refused for {} s: {reason}", retry_in.as_secs());
        }
        Event::TokenRenewed { kind, .. } => log::info!("the token of the kind {kind} was renewed"),
        Event::TokenRenewalFailed { reason, .. } => log::warn!("the token could not be renewed: {reason}"),
        Event::InboxFull => {
            log::warn!("the inbox is full: QoS 0 messages are dropped, others are left to the broker");
        }
        Event::Connected { .. } => log::info!("connected to {}", config.route()),
        Event::Disconnected { reason, retry_in: Some(pause) } => {
            log::warn!("disconnected, trying again in {} ms: {reason}", pause.as_millis());
        }
        Event::Disconnected { reason, retry_in: None } => log::warn!("disconnected for good: {reason}"),
        Event::MessageSetAside { reason, .. } => log::warn!("{reason}"),
        Event::SpoolSetAside { path, reason } => log::warn!("{reason}; it was renamed to {}", path.display()),
        Event::AcksHeldBack { topic, taken, held_back } => {
            let what = if *taken { "was taken, but not acknowledged" } else { "is not taken by the program" };
            log::warn!(
                "a message to \"{}\" {what}, and holds back {held_back} later acknowledgement(s), which leave in the \
                 order of receipt; the server sends those messages again",
                excerpt(topic)
            );
        }
        Event::Ended { reason, untaken, unsent_acks } => log_end(reason, untaken.as_ref(), *unsent_acks),
    }
}

/// The target of the record on messages left in the inbox, so that a program which ends on purpose with some can leave it out.
const UNTAKEN: &str = "aliyun_mqtt::untaken";

fn log_end(reason: &Error, untaken: Option<&Untaken>, unsent_acks: usize) {
    if let Some(Untaken { count, first_topic }) = untaken {
        log::warn!(
            target: UNTAKEN,
            "the client has ended with {count} received message(s) that the program did not take, the first to \
             \"{}\"; only a kept session sends those again that were not acknowledged",
            excerpt(first_topic)
        );
    }
    if unsent_acks > 0 {
        log::warn!(
            "the client has ended with {unsent_acks} acknowledgement(s) that could not be sent: the server sends those \
             messages again"
        );
    }
    log::debug!("the client has ended: {reason}");
}

/// The error of every call on a client that was closed by its program.
fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the client was disconnected by this program")
}
