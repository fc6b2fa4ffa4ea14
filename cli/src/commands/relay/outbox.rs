//! Messages that the relay has accepted and that are not settled yet.
//!
//! A message is in memory from its acceptance to its end. It is also on disk if its caller does not wait for the fate
//! (`Prefer: respond-async`), if it has an idempotency key, or once its caller has waited long enough: the outbox keeps
//! these deadlines, whether the caller is still there or not. The fate of a message that is on disk is told after its
//! record is removed and the answer for its key is noted, so that no crash can give a second answer; `store` explains
//! what happens while the disk fails.

mod op;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, QoS, Receipt, Settled};
use tokio::sync::Notify;

use super::metrics::Metrics;
use super::problem::{Problem, Reason};
use super::room::Bounds;
use super::store::{Accepted, Command, Records, Sending, Store};
use crate::report;
use op::{Disk, Op, is_final, key_reused, size_of};

pub(super) use op::{Answer, Progress, Ticket};

/// The pause until the client is asked again for the end of a QoS 0 message.
const AGAIN: Duration = Duration::from_millis(5);

pub(super) struct Outbox {
    store: Store,
    bounds: Bounds,
    metrics: Arc<Metrics>,
    state: RefCell<State>,
    emptied: Notify,
    /// The first deadline has changed.
    due: Notify,
}

struct State {
    client: Option<Client>,
    /// Where the client tells the fates; `None` at the end.
    settled: Option<mpsc::Sender<Settled>>,
    next: u64,
    ops: HashMap<u64, Op>,
    /// The messages whose call had this key.
    keys: HashMap<[u8; 32], u64>,
    /// The messages that the client does not have yet, in their order.
    waiting: BTreeSet<u64>,
    /// When calls have waited long enough, with their messages.
    deadlines: BTreeSet<(Instant, u64)>,
    bytes: usize,
    draining: bool,
}

impl Outbox {
    /// Creates the outbox with the messages of an earlier run.
    pub(super) fn new(
        store: Store,
        settled: mpsc::Sender<Settled>,
        bounds: Bounds,
        metrics: Arc<Metrics>,
        loaded: &Records,
    ) -> Self {
        let mut state = State {
            client: None,
            settled: Some(settled),
            next: 1,
            ops: HashMap::new(),
            keys: HashMap::new(),
            waiting: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            bytes: 0,
            draining: false,
        };
        for (seq, record) in loaded {
            state.next = seq + 1;
            let Some(sending) = Sending::decode(record) else {
                report::warning(format!("the store holds a message that cannot be read; it is left there: {seq}"));
                continue;
            };
            if let Some(key) = &sending.key {
                state.keys.insert(key.hash, *seq);
            }
            let op = Op::new(sending, Disk::Yes, None, Progress::Stored);
            state.bytes += op.size;
            state.waiting.insert(*seq);
            state.ops.insert(*seq, op);
        }
        metrics.in_flight.set(state.ops.len().try_into().unwrap_or(i64::MAX));
        metrics.spooled.set(metrics.in_flight.get());
        Outbox { store, bounds, metrics, state: state.into(), emptied: Notify::new(), due: Notify::new() }
    }

    /// Accepts a message. `durable`: it is on disk before it is sent. `wait`: how long the call waits.
    pub(super) fn accept(&self, sending: Sending, durable: bool, wait: Duration) -> Result<Ticket, Problem> {
        let mut state = self.state.borrow_mut();
        let known = sending.key.and_then(|key| Some((key, *state.keys.get(&key.hash)?)));
        if let Some((key, seq)) = known
            && let Some(op) = state.ops.get(&seq)
        {
            if op.sending.key == Some(key) {
                return Ok(Ticket { progress: op.progress.subscribe(), joined: true });
            }
            // Otherwise the store knows better which of the two calls the key belongs to.
            if op.disk == Disk::Yes {
                return Err(key_reused());
            }
        }
        if state.draining {
            return Err(Problem::new(Reason::Draining, "the relay is ending and accepts nothing more"));
        }
        let size = size_of(&sending);
        let full = state.ops.len() >= self.bounds.messages || state.bytes.saturating_add(size) > self.bounds.bytes;
        if full && !state.ops.is_empty() {
            let (messages, bytes) = (state.ops.len(), state.bytes);
            let detail = format!("{messages} messages of {bytes} bytes wait for their acknowledgement");
            let hint = "raise --max-messages or --max-bytes, or see why there is no connection (/readyz)";
            return Err(Problem::new(Reason::Full, detail).hint(hint));
        }
        let seq = state.next;
        state.next += 1;
        let key = sending.key;
        let (disk, deadline) = match durable || key.is_some() {
            true => (Disk::Writing, None),
            false => (Disk::No, Some(Instant::now() + wait)),
        };
        let op = Op::new(sending, disk, deadline, Progress::Open);
        let progress = op.progress.subscribe();
        state.bytes += op.size;
        self.metrics.in_flight.inc();
        if let Some(key) = key {
            state.keys.entry(key.hash).or_insert(seq);
        }
        if disk == Disk::Writing {
            self.store.send(Command::Accept { seq, record: op.sending.encode(), key });
        }
        state.ops.insert(seq, op);
        if let Some(deadline) = deadline {
            state.deadlines.insert((deadline, seq));
            if state.deadlines.first() == Some(&(deadline, seq)) {
                self.due.notify_one();
            }
            self.enqueue(&mut state, seq);
        }
        Ok(Ticket { progress, joined: false })
    }

