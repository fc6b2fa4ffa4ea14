//! MQTT 5 against the emulator: what a message carries, and what a subscription can ask for.

use std::time::Duration;

use crate::support::{LONG, connect, emulator, error, payloads, topic};
use aliyun_mqtt::{ConfigBuilder, ErrorKind, Outgoing, Protocol, QoS, SubscribeOptions};
use aliyun_mqtt_emulator::Emulator;

fn v5(emulator: &Emulator) -> ConfigBuilder {
    crate::support::config(emulator).protocol(Protocol::V5)
}

#[test]
fn everything_a_message_carries_arrives() {
    let emulator = emulator();
    let client = connect(v5(&emulator));
    let (there, back) = (topic(&emulator, "there"), topic(&emulator, "back"));
    client.subscribe(&there, QoS::ExactlyOnce).expect("subscribed");
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let message = Outgoing::new(&there, qos, "hällo")
            .payload_format_utf8()
            .content_type("text/plain")
            .message_expiry(Duration::from_secs(1_000))
            .response_topic(&back)
            .correlation_data([0, 255, 1])
            .user_property("key", "one")
            .user_property("other", "")
            .user_property("key", "two");
        client.publish_message(message).expect("published");
        let message = client.recv_timeout(LONG).expect("alive").expect("a message");
        assert_eq!(message.payload_str().expect("text"), "hällo");
        assert!(message.payload_format_utf8());
        assert_eq!(message.content_type(), Some("text/plain"));
        assert!(
            message.message_expiry().is_some_and(|left| left <= Duration::from_secs(1_000)),
            "{:?}",
            message.message_expiry()
        );
        assert_eq!(message.response_topic(), Some(back.as_str()));
        assert_eq!(message.correlation_data(), Some(&[0, 255, 1][..]));
        let pair = |key: &str, value: &str| (key.to_string(), value.to_string());
        assert_eq!(message.user_properties(), [pair("key", "one"), pair("other", ""), pair("key", "two")]);
        assert_eq!((message.user_property("key"), message.user_property("none")), (Some("one"), None));
    }
    client.publish(&there, QoS::AtLeastOnce, "bare").expect("published");
    let bare = client.recv_timeout(LONG).expect("alive").expect("a message");
    assert!(bare.user_properties().is_empty() && !bare.payload_format_utf8() && bare.content_type().is_none());
    // The broker inside the emulator gives each message an end of its own.
    assert!(bare.response_topic().is_none() && bare.correlation_data().is_none());
    client.disconnect().expect("all delivered");
}

#[test]
fn properties_do_not_reach_a_client_of_3_1_1_but_the_message_does() {
    let emulator = emulator();
    let (old, new) = (connect(crate::support::config(&emulator).protocol(Protocol::V311)), connect(v5(&emulator)));
    let topic = topic(&emulator, "x");
    old.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    new.publish_message(Outgoing::new(&topic, QoS::AtLeastOnce, "x").user_property("k", "v")).expect("published");
    let message = old.recv_timeout(LONG).expect("alive").expect("a message");
    assert!(message.user_properties().is_empty());
    new.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    old.publish(&topic, QoS::AtLeastOnce, "y").expect("published");
    assert_eq!(payloads(&new, 1), ["y"]);
}

#[test]
fn bad_properties_are_refused_before_anything_is_sent() {
    let emulator = emulator();
    let client = connect(v5(&emulator));
    let plain = Outgoing::new(topic(&emulator, "x"), QoS::AtLeastOnce, vec![0xff]);
    for (message, why) in [
        (plain.clone().payload_format_utf8(), "UTF-8"),
        (plain.clone().response_topic("a/#"), "response topic"),
        (plain.clone().user_property("k", "\0"), "NUL"),
        (plain.clone().correlation_data(vec![0; 65_536]), "65536 bytes"),
    ] {
        let refused = error(client.publish_message(message));
        assert_eq!(refused.kind(), ErrorKind::Invalid);
        assert!(refused.to_string().contains(why), "{refused}");
    }
}

#[test]
fn a_subscription_can_leave_out_the_clients_own_messages() {
    let emulator = emulator();
    let (client, other) = (connect(v5(&emulator)), connect(v5(&emulator)));
    let topic = topic(&emulator, "x");
    client.subscribe(&topic, SubscribeOptions::new(QoS::AtLeastOnce).no_local(true)).expect("subscribed");
    client.publish(&topic, QoS::AtLeastOnce, "own").expect("published");
    other.publish(&topic, QoS::AtLeastOnce, "foreign").expect("published");
    assert_eq!(payloads(&client, 1), ["foreign"]);
}

#[test]
fn an_identifier_comes_with_each_message_also_after_a_lost_session() {
    let emulator = emulator();
    let client = connect(v5(&emulator));
    let events = client.events();
    let options = |id| SubscribeOptions::new(QoS::AtLeastOnce).identifier(id);
    let one = client.subscription(topic(&emulator, "one"), options(268_435_455)).expect("subscribed");
    client.subscribe(topic(&emulator, "two"), options(1)).expect("subscribed");
    for _ in 0..2 {
        for rest in ["one", "two"] {
            client.publish(topic(&emulator, rest), QoS::AtLeastOnce, rest).expect("published");
        }
        let message = one.recv_timeout(LONG).expect("alive").expect("a message");
        assert_eq!((message.payload(), message.subscription_identifiers()), (&b"one"[..], &[268_435_455][..]));
        let message = client.recv_timeout(LONG).expect("alive").expect("a message");
        assert_eq!((message.payload(), message.subscription_identifiers()), (&b"two"[..], &[1][..]));
        emulator.kick(client.config().client_id().as_str());
        crate::support::connected(&events);
    }
}

#[test]
fn a_kept_session_keeps_messages_and_their_properties() {
    let emulator = emulator();
    let sleeper = || connect(v5(&emulator).device_id("sleeper").clean_session(false));
    let topic = topic(&emulator, "x");
    let awake = sleeper();
    awake.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    awake.disconnect().expect("gone");
    let sender = connect(v5(&emulator));
    let message = Outgoing::new(&topic, QoS::AtLeastOnce, "x").user_property("k", "v").message_expiry(LONG);
    sender.publish_message(message).expect("published");
    let awake = sleeper();
    let message = awake.recv_timeout(LONG).expect("alive").expect("a message");
    assert_eq!((message.user_property("k"), message.is_duplicate()), (Some("v"), message.is_duplicate()));
    assert!(message.message_expiry().is_some());
}

#[test]
fn a_receive_maximum_leaves_the_rest_with_the_broker() {
    let emulator = emulator();
    let client = connect(v5(&emulator).receive_maximum(3));
    let topic = topic(&emulator, "x");
    client.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    for number in 0..20 {
        client.publish(&topic, QoS::AtLeastOnce, number.to_string()).expect("published");
    }
    assert!(client.stats().unacknowledged <= 3, "{:?}", client.stats());
    let expected: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(payloads(&client, 20), expected);
}
