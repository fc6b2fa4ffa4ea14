//! MQTT 5: one connection over `rumqttc::v5`.
//!
//! As with MQTT 3.1.1, each connection gets a new pair, and the outbox is the only memory. Further faults of rumqttc
//! 0.25.1 are repaired here, through its public fields, between two events:
//!
//! * When PUBREC or PUBCOMP refuses a message, rumqttc continues to count it as in flight, and finally stops sending:
//!   [`Pump::count_leak`].
//! * It takes the receive maximum of CONNACK as its highest packet id, for SUBSCRIBE, too: [`Pump::keep_ids`]. The
//!   outbox observes the receive maximum itself.
//! * A write has no timeout: [`Pump::receive`].
//! * A server keep-alive of 0 makes it ping without end: [`Pump::keep_alive`].
//! * It hands out an empty topic where an alias stands for one: the server is never allowed an alias.

mod errors;
mod qos;
mod reasons;
mod translate;

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use rumqttc::Outgoing as Out;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck as RawConnAck, ConnectProperties, Filter, Packet, PubAck, PubRel, Publish, Subscribe, SubscribeProperties,
};
use rumqttc::v5::{Client, Connection, Event, Incoming, MqttOptions, MqttState, RecvTimeoutError, Request};

use self::qos::to_wire;
use self::translate::{Translated, from_outgoing, limits, translate};
use crate::config::Config;
use crate::credentials::Login;
use crate::message::{Outgoing, QoS};
use crate::printable::excerpt;
use crate::session::wire::dial::{self, CHANNEL, Link, id_limit, seconds, take_over, write_limit};
use crate::session::wire::errors as common;
use crate::session::wire::link::{self, ConnAck, Failure, LinkEvent, LinkPump, LinkSender};
use crate::session::wire::pubrel::ExpectingAll;
use crate::session::wire::target::Target;
use crate::session::wire::{tunnel, upgrade};
use crate::subscribe_options::FilterRequest;

static EXPECTING_ALL: ExpectingAll<MqttState> = ExpectingAll::new();

/// Prepares a connection: see [`open::open`](super::open::open). CONNECT announces the longest packet.
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
    let mut options = MqttOptions::new(config.client_id().as_str(), dial::host(config, target), endpoint.port());
    let mut asked = ConnectProperties::new();
    asked.session_expiry_interval =
        config.session_expiry().map(|time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX));
    asked.receive_maximum = config.receive_maximum();
    asked.max_packet_size = u32::try_from(longest).ok();
    let ids = id_limit(config);
    dial::set_common!(options, config, login, target);
    options
        .set_clean_start(config.clean_session())
        .set_connect_properties(asked)
        .set_outgoing_inflight_upper_limit(ids)
        .set_connection_timeout(seconds(dial));
    tunnel::prepare_v5(&mut options, config, target);
    upgrade::prepare_v5(&mut options, config, target);
    options.set_network_options(dial::network(config, options.network_options()));
    let (client, mut connection) = dial::make(config, || Client::new(options, CHANNEL))?;
    let new = || MqttState::new(ids, true);
    let (state, expects_all) = EXPECTING_ALL.begin(ids, config.clean_session(), new, expect_pubrel);
    connection.eventloop.state = state;
    let pump = Pump {
        connection,
        server: config.route(),
        ping_due: None,
        keep_alive: config.keep_alive(),
        write_limit: write_limit(config),
        ids,
        expects_all,
        released: HashSet::new(),
        leaked: 0,
        warned: false,
        packet_len: config.limits().packet_len,
    };
    Ok((client, pump))
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
    /// When rumqttc sends the next ping; `None` before CONNACK.
    ping_due: Option<Instant>,
    /// The configured keep-alive.
    keep_alive: Duration,
    /// How long a write may take before the connection is given up.
    write_limit: Duration,
    /// The highest packet id.
    ids: u16,
    /// PUBREL is expected for every packet id: see `pubrel`.
    expects_all: bool,
    /// The exchanges that wait for PUBCOMP: see [`Pump::expect_pubrec`].
    released: HashSet<u16>,
    /// The number of messages that rumqttc counts as in flight although they are not.
    leaked: u16,
    /// A message with several subscription identifiers was logged.
    warned: bool,
    /// The largest packet that is passed on whole, in bytes.
    packet_len: usize,
}

