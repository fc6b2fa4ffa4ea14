//! The thread that writes the spool, and the queue of its work.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::format::Record;
use super::passing::{Done, Stored};
use super::store::{Entry, Store};
use super::{Spool, SyncPolicy, size_of};
use crate::error::{Error, Result};
use crate::sync::lock;

/// How long removals are gathered: each write costs an `fsync`, and the next message includes them.
const GATHER: Duration = Duration::from_millis(50);

/// The pause after a failure before removals are retried on their own.
const RETRY: Duration = Duration::from_secs(1);

/// The work of the writer. It is in memory only, so it may be used under the session's lock.
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    interval: Option<Duration>,
}

#[derive(Default)]
struct State {
    next_key: u64,
    added: BTreeMap<u64, Stored>,
    /// More is being added: the writer waits until it is complete.
    gathering: bool,
    removed: Vec<u64>,
    /// The time of the oldest removal.
    removed_at: Option<Instant>,
    failed_at: Option<Instant>,
    /// The time of the oldest write that is not synced yet.
    dirty_since: Option<Instant>,
    closing: bool,
    closed: bool,
    /// The sizes of the records on disk, by key.
    sizes: BTreeMap<u64, u64>,
    bytes: u64,
}

/// The next write.
struct Batch {
    added: Vec<(u64, Stored)>,
    removed: Vec<u64>,
    sync: bool,
    last: bool,
}

impl Queue {
    /// Creates the queue. `present`: keys and sizes of the existing records.
    pub(crate) fn new(spool: &Spool, present: impl Iterator<Item = (u64, u64)>) -> Self {
        let interval = match spool.sync {
            SyncPolicy::Interval(interval) => Some(interval),
            SyncPolicy::Each | SyncPolicy::System => None,
        };
        let sizes: BTreeMap<u64, u64> = present.collect();
        let state = State {
            next_key: sizes.last_key_value().map_or(1, |(key, _)| key.saturating_add(1)),
            bytes: sizes.values().sum(),
            sizes,
            ..State::default()
        };
        Queue { state: Mutex::new(state), changed: Condvar::new(), interval }
    }

    /// Queues a message to be stored, and returns the key of its record.
    pub(crate) fn add(&self, stored: Stored) -> u64 {
        let mut state = lock(&self.state);
        let key = state.next_key;
        state.next_key += 1;
        // The writer knows of earlier ones that it has not taken yet, and while records are gathered it waits for their
        // end.
        if state.added.is_empty() && !state.gathering {
            self.changed.notify_all();
        }
        state.added.insert(key, stored);
        key
    }

    /// Switches gathering: while on, added messages wait, so that one commit takes all of them.
    pub(crate) fn gather(&self, on: bool) {
        lock(&self.state).gathering = on;
        self.changed.notify_all();
    }

    /// Queues the removal of a record, written or not.
    pub(crate) fn remove(&self, key: u64) {
        let mut state = lock(&self.state);
        state.added.remove(&key);
        if state.removed.is_empty() {
            state.removed_at = Some(Instant::now());
            self.changed.notify_all();
        }
        state.removed.push(key);
    }

    /// Returns the number of records on disk, and their size in bytes.
    pub(crate) fn present(&self) -> (u64, u64) {
        let state = lock(&self.state);
        (state.sizes.len() as u64, state.bytes)
    }

