//! The log: what the emulator saw, in order. It never contains a secret, password or token.

mod display;
mod entry;

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

use crate::random::random_hex;

pub use self::entry::{Action, DisconnectReason, Listener, LogEntry, Payload, Version, What};

/// The maximum size of a log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

/// The log: bounded, shared by all connections, and awaited by tests.
#[derive(Debug)]
pub(crate) struct Log {
    /// Distinguishes it from the log of another emulator.
    id: String,
    entries: Mutex<Entries>,
    grown: Condvar,
    /// Wakes the tasks that wait for entries.
    growth: Notify,
}

#[derive(Debug)]
struct Entries {
    kept: VecDeque<LogEntry>,
    /// The size of the kept entries.
    bytes: usize,
    next: u64,
    bounds: Bounds,
}

impl Entries {
    fn push(&mut self, entry: LogEntry) {
        self.bytes += entry.size();
        self.kept.push_back(entry);
        // The newest is kept whatever its size.
        while self.kept.len() > 1 && (self.kept.len() > self.bounds.entries || self.bytes > self.bounds.bytes) {
            self.bytes -= self.kept.pop_front().map_or(0, |oldest| oldest.size());
        }
    }
}

impl Log {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let entries = Entries { kept: VecDeque::new(), bytes: 0, next: 0, bounds };
        Self { id: random_hex(), entries: Mutex::new(entries), grown: Condvar::new(), growth: Notify::new() }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Appends an entry and returns its sequence number.
    pub(crate) fn write(&self, client_id: &str, what: What) -> u64 {
        let mut entries = self.lock();
        let sequence = entries.next;
        entries.next += 1;
        let client_id = client_id.to_owned();
        entries.push(LogEntry { sequence, time: SystemTime::now(), client_id, what });
        drop(entries);
        self.grown.notify_all();
        self.growth.notify_waiters();
        sequence
    }

    /// Calls `look` with all entries, without a copy. The log is locked meanwhile: `look` must not wait for anything.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&VecDeque<LogEntry>) -> R) -> R {
        look(&self.lock().kept)
    }

    /// Returns the sequence number of the next entry.
    pub(crate) fn position(&self) -> u64 {
        self.lock().next
    }

    /// Waits, in a task, until an entry from `sequence` on is there.
    pub(crate) async fn reaches(&self, sequence: u64) {
        loop {
            let grown = self.growth.notified();
            tokio::pin!(grown);
            // From here on, no entry is missed.
            grown.as_mut().enable();
            if self.position() > sequence {
                return;
            }
            grown.await;
        }
    }

    /// Returns the sequence number of the oldest entry kept; that of the next one if there is none.
    pub(crate) fn oldest(&self) -> u64 {
        let entries = self.lock();
        entries.kept.front().map_or(entries.next, |entry| entry.sequence)
    }

    pub(crate) fn since(&self, sequence: u64) -> Vec<LogEntry> {
        let entries = self.lock();
        let start = entries.kept.partition_point(|entry| entry.sequence < sequence);
        entries.kept.range(start..).cloned().collect()
    }

    /// Returns the first entry from `sequence` on that `wanted` accepts, waiting for at most `timeout`.
    pub(crate) fn wait(
        &self,
        mut sequence: u64,
        timeout: Duration,
        mut wanted: impl FnMut(&LogEntry) -> bool,
    ) -> Option<LogEntry> {
        const BATCH: usize = 256;
        // Within the range of a clock.
        let deadline = Instant::now() + timeout.min(Duration::from_secs(100 * 365 * 86_400));
        let mut entries = self.lock();
        loop {
            let start = entries.kept.partition_point(|entry| entry.sequence < sequence);
            let batch: Vec<_> = entries.kept.range(start..).take(BATCH).cloned().collect();
            if let Some(last) = batch.last() {
                sequence = last.sequence + 1;
                // `wanted` may be slow, or look into the log itself.
                drop(entries);
                if let Some(found) = batch.into_iter().find(|entry| wanted(entry)) {
                    return Some(found);
                }
                entries = self.lock();
            } else {
                let left = deadline.checked_duration_since(Instant::now())?;
                entries = self.grown.wait_timeout(entries, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const LARGE: Bounds = Bounds { entries: 10_000, bytes: usize::MAX };

    fn published(size: usize) -> What {
        let (topic, payload) = ("emulator/x".to_owned(), Payload::from(&vec![0; size][..]));
        What::ServicePublished { topic, qos: 1, payload }
    }

    #[test]
    fn a_log_is_bounded_in_bytes() {
        let log = Log::new(Bounds { entries: usize::MAX, bytes: 100_000 });
        for number in 0..1000 {
            log.write("client", published(number));
            log.write("client", What::Kicked);
            log.look(|kept| assert!(kept.iter().map(LogEntry::size).sum::<usize>() <= 100_000));
        }
        let kept = log.since(0);
        assert!(kept.len() > 100 && kept.len() < 300, "{}", kept.len());
        assert!(kept.iter().rev().zip((0..2000).rev()).all(|(entry, number)| entry.sequence == number), "the newest");
        // The last one is there, however large.
        log.write("client", published(1_000_000));
        assert_eq!(log.since(0).len(), 1);
        log.write("client", What::Kicked);
        assert_eq!(log.since(0).into_iter().map(|entry| entry.what).collect::<Vec<_>>(), [What::Kicked]);
        assert!(log.lock().bytes < 1000);
    }

    #[test]
    fn a_full_log_forgets_the_oldest_and_keeps_counting() {
        let log = Log::new(Bounds { entries: 2, bytes: usize::MAX });
        for name in ["a", "b", "c"] {
            log.write(name, What::Kicked);
        }
        let kept: Vec<_> = log.since(0).into_iter().map(|entry| (entry.sequence, entry.client_id)).collect();
        assert_eq!(kept, [(1, "b".to_owned()), (2, "c".to_owned())]);
        assert_eq!(log.position(), 3);
        assert_eq!(log.since(2).len(), 1);
    }

    #[test]
    fn waiting_finds_what_is_there_and_what_comes_and_gives_up_in_time() {
        let log = Arc::new(Log::new(LARGE));
        log.write("early", What::Kicked);
        assert!(log.wait(0, Duration::ZERO, |entry| entry.client_id == "early").is_some());
        assert!(log.wait(1, Duration::from_millis(20), |_| true).is_none());
        // Many times, so that some of the entries come while the wait is on; each missed one would cost 10 s.
        let before = Instant::now();
        for number in 1..=100 {
            let writer = Arc::clone(&log);
            let thread = std::thread::spawn(move || writer.write("late", What::Kicked));
            let found = log.wait(number, Duration::from_secs(10), |entry| entry.client_id == "late");
            assert_eq!(found.map(|entry| entry.sequence), Some(number));
            thread.join().unwrap();
        }
        assert!(before.elapsed() < Duration::from_secs(9), "woken, not timed out");
    }

    #[test]
    fn a_long_log_is_searched_to_its_end_and_may_be_read_meanwhile() {
        let log = Log::new(LARGE);
        for _ in 0..1000 {
            log.write("many", What::Kicked);
        }
        log.write("last", What::Kicked);
        let mut shown = 0;
        let found = log.wait(0, Duration::ZERO, |entry| {
            shown += 1;
            assert_eq!(log.position(), 1001);
            entry.client_id == "last"
        });
        assert_eq!((found.map(|entry| entry.sequence), shown), (Some(1000), 1001));
    }
}
