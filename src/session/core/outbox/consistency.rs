//! The invariants of an outbox, for tests.

use super::Outbox;
use super::growing::CAREFUL;
use crate::session::core::evidence::Evidence;
use crate::session::core::op::Op;
use crate::session::core::packet_ids::AckFor;

impl Outbox {
    /// Panics if the outbox is inconsistent.
    pub(in crate::session) fn assert_consistent(&self) {
        let open = || self.ops.iter().filter(|(_, op)| op.is_open());
        assert_eq!(self.open, open().count(), "operations that are open");
        assert_eq!(self.bytes, open().map(|(_, op)| op.size).sum::<usize>(), "their bytes");
        assert!(self.deadlines.iter().map(|(_, seq)| seq).copied().eq(self.by_deadline()), "their deadlines");
        let in_flight = self.ops.values().filter(|op| op.in_flight()).count();
        assert_eq!(self.in_flight.count, in_flight, "operations in flight");
        let copied = self.ops.values().filter(|op| op.in_flight()).map(|op| op.size).sum::<usize>();
        assert_eq!(self.in_flight.bytes, copied, "the bytes of those");
        let bound = self.in_flight.window.size(self.bounds.window).min(self.in_flight.takes());
        assert!(in_flight <= bound, "{in_flight} in a window of {bound}");
        let accused = open().filter(|(_, op)| op.evidence != Evidence::default()).map(|(seq, _)| *seq).max();
        assert!(accused <= self.careful_until, "evidence, but no care");
        assert!(accused.is_none() || in_flight <= CAREFUL, "{in_flight} in flight with evidence");
        let queued = |op: &&Op| op.is_queued();
        assert_eq!(self.queued.len(), self.ops.values().filter(queued).count(), "operations to be sent");
        assert!(self.queued.iter().all(|seq| self.ops.get(seq).as_ref().is_some_and(queued)));
        let abandoned = self.ops.iter().filter(|(_, op)| op.is_abandoned()).map(|(seq, _)| seq);
        assert!(self.abandoned.iter().eq(abandoned), "abandoned");
        assert!(self.ops.values().all(|op| op.is_abandoned() != op.is_open()), "either open or an abandoned operation");
        assert!(self.suspects.iter().all(|seq| self.ops.get(seq).is_some_and(Op::is_open)), "suspects");
        let kept: Vec<_> = self.ops.values().filter_map(Op::kept_id).collect();
        assert_eq!(self.in_flight.ids.reserved().len(), kept.len(), "ids that are kept");
        assert!(kept.iter().all(|id| self.in_flight.ids.reserved().contains(id)));
        let waiting = self.in_flight.ids.waiting();
        for (id, ack_for) in waiting {
            let AckFor::Op(seq) = ack_for else { continue };
            let owner = self.ops.get(seq);
            assert!(self.given_up || owner.is_some_and(|op| op.current_id() == Some(*id)), "packet id {id}");
        }
    }

    fn by_deadline(&self) -> Vec<u64> {
        let mut open: Vec<_> =
            self.ops.iter().filter(|(_, op)| op.is_open()).map(|(seq, op)| (op.deadline, *seq)).collect();
        open.sort_unstable();
        open.into_iter().map(|(_, seq)| seq).collect()
    }
}
