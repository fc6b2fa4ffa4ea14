//! Starting a connection and sending on it: first the steps of the set-up, then the outbox.

use std::time::{Duration, Instant};

use super::State;
use super::connection::{Connection, Step};
use super::ending::topic_refused;
use super::limits::not_allowed;
use crate::notice;
use crate::session::core::now::Now;
use crate::session::core::op::{Body, Kind};
use crate::session::wire::link::{ConnAck, LinkPump, LinkSender};

/// How long a connection has to last without the suspect before the suspect is sent alone. A refusal follows within
/// about a round trip; an unstable network, against which this guards, breaks connections at any time.
const QUIET: Duration = Duration::from_millis(250);

impl State {
    /// Handles CONNACK and starts using the connection. Returns until when nothing is to be sent, if there is a
    /// suspect: a connection that ends without the suspect being sent acquits it.
    pub(in crate::session) fn connected(
        &mut self,
        sender: Box<dyn LinkSender>,
        ConnAck { session_present, limits }: ConnAck,
        pump: &mut dyn LinkPump,
        now: Now,
    ) -> Option<Instant> {
        // A server must not claim to have kept a session that CONNECT asked it to discard (MQTT-3.2.2-1).
        let session_present = session_present && !self.config.clean_session();
        self.stats.connections += 1;
        self.outbox.connected(session_present, limits.receive_maximum, now.instant);
        if session_present {
            // The window of an earlier connection may have needed more ids than one begins with.
            pump.grow(self.outbox.id_limit());
            pump.skip(self.outbox.last_id());
        } else {
            self.acks.session_gone();
        }
        self.connection = Some(Connection::new(sender, limits, session_present, now.instant));
        if let Some(by) = self.life.goodbye(now.instant) {
            // `disconnect` was called while the connection was being made.
            self.say_goodbye(by, now);
            return None;
        }
        self.tokens_connected(now);
        let connection = self.connection.as_mut()?;
        if self.config.ordered() {
            connection.steps.add(Step::EnableOrder);
        }
        // A new session has no subscriptions; nor has a session whose first connection ended before they were restored.
        self.restored &= session_present;
        if !self.restored {
            let packets = self.subscriptions.packets(limits.packet_len);
            packets.into_iter().map(Step::Resubscribe).for_each(|step| connection.steps.add(step));
        }
        let suspicion = self.outbox.has_suspects() || self.subscriptions.has_suspects();
        connection.quiet_until = suspicion.then(|| now.instant + QUIET);
        connection.quiet_until
    }

    /// Ends the quiet period: the connection has lasted without anything being sent.
    pub(in crate::session) fn end_quiet(&mut self, now: Now) {
        if let Some(connection) = &mut self.connection {
            connection.quiet_until = None;
            connection.steps.start(now.instant);
        }
        self.send_acks(now);
    }

