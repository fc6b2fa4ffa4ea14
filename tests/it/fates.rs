//! Promises 2 and 3: the fate of each message, told once and truly, whatever the connection does.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::broker::{Broker, Kind, Line, Packet};
use crate::support::{LONG, connected, error, event};
use aliyun_mqtt::{Client, ErrorKind, Event, Fate, Outgoing, QoS, Stage};

/// For what has to time out: long enough for a busy machine to do what comes before.
const SHORT: Duration = Duration::from_secs(4);

#[test]
fn publish_returns_for_its_own_acknowledgement_only() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let deliveries: Vec<_> = (0..3)
        .map(|n| client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, format!("{n}"))).expect("accepted"))
        .collect();
    let ids: Vec<u16> = (0..3).map(|_| line.expect(Kind::Publish).id()).collect();
    // The last one first, and an acknowledgement nobody waits for never comes into it.
    line.send(&Packet::PubAck(ids[2]));
    deliveries[2].wait().expect("acknowledged");
    assert_eq!(deliveries[0].try_wait().expect("pending"), None);
    assert_eq!(deliveries[1].wait_timeout(Duration::ZERO).expect("pending"), None);
    line.send(&Packet::PubAck(ids[0]));
    assert_eq!(deliveries[0].wait().expect("acknowledged").attempts, 1);
    line.send(&Packet::PubAck(ids[1]));
    deliveries[1].wait().expect("acknowledged");
}

#[test]
fn qos_2_is_done_at_pubcomp_not_before() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let delivery = client.enqueue(Outgoing::new("t", QoS::ExactlyOnce, "x")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    line.send(&Packet::PubRec(id));
    assert_eq!(line.expect(Kind::PubRel).id(), id);
    assert_eq!(delivery.try_wait().expect("pending"), None);
    line.send(&Packet::PubComp(id));
    delivery.wait().expect("complete");
}

#[test]
fn a_message_not_acknowledged_in_time_is_unknown_and_not_sent_again() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let events = client.events();
    let start = Instant::now();
    let error = error(client.with_timeout(SHORT).publish("t", QoS::AtLeastOnce, "late"));
    assert!(start.elapsed() >= SHORT && start.elapsed() < LONG, "{:?}", start.elapsed());
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout(Stage::Ack), Some(Fate::Unknown)));
    assert_eq!(line.expect(Kind::Publish).payload(), "late");
    drop(line);
    let mut line = broker.accept(false);
    connected(&events);
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "next")).expect("accepted");
    let publish = line.expect(Kind::Publish);
    assert_eq!(publish.payload(), "next", "what is settled is not sent again");
    line.send(&Packet::PubAck(publish.id()));
    delivery.wait().expect("acknowledged");
}

/// A client whose connection was lost after the packets of `prepare`, with its next connection held back until the
/// deadline of what it had in its outbox has passed, though nobody has looked.
fn connection_after_the_deadline(prepare: impl FnOnce(&Client, Option<&mut Line>), offline: bool) {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let events = client.events();
    let start = Instant::now();
    if offline {
        drop(line);
        event(&events, "lost", |event| matches!(event, Event::Disconnected { .. }).then_some(()));
        prepare(&client, None);
    } else {
        prepare(&client, Some(&mut line));
        drop(line);
    }
    let mut line = broker.accept_raw();
    line.read().expect("CONNECT");
    while start.elapsed() < SHORT {
        thread::park_timeout(SHORT - start.elapsed());
    }
    line.connack(false, 0);
    connected(&events);
    let next = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "next")).expect("accepted");
    let publish = line.expect(Kind::Publish);
    assert_eq!(publish.payload(), "next", "what is past its deadline does not go out");
    line.send(&Packet::PubAck(publish.id()));
    next.wait().expect("acknowledged");
    assert_eq!(error(client.flush(LONG)).kind(), ErrorKind::Undelivered { count: 1 });
}

