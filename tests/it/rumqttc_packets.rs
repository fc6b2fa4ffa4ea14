//! Sizes, names and bytes that rumqttc 0.25.1 lets through, cuts off or stumbles over, and what a user sees of it.
//!
//! Each trap, where it is in rumqttc, and what holds it:
//!
//! * a packet over the limit ends the connection, and comes again on the next (mqttbytes/mod.rs:181-183):
//!   [`oversized::a_packet_over_the_limit_names_the_limit`],
//!   [`oversized::a_kept_session_gets_past_messages_over_the_limit`],
//!   [`oversized::one_above_what_can_be_read_is_told_and_not_hurried_after`]
//! * an outgoing one does so too, for ever on a resumed session (mqttbytes/v4/mod.rs:113-119):
//!   [`what_the_codec_would_cut_off_is_refused_before`]
//! * the limit is 10 KiB both ways (lib.rs:516-517): [`large_payloads_pass_both_ways`],
//!   `service::tls_and_client_work_together`
//! * lengths are cut to 16 bits (mqttbytes/mod.rs:276-280): [`what_the_codec_would_cut_off_is_refused_before`],
//!   [`a_login_too_long_for_mqtt_is_refused`]
//! * empty topics and NUL are sent (client.rs:282-303): [`what_the_codec_would_cut_off_is_refused_before`]
//! * `ClientError::Request` means two things (client.rs:15-21): never shown: names are checked before, and the channel
//!   never fills (src/session/v4.rs)
//! * bytes that are no MQTT (mqttbytes/mod.rs:173-330): [`garbage_costs_the_line_and_not_the_client`]
//! * packets that only clients send, and values that MQTT forbids (state.rs:155-185, mqttbytes/v4/publish.rs):
//!   [`what_a_server_must_not_send_ends_the_line_by_its_name`]
//! * any number of codes in SUBACK (state.rs:187-193): [`suback_has_a_code_for_each_filter`]
//! * what is behind CONNACK in its segment (eventloop.rs:488-511): [`messages_behind_connack_in_its_segment_are_kept`],
//!   `receiving::messages_that_come_with_connack_are_kept`
//! * no CONNACK, or another packet (eventloop.rs:500-510): [`something_else_than_connack`],
//!   `deadlines::a_server_that_hangs_up`
//! * "::1" needs no brackets, TLS allows none (eventloop.rs:399-412, tls.rs:176): [`ipv6_with_and_without_tls`]
//! * SUBACK codes of MQTT 5 are no SUBACK (mqttbytes/v4/suback.rs:72-84): [`garbage_costs_the_line_and_not_the_client`]
//! * payloads are copied, one `writev` for each message (client.rs:282, eventloop.rs:248): no behaviour: benches

mod oversized;

use std::io::Read;
use std::thread;

use crate::support::broker::{self, Broker, Kind, Packet, lax, level};
use crate::support::{error, event, payloads};
use aliyun_mqtt::{Client, Credentials, ErrorKind, Event, Events, Outgoing, QoS};

fn lost(events: &Events) -> aliyun_mqtt::Error {
    event(events, "lost", |event| match event {
        Event::Disconnected { reason, .. } => Some(reason),
        _ => None,
    })
}

/// The client and its line are well: a message goes out and is acknowledged.
fn proves_well(client: &Client, line: &mut broker::Line) {
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "well")).expect("accepted");
    let packet = line.expect(Kind::Publish);
    assert_eq!(packet.payload(), "well");
    line.answer(&packet);
    delivery.wait().expect("acknowledged");
}