    /// Sends what the window has room for: first the steps, one at a time, then the outbox. Callers may do that, too,
    /// but only the worker, which owns the pump, can continue the exchanges of a resumed session.
    pub(in crate::session) fn send_ready(&mut self, mut pump: Option<&mut dyn LinkPump>, now: Now) {
        // An operation past its deadline must not be sent, even if nobody waits for it.
        self.expire(now);
        if self.connection.as_ref().is_some_and(|connection| connection.relogin) {
            self.leave_login(now);
            return;
        }
        let Some(connection) = &mut self.connection else { return };
        if connection.steps.current().is_some() {
            return;
        }
        let Connection { sender: Some(link), quiet_until: None, steps, limits, expected, .. } = connection else {
            return;
        };
        if let Some((pump, ids)) = pump.as_deref_mut().and_then(|pump| Some((pump, self.outbox.grow_ids()?))) {
            pump.grow(ids);
        }
        if let Some((pump, count)) = pump.as_deref_mut().and_then(|pump| Some((pump, self.outbox.skip_ids()?))) {
            pump.skip(count);
        }
        if let Some(step) = steps.first() {
            let Some(id) = self.outbox.next_id().filter(|_| self.outbox.takes_one_more()) else { return };
            let (kind, sent) = send_step(link.as_ref(), step);
            if sent {
                self.outbox.step_in_channel(kind, id);
                steps.put_in_channel(now.instant);
                // Restored subscriptions bring messages, and a token a notice.
                expected.messages();
            }
            return;
        }
        while let Some((seq, id)) = self.outbox.next(pump.is_some()) {
            let Some(op) = self.outbox.op(seq) else { return };
            if let Some(refusal) =
                op.topic().filter(|_| !op.releases()).and_then(|to| self.outbox.topic_refusal(to, now.instant))
            {
                self.stats.refused_topic += 1;
                self.outbox.refuse(seq, |op| topic_refused(op, &refusal, now.instant));
                continue;
            }
            if let Some(error) = not_allowed(limits, op) {
                self.outbox.settle(seq, Err(error));
                continue;
            }
            let sent = match (op.kept_id(), op.body(), pump.as_deref_mut()) {
                (Some(id), _, Some(pump)) if op.releases() => {
                    pump.release_again(id);
                    true
                }
                (Some(id), Some(Body::Publish(message)), Some(pump)) => {
                    pump.resend(id, message);
                    true
                }
                (_, Some(Body::Publish(message)), _) => link.publish(message),
                (_, Some(Body::Subscribe { filters, .. }), _) => link.subscribe(filters),
                (_, Some(Body::Unsubscribe(filter)), _) => link.unsubscribe(filter),
                (_, None, _) => false,
            };
            if !sent {
                return;
            }
            expected.sent();
            if matches!(op.body(), Some(Body::Subscribe { .. })) {
                expected.messages();
            }
            self.stats.retransmitted += u64::from(op.attempts > 0);
            self.outbox.put_in_channel(seq, id, now.instant);
        }
    }

    /// Ends a connection whose login is to be replaced, once nothing is in flight on it.
    fn leave_login(&mut self, now: Now) {
        let idle = self.connection.as_ref().is_some_and(|connection| connection.steps.current().is_none());
        if !idle || self.outbox.any_in_flight() {
            return;
        }
        self.send_acks(now);
        if let Some(sender) = self.connection.as_mut().and_then(|connection| connection.sender.take()) {
            sender.disconnect();
        }
    }

    /// Returns true if all steps that precede messages are acknowledged.
    pub(in crate::session) fn set_up(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|connection| connection.free_sender().is_some() && connection.steps.is_empty())
    }

    /// Returns the step that has waited for its acknowledgement too long, if any.
    pub(in crate::session) fn step_overdue(&self, now: Now) -> Option<&'static str> {
        let connection = self.connection.as_ref()?;
        if connection.steps.current().is_none() && connection.free_sender().is_none() {
            return None;
        }
        let (step, since) = connection.steps.pending()?;
        (now.instant.saturating_duration_since(since) > self.config.timeout()).then_some(match step {
            Step::EnableOrder => "the order flag",
            Step::Resubscribe(_) => "the subscriptions that are to be restored",
            Step::UploadToken(_) => "a new token",
        })
    }

    /// Completes the set-up: messages may be sent.
    pub(in crate::session) fn online(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.online = true;
        }
        self.restored = true;
        self.waking.mark_tokens();
        self.waking.mark_changed();
    }

    /// Returns true if missing acknowledgements block other operations, so that only a new connection helps.
    pub(in crate::session) fn stalled(&self, now: Now) -> bool {
        let grace = self.config.timeout();
        self.outbox.stalled(now.instant, grace, grace + self.config.keep_alive())
    }
}

/// Puts a step into the channel. Returns the kind of its packet id, and false if the connection is closing.
fn send_step(link: &dyn LinkSender, step: &Step) -> (Kind, bool) {
    match step {
        Step::EnableOrder => (Kind::Publish, link.publish(&notice::enable_order())),
        Step::Resubscribe(filters) => (Kind::Request, link.subscribe(filters)),
        Step::UploadToken(upload) => {
            let message = notice::upload_token(&upload.token);
            let sent = link.publish(&message);
            message.payload.wipe();
            (Kind::Publish, sent)
        }
    }
}
