//! The outbox: every operation that was accepted and is not settled yet, in the order given.
//!
//! It is the only truth about what is still to be sent. What sits in the adapter's channel is a copy; when a
//! connection dies the copy is thrown away, and the outbox knows for each operation whether it had been written.

#[cfg(any(test, fuzzing))]
mod consistency;
mod losses;
mod records;
mod topics;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use super::line::Sent;
use super::lost::Lost;
use super::op::{Answer, Body, Op, Stage};
use crate::delivery::{Reply, Settler};
use crate::error::{Error, ErrorKind};
use crate::identity;
pub(super) use topics::TopicRefusal;
use topics::Topics;

/// How long a topic is refused, unless something else is set.
const REFUSED_FOR: Duration = Duration::from_secs(600);

/// The bounds an outbox keeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Operations in flight at once.
    pub(super) window: usize,
    /// Operations accepted and not settled.
    pub(super) count: usize,
    /// What they take in memory, in bytes.
    pub(super) bytes: usize,
    /// Packet ids run from 1 to this.
    pub(super) ids: u16,
}

/// Whose acknowledgement a packet id is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ticket {
    /// An operation of the outbox.
    Op(u64),
    /// The current step of the connection's set-up.
    Step,
}

/// Which of MQTT's two kinds of acknowledged requests a packet id belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Publish,
    Request,
}

/// Whom to blame for the end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blame {
    Nobody,
    /// The other side cut it, so what was just sent may be why.
    Recent,
    /// The service said that one of these (of all, for `None`) was not permitted.
    Proven(Option<Kind>),
}

pub(super) struct Outbox {
    bounds: Bounds,
    ops: BTreeMap<u64, Op>,
    /// To be handed over, oldest first.
    queued: BTreeSet<u64>,
    deadlines: BTreeSet<(Instant, u64)>,
    next_seq: u64,
    /// Not settled: `ops` without the ghosts.
    open: usize,
    bytes: usize,
    in_flight: usize,
    /// Their bytes: the connection holds a copy of each.
    copied: usize,
    /// Of the current connection: no more in flight than the broker takes.
    receive_maximum: usize,
    /// Handed to the channel and not taken from it yet, with the packet id each will get (0 for QoS 0).
    handed: VecDeque<(Ticket, u16)>,
    /// Handed over ahead of the channel: what a resumed session sends again.
    ahead: VecDeque<(Ticket, u16)>,
    publishes: HashMap<u16, Ticket>,
    requests: HashMap<u16, Ticket>,
    /// Ids that operations of a resumed session are going to use again.
    reserved: HashSet<u16>,
    last_id: u16,
    /// In flight at two drops: while any is left, operations go out one at a time.
    suspects: BTreeSet<u64>,
    /// Told to the user, but still waiting for the broker's answer.
    ghosts: BTreeSet<u64>,
    /// Something was acknowledged since an operation was last convicted.
    progress: bool,
    /// Something was settled since this was last asked.
    settled: bool,
    /// Everything was given up: what the adapter still says about it is of no interest.
    given_up: bool,
    pub(super) lost: Lost,
    /// When a QoS 0 message was last written on this connection: it is settled then, but may be what the service objects
    /// to.
    unacknowledged_at: Option<Instant>,
    /// The service's own word convicts this one.
    proven: Option<u64>,
    /// A suspect was alone when the connection last dropped.
    closing_in: bool,
    topics: Topics,
    records: Option<records::Records>,
}

impl Outbox {
    pub(super) fn new(bounds: Bounds) -> Self {
        Outbox {
            bounds,
            ops: BTreeMap::new(),
            queued: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            next_seq: 1,
            open: 0,
            bytes: 0,
            in_flight: 0,
            copied: 0,
            receive_maximum: usize::MAX,
            handed: VecDeque::new(),
            ahead: VecDeque::new(),
            publishes: HashMap::new(),
            requests: HashMap::new(),
            reserved: HashSet::new(),
            last_id: 0,
            suspects: BTreeSet::new(),
            ghosts: BTreeSet::new(),
            progress: true,
            settled: false,
            given_up: false,
            lost: Lost::default(),
            unacknowledged_at: None,
            proven: None,
            closing_in: false,
            topics: Topics::new(REFUSED_FOR),
            records: None,
        }
    }

