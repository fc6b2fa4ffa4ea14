//! The deadlines of the operations that are not settled.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// How many places may be unused, or used by settled operations, beside a share of those in use.
const SPARE: usize = 16;

/// A heap that a settled operation leaves only when it comes to the top, or when there are too many of them. At most a
/// quarter of the places are used by settled operations, and a third are unused; and some more.
#[derive(Default)]
pub(super) struct Deadlines {
    /// The first is that of an unsettled operation.
    heap: BinaryHeap<Reverse<(Instant, u64)>>,
    /// The number of unsettled operations.
    open: usize,
}

impl Deadlines {
    pub(super) fn add(&mut self, deadline: Instant, seq: u64) {
        if self.heap.len() == self.heap.capacity() {
            self.heap.reserve_exact(self.heap.len() / 4 + SPARE / 4);
        }
        self.heap.push(Reverse((deadline, seq)));
        self.open += 1;
    }

    /// Returns the earliest deadline and its operation.
    pub(super) fn first(&self) -> Option<(Instant, u64)> {
        self.heap.peek().map(|Reverse(first)| *first)
    }

    /// Notes that one of them was settled. `is_open` returns true for an operation that is not.
    pub(super) fn settled(&mut self, is_open: impl Fn(u64) -> bool) {
        self.open -= 1;
        while self.first().is_some_and(|(_, seq)| !is_open(seq)) {
            self.heap.pop();
        }
        if self.heap.len() > self.open + self.open / 3 + SPARE {
            self.heap.retain(|Reverse((_, seq))| is_open(*seq));
        }
        let used = self.heap.len();
        if self.heap.capacity() > used + used / 2 + SPARE {
            self.heap.shrink_to(used + used / 4 + SPARE / 4);
        }
    }

    /// Panics unless these operations have one deadline each, and the earliest is known.
    #[cfg(any(test, fuzzing))]
    pub(super) fn assert_of(&self, open: &std::collections::BTreeSet<u64>) {
        let known = || self.heap.iter().map(|Reverse(entry)| *entry).filter(|(_, seq)| open.contains(seq));
        assert_eq!((self.open, known().count()), (open.len(), open.len()), "the number of deadlines");
        assert_eq!(self.first(), known().min(), "the earliest deadline");
        assert!(self.heap.capacity() <= 2 * self.open + 3 * SPARE, "{} for {}", self.heap.capacity(), self.open);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::session::core::now::Now;

    proptest! {
        /// Against a tree. A step adds one that ends after so many seconds, or settles one at that place.
        #[test]
        fn the_earliest_is_always_known(steps: Vec<(bool, u8)>) {
            let start = Now::at(0.0).instant;
            let (mut deadlines, mut model) = (Deadlines::default(), BTreeSet::new());
            for (seq, (add, number)) in (1..).zip(steps.into_iter().chain([(true, 7); 80]).chain([(false, 3); 80])) {
                if add {
                    let deadline = start + Duration::from_secs(number.into());
                    deadlines.add(deadline, seq);
                    model.insert((deadline, seq));
                } else if let Some(entry) = model.iter().nth(usize::from(number) % model.len().max(1)).copied() {
                    model.remove(&entry);
                    let open: BTreeSet<_> = model.iter().map(|(_, seq)| *seq).collect();
                    deadlines.settled(|seq| open.contains(&seq));
                }
                deadlines.assert_of(&model.iter().map(|(_, seq)| *seq).collect());
                prop_assert_eq!(deadlines.first(), model.first().copied());
            }
        }
    }
}
