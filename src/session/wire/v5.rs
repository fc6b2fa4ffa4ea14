//! MQTT 5: one connection over `rumqttc::v5`.
//!
//! As with MQTT 3.1.1, a fresh pair is made for every connection, and the outbox is the only memory. What rumqttc 0.25.1
//! does wrong on top of that is mended here, through its public fields, between two events:
//!
//! * It never counts down its messages in flight when PUBREC or PUBCOMP refuses one, and stops sending in the end:
//!   [`Pump::one_leaked`].
//! * It takes the receive maximum of CONNACK as its highest packet id, for SUBSCRIBE, too: [`Pump::keep_ids`]. The receive
//!   maximum itself is kept by the outbox.
//! * A write has no time-out: [`Pump::receive`].
//! * A server keep-alive of 0 makes it ping without end: [`Pump::keep_alive`].
//! * It gives out a topic that stands for an alias as an empty one: no alias is ever allowed to the broker.

mod errors;
mod reasons;
mod translate;

use std::collections::HashSet;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnectProperties, Filter, Packet, PubAck, PubRel, Publish, Subscribe, SubscribeProperties,
};
use rumqttc::v5::{
    Client, Connection, ConnectionError, Event, Incoming, MqttOptions, MqttState, RecvTimeoutError, Request,
};

use self::translate::{Translated, from_outgoing, to_wire, translate};
use crate::config::Config;
use crate::credentials::Login;
use crate::message::{Outgoing, QoS};
use crate::printable::excerpt;
use crate::session::wire::dial::{self, CHANNEL, Link, id_limit, seconds, write_limit};
use crate::session::wire::errors as common;
use crate::session::wire::link::{self, Failure, LinkEvent, LinkPump, LinkSender};
use crate::session::wire::route::Target;
use crate::session::wire::{tunnel, upgrade};
use crate::subscribe_options::FilterRequest;

/// Prepares a connection; nothing is dialled before the pump's first `next`. The handshake may take as long as `dial`.
/// `longest`: what a packet from the server may have at most, in bytes; the server is told.
pub(in crate::session) fn open(
    config: &Config,
    login: &Login,
    dial: Duration,
    longest: usize,
    target: &Target,
) -> Result<Link, Failure> {
    let endpoint = config.endpoint();
    let mut options = MqttOptions::new(config.client_id().as_str(), dial::host(config, target), endpoint.port());
    let mut asked = ConnectProperties::new();
    asked.session_expiry_interval =
        config.session_expiry().map(|time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX));
    asked.receive_maximum = config.receive_maximum();
    asked.max_packet_size = u32::try_from(longest).ok();
    let ids = id_limit(config.window());
    options
        .set_transport(dial::transport(config, target))
        .set_credentials(login.username(), login.password())
        .set_clean_start(config.clean_session())
        .set_connect_properties(asked)
        .set_keep_alive(config.keep_alive())
        .set_manual_acks(true)
        .set_outgoing_inflight_upper_limit(ids)
        .set_connection_timeout(seconds(dial));
    tunnel::prepare_v5(&mut options, config, target);
    upgrade::prepare_v5(&mut options, config, target);
    options.set_network_options(dial::network(config, options.network_options()));
    let (client, mut connection) = dial::make(config, || Client::new(options, CHANNEL))?;
    connection.eventloop.state = knowing_all(ids);
    let pump = Pump {
        connection,
        server: config.route(),
        connected: false,
        keep_alive: config.keep_alive(),
        write_limit: write_limit(config),
        ids,
        released: HashSet::new(),
        leaked: 0,
        warned: false,
        packet_len: config.limits().packet_len,
    };
    Ok((Box::new(Sender(client)), Box::new(pump)))
}

struct Sender(Client);

impl LinkSender for Sender {
    fn publish(&self, message: &Outgoing) -> bool {
        let (topic, qos, payload) =
            (message.topic.as_str(), to_wire(message.qos), message.payload.clone().into_bytes());
        match &message.properties {
            None => self.0.try_publish(topic, qos, false, payload),
            Some(properties) => {
                self.0.try_publish_with_properties(topic, qos, false, payload, from_outgoing(properties))
            }
        }
        .is_ok()
    }

    fn subscribe(&self, filters: &[FilterRequest]) -> bool {
        let id = filters.first().and_then(|(_, asked)| asked.identifier);
        let filters = filters.iter().map(|(filter, asked)| {
            let mut wanted = Filter::new(filter.as_str(), to_wire(asked.qos));
            wanted.nolocal = asked.no_local;
            wanted
        });
        match id {
            None => self.0.try_subscribe_many(filters),
            Some(id) => {
                let properties = SubscribeProperties { id: Some(id as usize), user_properties: Vec::new() };
                self.0.try_subscribe_many_with_properties(filters, properties)
            }
        }
        .is_ok()
    }

