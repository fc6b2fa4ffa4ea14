//! Waiting without the GIL, with an eye on signals.
//!
//! Python runs signal handlers on its main thread only, between its instructions. A call that blocks there wakes up
//! often enough to let them run; when one raises, as Ctrl-C does, the wait ends, but not what was waited for. Other
//! threads have nothing to look for and block in one piece.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use aliyun_mqtt::Error;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::error::raise;

/// The longest time for which a signal stays unnoticed.
const STEP: Duration = Duration::from_millis(50);

/// Calls `step`, which blocks at most for the time it is given, until it returns a value. Returns `None` once `limit`
/// has passed.
pub(crate) fn in_steps<T: Send>(
    py: Python<'_>,
    limit: Option<Duration>,
    mut step: impl FnMut(Duration) -> Result<Option<T>, Error> + Send,
) -> PyResult<Option<T>> {
    let until = limit.and_then(|limit| Instant::now().checked_add(limit));
    let mut longest = STEP;
    loop {
        let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
        let time = left.min(longest);
        if let Some(value) = py.detach(|| step(time)).map_err(|error| raise(py, &error))? {
            return Ok(Some(value));
        }
        if time == left {
            return Ok(None);
        }
        if !is_main_thread(py)? {
            longest = Duration::MAX;
        }
        py.check_signals()?;
    }
}

/// Runs `work`, which blocks and cannot be interrupted: on the main thread by a thread of its own. If a signal handler
/// raises meanwhile, `work` goes on, and its result is dropped.
pub(crate) fn aside<T: Send + 'static>(py: Python<'_>, work: impl FnOnce() -> T + Send + 'static) -> PyResult<T> {
    if !is_main_thread(py)? {
        return Ok(py.detach(work));
    }
    let (sender, receiver) = sync_channel(1);
    let run = move || {
        let _ = sender.send(work());
    };
    thread::Builder::new().name("aliyun-mqtt-call".to_string()).spawn(run)?;
    let result = in_steps(py, None, move |time| match receiver.recv_timeout(time) {
        Ok(value) => Ok(Some(Some(value))),
        Err(RecvTimeoutError::Timeout) => Ok(None),
        Err(RecvTimeoutError::Disconnected) => Ok(Some(None)),
    })?;
    result.flatten().ok_or_else(|| PyRuntimeError::new_err("a call of aliyun_mqtt panicked"))
}

/// Calls [`aside`] for work that can fail.
pub(crate) fn try_aside<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> PyResult<T> {
    aside(py, work)?.map_err(|error| raise(py, &error))
}

/// Returns true on the thread that runs signal handlers.
fn is_main_thread(py: Python<'_>) -> PyResult<bool> {
    static THREADING: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let threading = THREADING.get_or_try_init(py, || py.import("threading").map(Bound::unbind))?.bind(py);
    let main = threading.call_method0("main_thread")?.getattr("ident")?;
    threading.call_method0("get_ident")?.eq(main)
}

/// A value that is dropped without the GIL: its drop may block, and what it waits for may need the GIL.
pub(crate) struct DropDetached<T: Send>(Option<T>);

impl<T: Send> DropDetached<T> {
    pub(crate) fn new(value: T) -> Self {
        DropDetached(Some(value))
    }
}

impl<T: Send> std::ops::Deref for DropDetached<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => unreachable!("only the drop takes it"),
        }
    }
}

impl<T: Send> Drop for DropDetached<T> {
    fn drop(&mut self) {
        let value = self.0.take();
        // If the interpreter is ending, the value is dropped here; no code of Python runs then.
        let _ = Python::try_attach(move |py| py.detach(move || drop(value)));
    }
}
