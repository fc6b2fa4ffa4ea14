//! The rules of MQTT 5 for servers beyond those of 3.1.1.

use crate::support::{Raw, seen, text};
use aliyun_mqtt_emulator::{Action, Emulator, What};

const ID: &str = "GID_emulator@@@five";

/// A property of text, by its identifier.
fn property(identifier: u8, value: &str) -> Vec<u8> {
    [vec![identifier], text(value)].concat()
}

/// The body of a PUBLISH with properties.
fn publish(topic: &str, packet_id: Option<u16>, properties: &[u8]) -> Vec<u8> {
    let mut body = text(topic);
    body.extend(packet_id.into_iter().flat_map(u16::to_be_bytes));
    body.push(u8::try_from(properties.len()).unwrap());
    body.extend_from_slice(properties);
    body
}

/// The next packet must be a DISCONNECT for this reason, and the last.
fn disconnected(raw: &mut Raw, reason: u8, what: &str) {
    assert_eq!(raw.packet(), Some((0xE0, vec![reason, 0])), "{what}");
    raw.ended();
}

#[test]
fn a_message_above_the_maximum_packet_size_is_dropped_and_the_next_one_comes() {
    let topic = "emulator/size";
    for qos in 0..=2 {
        let emulator = Emulator::start().unwrap();
        // Fixed header, topic, packet id if there is one, no properties.
        let overhead = 2 + 2 + topic.len() + if qos > 0 { 2 } else { 0 } + 1;
        let limit = 120;
        // With a topic alias maximum, so that a shorter form of the topic would be possible.
        let mut raw = Raw::login5(&emulator, ID, true, &[0x27, 0, 0, 0, limit, 0x22, 0, 10]);
        raw.subscribed(&[(topic, qos)]);
        let fits = usize::from(limit) - overhead;
        for size in [fits + 1, fits, 70_000 - overhead, 60_000, fits, 1] {
            if size <= 65_536 {
                emulator.publish_as_service(topic, qos, vec![b'x'; size]).unwrap();
            }
        }
        for size in [fits, fits, 1] {
            let message = raw.message_unacknowledged();
            assert_eq!((message.topic.as_str(), message.payload.len()), (topic, size), "QoS {qos}");
        }
        raw.quiet();
        let dropped = seen(&emulator, ID, |what| matches!(what, What::Dropped { .. }));
        let What::Dropped { reason, .. } = dropped.what else { unreachable!() };
        assert!(reason.contains("Maximum Packet Size"), "{reason}");
    }
}

#[test]
fn a_notice_above_the_maximum_packet_size_is_dropped_too() {
    let emulator = Emulator::start().unwrap();
    let mut raw = Raw::login5(&emulator, ID, true, &[0x27, 0, 0, 0, 60]);
    assert!(emulator.push_notice(ID, "$SYS/tokenExpireNotice", vec![b'x'; 100]));
    assert!(emulator.push_notice(ID, "$SYS/tokenExpireNotice", "fits"));
    assert_eq!(raw.message().payload, b"fits");
    seen(&emulator, ID, |what| matches!(what, What::Dropped { .. }));
}

/// A client reconnects with a smaller limit than before, to messages sent under the larger one or under none.
#[test]
fn what_was_in_flight_and_is_too_large_now_is_dropped() {
    let emulator = Emulator::start().unwrap();
    let mut raw = Raw::login_kept(&emulator, true, ID);
    raw.subscribed(&[("emulator/size", 1)]);
    for size in [10, 1000, 11] {
        emulator.publish_as_service("emulator/size", 1, vec![b'x'; size]).unwrap();
        assert_eq!(raw.message_unacknowledged().payload.len(), size);
    }
    drop(raw);
    let mut raw = Raw::login5(&emulator, ID, false, &[0x11, 0, 0, 14, 16, 0x27, 0, 0, 1, 0]);
    assert_eq!((raw.message().payload.len(), raw.message().payload.len()), (10, 11));
    raw.quiet();
}