    fn unsubscribe(&self, filter: &str) -> bool {
        self.0.try_unsubscribe(filter).is_ok()
    }

    fn acknowledge(&self, id: u16, qos: QoS) -> bool {
        let mut publish = Publish::new("", to_wire(qos), Vec::new(), None);
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
    connected: bool,
    /// As configured.
    keep_alive: Duration,
    /// How long a write may take before the line is given up.
    write_limit: Duration,
    /// The highest packet id.
    ids: u16,
    /// Exchanges that wait for PUBCOMP: see [`Pump::expect_again`].
    released: HashSet<u16>,
    /// Messages that rumqttc counts as in flight, but are not.
    leaked: u16,
    /// The log was told of a message with several subscription identifiers.
    warned: bool,
    /// What a packet may have at most to be given out whole, in bytes.
    packet_len: usize,
}

impl Pump {
    fn broken(&self, what: &str) -> Failure {
        link::broken(what, &self.server)
    }

    /// The next event; `None` when `until` has passed.
    ///
    /// A write of rumqttc's v5 has no time-out of its own: where the other side stops reading, it would never return. While
    /// nothing is being written there is an event in each keep-alive period, the ping at the latest, so longer silence
    /// means that a write hangs. What is half written then is lost with the line.
    fn receive(&mut self, until: Option<Instant>) -> Result<Option<LinkEvent>, Failure> {
        let hangs = match self.connected {
            true => self.connection.eventloop.options.keep_alive() + self.write_limit,
            // The handshake has its own time-out.
            false => Duration::MAX,
        };
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        match self.connection.recv_timeout(left.map_or(hangs, |left| left.min(hangs))) {
            Ok(result) => self.event(result).map(Some),
            Err(RecvTimeoutError::Timeout) if left.is_some_and(|left| left <= hangs) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(common::stopped_reading(&self.server)),
            Err(RecvTimeoutError::Disconnected) => Err(common::channel_closed()),
        }
    }

    fn event(&mut self, result: Result<Event, ConnectionError>) -> Result<LinkEvent, Failure> {
        let event = result.map_err(|error| {
            let last = self.connection.eventloop.state.events.back();
            errors::classify(error, self.connected, last, &self.server)
        })?;
        if let Event::Incoming(Incoming::ConnAck(ack)) = &event {
            // rumqttc itself minds neither.
            if std::mem::replace(&mut self.connected, true) {
                return Err(self.broken(common::SECOND_CONNACK));
            }
            if ack.session_present && self.connection.eventloop.options.clean_start() {
                return Err(self.broken("it claims to have kept a session that it was told to drop"));
            }
            self.keep_ids(ack.clone());
            self.keep_alive();
        }
        let Translated { event, leaks } = translate(event, self.packet_len).map_err(|what| self.broken(&what))?;
        if leaks {
            self.one_leaked();
        }
        match &event {
            LinkEvent::Released(id) => know(&mut self.connection.eventloop.state, *id),
            LinkEvent::PubRec(id) => self.expect_again(*id),
            LinkEvent::PubComp(id) | LinkEvent::PublishRefused(id, _) => self.expect_no_more(*id),
            LinkEvent::Publish(arrived) => {
                let several = arrived.properties.as_ref().is_some_and(|properties| properties.identifiers.len() > 1);
                if several && !std::mem::replace(&mut self.warned, true) {
                    log::warn!(
                        "a message to \"{}\" came with several subscription identifiers, as from filters of a kept \
                         session that overlap: its payload may begin with bytes that do not belong to it",
                        excerpt(&arrived.topic)
                    );
                }
            }
            _ => {}
        }
        Ok(event)
    }

    /// Packet ids run up to the limit that the outbox knows, whatever CONNACK says of the receive maximum. The only public
    /// way to tell rumqttc is a CONNACK; its event is taken back.
    fn keep_ids(&mut self, mut ack: ConnAck) {
        if let Some(properties) = &mut ack.properties {
            properties.receive_max = Some(self.ids);
            let state = &mut self.connection.eventloop.state;
            let events = state.events.len();
            let _ = state.handle_incoming_packet(Packet::ConnAck(ack));
            state.events.truncate(events);
        }
    }