    // ---- accepting and looking ----

    /// Whether an operation of this size fits. One larger than the whole bound fits an empty outbox.
    pub(super) fn has_room(&self, size: usize) -> bool {
        self.open < self.bounds.count && (self.open == 0 || self.bytes + self.copied + size <= self.bounds.bytes)
    }

    pub(super) fn push(&mut self, body: Body, settler: Settler, deadline: Instant) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        let op = Op::new(body, settler, deadline);
        self.open += 1;
        self.bytes += op.size;
        self.deadlines.insert((deadline, seq));
        self.queued.insert(seq);
        self.ops.insert(seq, op);
        seq
    }

    /// Operations not settled.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// What they take in memory, without the connection's copies.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Whether any operation older than `seq` is not settled. The oldest usually is, so this is quick.
    pub(super) fn any_open_before(&self, seq: u64) -> bool {
        self.ops.range(..seq).any(|(_, op)| op.is_open())
    }

    /// How many operations older than `seq` are not settled.
    pub(super) fn open_before(&self, seq: u64) -> usize {
        self.ops.range(..seq).filter(|(_, op)| op.is_open()).count()
    }

    /// The earliest deadline of an operation that is not settled.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The filters of unsettled SUBSCRIBEs.
    pub(super) fn pending_filters(&self) -> impl Iterator<Item = &str> {
        self.ops.values().filter_map(Op::body).flat_map(Body::filters)
    }

    /// Whether the client itself is about to subscribe to this.
    pub(super) fn pending_own(&self, filter: &str) -> bool {
        let own = |body: &Body| matches!(body, Body::Subscribe { filters, own: true } if filters.iter().any(|(asked, _)| asked == filter));
        self.ops.values().filter_map(Op::body).any(own)
    }

    /// A filter with an identifier that is about to be subscribed and shares topics with this one.
    pub(super) fn overlapping(&self, filter: &str) -> Option<&str> {
        let bodies = self.ops.values().filter_map(Op::body);
        let filters = bodies.flat_map(|body| match body {
            Body::Subscribe { filters, .. } => filters.as_slice(),
            _ => &[],
        });
        let others = filters.filter(|(other, asked)| asked.identifier.is_some() && other != filter);
        others.map(|(other, _)| other.as_str()).find(|other| identity::filters_overlap(other, filter))
    }

    pub(super) fn op(&self, seq: u64) -> Option<&Op> {
        self.ops.get(&seq)
    }

    pub(super) fn last_id(&self) -> u16 {
        self.last_id
    }

    pub(super) fn set_last_id(&mut self, id: u16) {
        self.last_id = id.min(self.bounds.ids);
    }

    /// Makes the next id the first of the longest run of free ones. On a resumed session the ids just ahead may be
    /// reserved, and what is to be sent first must not wait for them.
    pub(super) fn seek_free_ids(&mut self) {
        let mut used: Vec<u16> = self.reserved.iter().copied().collect();
        used.sort_unstable();
        let (Some(first), Some(last)) = (used.first(), used.last()) else { return };
        let around = self.bounds.ids - last + first;
        let gaps = used.windows(2).map(|pair| (pair[1] - pair[0], pair[0]));
        if let Some((_, before)) = gaps.chain([(around, *last)]).max() {
            self.last_id = before;
        }
    }

    /// Whether the broker owes answers it is not going to give, and more is waiting behind them. `grace`: how long an
    /// answer may be late where it blocks others; `patience`: where it does not.
    pub(super) fn wedged(&self, now: Instant, grace: Duration, patience: Duration) -> bool {
        let window = self.window();
        let ghosts = || self.ghosts.iter().filter_map(|seq| self.ops.get(seq)).filter(|op| op.in_flight());
        let late = |op: &Op, time: Duration| op.handed_at.is_some_and(|at| now.saturating_duration_since(at) > time);
        let blocked = !self.queued.is_empty() && (ghosts().count() >= window || self.next_id().is_none());
        // One that goes on from an earlier connection has had its second chance.
        ghosts().any(|op| late(op, patience) && !op.continued) || (blocked && ghosts().any(|op| late(op, grace)))
    }

    /// How many operations may be in flight now.
    fn window(&self) -> usize {
        if self.suspects.is_empty() { self.bounds.window.min(self.receive_maximum) } else { 1 }
    }

    /// What CONNACK said of it.
    pub(super) fn set_receive_maximum(&mut self, messages: Option<u16>) {
        self.receive_maximum = messages.map_or(usize::MAX, usize::from);
    }

    /// Whether the broker would take one message more than is in flight.
    pub(super) fn takes_one_more(&self) -> bool {
        self.in_flight < self.receive_maximum
    }

    /// Whether something was settled since this was last asked.
    pub(super) fn take_settled(&mut self) -> bool {
        std::mem::take(&mut self.settled)
    }

    // ---- handing over ----

    /// The operation to hand over now, and the packet id it will get; `None` when there is none, or no room in the
    /// window. Operations that keep their id from a resumed session are for the worker only.
    pub(super) fn next(&self, on_worker: bool) -> Option<(u64, u16)> {
        if self.in_flight >= self.window() {
            return None;
        }
        let seq = *self.queued.first()?;
        let op = self.ops.get(&seq)?;
        let id = match op.kept_id {
            Some(_) if !on_worker => return None,
            Some(_) if op.is_ghost() && self.awaits_pubrec_before(seq) => return None,
            Some(id) => id,
            None if !op.needs_id() => 0,
            None => self.next_id()?,
        };
        Some((seq, id))
    }

    /// Whether an earlier message of QoS 2 is on the line and has not come as far as PUBREL. Brokers pass a message on at
    /// its PUBREL: that of a ghost, which is all that is repeated of it, would overtake such a message.
    fn awaits_pubrec_before(&self, seq: u64) -> bool {
        // One that nobody waits for any more may never be answered, and must not hold up the rest.
        self.ops.range(..seq).any(|(_, op)| op.is_open() && op.awaits_pubrec())
    }

    /// The id the adapter gives to the next request that needs one; `None` while that id is still in use.
    pub(super) fn next_id(&self) -> Option<u16> {
        let id = if self.last_id >= self.bounds.ids { 1 } else { self.last_id + 1 };
        let used = self.publishes.contains_key(&id) || self.requests.contains_key(&id) || self.reserved.contains(&id);
        (!used).then_some(id)
    }

    /// The operation was put into the channel, or ahead of it.
    pub(super) fn handed(&mut self, seq: u64, id: u16, now: Instant) {
        let Some(op) = self.ops.get_mut(&seq) else { return };
        let (kind, kept) = (op.kind(), op.kept_id.take());
        let releases = kept.is_some() && op.released;
        op.stage = if releases { Stage::Released } else { Stage::Handed };
        op.id = id;
        op.continued = kept.is_some();
        op.attempts += 1;
        op.handed_at = Some(now);
        self.queued.remove(&seq);
        self.in_flight += 1;
        self.copied += op.size;
        match kept {
            Some(id) => {
                self.reserved.remove(&id);
            }
            None if id != 0 => self.last_id = id,
            None => {}
        }
        if releases {
            // A PUBREL sent again is no request of the channel: it has no `Sent` event of its own.
            self.publishes.insert(id, Ticket::Op(seq));
        } else if kept.is_some() {
            self.publishes.insert(id, Ticket::Op(seq));
            self.ahead.push_back((Ticket::Op(seq), id));
        } else {
            self.expect(Ticket::Op(seq), kind, id);
        }
    }

    /// A step was put into the channel.
    pub(super) fn step_handed(&mut self, kind: Kind, id: u16) {
        self.last_id = id;
        self.expect(Ticket::Step, kind, id);
    }

    fn expect(&mut self, ticket: Ticket, kind: Kind, id: u16) {
        self.handed.push_back((ticket, id));
        if id != 0 {
            let ids = if kind == Kind::Publish { &mut self.publishes } else { &mut self.requests };
            ids.insert(id, ticket);
        }
    }

    /// The adapter took a request from the channel. `sure`: what had to be written was written, or will be; otherwise
    /// the connection died meanwhile. An error means that the adapter and the outbox are out of step.
    pub(super) fn sent(&mut self, sent: Sent, sure: bool) -> Result<(), Error> {
        let id = match sent {
            Sent::Publish(id) | Sent::Subscribe(id) | Sent::Unsubscribe(id) => id,
            Sent::Disconnect => return Ok(()),
        };
        let resent = id != 0 && self.ahead.front().is_some_and(|(_, expected)| *expected == id);
        let due = if resent { self.ahead.pop_front() } else { self.handed.pop_front() };
        match due {
            Some((ticket, expected)) if expected == id => {
                if let Ticket::Op(seq) = ticket {
                    self.written(seq, sure);
                }
                Ok(())
            }
            _ if self.given_up => Ok(()),
            other => Err(Error::internal(format!("the adapter sent packet id {id} where {other:?} was due"))),
        }
    }

    fn written(&mut self, seq: u64, sure: bool) {
        let Some(op) = self.ops.get_mut(&seq) else { return };
        op.stage = Stage::Written;
        op.written = true;
        if !op.needs_id() {
            // QoS 0 ends here.
            self.unacknowledged_at = Some(Instant::now());
            let result =
                if sure { Ok(op.reply()) } else { Err(op.unknown("the connection broke while it was written")) };
            self.settle(seq, result);
        }
    }

    // ---- settling ----

    /// Whose acknowledgement this is, and no longer waits for; an error if it is none that this operation can get.
    pub(super) fn take(&mut self, kind: Kind, id: u16, answer: Answer) -> Result<Option<Ticket>, Error> {
        self.check(kind, id, answer)?;
        Ok(match kind {
            Kind::Publish => self.publishes.remove(&id),
            Kind::Request => self.requests.remove(&id),
        })
    }

    /// PUBREC: from here on only PUBREL is repeated.
    pub(super) fn received(&mut self, id: u16) -> Result<(), Error> {
        self.check(Kind::Publish, id, Answer::PubRec)?;
        if let Some(Ticket::Op(seq)) = self.publishes.get(&id) {
            if let Some(op) = self.ops.get_mut(seq) {
                op.stage = Stage::Released;
                op.topic().into_iter().for_each(|topic| self.topics.acknowledged(topic));
            }
        }
        Ok(())
    }

    /// Refuses an answer that does not fit what is waiting under this id. An adapter may let it pass, or have taken
    /// note of it before it found that out.
    fn check(&self, kind: Kind, id: u16, answer: Answer) -> Result<(), Error> {
        let waiting = match kind {
            Kind::Publish => self.publishes.get(&id),
            Kind::Request => self.requests.get(&id),
        };
        let fits = match waiting {
            None => true,
            Some(Ticket::Step) => matches!(answer, Answer::PubAck | Answer::SubAck),
            Some(Ticket::Op(seq)) => self.ops.get(seq).is_some_and(|op| op.fits(answer)),
        };
        if fits {
            return Ok(());
        }
        let message = format!("the broker acknowledged packet id {id} in a way that does not fit what was sent");
        Err(Error::new(ErrorKind::Protocol, message))
    }

    /// The operation is over, for the user and for the connection.
    pub(super) fn settle(&mut self, seq: u64, result: Result<Reply, Error>) {
        let Some(mut op) = self.ops.remove(&seq) else { return };
        if let Some(error) = self.close(seq, &mut op, result, false) {
            self.lost.note(&error);
        }
        if !op.in_flight() {
            return self.leave(seq, op);
        }
        // It was answered, or, at QoS 0, written.
        self.suspects.remove(&seq);
        self.ghosts.remove(&seq);
        self.in_flight -= 1;
        self.copied -= op.size;
    }

    /// The broker has acknowledged it.
    pub(super) fn acknowledged(&mut self, seq: u64, reply: Reply) {
        self.progress = true;
        if let Some(topic) = self.ops.get(&seq).and_then(Op::topic) {
            self.topics.acknowledged(topic);
        }
        self.settle(seq, Ok(reply));
    }

    /// The broker has refused it, which is an answer, too.
    pub(super) fn refused(&mut self, seq: u64, error: Error) {
        self.progress = true;
        self.settle(seq, Err(error));
    }

    /// Tells the user; the connection may still be waiting for the acknowledgement. Gives back the failure of a
    /// message that nobody is going to see. `keep`: the next run goes on with it.
    fn close(&mut self, seq: u64, op: &mut Op, result: Result<Reply, Error>, keep: bool) -> Option<Error> {
        let settler = self.release(seq, op, keep)?;
        settler.settle(result).filter(|_| op.kind() == Kind::Publish)
    }

    /// From here on it counts as settled. `keep`: the next run goes on with it.
    fn release(&mut self, seq: u64, op: &mut Op, keep: bool) -> Option<Settler> {
        let settler = op.settler.take()?;
        self.end_record(op, keep);
        self.open -= 1;
        self.bytes -= op.size;
        self.settled = true;
        self.deadlines.remove(&(op.deadline, seq));
        Some(settler)
    }

    /// Settles what is past its deadline. What was handed over stays as a ghost: it keeps its place in the window and
    /// its packet id until the broker answers or the connection ends. Returns whether anything was settled.
    pub(super) fn expire(&mut self, now: Instant, offline: Option<&Error>) -> bool {
        let mut any = false;
        while let Some((deadline, seq)) = self.deadlines.first().copied() {
            if deadline > now {
                break;
            }
            any = true;
            self.deadlines.pop_first();
            let Some(mut op) = self.ops.remove(&seq) else { continue };
            let error = op.expired(offline);
            if let Some(error) = self.close(seq, &mut op, Err(error), false) {
                self.lost.note(&error);
            }
            self.leave(seq, op);
        }
        any
    }

    /// Removes an operation that the user was told of and the server has not answered. An exchange of QoS 2 that was begun
    /// is ended first: under its packet id, the server would take a later message for a repetition, and throw it away.
    fn leave(&mut self, seq: u64, mut op: Op) {
        self.suspects.remove(&seq);
        if op.must_haunt() {
            op.become_ghost();
            self.ghosts.insert(seq);
            self.ops.insert(seq, op);
            return;
        }
        self.queued.remove(&seq);
        if let Some(id) = op.kept_id {
            self.reserved.remove(&id);
        }
    }

    /// Settles everything with the error made for each; the outbox is empty afterwards. `report`: every message counts
    /// as lost, also one whose `Delivery` is still there.
    pub(super) fn settle_all(&mut self, report: bool, error: impl Fn(&Op) -> Error) {
        for (seq, mut op) in std::mem::take(&mut self.ops) {
            let (error, keep) = (error(&op), op.is_kept());
            let Some(settler) = self.release(seq, &mut op, keep) else { continue };
            let lost = match op.kind() {
                Kind::Publish if report => settler.settle_reported(error),
                Kind::Publish => settler.settle(Err(error)),
                Kind::Request => {
                    settler.settle(Err(error));
                    None
                }
            };
            if let Some(error) = lost {
                self.lost.note(&error);
            }
        }
        self.queued.clear();
        self.suspects.clear();
        self.ghosts.clear();
        self.reset_connection();
        self.given_up = true;
    }
}

#[cfg(test)]
mod tests;
