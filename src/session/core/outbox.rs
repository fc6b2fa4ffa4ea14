//! The outbox: all operations that are accepted and not settled, in the order of acceptance.
//!
//! Only the outbox decides what is still to be sent. rumqttc's channel holds copies, which are discarded with the
//! connection; the outbox knows for each operation if it was written.

#[cfg(any(test, fuzzing))]
mod consistency;
mod deadlines;
mod finding;
mod growing;
mod in_flight;
mod interrupt;
mod queue;
mod records;
mod settling;
mod storing;
mod suspicion;
mod topics;
mod window;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::delivery::{Settler, Wakes};
use crate::error::Error;
use crate::names;
use crate::session::core::numbered::Numbered;
use crate::session::core::op::{Body, Kind, Op};
use crate::session::core::packet_ids::{AckFor, IdCounter};
use crate::session::core::unseen_failures::UnseenFailures;
use crate::session::wire::link::Sent;
use deadlines::Deadlines;
pub(in crate::session) use finding::Blame;
use finding::Finding;
use in_flight::InFlight;
use queue::Queue;
pub(in crate::session) use topics::TopicRefusal;
use topics::Topics;
pub(in crate::session) use window::WindowRange;

/// The default time for which a topic is refused.
const REFUSED_FOR: Duration = Duration::from_secs(600);

/// The bounds of an outbox.
#[derive(Debug, Clone, Copy)]
pub(in crate::session) struct Bounds {
    /// How many operations may be in flight at once.
    pub(in crate::session) window: WindowRange,
    /// The most operations accepted and not settled.
    pub(in crate::session) count: usize,
    /// The most memory they take, in bytes.
    pub(in crate::session) bytes: usize,
    /// Packet ids run from 1 to this, until the window grows.
    pub(in crate::session) ids: u16,
}

pub(in crate::session) struct Outbox {
    bounds: Bounds,
    ops: Numbered<Op>,
    queue: Queue,
    deadlines: Deadlines,
    /// The number of unsettled operations: `ops` without the abandoned ones.
    open: usize,
    bytes: usize,
    /// The state that belongs to the current connection.
    in_flight: InFlight,
    ids: IdCounter,
    /// While there are any, operations are sent one at a time (see `evidence`).
    suspects: BTreeSet<u64>,
    /// The last operation with evidence against it: until all up to it are settled, at most [`growing::CAREFUL`] are in
    /// flight.
    careful_until: Option<u64>,
    /// Given up by the caller, but the server may still answer.
    abandoned: BTreeSet<u64>,
    /// The server has acknowledged something since an operation was last convicted.
    progress: bool,
    /// Something was settled since the last `take_any_settled`.
    any_settled: bool,
    /// The waits that this has ended.
    wakes: Wakes,
    /// Everything was given up: later reports of rumqttc are ignored.
    given_up: bool,
    pub(in crate::session) unseen: UnseenFailures,
    /// The findings at the end of the last connection.
    finding: Finding,
    topics: Topics,
    records: Option<records::Records>,
}

impl Outbox {
    pub(in crate::session) fn new(bounds: Bounds) -> Self {
        let ops = Numbered::starting_at(1);
        Outbox {
            bounds,
            queue: Queue::new(&ops),
            ops,
            deadlines: Deadlines::default(),
            open: 0,
            bytes: 0,
            in_flight: InFlight::default(),
            ids: IdCounter::new(bounds.ids),
            suspects: BTreeSet::new(),
            careful_until: None,
            abandoned: BTreeSet::new(),
            progress: true,
            any_settled: false,
            wakes: Wakes::default(),
            given_up: false,
            unseen: UnseenFailures::default(),
            finding: Finding::default(),
            topics: Topics::new(REFUSED_FOR),
            records: None,
        }
    }

    // ---- accepting and looking ----

    /// Returns true if an operation of this size fits. An operation larger than the whole bound fits an empty outbox.
    pub(in crate::session) fn has_room(&self, size: usize) -> bool {
        self.open < self.bounds.count
            && (self.open == 0 || self.bytes + self.in_flight.bytes + size <= self.bounds.bytes)
    }

    /// Returns true if there is room for several operations of this size: the mark at which callers that wait for room
    /// are woken. With bounds as small as tests have them, or an empty outbox, any room is ample.
    pub(in crate::session) fn has_ample_room(&self, size: usize) -> bool {
        let several = (self.bounds.count / 64).clamp(1, 64);
        let bytes = size.max(size.saturating_mul(several).min(self.bounds.bytes / 16));
        self.open + several <= self.bounds.count
            && (self.open == 0 || self.bytes + self.in_flight.bytes + bytes <= self.bounds.bytes)
    }

    pub(in crate::session) fn push(&mut self, body: Body, settler: Settler, deadline: Instant) -> u64 {
        let op = Op::new(body, settler);
        self.open += 1;
        self.bytes += op.size;
        // It is the last of the queue.
        let seq = self.ops.push(op);
        self.deadlines.add(deadline, seq);
        seq
    }

