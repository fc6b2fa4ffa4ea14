//! What each event of the connection does.

use std::time::Instant;

use super::{Flow, Phase, State, Step};
use crate::config::AckMode;
use crate::delivery::Outcome;
use crate::error::{Error, ErrorKind, Fate};
use crate::events::Event;
use crate::limits::raise_packet_len;
use crate::message::{Message, QoS};
use crate::notice::Notice;
use crate::session::core::acks::Arrival;
use crate::session::core::op::Kind;
use crate::session::core::op::{AckKind, Body, Op};
use crate::session::core::outbox::AckFor;
use crate::session::core::replies::Sorted;
use crate::session::wire::link::{self, Arrived, LinkEvent, Sent};
use crate::subscribe_options::FilterRequest;

impl State {
    /// One event of the connection. `sure`: false for what is found after the connection has died. An error means
    /// that the connection is of no more use.
    pub(in crate::session) fn handle(
        &mut self,
        event: LinkEvent,
        sure: bool,
        events: &mut Vec<Event>,
    ) -> Result<Flow, Error> {
        match event {
            LinkEvent::Sent(Sent::Disconnect) => return self.left(),
            LinkEvent::Sent(sent) => self.outbox.sent(sent, sure)?,
            LinkEvent::PubAck(id) => self.message_done(id, AckKind::PubAck, events)?,
            LinkEvent::PubComp(id) => self.message_done(id, AckKind::PubComp, events)?,
            LinkEvent::PubRec(id) => self.outbox.received(id)?,
            LinkEvent::PublishRefused(id, refusal) => self.publish_refused(id, &refusal, events)?,
            LinkEvent::UnsubRefused(id, refusal) => self.unsubscribe_refused(id, &refusal)?,
            LinkEvent::SubAck(id, codes, reason) => match self.outbox.take(Kind::Request, id, AckKind::SubAck)? {
                Some(AckFor::Op(seq)) => self.subscribed(id, seq, codes, reason)?,
                Some(AckFor::Step) => self.subscriptions_restored(id, codes, events)?,
                None => {}
            },
            LinkEvent::UnsubAck(id) => {
                if let Some(AckFor::Op(seq)) = self.outbox.take(Kind::Request, id, AckKind::UnsubAck)? {
                    if let Some(Body::Unsubscribe(filter)) = self.outbox.op(seq).and_then(Op::body) {
                        self.subscriptions.remove(filter);
                    }
                    self.acknowledged(seq);
                }
            }
            LinkEvent::Publish(arrived) => self.arrived(arrived, events),
            LinkEvent::Oversized(arrived, size) => self.set_aside(arrived, size, events),
            LinkEvent::Released(id) => {
                self.acks.released(id);
                // `disconnect` may wait for it.
                self.changed |= self.closing;
            }
            LinkEvent::ConnAck { .. } | LinkEvent::Alive => {}
        }
        Ok(Flow::Go)
    }

    /// What had been read before the connection died. An acknowledgement of it waits for the next connection.
    pub(in crate::session) fn read_leftovers(&mut self, leftovers: Vec<LinkEvent>, events: &mut Vec<Event>) {
        let dead = self.link.take();
        for event in leftovers {
            // Whether they fit together no longer matters.
            let _ = self.handle(event, false, events);
        }
        self.link = dead;
    }

    /// DISCONNECT is written, by the adapter's account. That ends the client only if it asked for it: an adapter may
    /// have reasons of its own to leave.
    fn left(&self) -> Result<Flow, Error> {
        let unasked = "the connection was ended over something the server sent, which broke a rule of MQTT";
        self.leave_by.map(Flow::Left).ok_or_else(|| Error::new(ErrorKind::Protocol, unasked))
    }

    fn message_done(&mut self, id: u16, answer: AckKind, events: &mut Vec<Event>) -> Result<(), Error> {
        match self.outbox.take(Kind::Publish, id, answer)? {
            Some(AckFor::Op(seq)) => self.acknowledged(seq),
            Some(AckFor::Step) => self.step_done(events),
            // Its operation was given up with the client.
            None => {}
        }
        Ok(())
    }

