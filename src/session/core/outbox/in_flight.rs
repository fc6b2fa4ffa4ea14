//! The part of the outbox that belongs to the current connection and is dropped with it.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use super::window::Window;
use crate::session::core::op::{Kind, Op};
use crate::session::core::packet_ids::{AckFor, IdCounter, UsedIds};

/// Replaced by a new one at the end of each connection.
#[derive(Default)]
pub(super) struct InFlight {
    /// The number of operations sent and not settled by the server.
    pub(super) count: usize,
    /// The bytes of those: the connection holds a copy of each.
    pub(super) bytes: usize,
    /// How many may be in flight.
    pub(super) window: Window,
    /// How many the server accepts, if CONNACK says so.
    pub(super) receive_maximum: Option<u16>,
    /// Put into the channel and not taken from it yet, with the packet id each will get (0 for QoS 0).
    in_channel: VecDeque<(AckFor, u16)>,
    /// Put ahead of the channel: requests that a resumed session sends again.
    pub(super) resent: VecDeque<(AckFor, u16)>,
    /// The packet ids in use.
    pub(super) ids: UsedIds,
    /// The number of QoS 2 messages that are not settled and for which PUBREC has not come.
    pub(super) awaiting_pubrec: usize,
    pub(super) unanswered: Unanswered,
    /// When a QoS 0 message was last written: it is settled, but the service may object to it.
    pub(super) unacknowledged_at: Option<Instant>,
}

impl InFlight {
    /// Returns how many operations the server accepts at a time.
    pub(super) fn takes(&self) -> usize {
        self.receive_maximum.map_or(usize::MAX, usize::from)
    }

    /// Notes that a request was put into the channel.
    pub(super) fn await_ack(&mut self, ack_for: AckFor, kind: Kind, id: u16) {
        self.in_channel.push_back((ack_for, id));
        if id != 0 {
            self.ids.insert(kind, id, ack_for);
        }
    }

    /// Returns true if the highest packet id may grow now: rumqttc gives the requests in its channel the ids that were
    /// predicted for them only if these do not begin again at 1.
    pub(super) fn ids_may_grow(&self, counter: &IdCounter) -> bool {
        let first = self.in_channel.iter().map(|(_, id)| *id).find(|id| *id != 0);
        first.is_none_or(|first| first <= counter.last() && counter.last() < counter.limit())
    }

    /// Returns true if a request in the channel waits for the packet id that was predicted for it.
    pub(super) fn has_promised_ids(&self) -> bool {
        self.in_channel.iter().any(|(_, id)| *id != 0)
    }

    /// Takes the request that rumqttc must have taken, if this is its packet id.
    pub(super) fn take_due(&mut self, id: u16) -> Option<(AckFor, u16)> {
        // None of these is QoS 0: all have ids.
        let resent = self.resent.front().is_some_and(|(_, expected)| *expected == id);
        if resent { self.resent.pop_front() } else { self.in_channel.pop_front() }
    }
}

/// The abandoned operations in flight, by the time at which they were sent.
#[derive(Default)]
pub(super) struct Unanswered {
    fresh: BTreeSet<(Instant, u64)>,
    /// Those that continue under a packet id from an earlier connection.
    continued: BTreeSet<(Instant, u64)>,
}

impl Unanswered {
    pub(super) fn add(&mut self, seq: u64, op: &Op) {
        if let Some(since) = op.sent_since() {
            self.like(op).insert((since, seq));
        }
    }

    pub(super) fn remove(&mut self, seq: u64, op: &Op) {
        if let Some(since) = op.sent_since() {
            self.like(op).remove(&(since, seq));
        }
    }

    fn like(&mut self, op: &Op) -> &mut BTreeSet<(Instant, u64)> {
        if op.is_continued() { &mut self.continued } else { &mut self.fresh }
    }

    pub(super) fn len(&self) -> usize {
        self.fresh.len() + self.continued.len()
    }

    /// Returns when the first of them was sent.
    pub(super) fn first(&self) -> Option<Instant> {
        [&self.fresh, &self.continued].into_iter().filter_map(|sent| sent.first()).map(|(since, _)| *since).min()
    }

    /// Returns when the first of those was sent that do not continue from an earlier connection.
    pub(super) fn first_fresh(&self) -> Option<Instant> {
        self.fresh.first().map(|(since, _)| *since)
    }
}
