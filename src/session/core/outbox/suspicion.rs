//! The blame for the end of a connection: suspects, convictions and acquittals, as `evidence` defines them; and topics
//! that are refused as a whole.

use super::finding::{Blame, Finding};
use super::growing::CAREFUL;
use std::time::{Duration, Instant};

use super::topics::Topics;
use super::{Outbox, TopicRefusal};
use crate::error::{Code, Error};
use crate::session::core::op::{Kind, Op};

/// The end of a connection is evidence against what was sent on it within this time.
const SUSPICION: Duration = Duration::from_secs(10);

impl Outbox {
    /// Collects the evidence of a connection that has just ended.
    pub(super) fn judge(&mut self, blame: Blame, now: Instant) -> Finding {
        match blame {
            Blame::Nobody => Finding::default(),
            Blame::Recent => self.suspect(now),
            Blame::Proven(kind) => self.suspect_proven(kind, now),
        }
    }

    /// Counts the end of the connection against what had just been sent.
    fn suspect(&mut self, now: Instant) -> Finding {
        let recent: Vec<u64> =
            self.ops.iter().filter(|(_, op)| op.sent_within(SUSPICION, now)).map(|(seq, _)| seq).collect();
        // A QoS 0 message is settled when it is written, but the service may object to it.
        let alone = recent.len() == 1
            && self.in_flight.count == 1
            && !self.suspects.is_empty()
            && !self.unacknowledged_within(SUSPICION, now);
        self.count_against(&recent, alone);
        Finding { proven: None, closing_in: alone }
    }

    /// Counts a cut against these operations, oldest first.
    fn count_against(&mut self, recent: &[u64], alone: bool) {
        for (position, seq) in recent.iter().enumerate() {
            let Some(op) = self.ops.get_mut(*seq) else { continue };
            op.evidence.add(position == 0, alone);
            if op.evidence.makes_suspect() {
                self.suspects.insert(*seq);
            }
        }
        self.careful_until = self.careful_until.max(recent.last().copied());
    }

    /// Handles a notice that something sent, of this kind if known, was not permitted. If that can be only one
    /// operation, the notice convicts it; otherwise all candidates become suspects.
    fn suspect_proven(&mut self, kind: Option<Kind>, now: Instant) -> Finding {
        let recent = |op: &Op| op.sent_within(SUSPICION, now);
        let possible: Vec<u64> = self
            .ops
            .iter()
            .filter(|(_, op)| recent(op) && kind.is_none_or(|kind| op.kind() == kind))
            .map(|(seq, _)| seq)
            .collect();
        // A settled operation may be at fault, too: a QoS 0 message, or one past its deadline.
        let unacknowledged = self.unacknowledged_within(SUSPICION, now) && kind != Some(Kind::Request);
        let abandoned = self.abandoned.iter().filter_map(|seq| self.ops.get(*seq));
        let unclear =
            unacknowledged || abandoned.filter(|op| kind.is_none_or(|kind| op.kind() == kind)).any(Op::in_flight);
        if possible.is_empty() && !unclear {
            // Nothing of this kind was sent on this connection.
            return self.suspect(now);
        }
        if let ([seq], false) = (possible.as_slice(), unclear) {
            return Finding { proven: Some(*seq), closing_in: false };
        }
        if possible.len() > CAREFUL {
            // Too many to be sent alone. The next notice can only be about few of them.
            self.count_against(&possible, false);
            return Finding::default();
        }
        self.careful_until = self.careful_until.max(possible.last().copied());
        for seq in possible {
            if let Some(op) = self.ops.get_mut(seq) {
                op.evidence.name();
                self.suspects.insert(seq);
            }
        }
        Finding::default()
    }

    fn unacknowledged_within(&self, time: Duration, now: Instant) -> bool {
        self.in_flight.unacknowledged_at.is_some_and(|at| now.saturating_duration_since(at) <= time)
    }