#[test]
fn what_was_queued_is_not_sent_after_its_deadline_though_nobody_waits() {
    let publish = |client: &Client, _: Option<&mut Line>| {
        let short = client.with_timeout(SHORT / 2);
        drop(short.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "stale")).expect("accepted"));
    };
    connection_after_the_deadline(publish, true);
}

#[test]
fn what_was_written_is_not_sent_again_after_its_deadline_though_nobody_waits() {
    let publish = |client: &Client, line: Option<&mut Line>| {
        let short = client.with_timeout(SHORT / 2);
        drop(short.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "stale")).expect("accepted"));
        assert_eq!(line.expect("online").expect(Kind::Publish).payload(), "stale");
    };
    connection_after_the_deadline(publish, false);
}

#[test]
fn a_puback_does_not_end_qos_2() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let delivery = client.enqueue(Outgoing::new("t", QoS::ExactlyOnce, "x")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    line.send(&Packet::PubAck(id));
    let mut line = broker.accept(false);
    let again = line.expect(Kind::Publish).id();
    line.send(&Packet::PubRec(again));
    line.expect(Kind::PubRel);
    line.send(&Packet::PubComp(again));
    assert_eq!(delivery.wait().expect("complete").attempts, 2);
}

#[test]
fn acknowledgements_that_came_just_before_the_end_count() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    line.send(&Packet::PubAck(id));
    drop(line);
    assert_eq!(delivery.wait().expect("acknowledged").attempts, 1);
}

#[test]
fn qos_0_waits_for_a_connection_and_is_written_once() {
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config());
    let events = client.events();
    drop(line);
    event(&events, "disconnected", |event| matches!(event, Event::Disconnected { .. }).then_some(()));
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtMostOnce, "zero")).expect("accepted");
    let mut line = broker.accept(false);
    assert_eq!(line.expect(Kind::Publish).payload(), "zero");
    assert_eq!(delivery.wait().expect("written").attempts, 1);
}

#[test]
fn offline_a_deadline_says_not_sent_and_why() {
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config().backoff(LONG, LONG));
    let events = client.events();
    drop(line);
    event(&events, "disconnected", |event| matches!(event, Event::Disconnected { .. }).then_some(()));
    let _port = broker.stop();
    let error = error(client.with_timeout(Duration::from_millis(200)).publish("t", QoS::AtLeastOnce, "x"));
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout(Stage::Connect), Some(Fate::NotSent)));
    // The pause is random: by now a second attempt may have failed, too.
    assert!(error.to_string().contains("last failure: "), "{error}");
}

#[test]
fn dropping_the_client_settles_every_handle() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().window(2));
    let deliveries: Vec<_> = (0..4)
        .map(|n| client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, format!("{n}"))).expect("accepted"))
        .collect();
    line.expect(Kind::Publish);
    line.expect(Kind::Publish);
    drop(client);
    let fates: Vec<_> = deliveries.iter().map(|delivery| error(delivery.wait()).fate()).collect();
    let (unknown, not_sent) = (Some(Fate::Unknown), Some(Fate::NotSent));
    assert_eq!(fates, [unknown, unknown, not_sent, not_sent]);
}

#[test]
fn disconnect_names_what_was_not_delivered() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let delivery = client.enqueue(Outgoing::new("t/lost", QoS::AtLeastOnce, "x")).expect("accepted");
    line.expect(Kind::Publish);
    let report = error(client.with_timeout(Duration::from_millis(300)).disconnect());
    assert_eq!(report.kind(), ErrorKind::Undelivered { count: 1 });
    assert!(report.to_string().contains("t/lost"), "{report}");
    assert_eq!(error(delivery.wait()).fate(), Some(Fate::Unknown));
    line.expect(Kind::Disconnect);
    client.disconnect().expect("a second time does nothing");
    assert_eq!(error(client.publish("t", QoS::AtMostOnce, "x")).kind(), ErrorKind::Closed);
}

