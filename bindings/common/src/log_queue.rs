//! A logger that hands records to a sink on a thread of its own.
//!
//! The library logs on the thread of a connection, and from calls that hold locks. A sink of another language must not
//! run there: it may call the library again, or wait for an interpreter's lock. So records go into a bounded queue, and
//! a dispatcher thread hands them to the sink.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use log::{LevelFilter, Log, Metadata};

use crate::per_process::PerProcess;

/// The bounds of the queue, in records and in bytes of text. Beyond them the oldest records are dropped and counted.
const KEPT: usize = 1_000;
const KEPT_BYTES: usize = 1024 * 1024;

/// One record of the log.
#[derive(Debug, Clone)]
pub struct Record {
    /// The level.
    pub level: log::Level,
    /// The module or topic that the record is about, such as `aliyun_mqtt::untaken`.
    pub target: String,
    /// The text.
    pub text: String,
}

/// A receiver of records. It runs on the dispatcher thread, may block, and may call the library; what it makes the
/// library log on that thread is not recorded.
pub type Sink = Box<dyn FnMut(&Record) + Send>;

/// The program has a logger of its own, which cannot be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherLogger;

static STATE: PerProcess<Shared> = PerProcess::new(Shared::default);

thread_local! {
    static IS_DISPATCHER: Cell<bool> = const { Cell::new(false) };
}

#[derive(Default)]
struct Shared {
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Counts the sinks that were set. The dispatcher of an earlier one ends.
    generation: u64,
    listening: bool,
    records: VecDeque<Record>,
    bytes: usize,
    dropped: u64,
}

/// Hands each record of this level or a more severe one to the sink; in place of the previous sink, which is dropped on
/// its dispatcher thread once the call it may be in returns. `None` stops that.
///
/// # Errors
/// [`OtherLogger`] if the program has set another logger for the `log` facade.
pub fn set_sink(level: LevelFilter, sink: Option<Sink>) -> Result<(), OtherLogger> {
    static QUEUE_LOGGER: QueueLogger = QueueLogger;
    static OURS: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    if !*OURS.get_or_init(|| log::set_logger(&QUEUE_LOGGER).is_ok()) {
        return Err(OtherLogger);
    }
    let queue = &STATE.get().queue;
    let generation = {
        let mut state = lock(queue);
        state.generation += 1;
        state.listening = sink.is_some();
        state.records.clear();
        state.bytes = 0;
        queue.changed.notify_all();
        state.generation
    };
    log::set_max_level(if sink.is_some() { level } else { LevelFilter::Off });
    if let Some(sink) = sink {
        let queue = Arc::clone(queue);
        let dispatcher = move || dispatch(&queue, generation, sink);
        // Without a thread there is no sink: the records are dropped and counted.
        let _ = thread::Builder::new().name("aliyun-mqtt-log".to_string()).spawn(dispatcher);
    }
    Ok(())
}

/// Stops recording what the library logs on this thread: for a thread that runs the code of a sink in the dispatcher's
/// place.
pub fn ignore_this_thread() {
    IS_DISPATCHER.set(true);
}

/// Returns the number of records that were dropped because the sink was too slow.
#[must_use]
pub fn dropped() -> u64 {
    lock(&STATE.get().queue).dropped
}

fn dispatch(queue: &Queue, generation: u64, mut sink: Sink) {
    IS_DISPATCHER.set(true);
    loop {
        let record = {
            let mut state = lock(queue);
            loop {
                if state.generation != generation {
                    return;
                }
                if let Some(record) = state.records.pop_front() {
                    state.bytes -= record.text.len();
                    break record;
                }
                state = queue.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        };
        sink(&record);
    }
}

struct QueueLogger;

impl Log for QueueLogger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        !IS_DISPATCHER.try_with(Cell::get).unwrap_or(true)
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let record =
            Record { level: record.level(), target: record.target().to_string(), text: record.args().to_string() };
        let queue = &STATE.get().queue;
        let mut state = lock(queue);
        if !state.listening {
            return;
        }
        while state.records.len() >= KEPT || (state.bytes + record.text.len() > KEPT_BYTES && state.bytes > 0) {
            if let Some(oldest) = state.records.pop_front() {
                state.bytes -= oldest.text.len();
            }
            state.dropped += 1;
        }
        state.bytes += record.text.len();
        state.records.push_back(record);
        queue.changed.notify_all();
    }

    fn flush(&self) {}
}

fn lock(queue: &Queue) -> MutexGuard<'_, State> {
    queue.state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, RecvTimeoutError};
    use std::time::Duration;

    use log::{LevelFilter, info, warn};

    use super::{dropped, set_sink};

    const PATIENCE: Duration = Duration::from_secs(30);

    /// One test: the log facade has one logger for the process.
    #[test]
    fn records_reach_the_sink_on_its_own_thread_and_a_slow_sink_holds_nobody_up() {
        let (texts, received) = mpsc::channel();
        let (go_on, gate) = mpsc::channel::<()>();
        let sink = move |record: &super::Record| {
            // Would be a loop without end if it were recorded.
            warn!("from the sink");
            texts.send((record.text.clone(), std::thread::current().name().map(str::to_string))).unwrap();
            gate.recv().unwrap();
        };
        set_sink(LevelFilter::Warn, Some(Box::new(sink))).unwrap();
        info!("below the level");
        warn!("first");
        let (text, thread) = received.recv_timeout(PATIENCE).unwrap();
        assert_eq!((text.as_str(), thread.as_deref()), ("first", Some("aliyun-mqtt-log")));
        // The sink is blocked now: these go into the queue, and beyond its bound the oldest are dropped.
        for number in 0..1_500 {
            warn!("{number}");
        }
        assert_eq!(dropped(), 500);
        go_on.send(()).unwrap();
        assert_eq!(received.recv_timeout(PATIENCE).unwrap().0, "500");

        // The old sink is dropped once its call has returned.
        set_sink(LevelFilter::Off, None).unwrap();
        go_on.send(()).unwrap();
        let ended = loop {
            match received.recv_timeout(PATIENCE) {
                Ok(_) => go_on.send(()).unwrap(),
                Err(error) => break error,
            }
        };
        assert_eq!(ended, RecvTimeoutError::Disconnected);
    }
}
