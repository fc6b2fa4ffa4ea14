//! Starts threads. If the system cannot start one, that is an error, not a panic.

use std::io;
use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};

use crate::exit::Failure;
use crate::lang::phrase;

/// Starts a thread with this name.
pub(crate) fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_string()).spawn(work)
}

/// Starts a thread without which the command fails.
pub(crate) fn needed<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Failure> {
    start(name, work).map_err(|error| failure(&error))
}

/// Starts a thread in a scope.
pub(crate) fn scoped<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, Failure> {
    Builder::new().name(name.to_string()).spawn_scoped(scope, work).map_err(|error| failure(&error))
}

fn failure(error: &io::Error) -> Failure {
    Failure::io("cannot start a thread", error)
        .hint(phrase!("raise the limit on processes and threads (ulimit -u; pids.max of the container or service)"))
}
