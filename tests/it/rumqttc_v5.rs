//! What the codec underneath does wrong with MQTT 5, and what a broker may say to trip a client: each case once.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::broker::{Broker, Kind, Line, Packet, connack_with};
use crate::support::{LONG, connected, error, event, eventually};
use aliyun_mqtt::{Client, Code, ConfigBuilder, ErrorKind, Event, Fate, Outgoing, Protocol, QoS};

fn v5(broker: &Broker) -> ConfigBuilder {
    broker.config().protocol(Protocol::V5)
}

/// A client, and its first connection with these properties in CONNACK.
fn connect_with(broker: &Broker, builder: ConfigBuilder, properties: &[u8]) -> (Client, Line) {
    broker.connect_by(builder, |broker| broker.accept_with(false, properties))
}

fn lost(events: &aliyun_mqtt::Events) -> aliyun_mqtt::Error {
    event(events, "lost", |event| match event {
        Event::Disconnected { reason, .. } => Some(reason),
        _ => None,
    })
}

/// So many QoS 2 messages, which the broker refuses.
fn refuse(client: &Client, line: &mut Line, count: usize) {
    thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            let accepted = |_| client.enqueue(Outgoing::new("no", QoS::ExactlyOnce, "")).expect("accepted");
            let deliveries: Vec<_> = (0..count).map(accepted).collect();
            deliveries.iter().map(|delivery| error(delivery.wait())).collect::<Vec<_>>()
        });
        for _ in 0..count {
            let id = line.expect(Kind::Publish).id();
            line.send_with(&Packet::PubRec(id), 0x87, "");
        }
        for refused in publisher.join().expect("no panic") {
            assert_eq!((refused.kind(), refused.fate()), (ErrorKind::Rejected, Some(Fate::Refused)));
            assert_eq!(refused.code(), Some(Code::PubRec(0x87)));
        }
    });
}

#[test]
fn refused_messages_do_not_use_up_the_line() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(v5(&broker));
    // Exchanges of every kind are open meanwhile, and go on afterwards.
    let held_1 = client.enqueue(Outgoing::new("held/1", QoS::AtLeastOnce, "")).expect("accepted");
    let id_1 = line.expect(Kind::Publish).id();
    let held_2 = client.enqueue(Outgoing::new("held/2", QoS::ExactlyOnce, "")).expect("accepted");
    let id_2 = line.expect(Kind::Publish).id();
    line.send(&Packet::PubRec(id_2));
    line.expect(Kind::PubRel);
    line.publish("in", 2, 77, false, "incoming");
    assert_eq!(crate::support::payloads(&client, 1), ["incoming"]);
    assert_eq!(line.expect(Kind::PubRec).id(), 77);
    // rumqttc's count is made anew after half of its 400 packet ids, and the ids that are held are passed over.
    refuse(&client, &mut line, 1_000);
    line.send(&Packet::PubAck(id_1));
    line.send(&Packet::PubComp(id_2));
    line.send(&Packet::PubRel(77));
    assert_eq!(line.expect(Kind::PubComp).id(), 77);
    held_1.wait().expect("acknowledged");
    held_2.wait().expect("complete");
    // Beyond its highest packet id it would stop sending for ever.
    refuse(&client, &mut line, 2_000);
    let last = client.enqueue(Outgoing::new("t", QoS::ExactlyOnce, "")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    line.send(&Packet::PubRec(id));
    line.expect(Kind::PubRel);
    line.send(&Packet::PubComp(id));
    assert_eq!(last.wait().expect("complete").attempts, 1);
    assert_eq!(client.stats().connections, 1);
}

