//! Packet ids: which one is given out next, and which ones are in use on the current connection.
//!
//! rumqttc gives out the ids itself, counting up and around. This mirrors it, so that the id of a request is known
//! before it is put into the channel, and no request is put there while its id is in use.

use std::collections::{HashMap, HashSet};

use crate::session::core::op::Kind;

/// The operation or step whose acknowledgement a packet id waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum AckFor {
    /// An operation of the outbox.
    Op(u64),
    /// The current step of the connection's set-up.
    Step,
}

/// The counter of ids, which run from 1 to its limit.
#[derive(Debug)]
pub(super) struct IdCounter {
    last: u16,
    limit: u16,
}

impl IdCounter {
    pub(super) fn new(limit: u16) -> Self {
        IdCounter { last: 0, limit }
    }

    pub(super) fn limit(&self) -> u16 {
        self.limit
    }

    /// Raises the limit. Where the next id is 1, it still is.
    pub(super) fn grow(&mut self, limit: u16) {
        if self.last >= self.limit {
            self.last = 0;
        }
        self.limit = limit;
    }

    /// Returns the id given out last.
    pub(super) fn last(&self) -> u16 {
        self.last
    }

    /// Continues behind this id.
    pub(super) fn continue_after(&mut self, id: u16) {
        self.last = id.min(self.limit);
    }

    /// Returns the next id; `None` while it is still in use.
    pub(super) fn next(&self, used: &UsedIds) -> Option<u16> {
        let id = if self.last >= self.limit { 1 } else { self.last + 1 };
        (!used.contains(id)).then_some(id)
    }

    /// Moves the next id to the longest run of free ids. On a resumed session the ids just ahead may be reserved, and
    /// the first operations must not wait for them.
    pub(super) fn seek_free(&mut self, used: &UsedIds) {
        let mut reserved: Vec<u16> = used.reserved.iter().copied().collect();
        reserved.sort_unstable();
        let (Some(first), Some(last)) = (reserved.first(), reserved.last()) else { return };
        let around = self.limit - last + first;
        let gaps = reserved.windows(2).map(|pair| (pair[1] - pair[0], pair[0]));
        if let Some((_, before)) = gaps.chain([(around, *last)]).max() {
            self.last = before;
        }
    }
}

/// The ids in use on one connection.
#[derive(Debug, Default)]
pub(super) struct UsedIds {
    publishes: HashMap<u16, AckFor>,
    requests: HashMap<u16, AckFor>,
    /// Ids that operations of a resumed session will use again.
    reserved: HashSet<u16>,
}

impl UsedIds {
    /// Returns true if this id is in use or reserved.
    fn contains(&self, id: u16) -> bool {
        self.publishes.contains_key(&id) || self.requests.contains_key(&id) || self.reserved.contains(&id)
    }

    /// The ids of this kind that wait for their acknowledgements.
    fn of(&mut self, kind: Kind) -> &mut HashMap<u16, AckFor> {
        match kind {
            Kind::Publish => &mut self.publishes,
            Kind::Request => &mut self.requests,
        }
    }

    /// Returns what waits for the acknowledgement of this id.
    pub(super) fn get(&self, kind: Kind, id: u16) -> Option<AckFor> {
        let ids = if kind == Kind::Publish { &self.publishes } else { &self.requests };
        ids.get(&id).copied()
    }

    /// The id is in use from now on.
    pub(super) fn insert(&mut self, kind: Kind, id: u16, ack_for: AckFor) {
        self.of(kind).insert(id, ack_for);
    }

    /// The acknowledgement came: the id is free again.
    pub(super) fn remove(&mut self, kind: Kind, id: u16) -> Option<AckFor> {
        self.of(kind).remove(&id)
    }

    /// Keeps the id for an operation that is going to use it again.
    pub(super) fn reserve(&mut self, id: u16) {
        self.reserved.insert(id);
    }

    pub(super) fn unreserve(&mut self, id: u16) {
        self.reserved.remove(&id);
    }

    /// The reserved ids, for the checks of tests.
    #[cfg(any(test, fuzzing))]
    pub(super) fn reserved(&self) -> &HashSet<u16> {
        &self.reserved
    }

    /// All ids that wait for an acknowledgement, for the checks of tests.
    #[cfg(any(test, fuzzing))]
    pub(super) fn waiting(&self) -> impl Iterator<Item = (&u16, &AckFor)> {
        self.publishes.iter().chain(&self.requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_count_up_and_around_and_wait_for_one_in_use() {
        let (mut counter, mut used) = (IdCounter::new(3), UsedIds::default());
        for expected in [1, 2, 3, 1] {
            let id = counter.next(&used).expect("free");
            assert_eq!(id, expected);
            counter.continue_after(id);
        }
        used.insert(Kind::Request, 2, AckFor::Step);
        assert_eq!(counter.next(&used), None);
        assert_eq!((used.get(Kind::Publish, 2), used.get(Kind::Request, 2)), (None, Some(AckFor::Step)));
        assert_eq!(used.remove(Kind::Request, 2), Some(AckFor::Step));
        assert_eq!(counter.next(&used), Some(2));
    }

    #[test]
    fn the_longest_run_of_free_ids_is_found_around_the_end_too() {
        let (mut counter, mut used) = (IdCounter::new(10), UsedIds::default());
        counter.seek_free(&used);
        assert_eq!(counter.next(&used), Some(1), "nothing is reserved");
        [1, 2, 6].into_iter().for_each(|id| used.reserve(id));
        counter.seek_free(&used);
        assert_eq!(counter.next(&used), Some(7));
        used.unreserve(1);
        used.reserve(9);
        counter.seek_free(&used);
        assert_eq!(counter.next(&used), Some(3));
    }
}
