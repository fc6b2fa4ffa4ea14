//! The ends of operations: acknowledged, refused, expired, given up.

use std::time::Instant;

use super::Outbox;
use super::in_flight::InFlight;
use crate::delivery::{Outcome, Settler};
use crate::error::{Error, ErrorKind};
use crate::session::core::op::{AckKind, Kind, Op};
use crate::session::core::packet_ids::AckFor;

impl Outbox {
    /// Takes the waiting operation or step that this acknowledgement is for. Fails if it is not valid there.
    pub(in crate::session) fn take(&mut self, kind: Kind, id: u16, answer: AckKind) -> Result<Option<AckFor>, Error> {
        self.check(kind, id, answer)?;
        Ok(self.in_flight.ids.remove(kind, id))
    }

    /// Handles PUBREC: from here on only PUBREL is repeated.
    pub(in crate::session) fn received(&mut self, id: u16) -> Result<(), Error> {
        self.check(Kind::Publish, id, AckKind::PubRec)?;
        if let Some(AckFor::Op(seq)) = self.in_flight.ids.get(Kind::Publish, id) {
            if let Some(op) = self.ops.get_mut(seq) {
                self.in_flight.awaiting_pubrec -= usize::from(op.is_open() && op.awaits_pubrec());
                op.released();
                op.topic().into_iter().for_each(|topic| self.topics.acknowledged(topic));
            }
        }
        Ok(())
    }

    /// Fails if this acknowledgement does not fit the operation that waits under this packet id. rumqttc may let it
    /// pass, or notice only after it has changed its own state.
    fn check(&self, kind: Kind, id: u16, answer: AckKind) -> Result<(), Error> {
        let fits = match self.in_flight.ids.get(kind, id) {
            None => true,
            Some(AckFor::Step) => matches!(answer, AckKind::PubAck | AckKind::SubAck),
            Some(AckFor::Op(seq)) => self.ops.get(seq).is_some_and(|op| op.fits(answer)),
        };
        if fits {
            return Ok(());
        }
        let message = format!("the server acknowledged packet id {id} in a way that does not fit what was sent");
        Err(Error::new(ErrorKind::Protocol, message))
    }

    /// Settles an operation, for the program and for the connection.
    pub(in crate::session) fn settle(&mut self, seq: u64, result: Result<Outcome, Error>) {
        self.close(seq, result, false);
        let Some(op) = self.ops.get(seq) else { return };
        if !op.in_flight() {
            return self.leave(seq);
        }
        // It was acknowledged, or, at QoS 0, written.
        self.in_flight.count -= 1;
        self.in_flight.bytes -= op.size;
        if self.abandoned.remove(&seq) {
            self.in_flight.unanswered.remove(seq, op);
        }
        self.suspects.remove(&seq);
        self.ops.remove(seq);
    }

    /// Settles an operation that the server has acknowledged.
    pub(in crate::session) fn acknowledged(&mut self, seq: u64, outcome: Outcome) {
        self.progress = true;
        if let Some(topic) = self.ops.get(seq).and_then(Op::topic) {
            self.topics.acknowledged(topic);
        }
        self.settle(seq, Ok(outcome));
    }

    /// Settles an operation that the server has refused; a refusal counts as an acknowledgement, too.
    pub(in crate::session) fn refused(&mut self, seq: u64, error: Error) {
        self.progress = true;
        self.settle(seq, Err(error));
    }

    /// Settles an operation that the server has not acknowledged. `keep`: its record stays for the next run.
    pub(super) fn give_up(&mut self, seq: u64, error: Error, keep: bool) {
        self.close(seq, Err(error), keep);
        self.leave(seq);
    }

    /// Settles an operation for the program; the connection may still wait for the acknowledgement. Notes the failure
    /// of a message whose `Delivery` was dropped. `keep`: its record stays for the next run.
    fn close(&mut self, seq: u64, result: Result<Outcome, Error>, keep: bool) {
        let Some((settler, kind)) = self.release(seq, keep) else { return };
        if let Some(error) = settler.settle(result, &mut self.wakes).filter(|_| kind == Kind::Publish) {
            self.unseen.note(&error);
        }
    }

    /// Removes an operation from the counts of the outbox. `keep`: its record stays for the next run.
    fn release(&mut self, seq: u64, keep: bool) -> Option<(Settler, Kind)> {
        let op = self.ops.get_mut(seq)?;
        let (settler, kind) = (op.settler.take()?, op.kind());
        self.open -= 1;
        self.bytes -= op.size;
        self.any_settled = true;
        self.in_flight.awaiting_pubrec -= usize::from(op.awaits_pubrec());
        let record = op.record.take();
        self.end_record(record, keep);
        self.deadlines.settled(|seq| self.ops.get(seq).is_some_and(Op::is_open));
        Some((settler, kind))
    }

    /// Settles the operations past their deadline. Those already sent stay as abandoned operations: each keeps its
    /// place in the window and its packet id until the server acknowledges it or the connection ends. Returns true if
    /// any was settled.
    pub(in crate::session) fn expire(&mut self, now: Instant, offline: Option<&Error>) -> bool {
        let mut any = false;
        while let Some((_, seq)) = self.deadlines.first().filter(|(deadline, _)| *deadline <= now) {
            let Some(op) = self.ops.get(seq) else { break };
            let error = op.expired(offline);
            self.give_up(seq, error, false);
            any = true;
        }
        any
    }

    /// Removes a settled operation that the server has not acknowledged. A QoS 2 exchange that was begun is completed
    /// first: the server would take a later message with its packet id for a repetition and discard it.
    fn leave(&mut self, seq: u64) {
        self.suspects.remove(&seq);
        let Some(op) = self.ops.get_mut(seq) else { return };
        if op.outlives_its_caller() {
            op.abandon();
            self.abandoned.insert(seq);
            self.in_flight.unanswered.add(seq, op);
            return;
        }
        if let Some(id) = op.kept_id() {
            self.in_flight.ids.unreserve(id);
        }
        self.ops.remove(seq);
        self.queue.left(seq, &self.ops);
    }

    /// Settles all operations with the error made for each; the outbox is empty afterwards. `report`: every message
    /// counts as lost, even if its `Delivery` still exists.
    pub(in crate::session) fn settle_all(&mut self, report: bool, error: impl Fn(&Op) -> Error) {
        for seq in self.ops.iter().map(|(seq, _)| seq).collect::<Vec<_>>() {
            let Some((error, keep)) = self.ops.get(seq).map(|op| (error(op), op.is_kept())) else { continue };
            let Some((settler, kind)) = self.release(seq, keep) else { continue };
            let lost = match kind {
                Kind::Publish if report => settler.settle_reported(error, &mut self.wakes),
                Kind::Publish => settler.settle(Err(error), &mut self.wakes),
                Kind::Request => {
                    settler.settle(Err(error), &mut self.wakes);
                    None
                }
            };
            if let Some(error) = lost {
                self.unseen.note(&error);
            }
        }
        self.ops.clear();
        self.queue.clear(&self.ops);
        self.suspects.clear();
        self.careful_until = None;
        self.abandoned.clear();
        self.in_flight = InFlight::default();
        self.given_up = true;
    }
}