#[test]
fn garbage_costs_the_line_and_not_the_client() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let events = client.events();
    let v5 = level() == 5;
    let mut garbage: Vec<Vec<u8>> = vec![
        // Remaining lengths: too many bytes, and one that no server can mean.
        vec![0x30, 0xff, 0xff, 0xff, 0xff, 0x01],
        vec![0x30, 0xff, 0xff, 0xff, 0x7f],
        // PUBLISH: QoS 3, id 0, a topic longer than the packet, a topic that is no text, no topic.
        broker::packet(0x36, b"\0\x01t\0\x01"),
        broker::publish("t", 1, 0, false, b"x"),
        broker::packet(0x30, b"\0\x09t"),
        broker::packet(0x30, if v5 { b"\0\x02\xff\xfe\0" } else { b"\0\x02\xff\xfe" }),
        broker::packet(0x30, b"\0"),
        // SUBACK: without a verdict, with a verdict that MQTT does not have, with half an id.
        broker::suback(1, &[]),
        broker::suback(1, &[if v5 { 0x99 } else { 0x87 }]),
        broker::packet(0x90, &[1]),
        // CONNACK once more; HTTP.
        broker::connack(false),
        format!("HTTP/1.1 400 Bad Request\r\n{}\r\n", "X-Filler: x\r\n".repeat(10)).into_bytes(),
    ];
    // Each kind of packet with nothing in it, and with a single byte; without those that are good so.
    for kind in (0..16).filter(|kind| *kind != 13) {
        garbage.push(vec![kind << 4, 0]);
        garbage.push(vec![kind << 4, 1, 0xff]);
    }
    for bytes in garbage {
        line.write(&bytes);
        let reason = lost(&events);
        // To rumqttc's codec of MQTT 5 every packet without content is the same, a DISCONNECT among them.
        let empty = v5 && bytes.len() == 2 && !matches!(bytes[0], 0 | 0xc0 | 0xf0);
        let expected = if empty { ErrorKind::ConnectionLost } else { ErrorKind::Protocol };
        assert_eq!(reason.kind(), expected, "{bytes:02x?}: {reason}");
        line = broker.accept(false);
        proves_well(&client, &mut line);
    }
}

#[test]
fn what_a_server_must_not_send_ends_the_line_by_its_name() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let events = client.events();
    let publish = broker::publish;
    let mut cases: Vec<(Vec<u8>, &str)> = vec![
        (publish("", 0, 0, false, b"x"), "without a topic"),
        (publish("a/#", 1, 5, false, b"x"), "to the topic \"a/#\", which is a filter"),
        (publish("+", 2, 5, true, b"x"), "to the topic \"+\", which is a filter"),
        (publish("a\0b", 1, 5, false, b"x"), "with NUL"),
        (publish("t", 0, 0, true, b"x"), "DUP at QoS 0"),
        (broker::connack(false), "CONNACK a second time"),
        (Packet::PubAck(9).encode(level()), "PUBACK for packet id 9, which is not in use"),
        (Packet::PubRec(9).encode(level()), "PUBREC for packet id 9, which is not in use"),
        (Packet::PubComp(9).encode(level()), "PUBCOMP for packet id 9, which is not in use"),
        (broker::packet(0xc0, &[]), "PINGREQ, which only a client sends"),
    ];
    if level() == 5 {
        cases.extend([
            (broker::packet(0x10, b"\0\x04MQTT\x05\0\0\0\0\0\0"), "CONNECT, which only a client sends"),
            (broker::packet(0x82, b"\0\x01\0\0\x01t\0"), "SUBSCRIBE, which only a client sends"),
            (broker::packet(0xa2, b"\0\x01\0\0\x01t"), "UNSUBSCRIBE, which only a client sends"),
            // An alias that is not known, one with a topic; payload format 2; subscription identifier 0.
            (broker::packet(0x30, b"\0\0\x03\x23\0\x05x"), "topic alias 5"),
            (broker::packet(0x32, b"\0\x01t\0\x05\x03\x23\0\x05x"), "topic alias 5"),
            (broker::packet(0x30, b"\0\x01t\x02\x01\x02x"), "payload format 2"),
            (broker::packet(0x30, b"\0\x01t\x02\x0b\0x"), "subscription identifier 0"),
            // UNSUBACK of nothing, with two codes.
            (broker::packet(0xb0, b"\0\x09\0\0\0"), "UNSUBACK of 2 reason codes"),
        ]);
    } else {
        cases.extend([
            (broker::packet(0x10, b"\0\x04MQTT\x04\x02\0\0\0\x01c"), "CONNECT, which only a client sends"),
            (broker::packet(0x82, b"\0\x01\0\x01t\0"), "SUBSCRIBE, which only a client sends"),
            (broker::packet(0xa2, b"\0\x01\0\x01t"), "UNSUBSCRIBE, which only a client sends"),
            (broker::packet(0xe0, &[]), "DISCONNECT, which only a client sends"),
        ]);
    }
    for (bytes, words) in cases {
        // What came before it in the same segment counts, and it comes back every time.
        line.write(&[publish("t", 0, 0, false, words.as_bytes()), bytes].concat());
        let reason = lost(&events);
        assert_eq!(reason.kind(), ErrorKind::Protocol, "{words}: {reason}");
        assert!(reason.to_string().contains(words), "{words}: {reason}");
        assert_eq!(payloads(&client, 1), [words]);
        line = broker.accept(false);
        proves_well(&client, &mut line);
    }
}