#[test]
fn a_message_has_an_expiry_if_its_publisher_gave_one() {
    let emulator = Emulator::start().unwrap();
    let mut receiver = Raw::login5(&emulator, ID, true, &[]);
    receiver.subscribed(&[("emulator/x", 1)]);
    let mut sender = Raw::login5(&emulator, "GID_emulator@@@sender", true, &[]);
    let mut old = Raw::login(&emulator, "GID_emulator@@@old");
    sender.send(0x30, &publish("emulator/x", None, &[]));
    assert_eq!(receiver.message().properties, [0; 0]);
    old.publish("emulator/x", 0, 0, b"");
    assert_eq!(receiver.message().properties, [0; 0]);
    emulator.publish_as_service("emulator/x", 1, "").unwrap();
    assert_eq!(receiver.message().properties, [0; 0]);
    sender.send(0x30, &publish("emulator/x", None, &[0x02, 0, 0, 1, 0]));
    let properties = receiver.message().properties;
    assert_eq!((properties[0], properties.len()), (0x02, 5), "{properties:?}");
    // The remaining messages.
    let left = u32::from_be_bytes(properties[1..].try_into().unwrap());
    assert!((1..=256).contains(&left), "{left}");
}

#[test]
fn a_filter_that_was_not_subscribed_is_told_so() {
    let emulator = Emulator::start().unwrap();
    let mut raw = Raw::login5(&emulator, ID, true, &[]);
    // The 31st filter is granted and receives nothing, but belongs to the session.
    for number in 1..=31 {
        raw.subscribed(&[(&format!("emulator/f{number}"), 1)]);
    }
    for (packet_id, filters, codes) in [
        (1, &["emulator/f1", "emulator/never", "emulator/f31", "emulator/f1"][..], &[0, 0x11, 0, 0x11][..]),
        (2, &["emulator/never"], &[0x11]),
        (3, &["emulator/f2", "emulator/f31"], &[0, 0x11]),
    ] {
        let mut body = vec![0, packet_id, 0];
        body.extend(filters.iter().copied().flat_map(text));
        raw.send(0xA2, &body);
        assert_eq!(raw.packet(), Some((0xB0, [&[0, packet_id, 0], codes].concat())));
    }
    // MQTT 3.1.1 has no place for it.
    let mut old = Raw::login(&emulator, "GID_emulator@@@old");
    old.send(0xA2, &[&[0, 7][..], &text("emulator/never")].concat());
    assert_eq!(old.packet(), Some((0xB0, vec![0, 7])));
}

