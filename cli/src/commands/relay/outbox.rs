//! Messages that the relay has accepted and that are not settled yet.
//!
//! A message is in memory from its acceptance to its end. It is also on disk if its caller does not wait for the fate
//! (`Prefer: respond-async`), if it has an idempotency key, or once its caller has waited long enough. The fate of a
//! message that is on disk is told only after its record is removed and the answer for its key is noted, so that no
//! crash can give a second answer.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, Delivery, Error, ErrorKind, Fate, QoS, Receipt, Settled};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use super::metrics::Metrics;
use super::problem::{Problem, Reason};
use super::store::{Accepted, Command, Records, Sending, Store};
use crate::report;

/// QoS 1 and 2 messages have no deadline of their own: a caller that has waited long enough leaves them to the disk.
const ENDLESS: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The fate of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// The server has acknowledged it; at QoS 0, it was written.
    Done {
        qos: u8,
        attempts: u32,
    },
    Failed(Problem),
}

/// What a waiting call sees of its message.
#[derive(Debug, Clone)]
pub(super) enum Progress {
    Open,
    /// It is on disk.
    Stored,
    /// It is on its way, but could not be stored.
    Unstored(String),
    /// It is settled. `repeated`: this is the answer of an earlier call with the same key.
    Over {
        answer: Arc<Answer>,
        repeated: bool,
    },
}

/// A call's view of its message.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) seq: u64,
    pub(super) qos: QoS,
    pub(super) progress: watch::Receiver<Progress>,
    /// An earlier call with the same key has brought the message.
    pub(super) joined: bool,
}

/// How many messages, and bytes of them, are accepted at the same time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

pub(super) struct Outbox {
    store: Store,
    settled: mpsc::Sender<Settled>,
    bounds: Bounds,
    metrics: Arc<Metrics>,
    state: RefCell<State>,
    emptied: Notify,
}

#[derive(Default)]
struct State {
    client: Option<Client>,
    next: u64,
    ops: HashMap<u64, Op>,
    /// The messages whose call had this key.
    keys: HashMap<[u8; 32], u64>,
    /// The messages that the client does not have yet, in their order.
    waiting: BTreeSet<u64>,
    bytes: usize,
    draining: bool,
}

struct Op {
    sending: Arc<Sending>,
    size: usize,
    disk: Disk,
    /// For QoS 0: how long the call waits.
    timeout: Duration,
    since: Instant,
    delivery: Option<Delivery>,
    progress: watch::Sender<Progress>,
    /// The fate, while the store notes it.
    answer: Option<Answer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disk {
    No,
    Writing,
    Yes,
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
        let mut state = State { next: 1, ..State::default() };
        for (seq, record) in loaded {
            state.next = seq + 1;
            let Some(sending) = Sending::decode(record) else {
                report::warning(format!("the store holds a message that cannot be read; it is left there: {seq}"));
                continue;
            };
            if let Some(key) = &sending.key {
                state.keys.insert(key.hash, *seq);
            }
            let op = Op::new(sending, Disk::Yes, ENDLESS, Progress::Stored);
            state.bytes += op.size;
            state.waiting.insert(*seq);
            state.ops.insert(*seq, op);
        }
        metrics.in_flight.set(state.ops.len().try_into().unwrap_or(i64::MAX));
        metrics.spooled.set(metrics.in_flight.get());
        Outbox { store, settled, bounds, metrics, state: RefCell::new(state), emptied: Notify::new() }
    }