    /// Handles messages whose calls have waited long enough, as long as the relay runs.
    pub(super) async fn watch(&self) {
        loop {
            let next = self.state.borrow().deadlines.first().map(|(end, _)| *end);
            match next {
                None => self.due.notified().await,
                Some(end) => tokio::select! {
                    () = tokio::time::sleep_until(end.into()) => self.expire(Instant::now()),
                    () = self.due.notified() => {}
                },
            }
        }
    }

    fn expire(&self, now: Instant) {
        let mut state = self.state.borrow_mut();
        while let Some((end, seq)) = state.deadlines.first().copied().filter(|(end, _)| *end <= now) {
            state.deadlines.remove(&(end, seq));
            self.waited(&mut state, seq);
        }
    }

    /// Handles a message whose call has waited long enough: one of QoS 1 or 2 is stored, one of QoS 0 is withdrawn.
    fn waited(&self, state: &mut State, seq: u64) {
        let Some(op) = state.ops.get_mut(&seq) else { return };
        if op.sending.qos != QoS::AtMostOnce {
            if op.disk == Disk::No && op.answer.is_none() {
                op.disk = Disk::Writing;
                op.progress.send_replace(Progress::Open);
                self.store.send(Command::Accept { seq, record: op.sending.encode(), key: None });
            }
        } else if state.waiting.remove(&seq) {
            let problem = Problem::new(Reason::NoConnection, "there was no connection in time");
            self.conclude(state, seq, Answer::Failed(problem));
        } else if let Some(delivery) = &op.delivery
            // This settles it, and then it is reported as any other; the client's clock may be a little behind.
            && matches!(delivery.try_wait(), Ok(None))
        {
            let again = Instant::now() + AGAIN;
            op.deadline = Some(again);
            state.deadlines.insert((again, seq));
        }
    }

    /// Gives the client what has waited for it.
    pub(super) fn connected(&self, client: Client) {
        let mut state = self.state.borrow_mut();
        state.client = Some(client);
        let waiting = std::mem::take(&mut state.waiting);
        for seq in waiting {
            self.enqueue(&mut state, seq);
        }
    }

    /// Handles what the store has decided about a message.
    pub(super) fn accepted(&self, seq: u64, verdict: Accepted) {
        let mut state = self.state.borrow_mut();
        let Some(op) = state.ops.get_mut(&seq) else { return };
        // Otherwise the message was sent before it was stored.
        let new = op.delivery.is_none() && op.answer.is_none() && !state.waiting.contains(&seq);
        let Some(op) = state.ops.get_mut(&seq) else { return };
        let failed = match verdict {
            Accepted::Stored => {
                self.stored(op, Disk::Yes);
                op.progress.send_replace(Progress::Stored);
                if let Some(key) = op.sending.key {
                    state.keys.insert(key.hash, seq);
                }
                if new {
                    self.enqueue(&mut state, seq);
                }
                return;
            }
            Accepted::Failed(error) | Accepted::Uncertain(error) if !new => {
                op.disk = Disk::No;
                op.progress.send_replace(Progress::Unstored(error));
                return;
            }
            Accepted::Known(answer) => {
                let answer = serde_json::from_slice(&answer).unwrap_or_else(|_| {
                    let problem = Problem::new(Reason::Unknown, "the answer of the first call cannot be read");
                    Answer::Failed(problem)
                });
                op.progress.send_replace(Progress::Over { answer: Arc::new(answer), repeated: true });
                self.leave(&mut state, seq);
                return;
            }
            Accepted::Mismatch => key_reused(),
            Accepted::TooManyKeys => Problem::new(Reason::TooManyKeys, "too many keys are remembered")
                .hint("raise --max-remembered, or send keys only with calls that may be repeated"),
            Accepted::Failed(error) => Problem::new(Reason::Disk, format!("the store cannot be written: {error}")),
            Accepted::Uncertain(error) => {
                let detail = "the store cannot be written; if the relay ends before it can, the message may be sent";
                Problem::new(Reason::Unknown, format!("{detail}: {error}"))
            }
        };
        self.finish(&mut state, seq, &Answer::Failed(failed));
    }

    /// Handles the fate of a message that the client had.
    pub(super) fn settled(&self, settled: Settled) {
        let mut state = self.state.borrow_mut();
        self.settle(&mut state, settled.tag, settled.result);
    }

