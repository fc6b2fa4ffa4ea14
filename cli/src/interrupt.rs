//! Ctrl-C and SIGTERM: the first asks the command to finish, once there is something to finish; the second ends the program.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::exit::{Exit, Failure, Result};
use crate::threads;

/// Whether the user wants the command to end, and what then wakes it.
#[derive(Clone)]
pub(crate) struct Interrupt {
    inner: Arc<Inner>,
}

/// Runs before a signal ends the program: for what would outlive it.
static LAST: OnceLock<fn()> = OnceLock::new();

type Wake = Box<dyn FnOnce() + Send>;
type AtExit = Box<dyn Fn() + Send>;

struct Inner {
    /// There is something that should end in order.
    begun: AtomicBool,
    happened: AtomicBool,
    wakes: Mutex<Vec<Wake>>,
    at_exit: Mutex<Vec<AtExit>>,
}

/// Somebody decides what a signal does.
static LISTENED: AtomicBool = AtomicBool::new(false);

/// From now on this runs before a signal ends the program, also where no command listens for it. Only the first call counts.
pub(crate) fn before_the_end(last: fn()) {
    if LAST.set(last).is_err() {
        return;
    }
    // Where that does not work, a signal ends the program at once.
    let _ = hear(|| {
        if !LISTENED.load(Ordering::SeqCst) {
            end();
        }
    });
}

fn end() {
    if let Some(last) = LAST.get() {
        last();
    }
    std::process::exit(Exit::Interrupted as i32);
}

impl Interrupt {
    /// Listens from now on. Once per process. Until [`begin`](Interrupt::begin) the first time ends the program, too.
    pub(crate) fn listen() -> Result<Self> {
        let inner = Arc::new(Inner {
            begun: AtomicBool::new(false),
            happened: AtomicBool::new(false),
            wakes: Mutex::new(Vec::new()),
            at_exit: Mutex::new(Vec::new()),
        });
        let known = Arc::clone(&inner);
        LISTENED.store(true, Ordering::SeqCst);
        hear(move || {
            if !known.begun.load(Ordering::SeqCst) || known.happened.swap(true, Ordering::SeqCst) {
                // There is nothing to wait for, or whoever is at the keyboard does not want to.
                known.at_exit.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|last| last());
                end();
            }
            let wakes = std::mem::take(&mut *known.lock());
            // On a thread of its own: a wake may take its time, and the second Ctrl-C must be heard.
            let wakes = Arc::new(Mutex::new(wakes));
            let all = Arc::clone(&wakes);
            if threads::start("interrupt", move || wake(&all)).is_err() {
                wake(&wakes);
            }
        })
        .map_err(|error| {
            let failure = Failure::new(Exit::Failure, format!("cannot listen for Ctrl-C: {error}"));
            failure.hint("is there room for another thread? See ulimit -u, and pids.max of the container or service")
        })?;
        Ok(Interrupt { inner })
    }

    /// From now on there is something that should end in order: a connection stands, say.
    pub(crate) fn begin(&self) {
        self.inner.begun.store(true, Ordering::SeqCst);
    }

    /// Whether it has happened.
    pub(crate) fn happened(&self) -> bool {
        self.inner.happened.load(Ordering::SeqCst)
    }

    /// Runs this before the second time ends the program. It must not block.
    pub(crate) fn at_exit(&self, last: impl Fn() + Send + 'static) {
        self.inner.at_exit.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(last));
    }

    /// Runs this when it happens, or at once if it has: to wake a blocking call, say by `Client::disconnect`.
    pub(crate) fn on(&self, wake: impl FnOnce() + Send + 'static) {
        let mut wakes = self.inner.lock();
        if self.happened() {
            drop(wakes);
            wake();
        } else {
            wakes.push(Box::new(wake));
        }
    }
}

fn wake(wakes: &Mutex<Vec<Wake>>) {
    let wakes = std::mem::take(&mut *wakes.lock().unwrap_or_else(PoisonError::into_inner));
    wakes.into_iter().for_each(|wake| wake());
}

/// Calls this at each signal, on a thread of its own.
#[cfg(unix)]
fn hear(heard: impl Fn() + Send + 'static) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let all = [Some(SIGINT), Some(SIGTERM), (!hangup_is_ignored()).then_some(SIGHUP)];
    let mut signals = signal_hook::iterator::Signals::new(all.into_iter().flatten())?;
    threads::start("signals", move || signals.forever().for_each(|_| heard())).map(drop)
}

#[cfg(not(unix))]
fn hear(heard: impl Fn() + Send + 'static) -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(heard)
}

/// Whether the end of a terminal shall not be the end of this program: `nohup`. Where that cannot be known, SIGHUP is left
/// to the system, which does what was said of it.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_none_or(|mask| mask & 1 << (signal_hook::consts::SIGHUP - 1) != 0)
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Wake>> {
        self.wakes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
