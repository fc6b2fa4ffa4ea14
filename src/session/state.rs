//! Everything the session knows, under one mutex: what callers ask of it, and how it is handed to a connection.

mod allowance;
mod ending;
mod incoming;
mod tokens;

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use zeroize::Zeroize;

use super::acks::Acks;
use super::dial::id_limit;
use super::line::{Allowed, LinePump, LineSender};
use super::op::Body;
use super::outbox::{Bounds, Kind, Outbox};
use super::queues::{QueueId, Queues};
use super::rate::Rate;
use super::replies::Replies;
use super::subscriptions::Subscriptions;
use crate::config::{AckMode, Config};
use crate::error::{Code, Error, ErrorKind};
use crate::message::{Message, Outgoing, QoS};
use crate::stats::Stats;
use crate::subscribe::Asked;
use crate::token::store::TokenStore;
pub(super) use ending::{Loss, topic_refused};
use tokens::{Upload, Verdict};

/// Where the order flag goes, and what it says.
/// Source: AliwareMQ/lmq-demo, MQ4IoTSendOrderMessageToRocketMQ.java and MQTTSendOrderMessage.php.
const ORDER_TOPIC: &str = "$SYS/enableOrderMsg";
const ORDER_FLAG: &str = r#"{"order":"true"}"#;

/// How long a line has to hold without the suspect before the suspect is sent alone. A refusal follows within a round
/// trip or so; a bad link, against which this guards, breaks at any time.
const QUIET: Duration = Duration::from_millis(250);

/// Whether there is a connection.
pub(super) enum Phase {
    /// Being made, or waiting to be; why there is none.
    Offline(Error),
    /// Messages flow.
    Online,
    /// It never will again; why.
    Dead(Error),
}

/// A barrier: one request that must be acknowledged before anything of the outbox is sent.
#[derive(Debug, Clone)]
enum Step {
    /// Asks the service to keep this connection's messages in order.
    EnableOrder,
    Resubscribe(Vec<Asked>),
    UploadToken(Upload),
}

/// What the worker does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Go,
    /// The DISCONNECT that the session asked for is written; until when the worker may read on.
    Left(Instant),
}

pub(super) struct State {
    config: Config,
    pub(super) phase: Phase,
    /// `disconnect` was called, or the client dropped: nothing new is accepted.
    pub(super) closing: bool,
    /// The worker should end now.
    pub(super) leaving: bool,
    pub(super) worker_gone: bool,
    /// The session has asked for DISCONNECT, after which nothing may follow; until when the worker may read on then.
    leave_by: Option<Instant>,
    pub(super) outbox: Outbox,
    pub(super) queues: Queues,
    pub(super) replies: Replies,
    pub(super) rate: Option<Rate>,
    pub(super) stats: Stats,
    /// Threads waiting on `changed` and on `arrived`: a wake-up nobody waits for costs a system call.
    pub(super) watchers: usize,
    pub(super) receivers: usize,
    acks: Acks,
    pub(super) subscriptions: Subscriptions,
    line: Option<Box<dyn LineSender>>,
    steps: VecDeque<Step>,
    /// The step that was handed over, and when.
    step: Option<(Step, Instant)>,
    /// Since when steps could be handed over.
    steps_since: Instant,
    session_present: bool,
    /// What the broker takes on this connection.
    allowed: Allowed,
    /// Nothing is sent before this instant.
    quiet_until: Option<Instant>,
    /// The broker has all subscriptions, as far as can be known.
    restored: bool,
    inbox_full: bool,
    /// The message that holds back later acknowledgements, and since when.
    blocker: Option<(u64, Instant)>,
    /// Acknowledgements that were given and have not left by the end.
    unsent_acks: usize,
    /// Something happened that those who wait on `changed`, or on `arrived`, want to look at.
    changed: bool,
    arrived: bool,
    /// Of a login with tokens.
    tokens: Option<TokenStore>,
    /// Whoever renews tokens has something to look at.
    token_news: bool,
    /// When the clock was last looked at, by both clocks.
    clock: (SystemTime, Instant),
    /// The last thing the service said of a token, on this connection.
    verdict: Option<Verdict>,
    /// Why a token that was uploaded last was refused, if the service said so.
    upload_refusal: Option<(u64, Code)>,
    /// A fingerprint of the last login.
    login: Option<u64>,
}

