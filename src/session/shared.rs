//! The state shared by the callers' threads and the client's own threads.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime};

use super::core::now::Now;
use super::core::state::State;
use super::event_log::log_event;
use super::locked::{Conditions, Locked};
use crate::config::Config;
use crate::credentials::Asking;
use crate::error::{Error, ErrorKind, Fate, Result};
use crate::events::{Event, EventHub, Events};
use crate::random;
use crate::stats::Stats;

/// Reads the clocks for the core, which has none.
pub(super) struct Clock {
    /// The seed that makes chance differ between clients.
    key: u64,
}

impl Clock {
    pub(super) fn new() -> Self {
        Clock { key: random::number() }
    }

    /// Returns the time, to be read once each time the state is locked.
    pub(super) fn now(&self) -> Now {
        let wall = SystemTime::now();
        let nanos = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().subsec_nanos();
        Now { instant: Instant::now(), wall, seed: self.key ^ u64::from(nanos) }
    }
}

/// The state shared by callers and the worker, and the ways to wait for changes.
pub(crate) struct Session {
    pub(super) config: Config,
    pub(super) state: Mutex<State>,
    pub(super) conditions: Conditions,
    pub(super) asking: Asking,
    pub(super) events: EventHub,
    pub(super) worker: Mutex<Option<JoinHandle<()>>>,
    /// The stage the worker is in while it connects, as far as it knows: `Stage::Credentials` or `Stage::Connect`.
    pub(super) connecting: AtomicU8,
    pub(super) stranded: AtomicBool,
    pub(super) process: u32,
    pub(super) clock: Clock,
    pub(super) spool: Option<Arc<crate::spool::Queue>>,
}

impl Session {
    /// Locks the state. Unlocking it wakes whoever can go on.
    pub(super) fn lock(&self) -> Locked<'_> {
        Locked::new(&self.state, &self.conditions)
    }

    pub(super) fn now(&self) -> Now {
        self.clock.now()
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

    /// Returns a listener; in a forked child, one without events.
    pub(crate) fn events(&self) -> Events {
        if self.check_process().is_err() {
            return Events::deaf();
        }
        self.events.listen()
    }

    pub(crate) fn stats(&self) -> Stats {
        let stranded_workers = crate::detached::stranded_workers() as u64;
        let stats = Stats { stranded_workers, ..self.lock().snapshot() };
        if let Some(queue) = &self.spool {
            let (spooled_messages, spooled_bytes) = queue.present();
            return Stats { spooled_messages, spooled_bytes, ..stats };
        }
        stats
    }

    pub(crate) fn window(&self) -> usize {
        self.lock().outbox.window()
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.lock().is_online()
    }

    /// Returns true if the program has closed the client.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.lock().life.is_interrupted()
    }

    /// Sends events to the listeners and the log. Never called under the lock. The logger is user code and comes last,
    /// since it may panic.
    pub(super) fn emit(&self, events: &[Event]) {
        for event in events {
            self.events.send(event);
            log_event(event, &self.config);
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("config", &self.config).finish_non_exhaustive()
    }
}
