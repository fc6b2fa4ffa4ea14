//! MQTT 3.1.1: one connection over `rumqttc::{Client, Connection}`.
//!
//! Each connection gets a new pair. rumqttc keeps requests, unread events, collisions and packet ids from one
//! connection to the next, and loses or confuses some of them; the outbox already holds everything that must be kept.

mod errors;

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use rumqttc::mqttbytes::v4::{Packet, PubAck, PubRel, Publish, Subscribe};
use rumqttc::{
    Client, Connection, ConnectionError, Event, MqttOptions, MqttState, Outgoing as Out, RecvTimeoutError, Request,
    SubscribeFilter,
};

use crate::config::Config;
use crate::credentials::Login;
use crate::message::{Outgoing, QoS};
use crate::session::wire::dial::{self, CHANNEL, Link, id_limit, seconds, take_over, write_limit};
use crate::session::wire::errors as common;
use crate::session::wire::link::{
    self, Arrived, ConnAck, Failure, LinkEvent, LinkPump, LinkSender, Sent, ServerLimits,
};
use crate::session::wire::oversized::HEAD;
use crate::session::wire::pubrel::ExpectingAll;
use crate::session::wire::target::Target;
use crate::session::wire::{rules, tunnel, upgrade};
use crate::subscribe_options::FilterRequest;

/// How often the server may repeat PUBREC on one connection. rumqttc counts each as one more message in flight, in 16
/// bits. MQTT gives no reason to repeat PUBREC on the same connection.
const REPEATED: u16 = 10_000;

static EXPECTING_ALL: ExpectingAll<MqttState> = ExpectingAll::new();

/// Prepares a connection: see [`open::open`](super::open::open).
pub(in crate::session) fn open(
    config: &Config,
    login: &Login,
    dial: Duration,
    longest: usize,
    target: &Target,
) -> Result<Link, Failure> {
    let (client, pump) = make(config, login, dial, longest, target)?;
    Ok((Box::new(Sender(client)), Box::new(pump)))
}

fn make(
    config: &Config,
    login: &Login,
    dial: Duration,
    longest: usize,
    target: &Target,
) -> Result<(Client, Pump), Failure> {
    let endpoint = config.endpoint();
    let ids = id_limit(config);
    let mut options = MqttOptions::new(config.client_id().as_str(), dial::host(config, target), endpoint.port());
    dial::set_common!(options, config, login, target);
    options
        .set_clean_session(config.clean_session())
        .set_inflight(ids)
        .set_max_packet_size(longest, config.limits().packet_len);
    tunnel::prepare_v4(&mut options, config, target);
    upgrade::prepare_v4(&mut options, config, target);
    let (client, mut connection) = dial::make(config, || Client::new(options, CHANNEL))?;
    let new = || MqttState::new(ids, true);
    let (state, expects_all) = EXPECTING_ALL.begin(ids, config.clean_session(), new, expect_pubrel);
    connection.eventloop.state = state;
    // The window bounds the messages in flight. rumqttc counts more than these: see `Pump::expect_pubrec`.
    connection.eventloop.mqtt_options.set_inflight(u16::MAX);
    let network = &mut connection.eventloop.network_options;
    *network = dial::network(config, network.clone());
    network.set_connection_timeout(seconds(dial));
    let write_limit = seconds(write_limit(config));
    let pump = Pump {
        connection,
        server: config.route(),
        ping_due: None,
        ids,
        expects_all,
        released: HashSet::new(),
        repeated: 0,
        write_limit,
        packet_len: config.limits().packet_len,
    };
    Ok((client, pump))
}

struct Sender(Client);

impl LinkSender for Sender {
    fn publish(&self, message: &Outgoing) -> bool {
        self.0.try_publish(message.topic.as_str(), to_wire(message.qos), false, &*message.payload).is_ok()
    }

    fn subscribe(&self, filters: &[FilterRequest]) -> bool {
        let filters = filters.iter().map(|(filter, asked)| SubscribeFilter::new(filter.clone(), to_wire(asked.qos)));
        self.0.try_subscribe_many(filters).is_ok()
    }