#[test]
fn the_window_shrinks_to_the_receive_maximum_and_ids_do_not() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(v5(&broker));
    let events = client.events();
    for _ in 0..10 {
        let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "")).expect("accepted");
        let id = line.expect(Kind::Publish).id();
        line.send(&Packet::PubAck(id));
        delivery.wait().expect("acknowledged");
    }
    drop(line);
    let mut line = broker.accept_with(false, &[0x21, 0, 3]);
    connected(&events);
    let deliveries: Vec<_> =
        (0..12).map(|_| client.enqueue(Outgoing::new("t", QoS::ExactlyOnce, "")).expect("accepted")).collect();
    let mut ids: Vec<u16> = (0..3).map(|_| line.expect(Kind::Publish).id()).collect();
    for _ in 3..12 {
        line.quiet();
        let id = ids.remove(0);
        line.send(&Packet::PubRec(id));
        assert_eq!(line.expect(Kind::PubRel).id(), id);
        // Only PUBCOMP makes room.
        line.send(&Packet::PubComp(id));
        ids.push(line.expect(Kind::Publish).id());
    }
    assert!(ids.iter().all(|id| *id > 3), "ids run on: {ids:?}");
    for id in ids {
        line.send(&Packet::PubRec(id));
        line.expect(Kind::PubRel);
        line.send(&Packet::PubComp(id));
    }
    deliveries.iter().for_each(|delivery| assert_eq!(delivery.wait().expect("complete").attempts, 1));
}

#[test]
fn with_a_receive_maximum_of_one_everything_goes_one_by_one() {
    let broker = Broker::start();
    let (client, mut line) = connect_with(&broker, v5(&broker), &[0x21, 0, 1]);
    for _ in 0..5 {
        thread::scope(|scope| {
            let granted = scope.spawn(|| client.subscribe("a/#", QoS::AtLeastOnce));
            crate::support::broker::grant(&mut line);
            granted.join().expect("no panic").expect("granted");
        });
        let deliveries = [(); 2].map(|()| client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "")).expect("accepted"));
        for delivery in deliveries {
            let id = line.expect(Kind::Publish).id();
            line.send(&Packet::PubAck(id));
            delivery.wait().expect("acknowledged");
        }
    }
    assert_eq!(client.stats().connections, 1);
}

#[test]
fn a_token_is_uploaded_within_the_receive_maximum() {
    let broker = Broker::start();
    let token = |text: &str| aliyun_mqtt::Token::new(aliyun_mqtt::TokenKind::ReadWrite, text);
    let builder = v5(&broker).credentials(aliyun_mqtt::Credentials::token("ak", "RW|first"));
    let (client, mut line) = connect_with(&broker, builder, &[0x21, 0, 1]);
    let held = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    thread::scope(|scope| {
        let upload = scope.spawn(|| client.upload_token(token("second")));
        line.quiet();
        line.send(&Packet::PubAck(id));
        held.wait().expect("acknowledged");
        let publish = line.expect(Kind::Publish);
        assert_eq!(publish.topic(), "$SYS/uploadToken");
        line.send_with(&Packet::PubAck(publish.id()), 0x87, "not this one");
        let refused = error(upload.join().expect("no panic"));
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Rejected, Some(Code::PubAck(0x87))), "{refused}");
    });
    let next = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    line.send(&Packet::PubAck(id));
    next.wait().expect("the line lives on");
}

/// Fills the line of a broker that has stopped reading.
fn fill(client: &Client) {
    for _ in 0..100 {
        drop(client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, vec![0; 65_000])).expect("accepted"));
    }
}

#[test]
fn a_write_that_hangs_gives_up_the_line() {
    let broker = Broker::start();
    let config = v5(&broker).keep_alive(Duration::from_secs(5)).timeout(Duration::from_secs(1));
    let (client, line) = broker.connect(config);
    let events = client.events();
    let start = Instant::now();
    fill(&client.with_timeout(LONG));
    let late = error(client.publish("t", QoS::AtLeastOnce, ""));
    assert!(late.is_timeout() && start.elapsed() < LONG / 2, "{late}");
    let reason = lost(&events);
    assert!(reason.to_string().contains("stopped reading"), "{reason}");
    drop(line);
    let mut line = broker.accept(false);
    assert_eq!(line.expect(Kind::Publish).topic(), "t");
}