#[test]
fn what_mqtt_5_forbids_ends_the_connection_with_the_reason() {
    let subscribe_of_none = vec![0, 1, 0];
    let wildcards = |topic: &str| publish("emulator/x", None, &property(0x08, topic));
    for (first, body, reason, what) in [
        (0x30, wildcards("emulator/+"), 0x82, "a response topic with +"),
        (0x30, wildcards("emulator/#"), 0x82, "a response topic with #"),
        (0x32, publish("emulator/x", Some(1), &property(0x08, "#")), 0x82, "the same at QoS 1"),
        (0x30, publish("emulator/x", None, &[0x0B, 5]), 0x82, "a subscription identifier"),
        (0x30, publish("", None, &[]), 0x82, "no topic and no alias"),
        (0x30, publish("", None, &[0x23, 0, 3]), 0x82, "an alias that is not known"),
        (0x30, publish("emulator/x", None, &[0x01, 2]), 0x81, "a payload format of 2"),
        (0x30, publish("emulator/x", None, &[0x01, 1, 0x01, 1]), 0x81, "a property given twice"),
        (0x38, publish("emulator/x", None, &[]), 0x81, "DUP at QoS 0"),
        (0x36, publish("emulator/x", Some(1), &[]), 0x81, "QoS 3"),
        (0x32, publish("emulator/x", Some(0), &[]), 0x81, "packet id 0"),
        (0x82, subscribe_of_none.clone(), 0x82, "a SUBSCRIBE of nothing"),
        (0xA2, subscribe_of_none, 0x82, "an UNSUBSCRIBE of nothing"),
        (0x80, [&[0, 1, 0][..], &text("emulator/x"), &[1]].concat(), 0x81, "a SUBSCRIBE without its flags"),
        (0x82, [&[0, 1, 2, 0x0B, 0][..], &text("emulator/x"), &[1]].concat(), 0x81, "subscription identifier 0"),
        (0x82, [&[0, 1, 0][..], &text("emulator/x"), &[0xC0]].concat(), 0x81, "reserved bits of a subscription"),
        (0x20, vec![0, 0, 0], 0x82, "a CONNACK of a client"),
        (0x90, vec![0, 1, 0, 0], 0x82, "a SUBACK of a client"),
        (0xB0, vec![0, 1, 0, 0], 0x82, "an UNSUBACK of a client"),
        (0xD0, vec![], 0x82, "a PINGRESP of a client"),
        (0xF0, vec![0, 0], 0x82, "an AUTH"),
        (0xE0, vec![0, 5, 0x11, 0, 0, 14, 16], 0x82, "a DISCONNECT that keeps the session after all"),
        (0x00, vec![], 0x81, "a packet of no type"),
    ] {
        let emulator = Emulator::start().unwrap();
        let mut raw = Raw::login5(&emulator, ID, true, &[]);
        raw.send(first, &body);
        disconnected(&mut raw, reason, what);
        seen(&emulator, ID, |seen| matches!(seen, What::Violation { action: Action::Packet | Action::Publish, .. }));
    }
    let emulator = Emulator::start().unwrap();
    let mut raw = Raw::login5(&emulator, ID, true, &[]);
    raw.send_connect5(&emulator, ID, true, &[]);
    disconnected(&mut raw, 0x82, "a second CONNECT");
    let mut raw = Raw::login5(&emulator, ID, true, &[]);
    raw.bytes(&[0xC0, 0xFF, 0xFF, 0xFF, 0xFF]);
    disconnected(&mut raw, 0x81, "a length out of range");
    // A broken rule of the service ends the connection without a DISCONNECT.
    let mut raw = Raw::login5(&emulator, ID, true, &[]);
    raw.publish("elsewhere/a", 1, 1, b"");
    raw.ended();
}

#[test]
fn a_connect_that_mqtt_5_forbids_is_answered_with_the_reason() {
    let emulator = Emulator::start().unwrap();
    let data = [&[0x16, 0, 1][..], b"x"].concat();
    for (properties, reason, what) in [
        (data.clone(), 0x82, "authentication data without a method"),
        (property(0x15, "SCRAM-SHA-1"), 0x8C, "an authentication method"),
        ([property(0x15, "SCRAM-SHA-1"), data].concat(), 0x8C, "both"),
        (vec![0x21, 0, 0], 0x81, "a receive maximum of 0"),
        (vec![0x27, 0, 0, 0, 0], 0x81, "a maximum packet size of 0"),
        (vec![0x17, 2], 0x81, "a request for problem information of 2"),
        (vec![0x21, 0, 9, 0x21, 0, 9], 0x81, "a property given twice"),
    ] {
        let mut raw = Raw::tcp(&emulator);
        raw.send_connect5(&emulator, ID, true, &properties);
        assert_eq!(raw.packet(), Some((0x20, vec![0, reason, 0])), "{what}");
        raw.ended();
    }
    let mut refused = emulator.log().into_iter().filter(|entry| matches!(entry.what, What::LoginRefused { .. }));
    assert_eq!(refused.by_ref().count(), 7);
    assert!(!emulator.is_online(ID));
}

