//! Bounds, and the room for received messages.

use std::sync::{Condvar, Mutex, PoisonError};

use prometheus_client::metrics::gauge::Gauge;

/// How many messages, and bytes of them, are held at the same time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// The room for received messages; dead letters have a bound of their own. The thread that receives waits for it.
#[derive(Debug)]
pub(super) struct Room {
    bounds: Bounds,
    used: Mutex<Used>,
    freed: Condvar,
    /// 1 while the thread waits.
    blocked: Gauge,
}

#[derive(Debug, Default)]
struct Used {
    messages: usize,
    bytes: usize,
    closed: bool,
}

impl Room {
    pub(super) fn new(bounds: Bounds, blocked: Gauge) -> Self {
        Room { bounds, used: Mutex::default(), freed: Condvar::new(), blocked }
    }

    /// Waits for room for at least the first of these messages, and takes room for as many as fit. Returns their
    /// number; 0 once the room is closed.
    pub(super) fn wait(&self, sizes: &[usize]) -> usize {
        let mut used = self.lock();
        loop {
            if used.closed || sizes.is_empty() {
                return 0;
            }
            let mut count = 0;
            for size in sizes {
                let empty = used.messages == 0;
                let full = used.messages >= self.bounds.messages || used.bytes + size > self.bounds.bytes;
                if full && !empty {
                    break;
                }
                used.messages += 1;
                used.bytes += size;
                count += 1;
            }
            if count > 0 {
                self.blocked.set(0);
                return count;
            }
            if self.blocked.set(1) == 0 {
                crate::report::warning(format!(
                    "receiving pauses: {} received messages of {} bytes are stored, and nobody deletes them",
                    used.messages, used.bytes
                ));
            }
            used = self.freed.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.freed.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Takes room for what is there already.
    pub(super) fn take(&self, sizes: impl Iterator<Item = usize>) {
        let mut used = self.lock();
        for size in sizes {
            used.messages += 1;
            used.bytes += size;
        }
    }

    pub(super) fn give(&self, size: usize) {
        let mut used = self.lock();
        used.messages -= 1;
        used.bytes -= size;
        self.freed.notify_all();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_up_to_its_bounds_and_a_message_that_is_too_large_fits_alone() {
        let room = Room::new(Bounds { messages: 2, bytes: 100 }, Gauge::default());
        assert_eq!(room.wait(&[200, 1]), 1);
        room.give(200);
        assert_eq!(room.wait(&[1, 1, 1]), 2);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| room.wait(&[1]));
            while room.blocked.get() == 0 {
                std::thread::yield_now();
            }
            room.give(1);
            assert_eq!((waiting.join().unwrap(), room.blocked.get()), (1, 0));
        });
        room.close();
        assert_eq!(room.wait(&[1]), 0);
    }
}
