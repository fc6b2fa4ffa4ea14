//! The operations that wait to be sent.

use std::collections::BTreeSet;

use crate::session::core::numbered::Numbered;
use crate::session::core::op::Op;

/// The order in which operations are sent: the oldest first. Which of them wait is known from the operations
/// themselves; this remembers only where to look.
pub(super) struct Queue {
    /// The first operation that waits and has never left the queue, or, if there is none, the next to be accepted.
    /// Later ones have not left it either, unless they were settled or are not stored yet.
    next: u64,
    /// Those before it that wait again, or were stored only after it had passed them.
    returned: BTreeSet<u64>,
}

impl Queue {
    /// Creates the queue of an outbox without operations.
    pub(super) fn new(ops: &Numbered<Op>) -> Self {
        Queue { next: ops.next_number(), returned: BTreeSet::new() }
    }

    /// Returns the operation to be sent next.
    pub(super) fn first(&self, ops: &Numbered<Op>) -> Option<u64> {
        let new = || (self.next < ops.next_number()).then_some(self.next);
        self.returned.first().copied().or_else(new)
    }

    /// Notes that an operation no longer waits: it was sent, settled or has to be stored.
    pub(super) fn left(&mut self, seq: u64, ops: &Numbered<Op>) {
        if seq == self.next {
            let next = ops.starting_with(seq).find(|(_, op)| op.is_queued());
            self.next = next.map_or(ops.next_number(), |(seq, _)| seq);
        } else if seq < self.next {
            self.returned.remove(&seq);
        }
    }

    /// Notes that an operation waits again.
    pub(super) fn returned(&mut self, seq: u64) {
        if seq < self.next {
            self.returned.insert(seq);
        }
    }

    /// Notes that no operation is left.
    pub(super) fn clear(&mut self, ops: &Numbered<Op>) {
        *self = Queue::new(ops);
    }

    /// Panics unless exactly these wait.
    #[cfg(any(test, fuzzing))]
    pub(super) fn assert_is(&self, waiting: &[u64], ops: &Numbered<Op>) {
        let new = waiting.iter().copied().filter(|seq| *seq >= self.next);
        assert!(waiting.iter().copied().eq(self.returned.iter().copied().chain(new)), "operations to be sent");
        assert_eq!(self.first(ops), waiting.first().copied(), "the first of them");
    }
}
