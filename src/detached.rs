//! User closures and blocking lookups: run on a separate thread, awaited with a deadline.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::{Error, Hint};

/// The number of abandoned workers and dials that are still stuck in a call of the operating system.
static STRANDED: AtomicUsize = AtomicUsize::new(0);

/// How often a waiting worker checks if it should leave.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// Returns the number of workers of disconnected or dropped clients that have not ended yet.
///
/// A worker that is stuck in a call of the system, such as a blocked write, cannot be interrupted. It is left behind,
/// ends when that call returns, and is counted here until then. An abandoned dial is counted, too, also that of a
/// client that found another address: it ends when its time is up (the configured timeout, and at most 30 s after the
/// first connection), or when the lookup of the name ends.
#[must_use]
pub fn stranded_workers() -> usize {
    STRANDED.load(Ordering::Relaxed)
}

/// Counts one more stranded thread, or one less.
pub(crate) fn count_stranded(one_more: bool) {
    if one_more {
        STRANDED.fetch_add(1, Ordering::Relaxed);
    } else {
        STRANDED.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The reason why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// It panicked.
    Panicked,
    /// The deadline passed; the thread continues by itself.
    TimedOut,
    /// The client is being closed.
    Leaving,
    /// No thread could be started.
    NoThread,
}

/// Starts a thread with this name.
pub(crate) fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    Builder::new().name(name.to_string()).spawn(work).map_err(|error| no_thread().with_source(error))
}

/// Starts a thread with a stack of this many bytes; `None` for the default size.
pub(crate) fn start_on(
    name: &str,
    stack: Option<usize>,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, Error> {
    let Some(stack) = stack else { return start(name, work) };
    let builder = Builder::new().name(name.to_string()).stack_size(stack);
    builder.spawn(work).map_err(|error| {
        let message = format!("cannot start a thread with a stack of {} MiB, which a WebSocket needs", stack >> 20);
        Error::internal(message).with_hint(Hint::StackLimit).with_source(error)
    })
}

/// Fails if the system cannot start a thread now. Called before operations of dependencies that would panic then: name
/// lookups by tokio and ureq.
pub(crate) fn can_start() -> Result<(), Error> {
    // Joined, because the thread counts against the limit until it ends.
    start("aliyun-mqtt-helper", || ()).map(|thread| drop(thread.join()))
}

/// The error of an operation that needs another thread.
pub(crate) fn no_thread() -> Error {
    Error::internal("cannot start a thread").with_hint(Hint::ThreadLimit)
}

/// Runs `work` on its own thread; `None` if no thread could be started.
pub(crate) fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<Receiver<T>> {
    let (answer, answers) = sync_channel(1);
    let run = move || {
        // A panic drops `answer`, which the receiver notices. The receiver may be gone.
        let _ = answer.send(work());
    };
    start("aliyun-mqtt-helper", run).ok()?;
    Some(answers)
}

/// Waits for the answer of [`spawn`], at most until the deadline or until `leaving` returns true.
pub(crate) fn wait<T>(answers: &Receiver<T>, deadline: Instant, leaving: impl Fn() -> bool) -> Result<T, NoAnswer> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match answers.recv_timeout(left.min(TICK)) {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Disconnected) => return Err(NoAnswer::Panicked),
            Err(RecvTimeoutError::Timeout) if leaving() => return Err(NoAnswer::Leaving),
            Err(RecvTimeoutError::Timeout) if left <= TICK => return Err(NoAnswer::TimedOut),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// A blocking stream whose reads and writes can be limited.
pub(crate) trait Timed: Read + Write {
    /// Limits each later read and write to this time, which must not be zero.
    fn limit(&self, limit: Duration) -> io::Result<()>;
}

impl Timed for TcpStream {
    fn limit(&self, limit: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(limit))?;
        self.set_write_timeout(Some(limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask<T: Send + 'static>(
        deadline: Instant,
        leaving: impl Fn() -> bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        wait(&spawn(work).expect("a thread"), deadline, leaving)
    }

    #[test]
    fn answers_panics_and_timeouts_are_told_apart() {
        let soon = || Instant::now() + Duration::from_secs(20);
        assert_eq!(ask(soon(), || false, || 7), Ok(7));
        assert_eq!(
            ask(soon(), || false, || -> u8 { std::panic::resume_unwind(Box::new("")) }),
            Err(NoAnswer::Panicked)
        );
        let (hold, held) = sync_channel::<()>(0);
        let now = Instant::now();
        assert_eq!(ask(now, || false, move || held.recv().is_ok()), Err(NoAnswer::TimedOut));
        drop(hold);
        let (hold, held) = sync_channel::<()>(0);
        assert_eq!(ask(soon(), || true, move || held.recv().is_ok()), Err(NoAnswer::Leaving));
        drop(hold);
    }
}