#[test]
fn a_pubrel_without_a_message_is_told_so_and_one_after_a_resume_is_not() {
    let emulator = Emulator::start().unwrap();
    let mut raw = Raw::login_kept(&emulator, true, ID);
    raw.send(0x62, &[0, 9]);
    assert_eq!(raw.packet(), Some((0x70, vec![0, 9, 0x92])));
    for id in 1..=2 {
        raw.publish("emulator/x", 2, id, b"");
        let (first, body) = raw.packet().unwrap();
        assert_eq!((first, &body[..2]), (0x50, &id.to_be_bytes()[..]));
    }
    drop(raw);
    let mut raw = Raw::login_kept(&emulator, true, ID);
    for (id, known) in [(1, true), (1, false), (2, true), (3, false)] {
        raw.send(0x62, &[0, id]);
        let (first, body) = raw.packet().unwrap();
        assert_eq!((first, &body[..2]), (0x70, &[0, id][..]));
        assert_eq!(body.get(2).copied().unwrap_or(0), if known { 0 } else { 0x92 });
    }
    // Each PUBREL gets a PUBCOMP: the previous one may not have reached the client.
    let log = emulator.log();
    let count = |what| log.iter().filter(|entry| entry.what == what).count();
    assert_eq!([1, 2, 3].map(|packet_id| count(What::PublishAcknowledged { packet_id })), [1, 1, 0]);
    assert_eq!([1, 2, 3].map(|packet_id| count(What::ReleaseUnknown { packet_id })), [1, 0, 1]);
    // The same for a message to a `$SYS` topic.
    raw.publish("$SYS/enableOrderMsg", 2, 4, br#"{"order":"true"}"#);
    assert_eq!(raw.packet().unwrap().0, 0x50);
    raw.send(0x62, &[0, 4]);
    let (first, body) = raw.packet().unwrap();
    assert_eq!((first, body.get(2).copied().unwrap_or(0)), (0x70, 0));
    // MQTT 3.1.1 has no place for it.
    let mut old = Raw::login(&emulator, "GID_emulator@@@old");
    old.send(0x62, &[0, 9]);
    assert_eq!(old.packet(), Some((0x70, vec![0, 9])));
}

#[test]
fn a_pubrec_that_refuses_ends_the_exchange_and_one_without_a_message_is_told_so() {
    let emulator = Emulator::start().unwrap();
    let mut raw = Raw::login_kept(&emulator, true, ID);
    raw.subscribed(&[("emulator/x", 2)]);
    raw.send(0x50, &[0, 99]);
    assert_eq!(raw.packet(), Some((0x62, vec![0, 99, 0x92])));
    for payload in ["refused", "taken"] {
        emulator.publish_as_service("emulator/x", 2, payload).unwrap();
    }
    let refused = raw.message_unacknowledged().packet_id.unwrap().to_be_bytes();
    let taken = raw.message_unacknowledged().packet_id.unwrap().to_be_bytes();
    // Quota exceeded: no PUBREL follows.
    raw.send(0x50, &[refused[0], refused[1], 0x97]);
    raw.quiet();
    raw.send(0x50, &taken);
    let (first, body) = raw.packet().unwrap();
    assert_eq!((first, &body[..2]), (0x62, &taken[..]));
    raw.send(0x70, &taken);
    raw.quiet();
    drop(raw);
    Raw::login_kept(&emulator, true, ID).quiet();
}

#[test]
fn a_p2p_message_that_waited_has_its_properties() {
    let emulator = Emulator::start().unwrap();
    let mut sender = Raw::login_kept(&emulator, true, "GID_emulator@@@asks");
    // A response topic, correlation data and a user property.
    let properties =
        [property(0x08, "emulator/answers"), property(0x09, "7"), vec![0x26], text("name"), text("value")].concat();
    let topic = format!("emulator/p2p/{ID}");
    sender.send(0x32, &publish(&topic, Some(1), &properties));
    assert_eq!(sender.packet().unwrap().0, 0x40);
    seen(&emulator, ID, |what| matches!(what, What::Stored { .. }));
    let mut receiver = Raw::login5(&emulator, ID, true, &[]);
    let (first, body) = receiver.packet().unwrap();
    assert_eq!(first & 0xF6, 0x32);
    for part in [&properties[..property(0x08, "emulator/answers").len()], &property(0x09, "7"), &text("value")] {
        assert!(body.windows(part.len()).any(|window| window == part), "{body:?}");
    }
}
