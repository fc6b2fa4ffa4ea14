//! Limits how much is in flight, and stops the run.

use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::item::Given;

/// The most bytes in flight: enough for a fast connection, and few enough for each message to meet its deadline on a
/// slow one.
const BYTES: usize = 1024 * 1024;

/// Messages enter before they are handed to the client, and leave when their outcome is known.
pub(super) struct Room {
    state: Mutex<State>,
    changed: Condvar,
    messages: usize,
}

#[derive(Default)]
struct State {
    messages: usize,
    bytes: usize,
    stopped: bool,
    /// Wakes the thread that waits for input.
    wake: Option<SyncSender<Given>>,
}

impl State {
    /// Lets a message in, unless the run was stopped.
    fn enter(&mut self, bytes: usize) -> bool {
        if self.stopped {
            return false;
        }
        self.messages += 1;
        self.bytes += bytes;
        true
    }
}

impl Room {
    /// Creates room for twice the largest window, so that there are messages to send as soon as acknowledgements
    /// arrive.
    pub(super) fn new(max_window: u16) -> Self {
        Room { state: Mutex::default(), changed: Condvar::new(), messages: usize::from(max_window) * 2 }
    }

    /// Waits for room for a message of this size; `false` after a stop. A message above the limit enters alone. The
    /// wait is bounded, since every message inside has a deadline.
    pub(super) fn enter(&self, bytes: usize) -> bool {
        let mut state = self.lock();
        while !state.stopped && !self.fits(&state, bytes) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.enter(bytes)
    }

    /// Does the same without waiting; `false` also if there is no room.
    pub(super) fn try_enter(&self, bytes: usize) -> bool {
        let mut state = self.lock();
        self.fits(&state, bytes) && state.enter(bytes)
    }

    pub(super) fn leave(&self, bytes: usize) {
        let mut state = self.lock();
        state.messages -= 1;
        state.bytes -= bytes;
        drop(state);
        self.changed.notify_all();
    }

    /// Stops the run: nothing more enters or is read.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        if let Some(wake) = &state.wake {
            // If the channel is full, nobody waits.
            let _ = wake.try_send(Given::Wake);
        }
        drop(state);
        self.changed.notify_all();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Waits until this time; `false` after a stop.
    pub(super) fn pause(&self, until: Instant) -> bool {
        let mut state = self.lock();
        while !state.stopped {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    /// Sets what [`stop`](Room::stop) wakes while it waits for input.
    pub(super) fn wakes(&self, wake: SyncSender<Given>) {
        self.lock().wake = Some(wake);
    }

    fn fits(&self, state: &State, bytes: usize) -> bool {
        state.messages == 0 || state.messages < self.messages && state.bytes + bytes <= BYTES
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;

    #[test]
    fn what_is_too_much_waits_until_something_leaves() {
        let room = Arc::new(Room::new(1));
        assert!(room.enter(1) && room.enter(BYTES - 1));
        let waiting = thread::spawn({
            let room = Arc::clone(&room);
            move || room.enter(2)
        });
        room.leave(BYTES - 1);
        assert!(waiting.join().unwrap());
        assert!(!room.try_enter(0), "there are two");
        room.leave(1);
        assert!(!room.try_enter(BYTES - 1));
        assert!(room.try_enter(BYTES - 2));
        room.leave(BYTES - 2);
        room.leave(2);
        assert!(room.enter(2 * BYTES), "it goes alone");
        let waiting = thread::spawn({
            let room = Arc::clone(&room);
            move || room.enter(1)
        });
        room.stop();
        assert!(!waiting.join().unwrap());
        room.leave(2 * BYTES);
        assert!(!room.try_enter(0), "nothing enters after a stop");
        assert!(!room.pause(Instant::now() + std::time::Duration::from_secs(3600)));
    }
}
