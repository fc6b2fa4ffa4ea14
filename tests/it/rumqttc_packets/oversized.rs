//! Messages above the limits of this client, whoever sends them.

use std::time::Duration;

use super::{lost, proves_well};
use crate::support::broker::{self, Broker, Kind, Packet, lax, level};
use crate::support::{LONG, error, event};
use aliyun_mqtt::{AckMode, ErrorKind, Event, Events, Outgoing, QoS};

#[test]
fn a_packet_over_the_limit_names_the_limit() {
    let broker = Broker::start();
    let limits = lax().payload_len(1_000).topic_len(100).packet_len(2_000);
    let (client, mut line) = broker.connect(broker.config().limits(limits));
    let events = client.events();
    // MQTT 5 has one byte more in front of the payload.
    let most = 1_997 - usize::from(level() == 5);
    line.write(&broker::publish("t", 0, 0, false, &vec![b'x'; most]));
    assert_eq!(client.recv_timeout(LONG).expect("alive").expect("a message").payload().len(), most);
    // rumqttc src/mqttbytes/mod.rs:181-183: only that the line is of no more use, without the packet or the limit.
    line.write(&broker::publish("t", 0, 0, false, &vec![b'x'; most + 1]));
    let reason = lost(&events);
    assert_eq!(reason.kind(), ErrorKind::Protocol, "{reason}");
    let whole = format!("{reason} {:?}", reason.hint());
    assert!(whole.contains("2001 bytes") && whole.contains("packet_len"), "{whole}");
    assert!(whole.contains("2000") && !whole.contains("parent"), "{whole}");
    let mut line = broker.accept(false);
    proves_well(&client, &mut line);
    // A new session has it no more. The next costs nothing.
    line.write(&broker::publish("t", 0, 0, false, &vec![b'x'; most + 1]));
    assert_eq!(set_aside(&events), ("t".to_string(), 2_001));
    proves_well(&client, &mut line);
    assert_eq!((client.stats().connections, client.stats().set_aside), (2, 1));
    assert!(client.try_recv().expect("alive").is_none(), "no part of it is given out");
}

/// The next message that is set aside: its topic and size.
fn set_aside(events: &Events) -> (String, usize) {
    event(events, "set aside", |event| match event {
        Event::MessageSetAside { topic, size, reason, .. } => {
            let whole = format!("{reason} {:?}", reason.hint());
            assert!(whole.contains("packet_len") && whole.contains(&size.to_string()), "{whole}");
            Some((topic, size))
        }
        _ => None,
    })
}

/// Of MQTT 5, with so many bytes of user properties.
fn with_properties(id: u16, dup: bool, bytes: usize) -> Vec<u8> {
    let mut properties = Vec::new();
    while properties.len() < bytes {
        properties.extend_from_slice(&[&[0x26, 0, 1, b'k', 0, 200][..], &[b'v'; 200]].concat());
    }
    let length = broker::packet(0, &properties)[1..].to_vec();
    broker::packet(0x32 | u8::from(dup) << 3, &[&b"\0\x01t"[..], &id.to_be_bytes(), &length, b"payload"].concat())
}