    /// Handles that the store has noted the fate of a message.
    pub(super) fn kept(&self, seq: u64) {
        let mut state = self.state.borrow_mut();
        if let Some(answer) = state.ops.get_mut(&seq).and_then(|op| op.answer.take()) {
            self.finish(&mut state, seq, &answer);
        }
    }

    /// Accepts nothing more.
    pub(super) fn drain(&self) {
        self.state.borrow_mut().draining = true;
    }

    pub(super) fn is_draining(&self) -> bool {
        self.state.borrow().draining
    }

    /// Waits until every message is settled.
    pub(super) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.state.borrow().ops.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Ends the wait of all calls: what is not settled is stored.
    pub(super) fn persist_all(&self) {
        let mut state = self.state.borrow_mut();
        state.deadlines.clear();
        let mut open: Vec<u64> = state.ops.keys().copied().collect();
        open.sort_unstable();
        for seq in open {
            self.waited(&mut state, seq);
        }
    }

    /// Returns the number of messages that are not settled.
    pub(super) fn open(&self) -> usize {
        let state = self.state.borrow();
        state.ops.values().filter(|op| op.sending.qos != QoS::AtMostOnce && op.answer.is_none()).count()
    }

    /// Lets go of the client and of what it reports to.
    pub(super) fn leave_client(&self) {
        let mut state = self.state.borrow_mut();
        state.client = None;
        state.settled = None;
        state.ops.values_mut().for_each(|op| op.delivery = None);
    }

    /// Gives a message to the client, or keeps it until there is one.
    fn enqueue(&self, state: &mut State, seq: u64) {
        let Some(op) = state.ops.get_mut(&seq) else { return };
        let (Some(client), Some(settled), true) = (&state.client, &state.settled, state.waiting.is_empty()) else {
            state.waiting.insert(seq);
            return;
        };
        match client.try_enqueue(op.message()) {
            Ok(delivery) => {
                self.metrics.published.inc();
                delivery.report_to(settled, seq);
                op.delivery = Some(delivery);
            }
            Err(error) => self.settle(state, seq, Err(error)),
        }
    }

    fn settle(&self, state: &mut State, seq: u64, result: aliyun_mqtt::Result<Receipt>) {
        let open = state.client.as_ref().is_some_and(|client| client.check_open().is_ok());
        let Some(op) = state.ops.get_mut(&seq) else { return };
        if let Err(error) = &result
            && op.sending.qos != QoS::AtMostOnce
            && !open
            && !is_final(error)
        {
            // The client has ended, and soon the relay; the next one sends the message.
            op.delivery = None;
            state.waiting.insert(seq);
            return;
        }
        let answer = match result {
            Ok(receipt) => Answer::Done { qos: op.sending.qos.level(), attempts: receipt.attempts },
            Err(error) => {
                if op.disk != Disk::No {
                    let topic = aliyun_mqtt::printable(&op.sending.topic).into_owned();
                    log::warn!("a stored message to {topic} failed: {error}");
                }
                Answer::Failed(Problem::from(&error))
            }
        };
        let failed = match &answer {
            Answer::Done { .. } => None,
            Answer::Failed(problem) => Some(problem.fate.as_deref().unwrap_or("unknown")),
        };
        self.metrics.settled(failed, op.since.elapsed());
        self.conclude(state, seq, answer);
    }

    /// Notes the fate of a message on disk, if the message is there, and tells it.
    fn conclude(&self, state: &mut State, seq: u64, answer: Answer) {
        let Some(op) = state.ops.get_mut(&seq) else { return };
        if op.disk == Disk::No {
            return self.finish(state, seq, &answer);
        }
        let noted = serde_json::to_vec(&answer).unwrap_or_default();
        op.answer = Some(answer);
        self.store.send(Command::Settle { seq, key: op.sending.key, answer: noted });
    }

    /// Tells the fate of a message, and forgets the message.
    fn finish(&self, state: &mut State, seq: u64, answer: &Answer) {
        if let Some(op) = state.ops.get(&seq) {
            op.progress.send_replace(Progress::Over { answer: Arc::new(answer.clone()), repeated: false });
        }
        self.leave(state, seq);
    }

    fn leave(&self, state: &mut State, seq: u64) {
        let Some(mut op) = state.ops.remove(&seq) else { return };
        self.stored(&mut op, Disk::No);
        self.metrics.in_flight.dec();
        state.bytes -= op.size;
        state.waiting.remove(&seq);
        if let Some(deadline) = op.deadline {
            state.deadlines.remove(&(deadline, seq));
        }
        if let Some(key) = &op.sending.key
            && state.keys.get(&key.hash) == Some(&seq)
        {
            state.keys.remove(&key.hash);
        }
        if state.ops.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    /// Sets how a message is stored, and counts it.
    fn stored(&self, op: &mut Op, disk: Disk) {
        self.metrics.spooled.inc_by(i64::from(disk == Disk::Yes) - i64::from(op.disk == Disk::Yes));
        op.disk = disk;
    }
}
