//! The beginning and the end of a client: connecting, draining, leaving.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::credentials::Asking;
use crate::detached;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::events::EventHub;
use crate::random;
use crate::session::Session;
use crate::session::calls::spool;
use crate::session::core::state::{Awaited, State};
use crate::session::locked::Conditions;
use crate::session::shared::Clock;
use crate::session::threads::connection;
use crate::session::wire::{dial, probe};
use crate::sync::lock;

/// How long `disconnect` waits for the worker after its deadline.
const GRACE: Duration = Duration::from_secs(2);

/// The part of the time of `disconnect` that is kept for DISCONNECT.
const GOODBYE: Duration = Duration::from_millis(300);

/// The least time given to a worker to end by itself.
const MOMENT: Duration = Duration::from_millis(100);

impl Session {
    /// Starts the worker and waits until the connection is set up, at most for the configured timeout.
    pub(crate) fn start(config: Config) -> Result<Arc<Session>> {
        let deadline = Instant::now() + config.timeout();
        let opened = spool::open(&config, deadline)?;
        Session::start_with(config, deadline, opened)
    }

    pub(super) fn start_with(
        config: Config,
        deadline: Instant,
        mut opened: Option<crate::spool::Opened>,
    ) -> Result<Arc<Session>> {
        let clock = Clock::new();
        let mut state = State::new(&config, dial::id_limit(&config), random::Key::new(), clock.now());
        let spool = opened.as_mut().and_then(|opened| spool::restore(&mut state, &config, opened));
        let session = Arc::new(Session {
            state: Mutex::new(state),
            conditions: Conditions::default(),
            asking: Asking::default(),
            events: EventHub::new(),
            worker: Mutex::new(None),
            connecting: AtomicU8::new(0),
            stranded: AtomicBool::new(false),
            process: std::process::id(),
            clock,
            spool,
            config,
        });
        if let Some(opened) = opened {
            session.start_writer(opened)?;
        }
        let (ready, first) = sync_channel(1);
        let shared = Arc::clone(&session);
        match detached::start_on("aliyun-mqtt", dial::stack(&session.config), move || connection::run(&shared, ready)) {
            Ok(worker) => *lock(&session.worker) = Some(worker),
            Err(error) => {
                session.close_spool(deadline);
                return Err(error);
            }
        }

        // Well before the deadline, a probe starts to find out where the handshake hangs.
        let probe_at = deadline - session.config.timeout().mul_f64(0.4);
        let answer = first.recv_timeout(probe_at.saturating_duration_since(Instant::now())).or_else(|_| {
            let probe = probe::start(&session.config, deadline.saturating_duration_since(Instant::now()));
            let answer = first.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            answer.map_err(|error| (error, probe.findings()))
        });
        let error = match answer {
            Ok(Ok(())) => return Ok(session),
            Ok(Err(error)) => error,
            Err((RecvTimeoutError::Disconnected, _)) => Error::internal("the worker ended without a result"),
            Err((RecvTimeoutError::Timeout, findings)) => session.connect_timeout(findings),
        };
        session.leave(Instant::now());
        Err(error)
    }

    fn connect_timeout(&self, probed: probe::Findings) -> Error {
        let findings = match self.connecting.load(Ordering::Relaxed) {
            connection::ASKING => probe::Findings::at(Stage::Credentials),
            connection::SETTING_UP => probe::Findings::at(Stage::Ack),
            _ => probed,
        };
        probe::timeout_error(&self.config, &findings)
    }

    /// Ends every wait of a caller and refuses new operations. Does not block; the connection stays.
    pub(crate) fn interrupt(&self) {
        if self.check_process().is_err() {
            return;
        }
        let mut state = self.lock();
        state.interrupt();
    }

    /// Drains the outbox and the QoS 2 exchanges of received messages until shortly before the deadline, sends
    /// DISCONNECT, ends the worker, and reports what was not delivered.
    pub(crate) fn close(&self, deadline: Instant) -> Result<()> {
        self.check_process()?;
        let left = deadline.saturating_duration_since(Instant::now());
        let drained = deadline - (left / 3).min(GOODBYE);
        let mut state = self.lock();
        state.life.close();
        state.send_acks(self.now());
        state.replies.end(&Error::closed());
        state.mark_changed();
        loop {
            let now = self.now();
            self.expire_in(&mut state, now);
            // The server keeps a received QoS 2 message until its exchange ends, and may send it again otherwise.
            let drained_already = state.outbox.open() == 0 && state.unfinished_exchanges() == 0;
            if drained_already || now.instant >= drained || state.life.is_worker_gone() {
                break;
            }
            let wake = state.outbox.next_deadline().map_or(drained, |next| next.min(drained));
            let all = state.outbox.next_seq();
            // Once that has happened, for the ends of exchanges.
            let awaited = if state.outbox.open() > 0 { Awaited::SettledBefore(all) } else { Awaited::Change };
            state = state.wait(awaited, wake);
        }
        state.give_up();
        let unfinished = state.unfinished_exchanges();
        let report = state.outbox.unseen.report();
        let dead = state.life.end().filter(|reason| reason.kind() != ErrorKind::Closed).cloned();
        drop(state);
        if unfinished > 0 {
            log::warn!("the server has not finished {unfinished} QoS 2 exchanges: it may deliver these messages again");
        }
        self.leave(deadline);
        report.or(dead).map_or(Ok(()), Err)
    }

    /// Sends DISCONNECT and waits for the end of the worker, for a moment at least; a stuck worker is left behind.
    fn leave(&self, deadline: Instant) {
        let mut state = self.lock();
        let now = self.now();
        let until = deadline.min(now.instant + GRACE).max(now.instant + MOMENT);
        state.say_goodbye(until - MOMENT / 2, now);
        while !state.life.is_worker_gone() && Instant::now() < until {
            state = state.wait(Awaited::Change, until);
        }
        let ended = state.life.is_worker_gone();
        let mut newly_stranded = false;
        let mut event = None;
        if !ended {
            event = state.die(&Error::closed());
            newly_stranded = !self.stranded.swap(true, Ordering::Relaxed);
            // Under the lock, because the worker counts itself out and must not come first.
            if newly_stranded {
                detached::count_stranded(true);
            }
        }
        drop(state);
        self.emit(event.as_slice());
        if newly_stranded {
            log::warn!("the connection's thread is stuck in a call of the system and ends by itself later");
        }
        if let Some(worker) = lock(&self.worker).take().filter(|_| ended) {
            // The worker is about to return; a panic was caught inside.
            let _ = worker.join();
        }
        // Everything is settled: nothing more is stored.
        self.close_spool(until);
    }
}