#[test]
fn a_kept_session_gets_past_messages_over_the_limit() {
    let broker = Broker::start();
    let limits = lax().payload_len(1_000).topic_len(100).packet_len(2_000);
    let (large, long) = (vec![b'x'; 3_000], "t/".repeat(2_000));
    // A message is large by its payload, topic, or properties; two in a row; at each QoS.
    let waiting = |dup: bool| {
        let large = |id, qos| broker::publish("t/large", qos, id, dup, &large);
        let third = if level() == 5 { with_properties(4, dup, 3_000) } else { large(4, 1) };
        [
            broker::publish("t", 1, 1, dup, b"one"),
            large(2, 1),
            broker::publish(&long, 1, 3, dup, b"payload"),
            third,
            broker::publish("t", 2, 5, dup, b"two"),
            large(6, 2),
            broker::publish("t", 1, 7, dup, b"three"),
        ]
        .concat()
    };
    for mode in [AckMode::OnTake, AckMode::OnArrival, AckMode::Manual] {
        let config = broker.config().device_id("d").clean_session(false).ack_mode(mode).limits(limits.clone());
        // Right behind CONNACK, in its segment.
        let (client, line) = broker.connect_by(config, |broker| {
            let mut line = broker.accept_login();
            line.write(&[broker::connack(true), waiting(false)].concat());
            line
        });
        let events = client.events();
        drop(line);
        let mut line = broker.accept_login();
        line.write(&[broker::connack(true), waiting(true)].concat());
        let taken: Vec<_> = client.messages().idle(LONG).take(3).map(|message| message.expect("alive")).collect();
        let texts: Vec<_> = taken.iter().map(|message| crate::support::text(message.payload())).collect();
        assert_eq!(texts, ["one", "two", "three"], "{mode:?}");
        let mut topics: Vec<_> = (0..4).map(|_| set_aside(&events).0).collect();
        topics.sort();
        let third = if level() == 5 { "t" } else { "t/large" };
        let mut expected = ["t/large", &long, third, "t/large"];
        expected.sort_unstable();
        assert_eq!(topics, expected);
        if mode == AckMode::Manual {
            // Each acknowledgement in its turn, also of what was set aside.
            assert_eq!(client.stats().unacknowledged, 7);
            taken.iter().for_each(|message| message.ack().expect("noted"));
        }
        let acknowledged: Vec<_> = (0..7).map(|_| line.read().expect("an acknowledgement")).collect();
        let expected = [1, 2, 3, 4].map(Packet::PubAck).into_iter().chain([5, 6].map(Packet::PubRec));
        let expected: Vec<_> = expected.chain([Packet::PubAck(7)]).collect();
        assert_eq!(acknowledged, expected, "{mode:?}");
        for id in [5, 6] {
            line.send(&Packet::PubRel(id));
            assert_eq!(line.expect(Kind::PubComp).id(), id);
        }
        let stats = client.stats();
        assert_eq!((stats.connections, stats.set_aside, stats.unacknowledged), (2, 4, 0), "{mode:?}");
        proves_well(&client, &mut line);
    }
}

/// Before anything else, the order flag has to be acknowledged.
#[test]
fn one_that_comes_before_the_first_connection_is_set_up_does_not_end_it() {
    let broker = Broker::start();
    let limits = lax().payload_len(1_000).topic_len(100).packet_len(2_000);
    let (client, mut line) = broker.connect_by(broker.config().ordered(true).limits(limits), |broker| {
        let mut line = broker.accept_login();
        line.write(&[broker::connack(false), broker::publish("t", 1, 1, false, &[b'x'; 3_000])].concat());
        while line.read().is_some() {}
        let mut line = broker.accept(false);
        let flag = line.expect(Kind::Publish);
        line.answer(&flag);
        line
    });
    proves_well(&client, &mut line);
    assert_eq!(client.stats().connections, 2);
}

#[test]
fn what_waits_for_an_answer_is_not_blamed_on_topics() {
    let broker = Broker::start();
    let limits = lax().payload_len(1_000).topic_len(100).packet_len(2_000);
    let (client, mut line) = broker.connect(broker.config().limits(limits).timeout(Duration::from_secs(3)));
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    line.expect(Kind::Publish);
    line.write(&broker::publish("t", 0, 0, false, &[b'x'; 3_000]));
    // Nobody answers any more.
    let error = error(delivery.wait());
    let whole = format!("{error} {:?}", error.hint());
    assert!(whole.contains("packet_len") && !whole.contains("parent"), "{whole}");
}

#[test]
fn one_above_what_can_be_read_is_told_and_not_hurried_after() {
    let broker = Broker::start();
    let config = broker.config().device_id("d").clean_session(false).backoff(Duration::from_secs(60), LONG);
    let (client, mut line) = broker.connect(config);
    let events = client.events();
    line.write(&[0x30, 0x80, 0x80, 0x80, 0x09]);
    let (reason, pause) = event(&events, "lost", |event| match event {
        Event::Disconnected { reason, retry_in, .. } => Some((reason, retry_in)),
        _ => None,
    });
    let whole = format!("{reason} {:?}", reason.hint());
    for part in ["18874368", "16777216", "packet_len", "clean_session"] {
        assert!(whole.contains(part), "{whole}");
    }
    assert!(pause.is_some_and(|pause| !pause.is_zero()), "{pause:?}");
}