    /// Returns the number of unsettled operations.
    pub(in crate::session) fn open(&self) -> usize {
        self.open
    }

    /// Returns the memory they take in bytes, without the connection's copies.
    pub(in crate::session) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(in crate::session) fn next_seq(&self) -> u64 {
        self.ops.next_number()
    }

    /// Returns true if any operation older than `seq` is not settled. The oldest usually is, so this is quick.
    pub(in crate::session) fn any_open_before(&self, seq: u64) -> bool {
        self.ops.below(seq).any(|(_, op)| op.is_open())
    }

    /// Returns the number of unsettled operations older than `seq`.
    pub(in crate::session) fn open_before(&self, seq: u64) -> usize {
        self.ops.below(seq).filter(|(_, op)| op.is_open()).count()
    }

    /// Returns the earliest deadline of an unsettled operation.
    pub(in crate::session) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| deadline)
    }

    /// Returns the filters of unsettled SUBSCRIBEs.
    pub(in crate::session) fn pending_filters(&self) -> impl Iterator<Item = &str> {
        self.ops.values().filter_map(Op::body).flat_map(Body::filters)
    }

    /// Returns true if a SUBSCRIBE to this filter for the client's own queue is not settled.
    pub(in crate::session) fn pending_own(&self, filter: &str) -> bool {
        let own = |body: &&Body| matches!(body, Body::Subscribe { own: true, .. });
        let mut filters = self.ops.values().filter_map(Op::body).filter(own).flat_map(Body::filters);
        filters.any(|asked| asked == filter)
    }

    /// Returns a filter of an unsettled SUBSCRIBE with an identifier that shares topics with `filter`.
    pub(in crate::session) fn overlapping(&self, filter: &str) -> Option<&str> {
        let bodies = self.ops.values().filter_map(Op::body);
        let filters = bodies.flat_map(|body| match body {
            Body::Subscribe { filters, .. } => filters.as_slice(),
            _ => &[],
        });
        let others = filters.filter(|(other, asked)| asked.identifier.is_some() && other != filter);
        others.map(|(other, _)| other.as_str()).find(|other| names::filters_overlap(other, filter))
    }

    pub(in crate::session) fn op(&self, seq: u64) -> Option<&Op> {
        self.ops.get(seq)
    }

    pub(in crate::session) fn last_id(&self) -> u16 {
        self.ids.last()
    }

    pub(in crate::session) fn set_last_id(&mut self, id: u16) {
        self.ids.continue_after(id);
    }

    /// Returns true if acknowledgements are overdue and only a new connection helps. `grace`: how long an
    /// acknowledgement may be overdue while it blocks other operations; `patience`: while it does not.
    pub(in crate::session) fn stalled(&self, now: Instant, grace: Duration, patience: Duration) -> bool {
        let unanswered = &self.in_flight.unanswered;
        let late = |sent: Option<Instant>, time| sent.is_some_and(|at| now.saturating_duration_since(at) > time);
        let (fresh, any) = (unanswered.first_fresh(), unanswered.first());
        // An operation continued from an earlier connection has had its second chance.
        if late(fresh, patience) {
            return true;
        }
        // An id in use is passed over as soon as no request was promised a later one.
        let no_id = || self.next_id().is_none() && !self.in_flight.has_promised_ids();
        let blocked = || unanswered.len() >= self.window() || no_id();
        late(any, grace) && self.queue.first(&self.ops).is_some() && blocked()
    }

    /// Returns true if the server accepts one more message than is in flight.
    pub(in crate::session) fn takes_one_more(&self) -> bool {
        self.in_flight.count < self.in_flight.takes()
    }

    /// Returns true if something was settled since the last call.
    pub(in crate::session) fn take_any_settled(&mut self) -> bool {
        std::mem::take(&mut self.any_settled)
    }

    /// Returns the waits for single operations that have ended since the last call.
    pub(in crate::session) fn take_wakes(&mut self) -> Wakes {
        std::mem::take(&mut self.wakes)
    }

    // ---- connections ----

    /// Handles CONNACK. `receive_maximum`: how many messages the server accepts at a time, if CONNACK says so.
    pub(in crate::session) fn connected(&mut self, session_present: bool, receive_maximum: Option<u16>, now: Instant) {
        if session_present {
            self.ids.seek_free(&self.in_flight.ids);
        } else {
            // No exchange from before continues.
            self.disconnected(false, Blame::Nobody, now);
            self.ids = IdCounter::new(self.bounds.ids);
        }
        self.in_flight.receive_maximum = receive_maximum;
    }

    /// Handles the end of the connection. `resumable`: the server was asked to keep the session.
    pub(in crate::session) fn disconnected(&mut self, resumable: bool, blame: Blame, now: Instant) {
        self.finding = self.judge(blame, now);
        self.in_flight = InFlight::default();
        let mut gone = Vec::new();
        for (seq, op) in self.ops.iter_mut() {
            op.back_to_queue(resumable);
            match op.kept_id() {
                Some(id) => {
                    self.in_flight.ids.reserve(id);
                }
                None if op.is_abandoned() => {
                    gone.push(seq);
                    continue;
                }
                None => {}
            }
            if op.is_queued() {
                self.queue.returned(seq);
            }
        }
        for seq in gone {
            self.ops.remove(seq);
            self.queue.left(seq, &self.ops);
            self.abandoned.remove(&seq);
        }
    }

    // ---- sending ----

    /// Returns the operation to send now and the packet id it will get; `None` if there is none, or no room in the
    /// window. Only the worker sends operations that keep their id from a resumed session.
    pub(in crate::session) fn next(&self, on_worker: bool) -> Option<(u64, u16)> {
        if self.in_flight.count >= self.window() {
            return None;
        }
        let seq = self.queue.first(&self.ops)?;
        let op = self.ops.get(seq)?;
        let id = match op.kept_id() {
            Some(_) if !on_worker => return None,
            // A server delivers a message at its PUBREL: the PUBREL of an abandoned operation must not overtake an
            // earlier message. All in flight are earlier: this one waits since the connection was made.
            Some(_) if op.is_abandoned() && self.in_flight.awaiting_pubrec > 0 => return None,
            Some(id) => id,
            None if !op.needs_id() => 0,
            None => self.next_id()?,
        };
        Some((seq, id))
    }

    /// Returns the packet id that rumqttc gives to the next request that needs one; `None` while that id is in use.
    pub(in crate::session) fn next_id(&self) -> Option<u16> {
        self.ids.next(&self.in_flight.ids)
    }

    /// Notes that the operation was put into the channel, or ahead of it.
    pub(in crate::session) fn put_in_channel(&mut self, seq: u64, id: u16, now: Instant) {
        let filled = self.fills_window();
        let Some(op) = self.ops.get_mut(seq) else { return };
        let (kind, ack_for) = (op.kind(), AckFor::Op(seq));
        self.in_flight.count += 1;
        self.in_flight.bytes += op.size;
        let number = match kind {
            Kind::Publish => self.in_flight.window.sent(op.qos(), filled),
            Kind::Request => 0,
        };
        let exchange = op.put_in_channel(id, number, now);
        if op.is_abandoned() {
            self.in_flight.unanswered.add(seq, op);
        }
        self.in_flight.awaiting_pubrec += usize::from(op.is_open() && op.awaits_pubrec());
        match exchange {
            None => {
                if id != 0 {
                    self.ids.continue_after(id);
                }
                self.in_flight.await_ack(ack_for, kind, id);
            }
            Some(exchange) => {
                self.in_flight.ids.unreserve(exchange.id);
                self.in_flight.ids.insert(Kind::Publish, id, ack_for);
                if !exchange.released {
                    // A PUBREL sent again does not pass through the channel and has no `Sent` event.
                    self.in_flight.resent.push_back((ack_for, id));
                }
            }
        }
        self.queue.left(seq, &self.ops);
    }

    /// Notes that a step was put into the channel.
    pub(in crate::session) fn step_in_channel(&mut self, kind: Kind, id: u16) {
        self.ids.continue_after(id);
        self.in_flight.await_ack(AckFor::Step, kind, id);
    }

    /// Notes that rumqttc took a request from the channel. `sure`: it was or will be written; false if the connection
    /// ended meanwhile. An error means that rumqttc and the outbox are out of step.
    pub(in crate::session) fn sent(&mut self, sent: Sent, sure: bool, now: Instant) -> Result<(), Error> {
        let id = match sent {
            Sent::Publish(id) | Sent::Subscribe(id) | Sent::Unsubscribe(id) => id,
            Sent::Disconnect => return Ok(()),
        };
        match self.in_flight.take_due(id) {
            Some((ack_for, expected)) if expected == id => {
                if let AckFor::Op(seq) = ack_for {
                    self.written(seq, sure, now);
                }
                Ok(())
            }
            _ if self.given_up => Ok(()),
            other => Err(Error::internal(format!("the adapter sent packet id {id} where {other:?} was due"))),
        }
    }

    fn written(&mut self, seq: u64, sure: bool, now: Instant) {
        let Some(op) = self.ops.get_mut(seq) else { return };
        op.written();
        if !op.needs_id() {
            // A QoS 0 message is settled here.
            self.in_flight.unacknowledged_at = Some(now);
            let result =
                if sure { Ok(op.outcome()) } else { Err(op.unknown("the connection ended while it was written")) };
            self.settle(seq, result);
        }
    }
}

#[cfg(test)]
mod tests;