    /// PUBREC came, or PUBREL goes out again: PUBREC may come once more, and is to be answered with PUBREL each time. rumqttc
    /// breaks the connection over it, unless it has a message under that id.
    fn expect_again(&mut self, id: u16) {
        if !self.released.insert(id) {
            // Its place in flight was taken once more.
            self.one_leaked();
        }
        let state = &mut self.connection.eventloop.state;
        let events = state.events.len();
        let mut publish = Publish::new("", to_wire(QoS::ExactlyOnce), Vec::new(), None);
        publish.pkid = id;
        let _ = state.handle_outgoing_packet(Request::Publish(publish));
        state.events.truncate(events);
    }

    /// The exchange is over.
    fn expect_no_more(&mut self, id: u16) {
        if self.released.remove(&id) {
            let state = &mut self.connection.eventloop.state;
            let events = state.events.len();
            let _ = state.handle_incoming_packet(Packet::PubAck(PubAck::new(id, None)));
            state.events.truncate(events);
        }
    }

    /// A server keep-alive of 0 switches keep-alive off (MQTT 5, section 3.2.2.3.14), and rumqttc takes it for a period of
    /// no length. Pinging as configured is allowed, and notices a dead line.
    fn keep_alive(&mut self) {
        let options = &mut self.connection.eventloop.options;
        if options.keep_alive().is_zero() {
            options.set_keep_alive(self.keep_alive);
        }
    }

    /// One more message is counted as in flight for ever. When it becomes many, the count is made anew, by putting
    /// everything that really is in flight back into an empty state. Nothing is written by that.
    fn one_leaked(&mut self) {
        self.leaked += 1;
        if self.leaked < self.ids / 2 {
            return;
        }
        self.leaked = 0;
        let state = &mut self.connection.eventloop.state;
        let (events, awaits_ping) = (state.events.len(), state.await_pingresp);
        for request in state.clean() {
            let _ = state.handle_outgoing_packet(request);
            state.events.truncate(events);
        }
        state.await_pingresp = awaits_ping;
        // These were thrown away, too.
        (1..=u16::MAX).for_each(|id| know(state, id));
    }
}

/// The state of a new connection that answers the PUBREL of every id, known or not: see `v4`.
fn knowing_all(ids: u16) -> MqttState {
    static MADE: OnceLock<(u16, MqttState)> = OnceLock::new();
    let make = || {
        let mut state = MqttState::new(ids, true);
        (1..=u16::MAX).for_each(|id| know(&mut state, id));
        (ids, state)
    };
    match MADE.get_or_init(make) {
        (made_for, state) if *made_for == ids => state.clone(),
        _ => make().1,
    }
}

/// Makes rumqttc expect the PUBREL of this id, in the only public way.
fn know(state: &mut MqttState, id: u16) {
    let events = state.events.len();
    let mut publish = Publish::new("", to_wire(QoS::ExactlyOnce), Vec::new(), None);
    publish.pkid = id;
    let _ = state.handle_incoming_packet(Packet::Publish(publish));
    state.events.truncate(events);
}

impl LinkPump for Pump {
    fn next(&mut self) -> Result<LinkEvent, Failure> {
        self.receive(None)?.ok_or_else(common::channel_closed)
    }

    fn next_before(&mut self, until: Instant) -> Result<Option<LinkEvent>, Failure> {
        self.receive(Some(until))
    }

    fn leftovers(&mut self) -> Vec<LinkEvent> {
        let events = self.connection.eventloop.state.events.drain(..);
        let packet_len = self.packet_len;
        events.filter_map(|event| translate(event, packet_len).ok()).map(|translated| translated.event).collect()
    }

    fn restore(&mut self, last_id: u16) {
        let state = &mut self.connection.eventloop.state;
        // The only public way to move the id counter; it writes nothing, and its events are taken back.
        let events = state.events.len();
        for _ in 0..last_id {
            let filter = Filter::new("-", to_wire(QoS::AtMostOnce));
            let _ = state.handle_outgoing_packet(Request::Subscribe(Subscribe::new(filter, None)));
            state.events.truncate(events);
        }
    }

    fn resend(&mut self, id: u16, message: &Outgoing) {
        let properties = message.properties.as_deref().map(from_outgoing);
        let payload = message.payload.clone().into_bytes();
        let mut publish = Publish::new(message.topic.as_str(), to_wire(message.qos), payload, properties);
        publish.pkid = id;
        publish.dup = true;
        self.connection.eventloop.pending.push_back(Request::Publish(publish));
    }

    fn release_again(&mut self, id: u16) {
        self.connection.eventloop.pending.push_back(Request::PubRel(PubRel::new(id, None)));
        self.expect_again(id);
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
