//! The outbox's side of the spool: which operations are on disk, and which are still on their way there.

use std::sync::Arc;
use std::time::Instant;

use super::Outbox;
use super::records::Records;
use crate::delivery::Settler;
use crate::error::Error;
use crate::message::Outgoing;
use crate::session::core::op::{Body, Op};
use crate::spool::{self, Queue, Stored};

/// Records are collected while this lives; without a spool there are none.
pub(in crate::session) struct Gathering(Option<Arc<Queue>>);

impl Drop for Gathering {
    fn drop(&mut self) {
        if let Some(queue) = &self.0 {
            queue.gather(false);
        }
    }
}

impl Outbox {
    /// Stores QoS 1 and 2 messages before they are sent, from now on. `bound`: the most bytes of records.
    pub(in crate::session) fn use_spool(&mut self, queue: Arc<Queue>, bound: u64) {
        self.records = Some(Records { queue, bound, used: 0 });
    }

    /// Returns the message if it has to be stored.
    pub(in crate::session) fn to_be_stored(&self, body: &Body) -> Option<Arc<Outgoing>> {
        match body {
            Body::Publish(message)
                if self.records.is_some() && message.qos != crate::QoS::AtMostOnce && !message.transient =>
            {
                Some(Arc::clone(message))
            }
            _ => None,
        }
    }

    /// Returns true if the spool has room for this message. A message larger than the whole bound fits an empty spool.
    pub(in crate::session) fn has_disk_room(&self, message: &Outgoing) -> bool {
        let fits = |records: &Records| records.used == 0 || records.used + spool::size_of(message) <= records.bound;
        self.records.as_ref().is_none_or(fits)
    }

    /// While the returned value lives, records are collected and not written, so that one sync covers all of them.
    #[must_use]
    pub(in crate::session) fn gather(&self) -> Gathering {
        let queue = self.records.as_ref().map(|records| Arc::clone(&records.queue));
        if let Some(queue) = &queue {
            queue.gather(true);
        }
        Gathering(queue)
    }

    /// Queues the record of an operation just accepted, which is sent only once the record is written.
    pub(in crate::session) fn store(&mut self, seq: u64, message: Arc<Outgoing>, accepted: u64) {
        let (Some(op), Some(records)) = (self.ops.get_mut(seq), &mut self.records) else { return };
        let size = spool::size_of(&message);
        op.store();
        op.record = Some((records.queue.add(Stored { seq, message, accepted }), size));
        records.used += size;
        self.queue.left(seq, &self.ops);
    }

    /// Queues a message of an earlier run, which has no `Delivery`.
    pub(in crate::session) fn restore(&mut self, key: u64, message: Arc<Outgoing>, deadline: Instant) {
        let size = spool::size_of(&message);
        let seq = self.push(Body::Publish(message), Settler::unwatched(), deadline);
        if let (Some(op), Some(records)) = (self.ops.get_mut(seq), &mut self.records) {
            op.record = Some((key, size));
            records.used += size;
        }
    }

    /// Returns true if its record is not written yet.
    pub(in crate::session) fn is_storing(&self, seq: u64) -> bool {
        self.ops.get(seq).is_some_and(Op::is_storing)
    }

    /// Notes that its record is written: it may be sent.
    pub(in crate::session) fn stored(&mut self, seq: u64) {
        if let Some(op) = self.ops.get_mut(seq).filter(|op| op.is_storing()) {
            op.stored();
            self.queue.returned(seq);
        }
    }

    /// Settles an operation that could not be stored, or not in time: it was never accepted.
    pub(in crate::session) fn not_stored(&mut self, seq: u64, error: impl FnOnce(&Op) -> Error) {
        if let Some(op) = self.ops.get(seq).filter(|op| op.is_storing()) {
            let error = error(op);
            self.settle(seq, Err(error));
        }
    }

    /// Ends the use of a record (its key and its bytes), which is deleted, or (`keep`) left to the next run.
    pub(super) fn end_record(&mut self, record: Option<(u64, u64)>, keep: bool) {
        if let (Some((key, size)), Some(records)) = (record, &mut self.records) {
            records.used -= size;
            if !keep {
                records.queue.remove(key);
            }
        }
    }
}
