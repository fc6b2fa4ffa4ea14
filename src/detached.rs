//! User closures and blocking lookups: on a thread of their own, awaited with a deadline.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::{Error, Hint};

/// Workers whose client is gone, and dials that were given up, which are still stuck in a call of the operating system.
static STRANDED: AtomicUsize = AtomicUsize::new(0);

/// How often a waiting worker looks whether it should leave.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// How many workers of disconnected or dropped clients have not ended yet.
///
/// A worker that is stuck in a call of the system, such as a write that is not taken, cannot be interrupted. It is left to
/// itself, ends when that call returns, and is counted here until then. So is a dial that was given up, also by a client that
/// found another address: it ends when its time is up (the timeout of the configuration, and 30 s at most after the first
/// connection), or when the lookup of the name does.
#[must_use]
pub fn stranded_workers() -> usize {
    STRANDED.load(Ordering::Relaxed)
}

/// A stranded thread begins or ends to count.
pub(crate) fn count_stranded(one_more: bool) {
    if one_more {
        STRANDED.fetch_add(1, Ordering::Relaxed);
    } else {
        STRANDED.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// It panicked.
    Panicked,
    /// The deadline passed; the thread goes on by itself.
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

/// The same with a stack of so many bytes; `None`: the usual one.
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

/// Fails where the system starts no thread at this moment. To be asked before a dependency does what panics then: a
/// lookup of a name, by tokio as by ureq.
pub(crate) fn can_start() -> Result<(), Error> {
    // Its end is waited for: it counts until then.
    start("aliyun-mqtt-helper", || ()).map(|thread| drop(thread.join()))
}

/// The error of what cannot be done without another thread.
pub(crate) fn no_thread() -> Error {
    Error::internal("cannot start a thread").with_hint(Hint::ThreadLimit)
}

/// Runs `work` on its own thread; `None` if no thread could be started.
pub(crate) fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<Receiver<T>> {
    let (answer, answers) = sync_channel(1);
    let run = move || {
        // A panic drops `answer`, which says so. Nobody listening is fine, too.
        let _ = answer.send(work());
    };
    start("aliyun-mqtt-helper", run).ok()?;
    Some(answers)
}

/// Waits for the answer of [`spawn`], at most until the deadline or until `leaving` says so.
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
    /// From now on, each takes so long at most; not zero.
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
