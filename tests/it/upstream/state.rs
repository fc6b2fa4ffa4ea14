//! rumqttc 0.25.1: what its state machines do about packets in an order they do not expect.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5::{self, Packet};
use rumqttc::v5::{self as client, Event};
use rumqttc::{MqttState, Outgoing, QoS, Request, StateError};

const IDS: u16 = 10;

fn v5_state() -> client::MqttState {
    client::MqttState::new(IDS, true)
}

fn publish_v5(qos: client::mqttbytes::QoS, id: u16) -> v5::Publish {
    let mut publish = v5::Publish::new("t", qos, "x", None);
    publish.pkid = id;
    publish
}

fn sent_v5(state: &mut client::MqttState, qos: client::mqttbytes::QoS) {
    state.handle_outgoing_packet(client::Request::Publish(publish_v5(qos, 0))).expect("sent");
}

#[test]
fn an_acknowledgement_of_nothing_is_an_error() {
    use client::mqttbytes::QoS::ExactlyOnce;
    for packet in [
        Packet::PubAck(v5::PubAck::new(7, None)),
        Packet::PubRec(v5::PubRec::new(7, None)),
        Packet::PubComp(v5::PubComp::new(7, None)),
    ] {
        let result = v5_state().handle_incoming_packet(packet);
        assert!(matches!(result, Err(client::StateError::Unsolicited(7))), "mended: {result:?}");
    }
    // A PUBREC that comes twice is to be answered twice (MQTT 5, section 4.3.3).
    let mut state = v5_state();
    sent_v5(&mut state, ExactlyOnce);
    let pubrec = || Packet::PubRec(v5::PubRec::new(1, None));
    assert!(state.handle_incoming_packet(pubrec()).expect("the first").is_some());
    let result = state.handle_incoming_packet(pubrec());
    assert!(matches!(result, Err(client::StateError::Unsolicited(1))), "mended: {result:?}");
    for packet in [
        v4::Packet::PubAck(v4::PubAck::new(7)),
        v4::Packet::PubRec(v4::PubRec::new(7)),
        v4::Packet::PubComp(v4::PubComp::new(7)),
    ] {
        let result = MqttState::new(IDS, true).handle_incoming_packet(packet);
        assert!(matches!(result, Err(StateError::Unsolicited(7))), "mended: {result:?}");
    }
}

#[test]
fn a_pubrel_of_an_unknown_id_is_an_error() {
    let result = v5_state().handle_incoming_packet(Packet::PubRel(v5::PubRel::new(7, None)));
    assert!(matches!(result, Err(client::StateError::Unsolicited(7))), "mended: {result:?}");
    let result = MqttState::new(IDS, true).handle_incoming_packet(v4::Packet::PubRel(v4::PubRel::new(7)));
    assert!(matches!(result, Err(StateError::Unsolicited(7))), "mended: {result:?}");
}

#[test]
fn the_end_of_a_connection_forgets_incoming_exchanges() {
    let mut publish = v4::Publish::new("t", QoS::ExactlyOnce, "x");
    publish.pkid = 7;
    let mut state = MqttState::new(IDS, true);
    state.handle_incoming_packet(v4::Packet::Publish(publish)).expect("taken");
    state.clean();
    let result = state.handle_incoming_packet(v4::Packet::PubRel(v4::PubRel::new(7)));
    assert!(matches!(result, Err(StateError::Unsolicited(7))), "mended: {result:?}");
}

#[test]
fn a_pubrel_with_a_reason_is_not_answered() {
    let mut state = v5_state();
    state.handle_incoming_packet(Packet::Publish(publish_v5(client::mqttbytes::QoS::ExactlyOnce, 7))).expect("taken");
    let mut release = v5::PubRel::new(7, None);
    release.reason = v5::PubRelReason::PacketIdentifierNotFound;
    let answer = state.handle_incoming_packet(Packet::PubRel(release)).expect("taken");
    assert!(answer.is_none(), "mended: {answer:?}");
}

#[test]
fn a_request_for_pubcomp_panics() {
    let request = client::Request::PubComp(v5::PubComp::new(7, None));
    let result = catch_unwind(AssertUnwindSafe(|| v5_state().handle_outgoing_packet(request)));
    assert!(result.is_err(), "mended: {result:?}");
    let request = Request::PubComp(v4::PubComp::new(7));
    let result = catch_unwind(AssertUnwindSafe(|| MqttState::new(IDS, true).handle_outgoing_packet(request)));
    assert!(result.is_err(), "mended: {result:?}");
}

fn aliased(topic: &str) -> Packet {
    let properties = v5::PublishProperties { topic_alias: Some(5), ..v5::PublishProperties::default() };
    Packet::Publish(v5::Publish::new(topic, client::mqttbytes::QoS::AtMostOnce, "x", Some(properties)))
}