#[test]
fn flush_waits_for_all_and_reports_what_nobody_saw() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    drop(client.with_timeout(SHORT).enqueue(Outgoing::new("t/unseen", QoS::AtLeastOnce, "x")).expect("accepted"));
    line.expect(Kind::Publish);
    let delivery = client.enqueue(Outgoing::new("t/good", QoS::AtLeastOnce, "x")).expect("accepted");
    let good = line.expect(Kind::Publish).id();
    let early = error(client.flush(Duration::from_millis(10)));
    assert_eq!(early.kind(), ErrorKind::Timeout(Stage::Ack));
    assert!(early.to_string().contains('2'), "{early}");
    line.send(&Packet::PubAck(good));
    delivery.wait().expect("acknowledged");
    let report = error(client.flush(LONG));
    assert_eq!(report.kind(), ErrorKind::Undelivered { count: 1 });
    assert!(report.to_string().contains("t/unseen"), "{report}");
    client.flush(LONG).expect("reported once");
}

#[test]
fn a_subscription_waits_for_suback_and_shows_its_verdicts() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let granted = scope.spawn(|| client.subscribe_many(&[("a", QoS::ExactlyOnce), ("b", QoS::AtLeastOnce)]));
        let id = line.expect(Kind::Subscribe).id();
        line.suback(id, &[1, 0]);
        assert_eq!(granted.join().expect("no panic").expect("granted"), [QoS::AtLeastOnce, QoS::AtMostOnce]);
        let refused = scope.spawn(|| client.subscribe("c", QoS::AtLeastOnce));
        let id = line.expect(Kind::Subscribe).id();
        line.suback(id, &[0x80]);
        let error = error(refused.join().expect("no panic"));
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert_eq!(error.code(), Some(aliyun_mqtt::Code::SubAck(0x80)));
        assert!(error.to_string().contains("\"c\""), "{error}");
    });
}

#[test]
fn a_failure_is_reported_by_whoever_shows_it_first_and_once() {
    let broker = Broker::start();
    let (client, _line) = broker.connect(broker.config());
    let short = client.with_timeout(Duration::from_millis(50));
    let publish = || short.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    let seen = publish();
    error(seen.wait());
    drop(seen);
    client.flush(LONG).expect("somebody has seen it");
    let unseen = publish();
    client.flush(LONG).expect("somebody may still look");
    drop(unseen);
    assert_eq!(error(client.flush(LONG)).kind(), ErrorKind::Undelivered { count: 1 });
}

#[test]
fn flush_does_not_wait_for_what_comes_after_it() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let mut open = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "")).expect("accepted");
    thread::scope(|scope| {
        let flush = scope.spawn(|| client.flush(LONG));
        // There is always one that is not acknowledged.
        while !flush.is_finished() {
            let next = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "")).expect("accepted");
            let id = line.expect(Kind::Publish).id();
            line.send(&Packet::PubAck(id));
            open.wait().expect("acknowledged");
            open = next;
        }
        flush.join().expect("no panic").expect("those before it are settled");
    });
}

#[test]
fn flush_returns_when_the_last_one_is_settled_not_at_its_deadline() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().timeout(LONG * 10));
    let ack = |line: &mut Line| {
        let id = line.expect(Kind::Publish).id();
        line.send(&Packet::PubAck(id));
    };
    let held = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    let (told, hears) = mpsc::channel();
    let flusher = client.clone();
    thread::spawn(move || told.send(flusher.flush(LONG * 10).is_ok()));
    // Some round trips, so that it most likely waits by now; if it is late, it finds everything settled.
    for _ in 0..100 {
        let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "")).expect("accepted");
        ack(&mut line);
        delivery.wait().expect("acknowledged");
    }
    line.send(&Packet::PubAck(id));
    held.wait().expect("acknowledged");
    assert_eq!(hears.recv_timeout(LONG), Ok(true));
}
