//! Handles the events of the connection.

use std::collections::VecDeque;
use std::time::Instant;

use super::connection::{Connection, Step};
use super::{Flow, State};
use crate::config::{AckMode, Config};
use crate::delivery::Outcome;
use crate::error::{Error, ErrorKind, Fate, Hint};
use crate::events::Event;
use crate::message::{Message, QoS};
use crate::notice::Notice;
use crate::session::core::acks::{Arrival, fingerprint};
use crate::session::core::now::Now;
use crate::session::core::op::Kind;
use crate::session::core::op::{AckKind, Body, Op};
use crate::session::core::packet_ids::AckFor;
use crate::session::core::replies::Sorted;
use crate::session::core::subscriptions::refused_filter;
use crate::session::wire::link::{self, Arrived, LinkEvent, Sent};
use crate::subscribe_options::FilterRequest;

impl State {
    /// Handles one event of the connection. `sure` is false for events read after the connection has ended. After an
    /// error, the connection is unusable.
    pub(in crate::session) fn handle(
        &mut self,
        event: LinkEvent,
        sure: bool,
        now: Now,
        events: &mut Vec<Event>,
    ) -> Result<Flow, Error> {
        match event {
            LinkEvent::Sent(Sent::Disconnect) => return self.left(now),
            LinkEvent::Sent(sent) => self.outbox.sent(sent, sure, now.instant)?,
            LinkEvent::PubAck(id) => self.message_done(id, AckKind::PubAck, now, events)?,
            LinkEvent::PubComp(id) => self.message_done(id, AckKind::PubComp, now, events)?,
            LinkEvent::PubRec(id) => self.outbox.received(id)?,
            LinkEvent::PublishRefused(id, refusal) => self.publish_refused(id, &refusal, now, events)?,
            LinkEvent::UnsubRefused(id, refusal) => self.unsubscribe_refused(id, &refusal)?,
            LinkEvent::SubAck(id, codes, reason) => match self.outbox.take(Kind::Request, id, AckKind::SubAck)? {
                Some(AckFor::Op(seq)) => self.subscribed(id, seq, codes, reason)?,
                Some(AckFor::Step) => self.subscriptions_restored(id, codes, now, events)?,
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
            LinkEvent::Publish(arrived) => self.arrived(arrived, now, events),
            LinkEvent::Oversized(arrived, size) => self.set_aside(arrived, size, now, events),
            LinkEvent::Released(id) => {
                self.acks.released(id);
                if self.life.is_closing() {
                    // `disconnect` may wait for it.
                    self.waking.mark_changed();
                }
            }
            LinkEvent::Acknowledged => {
                if let Some(connection) = &mut self.connection {
                    connection.acks_in_channel = connection.acks_in_channel.saturating_sub(1);
                }
            }
            LinkEvent::Alive => {}
        }
        Ok(Flow::Go)
    }

    /// Handles events of the connection in their order. After an error or DISCONNECT, those behind are left.
    pub(in crate::session) fn handle_all(
        &mut self,
        batch: &mut VecDeque<LinkEvent>,
        now: Now,
        events: &mut Vec<Event>,
    ) -> Result<Flow, Error> {
        while let Some(event) = batch.pop_front() {
            let flow = self.handle(event, true, now, events)?;
            if flow != Flow::Go {
                return Ok(flow);
            }
        }
        Ok(Flow::Go)
    }

    /// Handles what was read before the connection ended: `read` by calls that succeeded, and `leftovers` by the one
    /// that failed. Acknowledgements for it wait for the next connection.
    pub(in crate::session) fn read_leftovers(
        &mut self,
        read: VecDeque<LinkEvent>,
        leftovers: Vec<LinkEvent>,
        now: Now,
        events: &mut Vec<Event>,
    ) {
        let sender = self.connection.as_mut().and_then(|connection| connection.sender.take());
        let read = read.into_iter().map(|event| (event, true));
        for (event, sure) in read.chain(leftovers.into_iter().map(|event| (event, false))) {
            // Protocol violations no longer matter.
            let _ = self.handle(event, sure, now, events);
        }
        if let Some(connection) = &mut self.connection {
            connection.sender = sender;
        }
    }

    /// Handles a written DISCONNECT. It ends the client only if the session asked for it: rumqttc also sends one on its
    /// own. Nothing is read any more if nothing more can come.
    fn left(&self, now: Now) -> Result<Flow, Error> {
        let unasked = "the connection was closed because the server broke a rule of MQTT";
        let relogin = self.connection.as_ref().is_some_and(|connection| connection.relogin);
        let by = self.life.goodbye(now.instant).ok_or_else(|| match relogin {
            true => Error::new(ErrorKind::ConnectionLost, "the client logs in again, with tokens of another AccessKey"),
            false => Error::new(ErrorKind::Protocol, unasked),
        })?;
        Ok(Flow::Left(if self.nothing_expected() { now.instant } else { by }))
    }

    /// Returns true if the server has nothing more to send, see [`Expected`](super::connection::Expected). A WebSocket
    /// has a farewell of its own.
    fn nothing_expected(&self) -> bool {
        let connection = self.connection.as_ref();
        connection.is_some_and(|connection| connection.expected.nothing() && !connection.session_present)
            && self.config.clean_session()
            && !self.config.endpoint().transport().is_websocket()
            && !self.replies.any_expected_yet()
    }

    fn note_message(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.expected.messages();
        }
    }

