//! Connections that are lost, and who is to blame for it.

use std::time::{Duration, Instant};

use super::topics::Topics;
use super::{Blame, Kind, Outbox, TopicRefusal};
use crate::error::{Code, Error, Fate};
use crate::session::core::op::Op;

/// A connection that drops within this time of an operation being sent makes that operation a suspect.
const SUSPICION: Duration = Duration::from_secs(10);

impl Outbox {
    /// The connection is gone. `resumable`: the broker was asked to keep the session.
    pub(in crate::session) fn connection_lost(&mut self, resumable: bool, blame: Blame, now: Instant) {
        self.proven = None;
        self.closing_in = false;
        match blame {
            Blame::Nobody => {}
            Blame::Recent => self.suspect(now),
            Blame::Proven(kind) => self.suspect_proven(kind, now),
        }
        self.reset_connection();
        let mut gone = Vec::new();
        for (seq, op) in &mut self.ops {
            op.back_to_queue(resumable);
            match op.kept_id {
                Some(id) => {
                    self.reserved.insert(id);
                }
                None if op.is_abandoned() => {
                    gone.push(*seq);
                    continue;
                }
                None => {}
            }
            if !op.storing {
                self.queued.insert(*seq);
            }
        }
        for seq in gone {
            self.ops.remove(&seq);
            self.queued.remove(&seq);
            self.abandoned.remove(&seq);
        }
    }

    pub(super) fn reset_connection(&mut self) {
        self.in_channel.clear();
        self.resent.clear();
        self.publishes.clear();
        self.requests.clear();
        self.reserved.clear();
        self.unacknowledged_at = None;
        (self.in_flight, self.copied) = (0, 0);
    }

    /// CONNACK said that the broker has no session: nothing sent before counts any more.
    pub(in crate::session) fn session_gone(&mut self, now: Instant) {
        self.connection_lost(false, Blame::Nobody, now);
    }

    /// Counts a drop against whatever had just been sent.
    fn suspect(&mut self, now: Instant) {
        let recent: Vec<u64> =
            self.ops.iter().filter(|(_, op)| op.sent_within(SUSPICION, now)).map(|(seq, _)| *seq).collect();
        // A message of QoS 0 is settled when it is written, and may be what the service minds.
        let alone = recent.len() == 1
            && self.in_flight == 1
            && !self.suspects.is_empty()
            && !self.unacknowledged_within(SUSPICION, now);
        self.closing_in = alone;
        for (position, seq) in recent.iter().enumerate() {
            let Some(op) = self.ops.get_mut(seq) else { continue };
            op.drops += 1;
            op.drops_as_oldest += u32::from(position == 0);
            op.drops_alone += u32::from(alone);
            if op.drops >= 2 {
                self.suspects.insert(*seq);
            }
        }
    }

    /// The service said that something sent, of this kind if that is known, was not permitted: if that can be one
    /// operation only, it is this one; otherwise those it can be go out one at a time, until it is clear.
    fn suspect_proven(&mut self, kind: Option<Kind>, now: Instant) {
        let recent = |op: &Op| op.sent_within(SUSPICION, now);
        let possible: Vec<u64> = self
            .ops
            .iter()
            .filter(|(_, op)| recent(op) && kind.is_none_or(|kind| op.kind() == kind))
            .map(|(seq, _)| *seq)
            .collect();
        // What was settled may be it as well: QoS 0 when it was written, and what is past its deadline.
        let unacknowledged = self.unacknowledged_within(SUSPICION, now) && kind != Some(Kind::Request);
        let abandoned = self.abandoned.iter().filter_map(|seq| self.ops.get(seq));
        let unclear =
            unacknowledged || abandoned.filter(|op| kind.is_none_or(|kind| op.kind() == kind)).any(Op::in_flight);
        if possible.is_empty() && !unclear {
            // What it can be about was not sent here: no proof of anything.
            self.suspect(now);
            return;
        }
        if let ([seq], false) = (possible.as_slice(), unclear) {
            self.proven = Some(*seq);
            return;
        }
        for seq in possible {
            if let Some(op) = self.ops.get_mut(&seq) {
                op.drops = op.drops.max(2);
                self.suspects.insert(seq);
            }
        }
    }

    fn unacknowledged_within(&self, time: Duration, now: Instant) -> bool {
        self.unacknowledged_at.is_some_and(|at| now.saturating_duration_since(at) <= time)
    }