impl Pump {
    fn broken(&self, what: &str) -> Failure {
        link::broken(what, &self.server)
    }

    /// Waits for the next event; `None` when `until` has passed.
    ///
    /// A write of rumqttc's v5 has no timeout: it would never return when the other side stops reading. While nothing
    /// is being written, each keep-alive period has an event, at the latest the ping, so longer silence means that a
    /// write hangs. A half-written packet is then lost with the connection.
    fn receive(&mut self, until: Option<Instant>) -> Result<Option<Event>, Failure> {
        let hangs = match self.ping_due {
            Some(_) => self.connection.eventloop.options.keep_alive() + self.write_limit,
            // The handshake has its own timeout.
            None => Duration::MAX,
        };
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        match self.connection.recv_timeout(left.map_or(hangs, |left| left.min(hangs))) {
            Ok(Ok(event)) => Ok(Some(event)),
            Ok(Err(error)) => {
                let last = self.connection.eventloop.state.events.back();
                if let Some(Event::Incoming(Packet::PubRel(_))) = last {
                    EXPECTING_ALL.need();
                }
                Err(errors::classify(error, self.ping_due.is_some(), last, &self.server))
            }
            Err(RecvTimeoutError::Timeout) if left.is_some_and(|left| left <= hangs) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(common::stopped_reading(&self.server)),
            Err(RecvTimeoutError::Disconnected) => Err(common::channel_closed()),
        }
    }

    /// Appends this event and those that rumqttc has ready.
    fn take(&mut self, first: Option<Event>, events: &mut VecDeque<LinkEvent>) -> Result<(), Failure> {
        let mut next = first;
        while let Some(event) = next {
            events.push_back(self.event(event)?);
            next = self.connection.eventloop.state.events.pop_front();
        }
        Ok(())
    }