#[test]
fn a_client_whose_write_hangs_can_be_dropped() {
    let broker = Broker::start();
    let config = v5(&broker).keep_alive(Duration::from_secs(5)).timeout(Duration::from_secs(1));
    let (client, _line) = broker.connect(config);
    fill(&client.with_timeout(LONG));
    let start = Instant::now();
    drop(client);
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    eventually("the worker has ended", || aliyun_mqtt::stranded_workers() == 0);
}

#[test]
fn what_the_broker_says_when_it_leaves_is_told_where_it_can_be_read() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(v5(&broker));
    let events = client.events();
    let taken_over = [&[0xe0, 2 + 5 - 1, 0x8e][..], &crate::support::broker::reason_string("x")].concat();
    for (packet, code, text) in [
        // Legal, but rumqttc throws it away.
        (&[0xe0, 1, 0x8e][..], None, "could not be read"),
        (&[0xe0, 0], None, "could not be read"),
        (&[0xe0, 2, 0x8b, 0], Some(0x8b), "shutting down"),
        (&taken_over, Some(0x8e), "says: x"),
        (&[], None, "could not be read"),
    ] {
        line.write(packet);
        drop(line);
        let reason = lost(&events);
        assert_eq!(reason.kind(), ErrorKind::ConnectionLost, "{packet:x?}: {reason}");
        assert_eq!(reason.code(), code.map(Code::Disconnect), "{packet:x?}: {reason}");
        assert!(reason.to_string().contains(text), "{packet:x?}: {reason}");
        line = broker.accept(false);
        connected(&events);
    }
}

#[test]
fn a_broker_that_leaves_for_reasons_of_its_own_makes_no_suspects() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(v5(&broker));
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "")).expect("accepted");
    for _ in 0..5 {
        line.expect(Kind::Publish);
        line.write(&[0xe0, 2, 0x8b, 0]);
        drop(line);
        line = broker.accept(false);
    }
    let id = line.expect(Kind::Publish).id();
    line.send(&Packet::PubAck(id));
    assert_eq!(delivery.wait().expect("acknowledged").attempts, 6);
}

/// Reads so many pings, answering them.
fn pings(line: &mut Line, count: usize) -> Duration {
    let start = Instant::now();
    for _ in 0..count {
        line.expect(Kind::PingReq);
        line.write(&[0xd0, 0]);
    }
    start.elapsed()
}

#[test]
fn a_server_keep_alive_of_zero_makes_no_storm() {
    let broker = Broker::start();
    let (_client, mut line) = connect_with(&broker, v5(&broker).keep_alive(Duration::from_secs(5)), &[0x13, 0, 0]);
    // One at once, from a timer that had been set before, and then as configured.
    assert!(pings(&mut line, 2) > Duration::from_secs(4));
}

#[test]
fn the_servers_keep_alive_counts_however_short() {
    let broker = Broker::start();
    let (_client, mut line) = connect_with(&broker, v5(&broker).keep_alive(Duration::from_secs(480)), &[0x13, 0, 1]);
    assert!(pings(&mut line, 2) < LONG);
}

#[test]
fn what_connack_forbids_is_refused_here() {
    let broker = Broker::start();
    // Maximum QoS 1, maximum packet size 60, no wildcards, no identifiers.
    let limits = [0x24, 1, 0x27, 0, 0, 0, 60, 0x28, 0, 0x29, 0];
    let (client, mut line) = connect_with(&broker, v5(&broker), &limits);
    let not_sent = |result: aliyun_mqtt::Result<()>, why: &str| {
        let error = error(result);
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Invalid, Some(Fate::NotSent)), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    };
    not_sent(client.publish("t", QoS::ExactlyOnce, ""), "up to QoS 1");
    not_sent(client.publish("t", QoS::AtMostOnce, "x".repeat(60)), "60 at most");
    not_sent(client.subscribe("a/#", QoS::AtLeastOnce).map(drop), "wildcards");
    not_sent(client.subscribe("a".repeat(60), QoS::AtLeastOnce).map(drop), "60 at most");
    let options = aliyun_mqtt::SubscribeOptions::new(QoS::AtLeastOnce).identifier(1);
    not_sent(client.subscribe("a", options).map(drop), "identifiers");
    not_sent(client.unsubscribe("a".repeat(60)), "60 at most");
    // Exactly as large as allowed: header 2, topic 3, id 2, properties 1.
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x".repeat(52))).expect("accepted");
    let publish = line.expect(Kind::Publish);
    assert_eq!(publish.message().wire_len, 60);
    line.send(&Packet::PubAck(publish.id()));
    delivery.wait().expect("acknowledged");
    not_sent(client.publish("t", QoS::AtLeastOnce, "x".repeat(53)), "61 bytes");
    assert_eq!(client.stats().connections, 1);
}

