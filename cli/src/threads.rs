//! Threads of this program: where the system starts none, that is an error, and nothing panics.

use std::io;
use std::thread::{Builder, JoinHandle};

use crate::exit::Failure;

/// Starts a thread with this name, which debuggers and the system show.
pub(crate) fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_string()).spawn(work)
}

/// The failure of a command that cannot do without it.
pub(crate) fn none_started(error: &io::Error) -> Failure {
    Failure::io("cannot start a thread", error)
        .hint("raise the limit on processes and threads (ulimit -u; pids.max of the container or service)")
}