impl State {
    pub(super) fn new(config: &Config) -> Self {
        let limits = config.limits();
        let window = config.window();
        let bounds = Bounds {
            window: usize::from(window),
            count: limits.outbox_messages,
            bytes: limits.outbox_bytes,
            ids: id_limit(window),
        };
        let mut outbox = Outbox::new(bounds);
        outbox.refuse_topics_for(config.refused_topic_pause());
        if !config.clean_session() {
            // An earlier process may have left QoS 2 exchanges open on the broker. Under a low id, which every process
            // begins with, a new message could be taken for a repetition of an old one, and be thrown away.
            outbox.set_last_id((crate::random::number() % u64::from(bounds.ids)) as u16);
        }
        State {
            phase: Phase::Offline(Error::new(ErrorKind::ConnectionLost, "the connection is not made yet")),
            closing: false,
            leaving: false,
            worker_gone: false,
            leave_by: None,
            outbox,
            queues: Queues::new(limits.inbox_messages, limits.inbox_bytes),
            replies: Replies::new(config.client_id().as_str(), config.response_topic()),
            rate: config.max_publish_rate().map(Rate::new),
            stats: Stats::default(),
            watchers: 0,
            receivers: 0,
            acks: Acks::default(),
            subscriptions: Subscriptions::default(),
            line: None,
            steps: VecDeque::new(),
            step: None,
            steps_since: Instant::now(),
            session_present: false,
            allowed: Allowed::default(),
            quiet_until: None,
            restored: true,
            inbox_full: false,
            blocker: None,
            unsent_acks: 0,
            changed: false,
            arrived: false,
            tokens: State::tokens_of(config),
            token_news: false,
            clock: (SystemTime::now(), Instant::now()),
            verdict: None,
            upload_refusal: None,
            login: None,
            config: config.clone(),
        }
    }

    // ---- for the callers ----

    /// Why nothing can be asked of this client any more, if so.
    pub(super) fn check_open(&self) -> Result<(), Error> {
        match &self.phase {
            Phase::Dead(reason) => Err(reason.clone()),
            _ if self.closing => Err(super::closed()),
            _ => Ok(()),
        }
    }