    fn unsubscribe(&self, filter: &str) -> bool {
        self.0.try_unsubscribe(filter).is_ok()
    }

    fn acknowledge(&self, id: u16, qos: QoS) -> bool {
        let mut publish = Publish::new("", to_wire(qos), Vec::new());
        publish.pkid = id;
        self.0.try_ack(&publish).is_ok()
    }

    fn disconnect(&self) -> bool {
        self.0.try_disconnect().is_ok()
    }
}

struct Pump {
    connection: Connection,
    server: String,
    /// When rumqttc sends the next ping; `None` before CONNACK.
    ping_due: Option<Instant>,
    /// The highest packet id.
    ids: u16,
    /// PUBREL is expected for every packet id: see `pubrel`.
    expects_all: bool,
    /// The exchanges that wait for PUBCOMP: see [`Pump::expect_pubrec`].
    released: HashSet<u16>,
    /// How often PUBREC was repeated.
    repeated: u16,
    /// The seconds a write may take before the connection is given up: keep-alive does not run meanwhile.
    write_limit: u64,
    /// The largest packet that is passed on whole, in bytes.
    packet_len: usize,
}

impl Pump {
    fn broken(&self, what: &str) -> Failure {
        link::broken(what, &self.server)
    }

    /// Appends the event that rumqttc returned and those that it has ready.
    fn take(&mut self, first: Result<Event, ConnectionError>, events: &mut VecDeque<LinkEvent>) -> Result<(), Failure> {
        let mut next = Some(self.checked(first)?);
        while let Some(event) = next {
            events.push_back(self.event(event)?);
            next = self.connection.eventloop.state.events.pop_front();
        }
        Ok(())
    }

    fn checked(&self, result: Result<Event, ConnectionError>) -> Result<Event, Failure> {
        result.map_err(|error| {
            let last = self.connection.eventloop.state.events.back();
            if let Some(Event::Incoming(Packet::PubRel(_))) = last {
                EXPECTING_ALL.need();
            }
            errors::classify(error, self.ping_due.is_some(), last, &self.server)
        })
    }

    fn event(&mut self, event: Event) -> Result<LinkEvent, Failure> {
        match event {
            Event::Outgoing(Out::PingReq) => {
                self.ping_due = Some(Instant::now() + self.connection.eventloop.mqtt_options.keep_alive());
            }
            // From now on PUBREL is to be expected.
            Event::Outgoing(Out::Subscribe(_)) | Event::Incoming(Packet::Publish(_)) if !self.expects_all => {
                self.renew_state();
            }
            _ => {}
        }
        let event = translate(event, self.packet_len).map_err(|what| self.broken(&what))?;
        match event {
            LinkEvent::Released(id) => expect_pubrel(&mut self.connection.eventloop.state, id),
            LinkEvent::PubRec(id) => {
                self.repeated += u16::from(self.released.contains(&id));
                if self.repeated > REPEATED {
                    return Err(self.broken(&format!("it sent PUBREC {REPEATED} times more than there were messages")));
                }
                self.expect_pubrec(id);
            }
            LinkEvent::PubComp(id) => self.complete(id),
            _ => {}
        }
        Ok(event)
    }

    /// Accepts PUBREC for this id once more, after PUBREC came or PUBREL is sent again: each must be answered with
    /// PUBREL (MQTT 3.1.1, section 4.3.3). rumqttc ends the connection unless it has a message with that id.
    fn expect_pubrec(&mut self, id: u16) {
        self.released.insert(id);
        let state = &mut self.connection.eventloop.state;
        let events = state.events.len();
        let mut publish = Publish::new("", to_wire(QoS::ExactlyOnce), Vec::new());
        publish.pkid = id;
        let _ = state.handle_outgoing_packet(Request::Publish(publish));
        state.events.truncate(events);
    }

    /// Ends the exchange: its PUBREC is not accepted any more.
    fn complete(&mut self, id: u16) {
        if self.released.remove(&id) {
            let state = &mut self.connection.eventloop.state;
            let events = state.events.len();
            let _ = state.handle_incoming_packet(Packet::PubAck(PubAck::new(id)));
            state.events.truncate(events);
        }
    }