#[test]
fn suback_has_a_code_for_each_filter() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let events = client.events();
    let filters = [("a", QoS::AtLeastOnce), ("b", QoS::AtMostOnce)];
    thread::scope(|scope| {
        let granted = scope.spawn(|| client.subscribe_many(&filters));
        for codes in [&[1][..], &[1, 0, 1]] {
            let id = line.expect(Kind::Subscribe).id();
            line.suback(id, codes);
            let reason = lost(&events);
            assert_eq!(reason.kind(), ErrorKind::Protocol, "{reason}");
            assert!(reason.to_string().contains("for 2 filters"), "{reason}");
            line = broker.accept(false);
        }
        let id = line.expect(Kind::Subscribe).id();
        line.suback(id, &[1, 0]);
        assert_eq!(granted.join().expect("no panic").expect("granted"), [QoS::AtLeastOnce, QoS::AtMostOnce]);
    });
    // The same where subscriptions are restored.
    drop(line);
    let mut line = broker.accept(false);
    let id = line.expect(Kind::Subscribe).id();
    line.suback(id, &[1]);
    let mut line = broker.accept(false);
    let restored = line.expect(Kind::Subscribe);
    assert_eq!(restored.filters().len(), 2);
    line.suback(restored.id(), &[1, 0]);
    proves_well(&client, &mut line);
}

#[test]
fn a_line_that_ends_within_a_packet_is_a_closed_one() {
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config());
    let events = client.events();
    line.write_and_close(&broker::publish("t", 0, 0, false, b"half")[..7]);
    let reason = lost(&events);
    assert_eq!(reason.kind(), ErrorKind::ConnectionLost, "{reason}");
    assert!(reason.to_string().contains("closed the connection"), "{reason}");
    let mut line = broker.accept(false);
    proves_well(&client, &mut line);
    assert!(client.try_recv().expect("alive").is_none());
}

#[test]
fn large_payloads_pass_both_ways() {
    const SIZE: usize = 1 << 20;
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().limits(lax().payload_len(SIZE)));
    let delivery = client.enqueue(Outgoing::new("t", QoS::ExactlyOnce, vec![b'x'; SIZE])).expect("accepted");
    let packet = line.expect(Kind::Publish);
    assert_eq!(packet.payload().len(), SIZE);
    line.answer(&packet);
    let release = line.expect(Kind::PubRel);
    line.answer(&release);
    delivery.wait().expect("complete");
    line.write(&broker::publish("t", 1, 1, false, &vec![b'y'; SIZE]));
    assert_eq!(payloads(&client, 1)[0].len(), SIZE);
    assert_eq!(line.expect(Kind::PubAck).id(), 1);
}

#[test]
fn what_the_codec_would_cut_off_is_refused_before() {
    let broker = Broker::start();
    let limits = lax().topic_len(65_535).payload_len(1_000);
    let (client, mut line) = broker.connect(broker.config().limits(limits));
    let long = "x".repeat(65_536);
    // rumqttc src/mqttbytes/mod.rs:276-280: `bytes.len() as u16`; src/client.rs:282-303: only wildcards are looked for.
    for topic in ["", "a\0b", "a/+", "#", &long] {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            assert_eq!(error(client.publish(topic, qos, "x")).kind(), ErrorKind::Invalid, "{topic:.10}");
        }
    }
    for filter in ["", "a\0b", "a/#/b", "a+", &long] {
        assert_eq!(error(client.subscribe(filter, QoS::AtLeastOnce)).kind(), ErrorKind::Invalid, "{filter:.10}");
        assert_eq!(error(client.subscription(filter, QoS::AtLeastOnce)).kind(), ErrorKind::Invalid);
        assert_eq!(error(client.unsubscribe(filter)).kind(), ErrorKind::Invalid);
    }
    assert_eq!(error(client.subscribe_many::<&str, QoS>(&[])).kind(), ErrorKind::Invalid);
    // rumqttc src/mqttbytes/v4/mod.rs:113-119: too large to be sent ends the connection, each time.
    assert_eq!(error(client.publish("t", QoS::AtLeastOnce, vec![0; 1_001])).kind(), ErrorKind::Invalid);
    let longest = "x".repeat(65_535);
    let delivery = client.enqueue(Outgoing::new(&longest, QoS::AtLeastOnce, vec![b'x'; 1_000])).expect("accepted");
    let packet = line.read().expect("a packet");
    assert_eq!(
        (packet.kind(), packet.topic().len(), packet.payload().len()),
        (Kind::Publish, 65_535, 1_000),
        "the first to go out"
    );
    line.answer(&packet);
    delivery.wait().expect("acknowledged");
    proves_well(&client, &mut line);
    assert_eq!(client.stats().connections, 1);
}

