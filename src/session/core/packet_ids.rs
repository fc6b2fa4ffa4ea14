//! Packet ids: which one is given out next, and which ones are in use on the current connection.
//!
//! rumqttc gives out the ids itself, counting up and around. This mirrors it, so that the id of a request is known
//! before it is put into the channel, and no request is put there while its id is in use.

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

    /// Passes over the next ids if they are in use, up to a free one. Returns how many; `None` if the next id is free,
    /// or none is.
    pub(super) fn skip(&mut self, used: &UsedIds) -> Option<u16> {
        let id = |distance: u16| (u32::from(self.last) + u32::from(distance)) % u32::from(self.limit) + 1;
        let count = (0..self.limit).find(|distance| !used.contains(id(*distance) as u16)).filter(|count| *count > 0)?;
        self.last = id(count - 1) as u16;
        Some(count)
    }

    /// Moves the next id to the longest run of free ids. On a resumed session the ids just ahead may be reserved, and
    /// the first operations must not wait for them.
    pub(super) fn seek_free(&mut self, used: &UsedIds) {
        let reserved: Vec<u16> = used.reserved().collect();
        let (Some(first), Some(last)) = (reserved.first(), reserved.last()) else { return };
        let around = self.limit - last + first;
        let gaps = reserved.windows(2).map(|pair| (pair[1] - pair[0], pair[0]));
        if let Some((_, before)) = gaps.chain([(around, *last)]).max() {
            self.last = before;
        }
    }
}

/// The ids in use on one connection: a table up to the highest of them.
#[derive(Debug, Default)]
pub(super) struct UsedIds(Vec<Use>);

/// The use of one id, in eight bytes. A packet that uses an id waits for its acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Use(u64);

impl Use {
    const FREE: Use = Use(0);
    /// An operation of a resumed session will use it again.
    const RESERVED: Use = Use(1);

    /// Operations have numbers from 1 on, far below 2 to the power of 62.
    fn by(kind: Kind, ack_for: AckFor) -> Use {
        let number = match ack_for {
            AckFor::Op(seq) => seq,
            AckFor::Step => 0,
        };
        Use(number << 2 | 2 | u64::from(kind == Kind::Request))
    }

    fn waits(self) -> Option<(Kind, AckFor)> {
        let kind = match self.0 & 3 {
            2 => Kind::Publish,
            3 => Kind::Request,
            _ => return None,
        };
        Some((kind, if self.0 >> 2 == 0 { AckFor::Step } else { AckFor::Op(self.0 >> 2) }))
    }
}

impl UsedIds {
    fn at(&self, id: u16) -> Use {
        self.0.get(usize::from(id)).copied().unwrap_or(Use::FREE)
    }

    fn set(&mut self, id: u16, to: Use) {
        let place = usize::from(id);
        if place >= self.0.len() {
            self.0.resize(place + 1, Use::FREE);
        }
        self.0[place] = to;
    }

    /// Returns true if this id is in use or reserved.
    fn contains(&self, id: u16) -> bool {
        self.at(id) != Use::FREE
    }

    /// Returns what waits for the acknowledgement of this id.
    pub(super) fn get(&self, kind: Kind, id: u16) -> Option<AckFor> {
        self.at(id).waits().filter(|(waiting, _)| *waiting == kind).map(|(_, ack_for)| ack_for)
    }

    /// The id is in use from now on.
    pub(super) fn insert(&mut self, kind: Kind, id: u16, ack_for: AckFor) {
        self.set(id, Use::by(kind, ack_for));
    }

    /// The acknowledgement came: the id is free again.
    pub(super) fn remove(&mut self, kind: Kind, id: u16) -> Option<AckFor> {
        let ack_for = self.get(kind, id)?;
        self.set(id, Use::FREE);
        Some(ack_for)
    }

    /// Keeps the id for an operation that is going to use it again.
    pub(super) fn reserve(&mut self, id: u16) {
        self.set(id, Use::RESERVED);
    }

    /// Frees an id that is reserved.
    pub(super) fn unreserve(&mut self, id: u16) {
        if self.at(id) == Use::RESERVED {
            self.set(id, Use::FREE);
        }
    }

    /// Returns the reserved ids, in order.
    pub(super) fn reserved(&self) -> impl Iterator<Item = u16> {
        (0..=u16::MAX).zip(&self.0).filter(|(_, used)| **used == Use::RESERVED).map(|(id, _)| id)
    }

    /// All ids that wait for an acknowledgement, for the checks of tests.
    #[cfg(any(test, fuzzing))]
    pub(super) fn waiting(&self) -> impl Iterator<Item = (u16, AckFor)> {
        (0..=u16::MAX).zip(&self.0).filter_map(|(id, used)| Some((id, used.waits()?.1)))
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
    fn an_id_has_one_use_at_a_time() {
        let mut used = UsedIds::default();
        for ack_for in [AckFor::Step, AckFor::Op(1), AckFor::Op(u64::MAX >> 2)] {
            for (kind, other) in [(Kind::Publish, Kind::Request), (Kind::Request, Kind::Publish)] {
                used.reserve(7);
                assert_eq!((used.get(kind, 7), used.reserved().collect::<Vec<_>>()), (None, vec![7]));
                used.insert(kind, 7, ack_for);
                used.unreserve(7);
                assert_eq!((used.get(kind, 7), used.get(other, 7)), (Some(ack_for), None));
                assert_eq!((used.remove(other, 7), used.remove(kind, 7)), (None, Some(ack_for)));
                assert!(!used.contains(7) && used.reserved().next().is_none());
            }
        }
        assert_eq!(used.get(Kind::Publish, u16::MAX), None, "far above those used");
        used.insert(Kind::Publish, u16::MAX, AckFor::Step);
        assert_eq!(used.waiting().collect::<Vec<_>>(), [(u16::MAX, AckFor::Step)]);
    }

    #[test]
    fn ids_in_use_are_passed_over_around_the_end_too() {
        let (mut counter, mut used) = (IdCounter::new(4), UsedIds::default());
        assert_eq!(counter.skip(&used), None, "1 is free");
        counter.continue_after(2);
        [3, 4].into_iter().for_each(|id| used.insert(Kind::Publish, id, AckFor::Op(1)));
        assert_eq!((counter.skip(&used), counter.next(&used)), (Some(2), Some(1)));
        counter.continue_after(1);
        used.insert(Kind::Request, 2, AckFor::Step);
        assert_eq!((counter.skip(&used), counter.next(&used)), (Some(3), Some(1)));
        used.reserve(1);
        assert_eq!((counter.skip(&used), counter.next(&used)), (None, None), "all are in use");
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