    /// Accepts a message. `durable`: it is on disk before it is sent. `timeout`: how long the call waits.
    pub(super) fn accept(&self, sending: Sending, durable: bool, timeout: Duration) -> Result<Ticket, Problem> {
        let mut state = self.state.borrow_mut();
        let known = sending.key.and_then(|key| Some((key, *state.keys.get(&key.hash)?)));
        if let Some((key, seq)) = known
            && let Some(op) = state.ops.get(&seq)
        {
            if op.sending.key != Some(key) {
                return Err(key_reused());
            }
            return Ok(Ticket { seq, qos: op.sending.qos, progress: op.progress.subscribe(), joined: true });
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
        let (qos, key) = (sending.qos, sending.key);
        let timeout = if qos == QoS::AtMostOnce { timeout } else { ENDLESS };
        let durable = durable || key.is_some();
        let op = Op::new(sending, if durable { Disk::Writing } else { Disk::No }, timeout, Progress::Open);
        let progress = op.progress.subscribe();
        state.bytes += op.size;
        self.metrics.in_flight.inc();
        if let Some(key) = key {
            state.keys.insert(key.hash, seq);
        }
        if durable {
            self.store.send(Command::Accept { seq, record: op.sending.encode(), key });
            state.ops.insert(seq, op);
        } else {
            state.ops.insert(seq, op);
            self.enqueue(&mut state, seq);
        }
        Ok(Ticket { seq, qos, progress, joined: false })
    }

    /// Handles a message whose call has waited long enough.
    pub(super) fn expire_or_persist(&self, seq: u64, qos: QoS) {
        match qos {
            QoS::AtMostOnce => self.expire(seq),
            QoS::AtLeastOnce | QoS::ExactlyOnce => self.persist(seq),
        }
    }

    /// Stores a QoS 1 or 2 message whose call has waited long enough.
    fn persist(&self, seq: u64) {
        let mut state = self.state.borrow_mut();
        if let Some(op) = state.ops.get_mut(&seq)
            && op.disk == Disk::No
            && op.sending.qos != QoS::AtMostOnce
        {
            op.disk = Disk::Writing;
            op.progress.send_replace(Progress::Open);
            self.store.send(Command::Accept { seq, record: op.sending.encode(), key: None });
        }
    }

    /// Withdraws a QoS 0 message whose call has waited long enough.
    fn expire(&self, seq: u64) {
        let mut state = self.state.borrow_mut();
        if state.waiting.remove(&seq) {
            let problem = Problem::new(Reason::NoConnection, "there was no connection in time");
            self.finish(&mut state, seq, &Answer::Failed(problem));
        } else if let Some(delivery) = state.ops.get(&seq).and_then(|op| op.delivery.as_ref()) {
            // This settles it, and then it is reported as any other.
            let _ = delivery.try_wait();
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
                if new {
                    self.enqueue(&mut state, seq);
                }
                return;
            }
            Accepted::Failed(error) if !new => {
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

    /// Stores what is not settled and not on disk, and returns the number of messages that stay on disk.
    pub(super) fn persist_all(&self) -> usize {
        let open: Vec<u64> = self.state.borrow().ops.keys().copied().collect();
        open.iter().for_each(|seq| self.persist(*seq));
        self.state.borrow().ops.values().filter(|op| op.sending.qos != QoS::AtMostOnce).count()
    }

    /// Gives a message to the client, or keeps it until there is one.
    fn enqueue(&self, state: &mut State, seq: u64) {
        let Some(op) = state.ops.get_mut(&seq) else { return };
        let Some(client) = state.client.as_ref().filter(|_| state.waiting.is_empty()) else {
            state.waiting.insert(seq);
            return;
        };
        match client.try_enqueue(op.sending.message().timeout(op.timeout)) {
            Ok(delivery) => {
                self.metrics.published.inc();
                delivery.report_to(&self.settled, seq);
                op.delivery = Some(delivery);
            }
            Err(error) => self.settle(state, seq, Err(error)),
        }
    }

    fn settle(&self, state: &mut State, seq: u64, result: aliyun_mqtt::Result<Receipt>) {
        let Some(op) = state.ops.get_mut(&seq) else { return };
        if let Err(error) = &result
            && op.sending.qos != QoS::AtMostOnce
            && is_of_the_client(error)
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

impl Op {
    fn new(sending: Sending, disk: Disk, timeout: Duration, progress: Progress) -> Self {
        Op {
            size: size_of(&sending),
            sending: Arc::new(sending),
            disk,
            timeout,
            since: Instant::now(),
            delivery: None,
            progress: watch::Sender::new(progress),
            answer: None,
        }
    }
}

/// Returns the approximate memory of a message.
fn size_of(sending: &Sending) -> usize {
    let user: usize = sending.properties.user.iter().map(|(key, value)| key.len() + value.len()).sum();
    sending.topic.len() + sending.payload.len() + user + 512
}

fn key_reused() -> Problem {
    Problem::new(Reason::KeyReused, "the Idempotency-Key was used for a different call")
        .hint("make a new key for each message, and repeat a call with its own key and body only")
}

/// Returns true if the client has ended, which is no fate for a message that the next client can send.
fn is_of_the_client(error: &Error) -> bool {
    error.fate() != Some(Fate::Refused) && error.kind() != ErrorKind::Invalid
}