    /// Replaces rumqttc's state by a new one that expects every PUBREL. It takes over what the old one knows, except
    /// the times of the last packets, which are only logged, and the last PUBACK, which only orders what `clean`
    /// returns.
    fn renew_state(&mut self) {
        self.expects_all = true;
        let state = &mut self.connection.eventloop.state;
        let mut old = std::mem::replace(state, new_state(self.ids));
        take_over!(state, old);
    }
}

/// Makes a state for packet ids up to this one, which expects every PUBREL.
fn new_state(ids: u16) -> MqttState {
    EXPECTING_ALL.all(ids, || MqttState::new(ids, true), expect_pubrel)
}

/// Advances the id counter in the only public way. It writes nothing, and its event is removed again. Returns the id.
fn next_id(state: &mut MqttState) -> u16 {
    let events = state.events.len();
    let _ = state.handle_outgoing_packet(Request::Subscribe(Subscribe::new("-", to_wire(QoS::AtMostOnce))));
    let id = match state.events.back() {
        Some(Event::Outgoing(Out::Subscribe(id))) => *id,
        _ => 0,
    };
    state.events.truncate(events);
    id
}

/// Makes rumqttc expect PUBREL for this id, in the only public way.
fn expect_pubrel(state: &mut MqttState, id: u16) {
    let events = state.events.len();
    let mut publish = Publish::new("", to_wire(QoS::ExactlyOnce), Vec::new());
    publish.pkid = id;
    let _ = state.handle_incoming_packet(Packet::Publish(publish));
    state.events.truncate(events);
}

impl LinkPump for Pump {
    fn dial(&mut self, until: Instant) -> Result<Option<ConnAck>, Failure> {
        let event = match self.connection.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(result) => self.checked(result)?,
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => return Err(common::channel_closed()),
        };
        let Event::Incoming(Packet::ConnAck(ack)) = event else { return Err(common::not_connack(&self.server)) };
        let eventloop = &mut self.connection.eventloop;
        // From now on rumqttc uses it as the timeout of writes.
        eventloop.network_options.set_connection_timeout(self.write_limit);
        self.ping_due = Some(Instant::now() + eventloop.mqtt_options.keep_alive());
        Ok(Some(ConnAck { session_present: ack.session_present, limits: ServerLimits::default() }))
    }

    fn next(&mut self, events: &mut VecDeque<LinkEvent>) -> Result<(), Failure> {
        // Not `recv_timeout`, which may drop a half-written packet.
        match self.connection.recv() {
            Ok(result) => self.take(result, events),
            Err(_) => Err(common::channel_closed()),
        }
    }

    fn next_before(&mut self, until: Instant, events: &mut VecDeque<LinkEvent>) -> Result<(), Failure> {
        match self.connection.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(result) => self.take(result, events),
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => Err(common::channel_closed()),
        }
    }

    fn idle_until(&self) -> Option<Instant> {
        self.ping_due.filter(|_| !self.connection.eventloop.state.await_pingresp)
    }

    fn leftovers(&mut self) -> Vec<LinkEvent> {
        let events = self.connection.eventloop.state.events.drain(..);
        events.filter_map(|event| translate(event, self.packet_len).ok()).collect()
    }

    fn grow(&mut self, ids: u16) {
        if ids > self.ids {
            // rumqttc's table of ids cannot grow.
            self.ids = ids;
            self.renew_state();
        }
    }

    fn skip(&mut self, count: u16) {
        for _ in 0..count {
            next_id(&mut self.connection.eventloop.state);
        }
    }

    fn resend(&mut self, id: u16, message: &Outgoing) {
        let mut publish = Publish::new(message.topic.as_str(), to_wire(message.qos), &*message.payload);
        publish.pkid = id;
        publish.dup = true;
        self.connection.eventloop.pending.push_back(Request::Publish(publish));
    }

    fn release_again(&mut self, id: u16) {
        self.connection.eventloop.pending.push_back(Request::PubRel(PubRel::new(id)));
        self.expect_pubrec(id);
    }

    fn drain(&mut self, until: Instant) {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            // Nothing is sent after DISCONNECT, so a dropped poll loses nothing here.
            if left.is_zero() || !matches!(self.connection.recv_timeout(left), Ok(Ok(_))) {
                return;
            }
        }
    }
}

