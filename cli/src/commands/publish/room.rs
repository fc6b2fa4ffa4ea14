//! How much may be under way at a time, and the word to stop.

use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::item::Given;

/// Most bytes under way: enough for a fast line, and little enough that each message of it gets through a slow one
/// within its time.
const BYTES: usize = 1024 * 1024;

/// Messages enter before they are handed over, and leave when their fate is known.
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
    /// Wakes who waits for input.
    wake: Option<SyncSender<Given>>,
}

impl Room {
    /// Room for twice the window, so that the next messages are at hand when acknowledgements come.
    pub(super) fn new(window: u16) -> Self {
        Room { state: Mutex::default(), changed: Condvar::new(), messages: usize::from(window) * 2 }
    }

    /// Waits for room for a message of so many bytes; `false` when there is none any more. A message larger than all room
    /// goes alone. Whoever is inside has a deadline, so this has an end.
    pub(super) fn enter(&self, bytes: usize) -> bool {
        let mut state = self.lock();
        while !state.stopped && (state.messages >= self.messages || state.messages > 0 && state.bytes + bytes > BYTES) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.stopped {
            return false;
        }
        state.messages += 1;
        state.bytes += bytes;
        true
    }

    pub(super) fn leave(&self, bytes: usize) {
        let mut state = self.lock();
        state.messages -= 1;
        state.bytes -= bytes;
        drop(state);
        self.changed.notify_all();
    }

    /// From now on nothing enters, and nothing more is read.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        if let Some(wake) = &state.wake {
            // Where it is full, nobody waits.
            let _ = wake.try_send(Given::Wake);
        }
        drop(state);
        self.changed.notify_all();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Waits until then; `false` when it was stopped.
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

    /// Who is to be woken by [`stop`](Room::stop) while it waits for input.
    pub(super) fn wakes(&self, wake: SyncSender<Given>) {
        self.lock().wake = Some(wake);
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
        room.leave(1);
        room.leave(2);
        assert!(room.enter(2 * BYTES), "it goes alone");
        let waiting = thread::spawn({
            let room = Arc::clone(&room);
            move || room.enter(1)
        });
        room.stop();
        assert!(!waiting.join().unwrap());
        assert!(!room.pause(Instant::now() + std::time::Duration::from_secs(3600)));
    }
}