    /// Returns true if anything waits for its acknowledgement on this connection.
    pub(in crate::session) fn any_in_flight(&self) -> bool {
        self.in_flight.count > 0
    }

    /// Returns true if any operation is a suspect.
    pub(in crate::session) fn has_suspects(&self) -> bool {
        !self.suspects.is_empty()
    }

    /// Acquits all operations.
    pub(in crate::session) fn acquit(&mut self) {
        self.suspects.clear();
        self.careful_until = None;
        self.topics.acquit();
        self.ops.iter_mut().for_each(|(_, op)| op.evidence.acquit());
    }

    /// Returns the first operation that the evidence convicts.
    pub(in crate::session) fn convicted(&self) -> Option<u64> {
        self.finding.proven.or_else(|| self.suspicious())
    }

    fn suspicious(&self) -> Option<u64> {
        self.suspects.iter().copied().find(|seq| self.ops.get(*seq).is_some_and(|op| op.evidence.convicts()))
    }

    /// Settles a convicted operation. Returns true if anything was acknowledged since the last conviction: if not, the
    /// server may be at fault, and the client does not hurry to reconnect.
    pub(in crate::session) fn convict(&mut self, seq: u64, error: Error) -> bool {
        self.settle(seq, Err(error));
        std::mem::take(&mut self.progress)
    }

    /// Returns true if the search for the culprit progresses on a server that acknowledges other operations: the next
    /// pause need not be longer than the last.
    pub(in crate::session) fn is_closing_in(&self) -> bool {
        self.finding.closing_in && self.progress
    }

    // ---- topics ----

    /// Sets how long a convicted topic is refused.
    pub(in crate::session) fn refuse_topics_for(&mut self, time: Duration) {
        self.topics = Topics::new(time);
    }

    /// Forgets what is known of topics: other credentials are in use.
    pub(in crate::session) fn other_credentials(&mut self) {
        self.topics.forget();
    }

    /// Counts a conviction against the topic of this message, before the message is settled. `code`: the service's
    /// code, if it gave one. Returns the topic if it is refused as a whole from now on.
    pub(in crate::session) fn convict_topic(
        &mut self,
        seq: u64,
        code: Option<Code>,
        now: Instant,
    ) -> Option<(String, TopicRefusal)> {
        let topic = self.ops.get(seq).and_then(Op::topic)?;
        Some((topic.to_string(), self.topics.convicted(topic, code, now)?))
    }

    /// Returns why messages to this topic are refused now, if they are.
    pub(in crate::session) fn topic_refusal(&self, topic: &str, now: Instant) -> Option<TopicRefusal> {
        self.topics.refusal(topic, now)
    }

    /// Settles all messages that wait to be sent to this topic. Returns how many.
    pub(in crate::session) fn refuse_topic(&mut self, topic: &str, error: impl Fn(&Op) -> Error) -> u64 {
        // Not messages that the service has already received, of which only the exchange is to be completed.
        let concerns = |op: &Op| op.topic() == Some(topic) && op.is_queued() && !op.releases();
        let seqs: Vec<u64> = self.ops.iter().filter(|(_, op)| concerns(op)).map(|(seq, _)| seq).collect();
        for seq in &seqs {
            self.refuse(*seq, &error);
        }
        seqs.len() as u64
    }

    /// Settles an operation that is not sent. Its record stays on disk.
    pub(in crate::session) fn refuse(&mut self, seq: u64, error: impl Fn(&Op) -> Error) {
        if let Some(op) = self.ops.get(seq) {
            let (error, keep) = (error(op), op.is_kept());
            self.give_up(seq, error, keep);
        }
    }

    /// Describes what was sent before the connection ended, for the text of an error.
    pub(in crate::session) fn last_words(&self, now: Instant) -> Option<String> {
        let op = self.ops.values().find(|op| op.sent_within(SUSPICION, now))?;
        let elapsed = op.sent_since().map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        Some(format!("{} ms after {}", elapsed.as_millis(), op.describe()))
    }
}