    pub(super) fn acknowledged(&mut self, seq: u64) {
        if let Some(op) = self.outbox.op(seq) {
            self.stats.acknowledged += u64::from(op.kind() == Kind::Publish);
            let reply = op.reply();
            self.outbox.acknowledged(seq, reply);
        }
    }

    fn subscribed(
        &mut self,
        id: u16,
        seq: u64,
        codes: Vec<Result<QoS, u8>>,
        reason: Option<String>,
    ) -> Result<(), Error> {
        let Some(op) = self.outbox.op(seq) else { return Ok(()) };
        let reply = Outcome { granted: codes, reason, ..op.reply() };
        if let Some(Body::Subscribe { filters, own }) = op.body() {
            self.check_count(id, reply.granted.len(), filters.len())?;
            for ((filter, qos), verdict) in filters.iter().zip(&reply.granted) {
                if verdict.is_ok() {
                    self.subscriptions.granted(filter, *qos);
                    if *own {
                        self.subscriptions.owned(filter);
                    }
                }
            }
        }
        self.outbox.acknowledged(seq, reply);
        Ok(())
    }

    /// Each filter has its verdict, or the verdicts cannot be told apart.
    fn check_count(&self, id: u16, codes: usize, filters: usize) -> Result<(), Error> {
        let server = self.config.route();
        match link::count_fault("SUBACK", id, codes, filters) {
            Some(fault) => Err(link::broken(&fault, &server).error),
            None => Ok(()),
        }
    }

    fn step_done(&mut self, events: &mut Vec<Event>) {
        self.steps_since = Instant::now();
        if let Some((Step::UploadToken(upload), _)) = self.step.take() {
            self.uploaded(&upload, events);
        }
    }

    fn subscriptions_restored(
        &mut self,
        id: u16,
        codes: Vec<Result<QoS, u8>>,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        if let Some((Step::Resubscribe(filters), _)) = &self.step {
            self.check_count(id, codes.len(), filters.len())?;
        }
        self.steps_since = Instant::now();
        if let Some((Step::Resubscribe(filters), _)) = self.step.take() {
            self.resubscribed(filters, codes, events);
        }
        Ok(())
    }

    fn resubscribed(&mut self, filters: Vec<FilterRequest>, codes: Vec<Result<QoS, u8>>, events: &mut Vec<Event>) {
        for ((filter, qos), verdict) in filters.into_iter().zip(codes) {
            if let Err(code) = verdict {
                let reason = crate::session::calls::subscribe::refused_filter(&filter, code, None);
                self.subscriptions.remove(&filter);
                events.push(Event::SubscriptionLost { filter, reason });
            } else {
                self.subscriptions.restored(&filter, qos);
            }
        }
    }

    fn arrived(&mut self, arrived: Arrived, events: &mut Vec<Event>) {
        if matches!(self.phase, Phase::Dead(_)) {
            return;
        }
        let key = match arrived.qos {
            QoS::AtMostOnce => None,
            _ => match self.acks.arrive(&arrived) {
                Arrival::New(key) => Some(key),
                Arrival::Repeated => {
                    self.stats.redelivered += 1;
                    self.send_acks();
                    return;
                }
                Arrival::TooMany => {
                    self.stats.refused_full += 1;
                    return;
                }
            },
        };
        if let Some(notice) = Notice::parse(&arrived.topic, &arrived.payload) {
            self.noticed(&notice);
            events.push(Event::Notice(notice));
            if !self.config.deliver_notices() {
                return self.done_with(key);
            }
        }
        // Before anything that has to do with the inbox: a reply never waits for room there, nor for the program.
        let message = match self.replies.sort(message(arrived)) {
            Sorted::Other(message) => message,
            Sorted::Reply(slot, reply) => {
                self.stats.replies += 1;
                slot.answer(Ok(reply));
                return self.done_with(key);
            }
            Sorted::Late => {
                self.stats.late_replies += 1;
                return self.done_with(key);
            }
        };
        if !self.inbox.has_room(&message) {
            self.turn_away(key, events);
            return;
        }
        self.stats.received += 1;
        self.arrived = true;
        self.inbox.push(message, key);
        if let (AckMode::OnArrival, Some(key)) = (self.config.ack_mode(), key) {
            self.acknowledge(key);
        }
    }