    /// Whether anything waits for its answer on this connection.
    pub(in crate::session) fn any_in_flight(&self) -> bool {
        self.in_flight > 0
    }

    /// Whether any operation is under suspicion.
    pub(in crate::session) fn has_suspects(&self) -> bool {
        !self.suspects.is_empty()
    }

    /// The line drops on its own: nobody is to blame.
    pub(in crate::session) fn acquit(&mut self) {
        self.suspects.clear();
        self.topics.acquit();
        self.ops.values_mut().for_each(Op::acquit);
    }

    /// The first operation the evidence is enough against: the connection dropped while it was the only one in
    /// flight, either twice, or once after it had been the oldest in flight at two drops.
    pub(in crate::session) fn convicted(&self) -> Option<u64> {
        self.proven.or_else(|| self.suspicious())
    }

    fn suspicious(&self) -> Option<u64> {
        self.suspects.iter().copied().find(|seq| {
            self.ops
                .get(seq)
                .is_some_and(|op| op.drops_alone >= 1 && op.drops_alone + u32::from(op.drops_as_oldest >= 3) >= 2)
        })
    }

    /// Settles a convicted operation. Returns whether anything was acknowledged since the last conviction: if not, the
    /// fault may be the broker's, and there is no reason to hurry back.
    pub(in crate::session) fn convict(&mut self, seq: u64, error: Error) -> bool {
        self.settle(seq, Err(error));
        std::mem::take(&mut self.progress)
    }

    /// Returns true if the search for what the connection is cut for comes nearer to its end, on a server that
    /// acknowledges other things: the next connection need not wait longer than this one had to.
    pub(in crate::session) fn is_closing_in(&self) -> bool {
        self.closing_in && self.progress
    }

    // ---- topics ----

    /// How long a topic is refused once it is convicted.
    pub(in crate::session) fn refuse_topics_for(&mut self, time: Duration) {
        self.topics = Topics::new(time);
    }

    /// Other credentials are in use.
    pub(in crate::session) fn other_credentials(&mut self) {
        self.topics.forget();
    }

    /// Counts a conviction against the topic of this message, before the message is settled. `code`: by what the service
    /// said. Returns the topic if it is refused as a whole from now on.
    pub(in crate::session) fn convict_topic(
        &mut self,
        seq: u64,
        code: Option<Code>,
        now: Instant,
    ) -> Option<(String, TopicRefusal)> {
        let topic = self.ops.get(&seq).and_then(Op::topic)?;
        Some((topic.to_string(), self.topics.convicted(topic, code, now)?))
    }

    /// Why messages to this topic are refused now, if they are.
    pub(in crate::session) fn topic_refusal(&self, topic: &str, now: Instant) -> Option<TopicRefusal> {
        self.topics.refusal(topic, now)
    }

    /// Settles all that waits to be sent to this topic. Returns how many.
    pub(in crate::session) fn refuse_topic(&mut self, topic: &str, error: impl Fn(&Op) -> Error) -> u64 {
        // What the service has taken already, and only its exchange is to be ended, is none of them.
        let concerns = |op: &Op| op.topic() == Some(topic) && !op.in_flight() && !op.released && !op.storing;
        let seqs: Vec<u64> = self.ops.iter().filter(|(_, op)| concerns(op)).map(|(seq, _)| *seq).collect();
        for seq in &seqs {
            self.refuse(*seq, &error);
        }
        seqs.len() as u64
    }

    /// Settles an operation that is not going to be sent. What is on disk stays there.
    pub(in crate::session) fn refuse(&mut self, seq: u64, error: impl Fn(&Op) -> Error) {
        let Some(mut op) = self.ops.remove(&seq) else { return };
        let (error, keep) = (error(&op), op.is_kept());
        if let Some(error) = self.close(seq, &mut op, Err(error), keep) {
            self.unseen.note(&error);
        }
        self.leave(seq, op);
    }

    /// What had been sent last before the connection dropped, for the message.
    pub(in crate::session) fn last_words(&self, now: Instant) -> Option<String> {
        let op = self.ops.values().find(|op| op.sent_within(SUSPICION, now))?;
        let elapsed = op.in_channel_since.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        Some(format!("{} ms after {}", elapsed.as_millis(), op.describe()))
    }

    /// The fate of an operation that is given up now.
    pub(in crate::session) fn fate_of(op: &Op) -> Fate {
        match op.is_kept() {
            true => Fate::Spooled,
            false if op.maybe_written() => Fate::Unknown,
            false => Fate::NotSent,
        }
    }
}
