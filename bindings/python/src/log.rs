//! The library's log, for `logging`.
//!
//! Handlers of `logging` are Python code, which must not run on the library's threads, nor on any thread with frames of
//! Rust below (see `credentials::ask`). So a thread of Python waits for records here, without the GIL.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};

use aliyun_mqtt_bindings::log_queue::{Record, Sink, ignore_this_thread, set_sink};
use log::LevelFilter;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// The target of the record that ends a reader.
const END: &str = "aliyun_mqtt::end_of_log";

/// The end of the log that a thread of Python reads.
#[pyclass(frozen, module = "aliyun_mqtt._native")]
pub(crate) struct LogReader(Mutex<Receiver<Record>>);

#[pymethods]
impl LogReader {
    /// Takes the log over from an earlier reader, which ends.
    #[new]
    fn new(level: u8) -> PyResult<Self> {
        // The queue is that of the library: here is only the hand-over.
        let (sender, receiver) = sync_channel(0);
        let sink: Sink = Box::new(move |record| drop(sender.send(record.clone())));
        set_sink(filter(level), Some(sink)).map_err(|_| PyRuntimeError::new_err("the log is in other hands"))?;
        Ok(LogReader(Mutex::new(receiver)))
    }

    /// Blocks until there is a record: level, target and text. Returns `None` at the end.
    fn next(&self, py: Python<'_>) -> Option<(u8, String, String)> {
        ignore_this_thread();
        let record = py.detach(|| self.0.lock().unwrap_or_else(PoisonError::into_inner).recv().ok())?;
        if record.target == END {
            return None;
        }
        let level = match record.level {
            log::Level::Error => 40,
            log::Level::Warn => 30,
            log::Level::Info => 20,
            log::Level::Debug => 10,
            log::Level::Trace => 5,
        };
        Some((level, record.target, record.text))
    }
}

/// Sets the least severe level that is recorded, as a level of `logging`.
#[pyfunction]
pub(crate) fn set_log_level(level: u8) {
    log::set_max_level(filter(level));
}

/// Lets the reader end behind the records there are now.
#[pyfunction]
pub(crate) fn end_log() {
    if log::max_level() == LevelFilter::Off {
        log::set_max_level(LevelFilter::Error);
    }
    log::error!(target: END, "");
}

/// Ends the log at once.
#[pyfunction]
pub(crate) fn stop_log(py: Python<'_>) {
    let _ = py.detach(|| set_sink(LevelFilter::Off, None));
}

fn filter(level: u8) -> LevelFilter {
    match level {
        0..10 => LevelFilter::Trace,
        10..20 => LevelFilter::Debug,
        20..30 => LevelFilter::Info,
        30..40 => LevelFilter::Warn,
        40..50 => LevelFilter::Error,
        _ => LevelFilter::Off,
    }
}
