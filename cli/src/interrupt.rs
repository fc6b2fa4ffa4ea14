//! Ctrl-C and SIGTERM: the first signal asks the command to finish, the second one ends the program.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::exit::{Exit, Failure, Result};
use crate::lang::phrase;
use crate::threads;

/// Tells a command that the user wants it to end, and wakes it.
#[derive(Clone)]
pub(crate) struct Interrupt {
    inner: Arc<Inner>,
}

/// Runs before a signal ends the program, to end what would outlive it.
static LAST: OnceLock<fn()> = OnceLock::new();

type Wake = Box<dyn FnOnce() + Send>;
type AtExit = Box<dyn Fn() + Send>;

struct Inner {
    /// The command has something to finish in order.
    begun: AtomicBool,
    happened: AtomicBool,
    wakes: Mutex<Vec<Wake>>,
    at_exit: Mutex<Vec<AtExit>>,
}

/// A command handles signals itself.
static LISTENED: AtomicBool = AtomicBool::new(false);

/// Runs `last` before a signal ends the program, also if no command handles signals. Only the first call has an effect.
pub(crate) fn before_the_end(last: fn()) {
    if LAST.set(last).is_err() {
        return;
    }
    // If this fails, a signal ends the program at once.
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
    /// Starts to listen, once per process. Before [`begin`](Interrupt::begin), the first signal ends the program.
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
                // There is nothing to wait for, or the user does not want to wait.
                known.at_exit.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|last| last());
                end();
            }
            let wakes = std::mem::take(&mut *known.lock());
            // On another thread: a wake may block, and the second Ctrl-C has to be noticed.
            let wakes = Arc::new(Mutex::new(wakes));
            let all = Arc::clone(&wakes);
            if threads::start("interrupt", move || wake(&all)).is_err() {
                wake(&wakes);
            }
        })
        .map_err(|error| {
            let failure = Failure::new(Exit::Failure, format!("cannot listen for Ctrl-C: {error}"));
            failure.hint(phrase!(
                "is there room for another thread? See ulimit -u, and pids.max of the container or service"
            ))
        })?;
        Ok(Interrupt { inner })
    }

    /// Says that the command has something to finish in order, such as a connection.
    pub(crate) fn begin(&self) {
        self.inner.begun.store(true, Ordering::SeqCst);
    }

    /// Returns true after the first signal.
    pub(crate) fn happened(&self) -> bool {
        self.inner.happened.load(Ordering::SeqCst)
    }

    /// Runs `last` before the second signal ends the program. It must not block.
    pub(crate) fn at_exit(&self, last: impl Fn() + Send + 'static) {
        self.inner.at_exit.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(last));
    }

    /// Runs `wake` at the first signal, or now if there was one, to end a blocking call.
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

/// Calls `heard` at each signal, on a thread of its own.
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

/// Returns true if SIGHUP is ignored, as with `nohup`, or if that cannot be determined: then it stays as it is.
#[cfg(unix)]
pub(crate) fn hangup_is_ignored() -> bool {
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