/// Translates an event for the session. The error is the rule of MQTT that the server broke. A message of more than
/// `packet_len` bytes keeps only the head of its payload.
fn translate(event: Event, packet_len: usize) -> Result<LinkEvent, String> {
    Ok(match event {
        Event::Outgoing(Out::Publish(id)) => LinkEvent::Sent(Sent::Publish(id)),
        Event::Outgoing(Out::Subscribe(id)) => LinkEvent::Sent(Sent::Subscribe(id)),
        Event::Outgoing(Out::Unsubscribe(id)) => LinkEvent::Sent(Sent::Unsubscribe(id)),
        Event::Outgoing(Out::Disconnect) => LinkEvent::Sent(Sent::Disconnect),
        // Impossible with the session's choice of window and ids.
        Event::Outgoing(Out::AwaitAck(id)) => return Err(format!("packet id {id} is still in use")),
        Event::Outgoing(Out::PubComp(id)) => LinkEvent::Released(id),
        Event::Outgoing(Out::PubAck(_) | Out::PubRec(_)) => LinkEvent::Acknowledged,
        Event::Incoming(Packet::PubAck(ack)) => LinkEvent::PubAck(ack.pkid),
        Event::Incoming(Packet::PubRec(ack)) => LinkEvent::PubRec(ack.pkid),
        Event::Incoming(Packet::PubComp(ack)) => LinkEvent::PubComp(ack.pkid),
        Event::Incoming(Packet::SubAck(ack)) => {
            LinkEvent::SubAck(ack.pkid, ack.return_codes.iter().map(verdict).collect(), None)
        }
        Event::Incoming(Packet::UnsubAck(ack)) => LinkEvent::UnsubAck(ack.pkid),
        Event::Incoming(Packet::Publish(mut publish)) => {
            let qos = from_wire(publish.qos);
            if let Some(fault) = rules::publish_fault(&publish.topic, qos, publish.dup) {
                return Err(fault);
            }
            let size = dial::remaining(publish.size());
            let oversized = size > packet_len;
            let payload = std::mem::take(&mut publish.payload);
            let arrived = Arrived {
                id: publish.pkid,
                qos,
                duplicate: publish.dup,
                retained: publish.retain,
                payload: if oversized { payload[..payload.len().min(HEAD)].to_vec() } else { payload.to_vec() },
                topic: publish.topic,
                properties: None,
            };
            if oversized { LinkEvent::Oversized(arrived, size) } else { LinkEvent::Publish(arrived) }
        }
        Event::Outgoing(_) | Event::Incoming(_) => LinkEvent::Alive,
    })
}

fn verdict(code: &rumqttc::SubscribeReasonCode) -> Result<QoS, u8> {
    match code {
        rumqttc::SubscribeReasonCode::Success(qos) => Ok(from_wire(*qos)),
        rumqttc::SubscribeReasonCode::Failure => Err(0x80),
    }
}

fn to_wire(qos: QoS) -> rumqttc::QoS {
    match qos {
        QoS::AtMostOnce => rumqttc::QoS::AtMostOnce,
        QoS::AtLeastOnce => rumqttc::QoS::AtLeastOnce,
        QoS::ExactlyOnce => rumqttc::QoS::ExactlyOnce,
    }
}

fn from_wire(qos: rumqttc::QoS) -> QoS {
    match qos {
        rumqttc::QoS::AtMostOnce => QoS::AtMostOnce,
        rumqttc::QoS::AtLeastOnce => QoS::AtLeastOnce,
        rumqttc::QoS::ExactlyOnce => QoS::ExactlyOnce,
    }
}

#[cfg(test)]
mod tests;
