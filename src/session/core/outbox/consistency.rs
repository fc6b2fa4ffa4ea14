//! The invariants of an outbox, for tests.

use super::Outbox;
use super::growing::CAREFUL;
use crate::session::core::evidence::Evidence;
use crate::session::core::op::Op;
use crate::session::core::packet_ids::AckFor;

impl Outbox {
    /// Panics if the outbox is inconsistent.
    pub(in crate::session) fn assert_consistent(&self) {
        self.ops.assert_consistent();
        let open = || self.ops.values().filter(|op| op.is_open());
        assert_eq!(self.open, open().count(), "operations that are open");
        assert_eq!(self.bytes, open().map(|op| op.size).sum::<usize>(), "their bytes");
        let open_seqs = self.ops.iter().filter(|(_, op)| op.is_open()).map(|(seq, _)| seq);
        self.deadlines.assert_of(&open_seqs.collect());
        let in_flight = self.ops.values().filter(|op| op.in_flight()).count();
        assert_eq!(self.in_flight.count, in_flight, "operations in flight");
        let copied = self.ops.values().filter(|op| op.in_flight()).map(|op| op.size).sum::<usize>();
        assert_eq!(self.in_flight.bytes, copied, "the bytes of those");
        let awaiting = open().filter(|op| op.awaits_pubrec()).count();
        assert_eq!(self.in_flight.awaiting_pubrec, awaiting, "those that wait for PUBREC");
        let queued: Vec<_> = self.ops.iter().filter(|(_, op)| op.is_queued()).map(|(seq, _)| seq).collect();
        self.queue.assert_is(&queued, &self.ops);
        if let Some((first, op)) = queued.first().and_then(|first| Some((*first, self.ops.get(*first)?))) {
            let later = || self.ops.starting_with(first).any(|(_, op)| op.in_flight());
            assert!(op.kept_id().is_none() || !later(), "nothing overtakes an exchange that goes on");
        }
        let abandoned = || self.ops.iter().filter(|(_, op)| op.is_abandoned());
        assert!(self.abandoned.iter().copied().eq(abandoned().map(|(seq, _)| seq)), "abandoned");
        let unanswered = || abandoned().map(|(_, op)| op).filter(|op| op.in_flight());
        assert_eq!(self.in_flight.unanswered.len(), unanswered().count(), "those in flight");
        assert_eq!(self.in_flight.unanswered.first(), unanswered().filter_map(Op::sent_since).min(), "the first");
        let fresh = unanswered().filter(|op| !op.is_continued());
        assert_eq!(self.in_flight.unanswered.first_fresh(), fresh.filter_map(Op::sent_since).min(), "the first new");
        let bound = self.in_flight.window.size(self.bounds.window).min(self.in_flight.takes());
        assert!(in_flight <= bound, "{in_flight} in a window of {bound}");
        let accused = self.ops.iter().filter(|(_, op)| op.is_open() && op.evidence != Evidence::default());
        let accused = accused.map(|(seq, _)| seq).max();
        assert!(accused <= self.careful_until, "evidence, but no care");
        assert!(accused.is_none() || in_flight <= CAREFUL, "{in_flight} in flight with evidence");
        assert!(self.ops.values().all(|op| op.is_abandoned() != op.is_open()), "either open or an abandoned operation");
        assert!(self.suspects.iter().all(|seq| self.ops.get(*seq).is_some_and(Op::is_open)), "suspects");
        let mut kept: Vec<_> = self.ops.values().filter_map(Op::kept_id).collect();
        kept.sort_unstable();
        assert!(self.in_flight.ids.reserved().eq(kept), "ids that are kept");
        let waiting = self.in_flight.ids.waiting();
        for (id, ack_for) in waiting {
            let AckFor::Op(seq) = ack_for else { continue };
            let owner = self.ops.get(seq);
            assert!(self.given_up || owner.is_some_and(|op| op.current_id() == Some(id)), "packet id {id}");
        }
    }
}