#[test]
fn what_a_later_connection_forbids_is_not_sent_on_it() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(v5(&broker));
    let events = client.events();
    for filter in ["a/one/a/rather/long/filter", "a/two/a/rather/long/filter"] {
        thread::scope(|scope| {
            let granted = scope.spawn(|| client.subscribe(filter, QoS::AtLeastOnce));
            crate::support::broker::grant(&mut line);
            granted.join().expect("no panic").expect("granted");
        });
    }
    let written = client.enqueue(Outgoing::new("t", QoS::ExactlyOnce, "")).expect("accepted");
    line.expect(Kind::Publish);
    drop(line);
    lost(&events);
    let mut line = broker.accept_with(false, &[0x24, 1, 0x27, 0, 0, 0, 50]);
    // Together they would be too large.
    for expected in ["a/one/a/rather/long/filter", "a/two/a/rather/long/filter"] {
        let subscribe = line.expect(Kind::Subscribe);
        assert_eq!(subscribe.filters(), [(expected.to_string(), 1)]);
        line.suback(subscribe.id(), &[1]);
    }
    let refused = error(written.wait());
    assert_eq!((refused.kind(), refused.fate()), (ErrorKind::Invalid, Some(Fate::Unknown)), "{refused}");
    assert_eq!(client.stats().connections, 2);
}

#[test]
fn a_receive_maximum_of_zero_is_no_connack() {
    let broker = Broker::start();
    let config = v5(&broker);
    let (_, refused) = broker.refuse(config, &connack_with(false, &[0x21, 0, 0]));
    assert_eq!(refused.kind(), ErrorKind::Protocol, "{refused}");
}

#[test]
fn a_broker_without_mqtt_5_is_named() {
    // As 3.1.1 says it: without what MQTT 5 wants behind the code.
    for answer in [&[0x20, 2, 0, 1][..], &[0x20, 3, 0, 1, 0], &[0x20, 3, 0, 0x84, 0]] {
        let broker = Broker::start();
        let config = v5(&broker);
        let (_, refused) = broker.refuse(config, answer);
        assert!(refused.hint().is_some_and(|hint| hint.contains("set protocol to 3.1.1")), "{refused}");
    }
}

/// To rumqttc the reason code 1 is that of CONNACK, in whatever packet; only CONNACK may end a client for good.
#[test]
fn a_packet_with_code_1_in_place_of_connack_is_no_refusal_for_good() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(v5(&broker));
    let events = client.events();
    let comes_again = || {
        event(&events, "lost", |event| match event {
            Event::Disconnected { retry_in, .. } => Some(retry_in.is_some()),
            _ => None,
        })
    };
    for answer in [&[0x70, 3, 0, 1, 1][..], &[0x40, 4, 0, 1, 1, 0], &[0xe0, 2, 1, 0]] {
        drop(line);
        assert!(comes_again());
        let mut other = broker.accept_login();
        other.write(answer);
        assert!(comes_again(), "{answer:x?}");
        line = broker.accept(false);
        let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "")).expect("alive");
        let id = line.expect(Kind::Publish).id();
        line.send(&Packet::PubAck(id));
        delivery.wait().expect("acknowledged");
    }
}