    /// A message above the limit: nobody can take it, so that it is acknowledged, in its turn, and named.
    fn set_aside(&mut self, arrived: Arrived, size: usize, events: &mut Vec<Event>) {
        if matches!(self.phase, Phase::Dead(_)) {
            return;
        }
        if arrived.qos != QoS::AtMostOnce {
            match self.acks.arrive(&arrived) {
                Arrival::New(key) => _ = self.acknowledge(key),
                Arrival::Repeated => {
                    self.stats.redelivered += 1;
                    return self.send_acks();
                }
                Arrival::TooMany => {
                    self.stats.refused_full += 1;
                    return;
                }
            }
        }
        let reason = set_aside(&arrived, size, self.config.limits().packet_len);
        self.stats.set_aside += 1;
        let topic = arrived.topic.clone();
        if let Sorted::Reply(slot, _) = self.replies.sort(message(arrived)) {
            slot.answer(Err(reason.clone().with_fate(Fate::Delivered)));
        }
        events.push(Event::MessageSetAside { topic, size, reason });
    }

    /// It is not for the inbox.
    fn done_with(&mut self, key: Option<u64>) {
        if let Some(key) = key {
            self.acknowledge(key);
        }
    }

    /// The inbox is full: QoS 0 is dropped; the rest stays with the broker, which sends it again.
    fn turn_away(&mut self, key: Option<u64>, events: &mut Vec<Event>) {
        match key {
            Some(key) => {
                self.acks.refuse(key);
                self.stats.refused_full += 1;
            }
            None => self.stats.dropped_full += 1,
        }
        if !std::mem::replace(&mut self.inbox_full, true) {
            events.push(Event::InboxFull);
        }
    }

    pub(super) fn send_acks(&mut self) {
        if let Some(link) = self.link.as_ref().filter(|_| self.quiet_until.is_none()) {
            while let Some((id, qos)) = self.acks.next_ready() {
                link.acknowledge(id, qos);
                // What comes while the client ends would put its end off without end.
                if qos == QoS::ExactlyOnce && !self.closing {
                    self.acks.await_release(id);
                }
            }
        }
        self.note_held_back();
    }

    /// Acknowledgements were given, have left, or cannot leave any more: a message may hold them back from now on.
    pub(super) fn note_held_back(&mut self) {
        let blocker = self.acks.blocker();
        if blocker != self.blocker.map(|(key, _)| key) {
            self.blocker = blocker.map(|key| (key, Instant::now()));
        }
    }

    /// When [`held_back`](State::held_back) has something to tell, as things are.
    pub(in crate::session) fn held_back_at(&self) -> Option<Instant> {
        let (_, since) = self.blocker?;
        since.checked_add(self.config.timeout())
    }

    /// A message that has held back later acknowledgements for the configured time-out: told once.
    pub(in crate::session) fn held_back(&mut self) -> Option<Event> {
        let at = self.held_back_at()?;
        if Instant::now() < at {
            return None;
        }
        let (key, _) = self.blocker.take()?;
        let held_back = self.acks.held_back();
        let untaken = self.inbox.topic_of(key).map(ToString::to_string);
        let taken = self.acks.mark_told(key).map(ToString::to_string);
        let (topic, taken) = untaken.map(|topic| (topic, false)).or(taken.map(|topic| (topic, true)))?;
        Some(Event::AcksHeldBack { topic, taken, held_back })
    }
}

fn message(arrived: Arrived) -> Message {
    Message {
        topic: arrived.topic,
        payload: arrived.payload,
        qos: arrived.qos,
        duplicate: arrived.duplicate,
        retained: arrived.retained,
        properties: arrived.properties,
        ack: None,
    }
}

/// Why a message was not given to the program.
fn set_aside(arrived: &Arrived, size: usize, limit: usize) -> Error {
    let what = match arrived.id {
        0 => "discarded",
        _ => "acknowledged and discarded",
    };
    let message = format!(
        "a message to {:?} ({}) of {size} bytes was {what}: Limits::packet_len takes {limit}",
        arrived.topic, arrived.qos
    );
    Error::new(ErrorKind::Protocol, message).with_hint(raise_packet_len(size))
}