#[test]
fn a_login_too_long_for_mqtt_is_refused() {
    let broker = Broker::start();
    let long = "x".repeat(65_536);
    for credentials in [Credentials::custom_plain(&long, "secret"), Credentials::custom_plain("user", &long)] {
        let refused = broker.config().credentials(credentials.clone()).build().and_then(Client::connect);
        let refused = error(refused);
        assert!(refused.to_string().contains("65535") && !refused.to_string().contains("xxx"), "{refused}");
        // From a provider it comes only when the connection is made.
        let provider = Credentials::provider(move || Ok(credentials.clone()));
        let refused = error(Client::connect(broker.config().credentials(provider).build().expect("not asked yet")));
        assert!(refused.to_string().contains("65535"), "{refused}");
    }
    assert!(!broker.somebody_waits(), "nothing was dialled");
}

#[test]
fn messages_behind_connack_in_its_segment_are_kept() {
    // More than rumqttc reads in one go (src/framed.rs:33), and the end right behind them.
    const COUNT: u16 = 50;
    let broker = Broker::start();
    let config = broker.config().device_id("d").clean_session(false).build().expect("good");
    thread::scope(|scope| {
        let client = scope.spawn(|| Client::connect(config));
        let line = broker.accept_login();
        let mut bytes = broker::connack(false);
        for id in 1..=COUNT {
            bytes.extend(broker::publish("t", u8::from(id % 2 == 0), id, false, id.to_string().as_bytes()));
        }
        scope.spawn(move || line.write_and_close(&bytes));
        let client = client.join().expect("no panic").expect("connected");
        let expected: Vec<_> = (1..=COUNT).map(|id| id.to_string()).collect();
        assert_eq!(payloads(&client, COUNT.into()), expected);
        drop(broker.accept(true));
    });
}

#[test]
fn something_else_than_connack() {
    let unknown_code: &[u8] = if level() == 5 { &[0x20, 3, 0, 9, 0] } else { &[0x20, 2, 0, 9] };
    for answer in [&broker::publish("t", 0, 0, false, b"x")[..], &[0xd0, 0], unknown_code, &[0x20, 1, 0]] {
        let broker = Broker::start();
        let config = broker.config().build().expect("good");
        thread::scope(|scope| {
            let client = scope.spawn(|| Client::connect(config));
            let mut line = broker.accept_login();
            line.write(answer);
            // The library looks who is there.
            drop(broker.accept_raw());
            let refused = error(client.join().expect("no panic"));
            assert_eq!(refused.kind(), ErrorKind::Protocol, "{answer:02x?}: {refused}");
            assert!(refused.to_string().contains("stage: connack"), "{refused}");
        });
    }
}

#[test]
fn ipv6_with_and_without_tls() {
    let listen = || std::net::TcpListener::bind("[::1]:0");
    let Ok(listener) = listen() else { return };
    let broker = Broker::on(listener);
    let (client, mut line) = broker.connect(broker.config());
    proves_well(&client, &mut line);
    let broker = Broker::on(listen().expect("another port"));
    let endpoint = format!("mqtts://{}", broker.addr());
    let config = broker.config().endpoint(endpoint).build().expect("good");
    thread::scope(|scope| {
        let client = scope.spawn(|| Client::connect(config));
        let mut hello = broker.accept_raw();
        let mut first = [0; 1];
        hello.stream.read_exact(&mut first).expect("a byte");
        // rumqttc src/tls.rs:176: an address in brackets would be refused as a name, and nothing be sent.
        assert_eq!(first, [22], "a TLS handshake");
        hello.reset();
        drop(broker);
        error(client.join().expect("no panic"));
    });
}