    fn message_done(&mut self, id: u16, answer: AckKind, now: Now, events: &mut Vec<Event>) -> Result<(), Error> {
        match self.outbox.take(Kind::Publish, id, answer)? {
            Some(AckFor::Op(seq)) => {
                self.outbox.answered(seq, now.instant);
                self.acknowledged(seq);
            }
            Some(AckFor::Step) => self.step_done(now, events),
            // The operation was given up when the client ended.
            None => {}
        }
        Ok(())
    }

    pub(super) fn acknowledged(&mut self, seq: u64) {
        if let Some(connection) = &mut self.connection {
            connection.expected.acknowledged();
        }
        if let Some(op) = self.outbox.op(seq) {
            self.stats.acknowledged += u64::from(op.kind() == Kind::Publish);
            let outcome = op.outcome();
            self.outbox.acknowledged(seq, outcome);
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
        let outcome = Outcome { granted: codes, reason, ..op.outcome() };
        if let Some(Body::Subscribe { filters, own }) = op.body() {
            check_count(&self.config, id, outcome.granted.len(), filters.len())?;
            for ((filter, qos), code) in filters.iter().zip(&outcome.granted) {
                if code.is_ok() {
                    self.subscriptions.granted(filter, *qos);
                    if *own {
                        self.subscriptions.owned(filter);
                    }
                }
            }
        }
        self.outbox.acknowledged(seq, outcome);
        Ok(())
    }

    fn step_done(&mut self, now: Now, events: &mut Vec<Event>) {
        let step = self.connection.as_mut().and_then(|connection| connection.steps.done(now.instant));
        if let Some(Step::UploadToken(upload)) = step {
            self.uploaded(&upload, now, events);
        }
    }

    fn subscriptions_restored(
        &mut self,
        id: u16,
        codes: Vec<Result<QoS, u8>>,
        now: Now,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        if let Some(Step::Resubscribe(filters)) = connection.steps.current() {
            check_count(&self.config, id, codes.len(), filters.len())?;
        }
        if let Some(Step::Resubscribe(filters)) = connection.steps.done(now.instant) {
            self.resubscribed(filters, codes, events);
        }
        Ok(())
    }

    fn resubscribed(&mut self, filters: Vec<FilterRequest>, codes: Vec<Result<QoS, u8>>, events: &mut Vec<Event>) {
        for ((filter, qos), verdict) in filters.into_iter().zip(codes) {
            if let Err(code) = verdict {
                let reason = refused_filter(&filter, code, None);
                self.subscriptions.remove(&filter);
                events.push(Event::SubscriptionLost { filter, reason });
            } else {
                self.subscriptions.restored(&filter, qos);
            }
        }
    }

    fn arrived(&mut self, arrived: Arrived, now: Now, events: &mut Vec<Event>) {
        self.note_message();
        if self.life.end().is_some() {
            return;
        }
        let key = match arrived.qos {
            QoS::AtMostOnce => None,
            _ => match self.classify(&arrived) {
                Arrival::New(key) => Some(key),
                Arrival::Repeated => {
                    self.stats.redelivered += 1;
                    self.send_acks(now);
                    return;
                }
                Arrival::TooMany => {
                    self.stats.refused_full += 1;
                    return;
                }
            },
        };
        if let Some(notice) = Notice::parse(&arrived.topic, &arrived.payload) {
            self.noticed(&notice, now);
            events.push(Event::Notice(notice));
            if !self.config.deliver_notices() {
                if let Some(key) = key {
                    self.acks.name(key, || fingerprint(&arrived.topic, &arrived.payload, arrived.qos));
                }
                return self.done_with(key, now);
            }
        }
        // Sorted out before the inbox: a reply never waits for room there, nor for the program.
        let message = message(arrived);
        if let Some(key) = key.filter(|_| self.replies.may_have(&message)) {
            self.acks.name(key, || fingerprint(&message.topic, &message.payload, message.qos));
        }
        let message = match self.replies.sort(message) {
            Sorted::Other(message) => message,
            Sorted::Reply(slot, reply) => {
                self.stats.replies += 1;
                slot.answer(Ok(reply));
                return self.done_with(key, now);
            }
            Sorted::Late => {
                self.stats.late_replies += 1;
                return self.done_with(key, now);
            }
        };
        if !self.inbox.has_room(&message) {
            self.turn_away(key, events);
            return;
        }
        self.stats.received += 1;
        let queue = self.inbox.push(message, key);
        self.waking.mark_message(queue);
        if let (AckMode::OnArrival, Some(key)) = (self.config.ack_mode(), key) {
            self.acknowledge(key, now);
        }
    }

    /// Classifies an arriving QoS 1 or 2 message.
    fn classify(&mut self, arrived: &Arrived) -> Arrival {
        let waiting = |place| self.inbox.at(place).map(|other| fingerprint(&other.topic, &other.payload, other.qos));
        self.acks.arrive(arrived, self.inbox.next_place(), waiting)
    }

    /// Discards a message above `packet_len`: acknowledges it in its turn, and reports it.
    fn set_aside(&mut self, arrived: Arrived, size: usize, now: Now, events: &mut Vec<Event>) {
        self.note_message();
        if self.life.end().is_some() {
            return;
        }
        if arrived.qos != QoS::AtMostOnce {
            match self.classify(&arrived) {
                Arrival::New(key) => {
                    self.acks.name(key, || fingerprint(&arrived.topic, &arrived.payload, arrived.qos));
                    self.acknowledge(key, now);
                }
                Arrival::Repeated => {
                    self.stats.redelivered += 1;
                    return self.send_acks(now);
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

    /// Marks a message as done that does not go to the inbox.
    fn done_with(&mut self, key: Option<u64>, now: Now) {
        if let Some(key) = key {
            self.acknowledge(key, now);
        }
    }

    /// Handles a message for which the inbox has no room: drops QoS 0; leaves the others to the server, which sends
    /// them again.
    fn turn_away(&mut self, key: Option<u64>, events: &mut Vec<Event>) {
        match key {
            Some(key) => {
                self.acks.refuse(key);
                self.stats.refused_full += 1;
            }
            None => self.stats.dropped_full += 1,
        }
        if self.inbox.mark_full() {
            events.push(Event::InboxFull);
        }
    }

    /// Sends the acknowledgements that are due, unless they wait for the end of a rest.
    pub(in crate::session) fn send_acks(&mut self, now: Now) {
        let closing = self.life.is_closing();
        if let Some(connection) = self.connection.as_mut().filter(|connection| !connection.resting || closing) {
            let Connection { sender: Some(link), quiet_until: None, acks_in_channel, .. } = connection else {
                return self.note_held_back(now);
            };
            while let Some((id, qos)) = self.acks.next_ready() {
                *acks_in_channel += usize::from(link.acknowledge(id, qos));
                // Waiting for messages that arrive while the client ends would delay the end forever.
                if qos == QoS::ExactlyOnce && !closing {
                    self.acks.await_release(id);
                }
            }
        }
        self.note_held_back(now);
    }

    /// Updates since when a message holds back later acknowledgements.
    pub(super) fn note_held_back(&mut self, now: Now) {
        let Some(connection) = &mut self.connection else { return };
        let blocker = self.acks.blocker();
        if blocker != connection.blocker.map(|(key, _)| key) {
            connection.blocker = blocker.map(|key| (key, now.instant));
        }
    }

    /// Returns when [`held_back`](State::held_back) will have an event, in the current state.
    pub(in crate::session) fn held_back_at(&self) -> Option<Instant> {
        let (_, since) = self.connection.as_ref()?.blocker?;
        since.checked_add(self.config.timeout())
    }

    /// Returns the event of a message that has held back later acknowledgements for the configured timeout, once per
    /// message.
    pub(in crate::session) fn held_back(&mut self, now: Now) -> Option<Event> {
        let at = self.held_back_at()?;
        if now.instant < at {
            return None;
        }
        let (key, _) = self.connection.as_mut()?.blocker.take()?;
        let held_back = self.acks.held_back();
        let untaken = self.inbox.topic_of(key).map(ToString::to_string);
        let taken = self.acks.mark_reported(key).map(ToString::to_string);
        let (topic, taken) = untaken.map(|topic| (topic, false)).or(taken.map(|topic| (topic, true)))?;
        Some(Event::AcksHeldBack { topic, taken, held_back })
    }
}

/// Fails unless there is one code for each filter.
fn check_count(config: &Config, id: u16, codes: usize, filters: usize) -> Result<(), Error> {
    match link::count_fault("SUBACK", id, codes, filters) {
        Some(fault) => Err(link::broken(&fault, &config.route()).error),
        None => Ok(()),
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

/// The error of a message that was not delivered to the program.
fn set_aside(arrived: &Arrived, size: usize, limit: usize) -> Error {
    let what = match arrived.id {
        0 => "discarded",
        _ => "acknowledged and discarded",
    };
    let message =
        format!("a message to {:?} ({}) of {size} bytes was {what}; packet_len is {limit}", arrived.topic, arrived.qos);
    Error::new(ErrorKind::Protocol, message).with_hint(Hint::RaisePayloadLen { size })
}