#[test]
fn an_unknown_alias_makes_the_event_of_a_disconnect_that_is_not_sent() {
    let mut state = v5_state();
    let answer = state.handle_incoming_packet(aliased("")).expect("mended");
    assert!(answer.is_none(), "mended: {answer:?}");
    assert_eq!(state.events.back(), Some(&Event::Outgoing(Outgoing::Disconnect)), "mended");
}

#[test]
fn a_topic_behind_an_alias_is_given_out_empty() {
    let mut state = v5_state();
    state.handle_incoming_packet(aliased("t")).expect("taken");
    state.handle_incoming_packet(aliased("")).expect("taken");
    let Some(Event::Incoming(Packet::Publish(publish))) = state.events.back() else { panic!("{:?}", state.events) };
    assert!(publish.topic.is_empty(), "mended: {publish:?}");
}

#[test]
fn a_refused_message_counts_as_in_flight_for_ever() {
    use client::mqttbytes::QoS::ExactlyOnce;
    let mut state = v5_state();
    sent_v5(&mut state, ExactlyOnce);
    let mut refusal = v5::PubRec::new(1, None);
    refusal.reason = v5::PubRecReason::QuotaExceeded;
    state.handle_incoming_packet(Packet::PubRec(refusal)).expect("taken");
    assert_eq!(state.inflight(), 1, "mended");
    let mut state = v5_state();
    sent_v5(&mut state, ExactlyOnce);
    state.handle_incoming_packet(Packet::PubRec(v5::PubRec::new(1, None))).expect("taken");
    let mut refusal = v5::PubComp::new(1, None);
    refusal.reason = v5::PubCompReason::PacketIdentifierNotFound;
    state.handle_incoming_packet(Packet::PubComp(refusal)).expect("taken");
    assert_eq!(state.inflight(), 1, "mended");
}

#[test]
fn the_receive_maximum_is_the_highest_packet_id_of_a_subscribe_too() {
    let mut state = v5_state();
    let properties = &[0x20, 6, 0, 0, 3, 0x21, 0, 2];
    let payload = v5::Publish::new("", Default::default(), properties.to_vec(), None).payload;
    let mut buffer = payload.try_into_mut().expect("nobody else has it");
    state.handle_incoming_packet(Packet::read(&mut buffer, None).expect("CONNACK")).expect("taken");
    let ids = (0..3).map(|_| {
        let filter = v5::Filter::new("t", client::mqttbytes::QoS::AtMostOnce);
        let request = client::Request::Subscribe(v5::Subscribe::new(filter, None));
        match state.handle_outgoing_packet(request) {
            Ok(Some(Packet::Subscribe(subscribe))) => subscribe.pkid,
            other => panic!("{other:?}"),
        }
    });
    assert_eq!(ids.collect::<Vec<_>>(), [1, 2, 1], "mended");
}

#[test]
fn a_subscribe_takes_an_id_that_is_in_use() {
    let mut state = MqttState::new(2, true);
    let id = |request| match state.handle_outgoing_packet(request) {
        Ok(Some(v4::Packet::Publish(publish))) => publish.pkid,
        Ok(Some(v4::Packet::Subscribe(subscribe))) => subscribe.pkid,
        other => panic!("{other:?}"),
    };
    let publish = Request::Publish(v4::Publish::new("t", QoS::AtLeastOnce, "x"));
    let subscribe = || Request::Subscribe(v4::Subscribe::new("t", QoS::AtLeastOnce));
    assert_eq!([publish, subscribe(), subscribe()].map(id), [1, 2, 1], "mended");
}

#[test]
fn a_packet_id_beyond_the_table_is_an_error() {
    let mut publish = v4::Publish::new("t", QoS::AtLeastOnce, "x");
    publish.pkid = 3;
    let result = MqttState::new(2, true).handle_outgoing_packet(Request::Publish(publish));
    assert!(matches!(result, Err(StateError::Unsolicited(3))), "mended: {result:?}");
    let request = client::Request::Publish(publish_v5(client::mqttbytes::QoS::AtLeastOnce, 3));
    let result = client::MqttState::new(2, true).handle_outgoing_packet(request);
    assert!(matches!(result, Err(client::StateError::Unsolicited(3))), "mended: {result:?}");
}

#[test]
fn neither_suback_nor_unsuback_is_compared_with_what_was_asked() {
    let mut state = MqttState::new(IDS, true);
    let code = v4::SubscribeReasonCode::Failure;
    assert!(state.handle_incoming_packet(v4::Packet::SubAck(v4::SubAck::new(7, vec![code; 3]))).is_ok(), "mended");
    assert!(state.handle_incoming_packet(v4::Packet::UnsubAck(v4::UnsubAck::new(7))).is_ok(), "mended");
}

#[test]
fn what_is_sent_again_is_not_marked_as_a_duplicate() {
    let mut state = MqttState::new(IDS, true);
    let publish = Request::Publish(v4::Publish::new("t", QoS::AtLeastOnce, "x"));
    state.handle_outgoing_packet(publish).expect("sent");
    let Some(Request::Publish(again)) = state.clean().pop() else { panic!("nothing is left") };
    assert!(!again.dup, "mended");
}
