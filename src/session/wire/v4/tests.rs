//! The pump's use of rumqttc's state. Nothing is dialled.

use rumqttc::StateError;
use rumqttc::mqttbytes::v4::{PingReq, PubComp, PubRec};

use super::*;
use crate::credentials::Credentials;

/// Packet ids at the start of a connection.
const IDS: u16 = 128;

/// A pump, and its sender, which must outlive it.
fn pump() -> (Client, Pump) {
    let config = Config::builder()
        .endpoint("mqtt://127.0.0.1:1883")
        .instance_id("post-cn-test")
        .group_id("GID_test")
        .credentials(Credentials::signature("key", "secret"))
        .build()
        .expect("a good configuration");
    let login = config.credentials().login(config.client_id(), config.instance_id()).expect("a login");
    make(&config, &login, Duration::from_secs(1), 1_000, &Target::default()).expect("nothing is dialled")
}

impl Pump {
    fn state(&mut self) -> &mut MqttState {
        &mut self.connection.eventloop.state
    }

    /// Sends a message as if it came from the channel. Returns its packet id.
    fn send(&mut self, qos: QoS) -> u16 {
        let publish = Publish::new("t", to_wire(qos), "x");
        match self.state().handle_outgoing_packet(Request::Publish(publish)).expect("room") {
            Some(Packet::Publish(publish)) => publish.pkid,
            other => panic!("{other:?}"),
        }
    }

    /// Reads a packet. Returns what is written in answer.
    fn read(&mut self, packet: Packet) -> Result<Option<Packet>, StateError> {
        self.state().handle_incoming_packet(packet)
    }

    /// Passes all events on.
    fn events(&mut self) -> Vec<LinkEvent> {
        let mut events = Vec::new();
        while let Some(event) = self.state().events.pop_front() {
            events.push(self.event(event).expect("an event"));
        }
        events
    }
}

#[test]
fn a_server_that_repeats_pubrec_without_end_costs_the_connection_and_not_the_client() {
    let (_client, mut pump) = pump();
    pump.send(QoS::ExactlyOnce);
    let mut repeat = || {
        pump.read(Packet::PubRec(PubRec::new(1))).expect("it is known");
        pump.state().events.clear();
        pump.event(Event::Incoming(Packet::PubRec(PubRec::new(1))))
    };
    let answers = (0..=u16::MAX).map(|_| repeat());
    let (count, failure) = answers.enumerate().find_map(|(n, answer)| Some((n, answer.err()?))).expect("an end");
    assert_eq!(count, 1 + usize::from(REPEATED));
    let text = failure.error.to_string();
    assert!(text.contains("broke a rule of MQTT: it sent PUBREC"), "{text}");
}

#[test]
fn a_table_that_grows_keeps_every_exchange() {
    let (_client, mut pump) = pump();
    let once = pump.send(QoS::AtLeastOnce);
    let [unanswered, released] = [(); 2].map(|()| pump.send(QoS::ExactlyOnce));
    pump.read(Packet::PubRec(PubRec::new(released))).expect("known");
    pump.events();
    let mut incoming = Publish::new("in", to_wire(QoS::ExactlyOnce), "x");
    incoming.pkid = 77;
    pump.read(Packet::Publish(incoming)).expect("taken");
    let before = pump.state().inflight();
    pump.grow(4_000);
    assert_eq!(pump.state().inflight(), before);
    // Events that were not passed on yet stay, and no others come.
    assert!(matches!(pump.events().as_slice(), [LinkEvent::Publish(arrived)] if arrived.id == 77));

    let answer = |id| Some(Packet::PubRel(PubRel::new(id)));
    assert_eq!(pump.read(Packet::PubAck(PubAck::new(once))).expect("known"), None);
    assert_eq!(pump.read(Packet::PubRec(PubRec::new(unanswered))).expect("known"), answer(unanswered));
    assert_eq!(pump.read(Packet::PubRec(PubRec::new(released))).expect("repeated"), answer(released));
    pump.events();
    for id in [unanswered, released] {
        pump.read(Packet::PubComp(PubComp::new(id))).expect("known");
    }
    assert_eq!(pump.read(Packet::PubRel(PubRel::new(77))).expect("known"), Some(Packet::PubComp(PubComp::new(77))));
    pump.events();
    assert_eq!(pump.state().inflight(), 1, "rumqttc counts a repeated PUBREC");
    pump.grow(5_000);
    assert_eq!(pump.state().inflight(), 0, "a new table does not");
    for packet in [Packet::PubAck(PubAck::new(once)), Packet::PubRec(PubRec::new(released))] {
        assert!(pump.read(packet).is_err(), "it was settled");
    }
}

#[test]
fn a_table_that_grows_keeps_the_ping_that_is_not_answered() {
    for answered in [false, true] {
        let (_client, mut pump) = pump();
        let ping = |pump: &mut Pump| pump.state().handle_outgoing_packet(Request::PingReq(PingReq));
        ping(&mut pump).expect("the first");
        pump.grow(4_000);
        if answered {
            pump.read(Packet::PingResp).expect("taken");
        }
        let next = ping(&mut pump);
        assert_eq!(answered, next.is_ok(), "{next:?}");
    }
}

#[test]
fn ids_go_on_behind_the_last_one_up_to_the_new_limit() {
    for before in [0, 1, IDS - 1, IDS, IDS + 1, 2 * IDS] {
        let (_client, mut pump) = pump();
        for _ in 0..before {
            let id = pump.send(QoS::AtLeastOnce);
            pump.read(Packet::PubAck(PubAck::new(id))).expect("known");
        }
        pump.events();
        pump.grow(1_000);
        // rumqttc begins again behind its limit, at once.
        let first = before % IDS + 1;
        let expected: Vec<_> = (first..=1_000).chain(1..first).collect();
        let ids: Vec<_> = (0..1_000).map(|_| pump.send(QoS::AtLeastOnce)).collect();
        assert_eq!(ids, expected, "after {before}");
        assert_eq!(pump.state().inflight(), 1_000);
        pump.grow(999);
        assert_eq!(pump.state().inflight(), 1_000, "it does not shrink");
    }
}

#[test]
fn a_message_of_an_earlier_connection_keeps_an_id_beyond_the_first_table() {
    let (_client, mut pump) = pump();
    pump.grow(4_000);
    pump.skip(3_000);
    pump.resend(3_999, &Outgoing::new("t", QoS::AtLeastOnce, "x"));
    pump.release_again(4_000);
    while let Some(request) = pump.connection.eventloop.pending.pop_front() {
        pump.state().handle_outgoing_packet(request).expect("it fits");
    }
    pump.read(Packet::PubAck(PubAck::new(3_999))).expect("known");
    pump.read(Packet::PubComp(PubComp::new(4_000))).expect("known");
    pump.events();
    assert_eq!(pump.state().inflight(), 0);
    assert_eq!(pump.send(QoS::AtLeastOnce), 3_001);
}