    /// Asks the writer to finish, and waits for it until this moment. Returns true if it has finished.
    pub(crate) fn close(&self, until: Instant) -> bool {
        let mut state = lock(&self.state);
        state.closing = true;
        self.changed.notify_all();
        while !state.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Waits for work.
    fn take(&self) -> Batch {
        let mut state = lock(&self.state);
        loop {
            if state.gathering && !state.closing {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let now = Instant::now();
            let removal = state.removed_at.map(|at| state.failed_at.map_or(at + GATHER, |failed| failed + RETRY));
            let sync = self.interval.and_then(|interval| Some(state.dirty_since? + interval));
            let due = [removal, sync].into_iter().flatten().min();
            if !state.added.is_empty() || state.closing || due.is_some_and(|due| due <= now) {
                state.removed_at = None;
                return Batch {
                    added: std::mem::take(&mut state.added).into_iter().collect(),
                    removed: std::mem::take(&mut state.removed),
                    sync: sync.is_some_and(|due| due <= now),
                    last: state.closing,
                };
            }
            state = match due {
                Some(due) => self.changed.wait_timeout(state, due - now).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Handles a batch that was written.
    fn written(&self, removed: &[u64], added: impl Iterator<Item = (u64, u64)>) {
        let mut state = lock(&self.state);
        state.failed_at = None;
        state.dirty_since.get_or_insert_with(Instant::now);
        for key in removed {
            let size = state.sizes.remove(key).unwrap_or_default();
            state.bytes -= size;
        }
        for (key, size) in added {
            state.sizes.insert(key, size);
            state.bytes += size;
        }
    }

    /// Handles a batch that was probably not written: parts of it may be on disk, and must be removed.
    fn not_written(&self, mut removed: Vec<u64>, added: impl Iterator<Item = u64>) {
        let mut state = lock(&self.state);
        let now = Instant::now();
        state.failed_at = Some(now);
        removed.extend(added);
        removed.append(&mut state.removed);
        if !removed.is_empty() {
            state.removed_at.get_or_insert(now);
        }
        state.removed = removed;
    }

    fn synced(&self) {
        lock(&self.state).dirty_since = None;
    }

    fn finished(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }
}

/// Writes until the queue is closed. Calls `done` for all messages after their write.
pub(crate) fn run(queue: &Queue, mut store: Box<dyn Store>, mut done: impl FnMut(Done)) {
    let mut troubled = false;
    loop {
        let Batch { added, removed, sync, last } = queue.take();
        let entries: Vec<Entry> = added.iter().map(|(key, stored)| (*key, encode(*key, stored))).collect();
        let result = if entries.is_empty() && removed.is_empty() {
            Ok(())
        } else {
            guarded(|| store.commit(&removed, &entries))
        };
        let wrote = !(entries.is_empty() && removed.is_empty());
        drop(entries);
        match &result {
            Ok(()) if wrote => {
                queue.written(&removed, added.iter().map(|(key, stored)| (*key, size_of(&stored.message))));
                troubled = false;
            }
            Ok(()) => {}
            Err(error) => {
                queue.not_written(removed, added.iter().map(|(key, _)| *key));
                // Callers get the error of their message; for removals nobody does, so one warning is logged.
                if !std::mem::replace(&mut troubled, true) {
                    log::warn!("{error}");
                }
            }
        }
        if sync {
            match guarded(|| store.sync()) {
                Ok(()) => queue.synced(),
                Err(error) => log::warn!("{error}"),
            }
        }
        if !added.is_empty() {
            done(Done { seqs: added.iter().map(|(_, stored)| stored.seq).collect(), result });
        }
        if last {
            break;
        }
    }
    if let Err(error) = guarded(|| store.close()) {
        log::warn!("{error}");
    }
    drop(store);
    queue.finished();
}

/// Turns a panic of the store into an error.
fn guarded(work: impl FnOnce() -> Result<()>) -> Result<()> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Error::internal("the spool's store panicked")))
}

fn encode(key: u64, stored: &Stored) -> Vec<u8> {
    let message = &stored.message;
    let limit = message.timeout.map_or(0, |limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).max(1));
    let properties = message.properties.as_ref().map(|properties| properties.encode()).unwrap_or_default();
    let (topic, payload) = (&message.topic, &message.payload);
    Record { qos: message.qos, accepted: stored.accepted, limit, topic, properties: &properties, payload }.encode(key)
}

#[cfg(test)]
pub(crate) mod tests;