    /// Settles what is past its deadline; whoever looks at the outbox does this first.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        if self.outbox.next_deadline().is_none_or(|deadline| deadline > now) {
            return false;
        }
        let offline = self.offline().cloned();
        self.outbox.expire(now, offline.as_ref())
    }

    /// Takes a message for the program, and acknowledges it if taking means that. The key is for an acknowledgement by
    /// hand.
    pub(super) fn take(&mut self, queue: QueueId) -> Option<(Message, Option<u64>)> {
        let (message, key) = self.queues.pop(queue)?;
        // Half-way down, so that a slow program is not told at each message.
        self.inbox_full &= !self.queues.half_empty();
        match (self.config.ack_mode(), key) {
            (AckMode::OnTake, Some(key)) => drop(self.acknowledge(key)),
            (AckMode::Manual, Some(key)) => self.acks.taken(key, &message.topic),
            _ => {}
        }
        Some((message, key.filter(|_| self.config.ack_mode() == AckMode::Manual)))
    }

    /// The program is done with a message. `false`: the acknowledgement no longer counts.
    pub(super) fn acknowledge(&mut self, key: u64) -> bool {
        let counts = self.acks.done(key);
        self.send_acks();
        counts
    }

    /// Returns how many received QoS 2 messages have an exchange that the server has not finished: PUBREC was sent, PUBREL
    /// has not come.
    pub(super) fn unfinished_exchanges(&self) -> usize {
        self.acks.unfinished()
    }

    /// DISCONNECT, behind everything that was handed over and before nothing more: the line is given up here. The
    /// worker reads on until `by` at the latest.
    pub(super) fn say_goodbye(&mut self, by: Instant) {
        self.leaving = true;
        self.token_news = true;
        self.touch();
        self.leave_by.get_or_insert(by);
        if let Some(line) = self.line.take() {
            line.disconnect();
        }
        self.end_acks();
    }

    /// Those who wait on `changed` have something to look at.
    pub(super) fn touch(&mut self) {
        self.changed = true;
    }

    /// Whether those who wait on `changed`, and on `arrived`, have something to look at.
    pub(super) fn take_changes(&mut self) -> (bool, bool) {
        let changed = std::mem::take(&mut self.changed) | self.outbox.take_settled();
        (changed, std::mem::take(&mut self.arrived))
    }

    /// A stream is gone. Whether its filter has to be unsubscribed.
    pub(super) fn close_stream(&mut self, queue: u64, filter: &str) -> bool {
        self.arrived = true;
        !self.queues.close_stream(queue)
            && self.subscriptions.only_for_streams(filter)
            && !self.outbox.pending_own(filter)
    }

    /// Panics where the state contradicts itself.
    #[cfg(any(test, fuzzing))]
    pub(super) fn assert_consistent(&self) {
        self.outbox.assert_consistent();
        self.queues.assert_consistent();
        self.acks.assert_consistent();
    }

    /// The counters and gauges of this moment.
    pub(super) fn snapshot(&self) -> Stats {
        Stats {
            outbox_messages: self.outbox.open() as u64,
            outbox_bytes: self.outbox.bytes() as u64,
            waiting_requests: self.replies.waiting() as u64,
            inbox_messages: self.queues.count() as u64,
            inbox_bytes: self.queues.bytes() as u64,
            unacknowledged: self.acks.owed() as u64,
            held_back: self.acks.held_back() as u64,
            ..self.stats
        }
    }

    // ---- for the worker ----

    /// Hands over what the window has room for: first the steps, one at a time, then the outbox. Callers may do that
    /// too, but what a resumed session sends again only the worker can, who owns the pump.
    pub(super) fn push_out(&mut self, mut pump: Option<&mut dyn LinePump>) {
        let now = Instant::now();
        // What is past its deadline must not go out, whether anybody waits for it or not.
        self.expire(now);
        let Some(line) = &self.line else { return };
        if self.step.is_some() || self.quiet_until.is_some() {
            return;
        }
        if let Some(step) = self.steps.front() {
            let Some(id) = self.outbox.next_id().filter(|_| self.outbox.takes_one_more()) else { return };
            let (kind, sent) = match step {
                Step::EnableOrder => {
                    let flag = Outgoing::new(ORDER_TOPIC, QoS::AtLeastOnce, ORDER_FLAG);
                    (Kind::Publish, line.publish(&flag))
                }
                Step::Resubscribe(filters) => (Kind::Request, line.subscribe(filters)),
                Step::UploadToken(upload) => {
                    let mut message = upload.message();
                    let sent = line.publish(&message);
                    message.payload.zeroize();
                    (Kind::Publish, sent)
                }
            };
            if sent {
                self.outbox.step_handed(kind, id);
                self.step = self.steps.pop_front().map(|step| (step, now));
            }
            return;
        }
        while let Some((seq, id)) = self.outbox.next(pump.is_some()) {
            let Some(op) = self.outbox.op(seq) else { return };
            if let Some(refusal) = op.topic().filter(|_| !op.released).and_then(|to| self.outbox.topic_refusal(to, now))
            {
                self.stats.refused_topic += 1;
                self.outbox.refuse(seq, |op| topic_refused(op, &refusal, now));
                continue;
            }
            if let Some(error) = self.not_allowed(op) {
                self.outbox.settle(seq, Err(error));
                continue;
            }
            let sent = match (op.kept_id, op.body(), pump.as_deref_mut()) {
                (Some(id), _, Some(pump)) if op.released => {
                    pump.release_again(id);
                    true
                }
                (Some(id), Some(Body::Publish(message)), Some(pump)) => {
                    pump.resend(id, message);
                    true
                }
                (_, Some(Body::Publish(message)), _) => line.publish(message),
                (_, Some(Body::Subscribe { filters, .. }), _) => line.subscribe(filters),
                (_, Some(Body::Unsubscribe(filter)), _) => line.unsubscribe(filter),
                (_, None, _) => false,
            };
            if !sent {
                return;
            }
            self.stats.retransmitted += u64::from(op.attempts > 0);
            self.outbox.handed(seq, id, now);
        }
    }

    /// CONNACK came: takes the line into use. Returns until when nothing is to be sent, if there is a suspect: a line
    /// that drops on its own, without the suspect being sent, proves that the suspect is innocent.
    pub(super) fn connected(
        &mut self,
        line: Box<dyn LineSender>,
        session_present: bool,
        allowed: Allowed,
        pump: &mut dyn LinePump,
    ) -> Option<Instant> {
        self.line = Some(line);
        self.allowed = allowed;
        self.outbox.set_receive_maximum(allowed.receive_maximum);
        // A broker that claims to have kept a session it was told to drop is wrong about it (MQTT-3.2.2-1).
        let session_present = session_present && !self.config.clean_session();
        self.session_present = session_present;
        self.stats.connections += 1;
        if session_present {
            self.outbox.seek_free_ids();
            pump.restore(self.outbox.last_id());
        } else {
            self.outbox.session_gone();
            self.outbox.set_last_id(0);
            self.acks.session_gone();
        }
        self.step = None;
        self.steps.clear();
        if let Some(by) = self.leave_by {
            // Told while the connection was being made.
            self.say_goodbye(by);
            return None;
        }
        self.tokens_connected();
        if self.config.ordered() {
            self.steps.push_back(Step::EnableOrder);
        }
        // A new session has no subscriptions; nor has a kept one that was new when the line broke before it had got them.
        self.restored &= session_present;
        if !self.restored {
            self.steps.extend(self.subscriptions.packets(allowed.packet_len).into_iter().map(Step::Resubscribe));
        }
        self.steps_since = Instant::now();
        let suspicion = self.outbox.has_suspects() || self.subscriptions.has_suspects();
        self.quiet_until = suspicion.then(|| Instant::now() + QUIET);
        self.quiet_until
    }

    /// The line has held without anything being sent.
    pub(super) fn end_quiet(&mut self) {
        self.quiet_until = None;
        self.steps_since = Instant::now();
        self.send_acks();
    }

    /// Whether everything that has to precede messages is acknowledged.
    pub(super) fn set_up(&self) -> bool {
        self.line.is_some() && self.step.is_none() && self.steps.is_empty() && self.quiet_until.is_none()
    }

    /// A step that has waited for its acknowledgement too long, if one has: what it is.
    pub(super) fn step_overdue(&self, now: Instant) -> Option<&'static str> {
        // One that waits for a free packet id is as good as one that waits for its acknowledgement.
        let waiting = !self.steps.is_empty() && self.line.is_some() && self.quiet_until.is_none();
        let since = self.step.as_ref().map(|(_, since)| *since).or(waiting.then_some(self.steps_since));
        since.filter(|since| now.saturating_duration_since(*since) > self.config.timeout())?;
        let step = self.step.as_ref().map(|(step, _)| step).or(self.steps.front())?;
        Some(match step {
            Step::EnableOrder => "the order flag",
            Step::Resubscribe(_) => "the subscriptions that are to be restored",
            Step::UploadToken(_) => "a new token",
        })
    }

    pub(super) fn is_online(&self) -> bool {
        matches!(self.phase, Phase::Online)
    }

    pub(super) fn session_present(&self) -> bool {
        self.session_present
    }

    /// Messages flow.
    pub(super) fn online(&mut self) {
        self.phase = Phase::Online;
        self.restored = true;
        self.token_news = true;
        self.touch();
    }

    /// The broker owes answers that block what is behind them; only a new connection helps.
    pub(super) fn wedged(&self, now: Instant) -> bool {
        let grace = self.config.timeout();
        self.outbox.wedged(now, grace, grace + self.config.keep_alive())
    }
}

#[cfg(test)]
mod tests;