    fn event(&mut self, event: Event) -> Result<LinkEvent, Failure> {
        match event {
            // rumqttc itself accepts it.
            Event::Incoming(Incoming::ConnAck(_)) => return Err(self.broken(common::SECOND_CONNACK)),
            Event::Outgoing(Out::PingReq) => self.ping_due = Some(Instant::now() + self.keep_alive()),
            // From now on PUBREL is to be expected.
            Event::Outgoing(Out::Subscribe(_)) | Event::Incoming(Incoming::Publish(_)) if !self.expects_all => {
                self.renew_state();
            }
            _ => {}
        }
        let Translated { event, leaks } = translate(event, self.packet_len).map_err(|what| self.broken(&what))?;
        if leaks {
            self.count_leak();
        }
        match &event {
            LinkEvent::Released(id) => expect_pubrel(&mut self.connection.eventloop.state, *id),
            LinkEvent::PubRec(id) => self.expect_pubrec(*id),
            LinkEvent::PubComp(id) | LinkEvent::PublishRefused(id, _) => self.complete(*id),
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

    /// Keeps the limit of packet ids that the outbox knows, whatever receive maximum CONNACK names. The only public way
    /// to set it in rumqttc is a CONNACK, whose event is removed again.
    fn keep_ids(&mut self, mut ack: RawConnAck) {
        if let Some(properties) = &mut ack.properties {
            properties.receive_max = Some(self.ids);
            let state = &mut self.connection.eventloop.state;
            let events = state.events.len();
            let _ = state.handle_incoming_packet(Packet::ConnAck(ack));
            state.events.truncate(events);
        }
    }

    /// Accepts PUBREC for this id once more, after PUBREC came or PUBREL is sent again: each must be answered with
    /// PUBREL. rumqttc ends the connection unless it has a message with that id.
    fn expect_pubrec(&mut self, id: u16) {
        if !self.released.insert(id) {
            // rumqttc counts it as in flight once more.
            self.count_leak();
        }
        let state = &mut self.connection.eventloop.state;
        let events = state.events.len();
        let mut publish = Publish::new("", to_wire(QoS::ExactlyOnce), Vec::new(), None);
        publish.pkid = id;
        let _ = state.handle_outgoing_packet(Request::Publish(publish));
        state.events.truncate(events);
    }

    /// Ends the exchange: its PUBREC is not accepted any more.
    fn complete(&mut self, id: u16) {
        if self.released.remove(&id) {
            let state = &mut self.connection.eventloop.state;
            let events = state.events.len();
            let _ = state.handle_incoming_packet(Packet::PubAck(PubAck::new(id, None)));
            state.events.truncate(events);
        }
    }

    /// Goes on pinging as configured when the server keep-alive is 0, which switches keep-alive off (MQTT 5, section
    /// 3.2.2.3.14). rumqttc takes 0 for a period without length; pinging is allowed, and notices a dead connection.
    /// Returns the period.
    fn keep_alive(&mut self) -> Duration {
        let options = &mut self.connection.eventloop.options;
        if options.keep_alive().is_zero() {
            options.set_keep_alive(self.keep_alive);
        }
        options.keep_alive()
    }

    /// Notes that rumqttc counts one more message as in flight forever. When there are many, a new state corrects the
    /// count.
    fn count_leak(&mut self) {
        self.leaked += 1;
        if self.leaked < self.ids / 2 {
            return;
        }
        self.renew_state();
    }

    /// Replaces rumqttc's state by a new one that expects every PUBREL. It takes over what the old one knows: not the
    /// messages that it only counts as in flight, the topic aliases, of which the server is allowed none, nor the times
    /// of the last packets, which are only logged.
    fn renew_state(&mut self) {
        (self.leaked, self.expects_all) = (0, true);
        let state = &mut self.connection.eventloop.state;
        let mut old = std::mem::replace(state, new_state(self.ids));
        state.broker_topic_alias_max = old.broker_topic_alias_max;
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
    let filter = Filter::new("-", to_wire(QoS::AtMostOnce));
    let _ = state.handle_outgoing_packet(Request::Subscribe(Subscribe::new(filter, None)));
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
    let mut publish = Publish::new("", to_wire(QoS::ExactlyOnce), Vec::new(), None);
    publish.pkid = id;
    let _ = state.handle_incoming_packet(Packet::Publish(publish));
    state.events.truncate(events);
}

impl LinkPump for Pump {
    fn dial(&mut self, until: Instant) -> Result<Option<ConnAck>, Failure> {
        let Some(event) = self.receive(Some(until))? else { return Ok(None) };
        let Event::Incoming(Incoming::ConnAck(ack)) = event else { return Err(common::not_connack(&self.server)) };
        // rumqttc itself accepts it.
        if ack.session_present && self.connection.eventloop.options.clean_start() {
            return Err(self.broken("it claims to have kept a session that CONNECT asked it to discard"));
        }
        let limits = limits(&ack).map_err(|what| self.broken(&what))?;
        let session_present = ack.session_present;
        self.keep_ids(ack);
        self.ping_due = Some(Instant::now() + self.keep_alive());
        Ok(Some(ConnAck { session_present, limits }))
    }

    fn next(&mut self, events: &mut VecDeque<LinkEvent>) -> Result<(), Failure> {
        let event = self.receive(None)?;
        self.take(event, events)
    }

    fn next_before(&mut self, until: Instant, events: &mut VecDeque<LinkEvent>) -> Result<(), Failure> {
        let event = self.receive(Some(until))?;
        self.take(event, events)
    }

    fn idle_until(&self) -> Option<Instant> {
        self.ping_due.filter(|_| !self.connection.eventloop.state.await_pingresp)
    }

    fn leftovers(&mut self) -> Vec<LinkEvent> {
        let events = self.connection.eventloop.state.events.drain(..);
        let packet_len = self.packet_len;
        events.filter_map(|event| translate(event, packet_len).ok()).map(|translated| translated.event).collect()
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
        let properties = message.properties.as_deref().map(from_outgoing);
        let payload = message.payload.clone().into_bytes();
        let mut publish = Publish::new(message.topic.as_str(), to_wire(message.qos), payload, properties);
        publish.pkid = id;
        publish.dup = true;
        self.connection.eventloop.pending.push_back(Request::Publish(publish));
    }

    fn release_again(&mut self, id: u16) {
        self.connection.eventloop.pending.push_back(Request::PubRel(PubRel::new(id, None)));
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

#[cfg(test)]
mod tests;
