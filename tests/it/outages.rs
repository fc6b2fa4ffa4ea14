//! Promises 3 and 9: what a client does when a broker goes and comes back, and the line breaks meanwhile.

use std::thread;
use std::time::Duration;

use crate::support::broker::{Broker, Kind, Packet, grant};
use crate::support::{LONG, connected, error, event, eventually};
use aliyun_mqtt::{Client, ErrorKind, Event, Fate, Outgoing, QoS};

/// For what has to time out: long enough for a busy machine to do what comes before.
const SHORT: Duration = Duration::from_secs(4);

#[test]
fn the_next_attempt_does_not_wait_for_a_look_at_who_closed_the_last_one() {
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config());
    drop(line);
    let mut cut_short = broker.accept_raw();
    assert_eq!(cut_short.read().expect("a packet").kind(), Kind::Connect, "CONNECT");
    drop(cut_short);
    let mut next = broker.accept_raw();
    assert_eq!(next.read().expect("a packet").kind(), Kind::Connect, "CONNECT, and no look into what speaks here");
    next.connack(false, 0);
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    let id = next.expect(Kind::Publish).id();
    next.send(&Packet::PubAck(id));
    delivery.wait().expect("acknowledged");
}

#[test]
fn a_new_session_whose_connack_was_lost_gets_the_subscriptions_all_the_same() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().device_id("kept").clean_session(false));
    let events = client.events();
    thread::scope(|scope| {
        let own = scope.spawn(|| client.subscribe("a/b", QoS::AtLeastOnce));
        grant(&mut line);
        own.join().expect("no panic").expect("subscribed");
    });
    drop(line);
    // The broker has lost everything, and makes a new session; its word of it does not arrive.
    let mut lost = broker.accept_raw();
    assert_eq!(lost.expect(Kind::Connect).kind(), Kind::Connect);
    drop(lost);
    let mut line = broker.accept(true);
    let restored = line.read().expect("a packet");
    assert_eq!(restored.kind(), Kind::Subscribe, "SUBSCRIBE, although the session is present");
    line.suback(restored.id(), &[1]);
    connected(&events);
    drop(line);
    // Once it is known to have them, a kept session needs no more.
    let mut line = broker.accept(true);
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    let next = line.read().expect("a packet");
    assert_eq!(next.kind(), Kind::Publish, "no SUBSCRIBE");
    line.send(&Packet::PubAck(next.id()));
    delivery.wait().expect("acknowledged");
}

#[test]
fn a_lost_session_makes_qos_1_and_2_go_out_again() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let one = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "one")).expect("accepted");
    let two = client.enqueue(Outgoing::new("t", QoS::ExactlyOnce, "two")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    let id_two = line.expect(Kind::Publish).id();
    assert_ne!(id, id_two);
    line.send(&Packet::PubRec(id_two));
    line.expect(Kind::PubRel);
    drop(line);
    let mut line = broker.accept(false);
    let again = line.expect(Kind::Publish);
    assert_eq!((again.payload().as_str(), again.dup()), ("one", false), "a new session: a new message");
    let again_two = line.expect(Kind::Publish);
    assert_eq!(again_two.payload(), "two", "PUBREC of a lost session counts for nothing");
    line.send(&Packet::PubAck(again.id()));
    line.send(&Packet::PubRec(again_two.id()));
    line.expect(Kind::PubRel);
    line.send(&Packet::PubComp(again_two.id()));
    assert_eq!(one.wait().expect("acknowledged").attempts, 2);
    assert_eq!(two.wait().expect("acknowledged").attempts, 2);
}

#[test]
fn a_resumed_session_goes_on_with_the_same_ids_and_dup() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().device_id("d1").clean_session(false));
    let one = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "one")).expect("accepted");
    let two = client.enqueue(Outgoing::new("t", QoS::ExactlyOnce, "two")).expect("accepted");
    let three = client.enqueue(Outgoing::new("t", QoS::ExactlyOnce, "three")).expect("accepted");
    let ids: Vec<u16> = (0..3).map(|_| line.expect(Kind::Publish).id()).collect();
    line.send(&Packet::PubRec(ids[1]));
    assert_eq!(line.expect(Kind::PubRel).id(), ids[1]);
    drop(line);
    let mut line = broker.accept(true);
    let first = line.expect(Kind::Publish);
    assert_eq!((first.payload().as_str(), first.dup(), first.id()), ("one", true, ids[0]));
    let release = line.read().expect("PUBREL");
    assert_eq!(release, Packet::PubRel(ids[1]), "after PUBREC only PUBREL is repeated");
    let third = line.expect(Kind::Publish);
    assert_eq!((third.payload().as_str(), third.dup(), third.id()), ("three", true, ids[2]));
    let four = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "four")).expect("accepted");
    let fourth = line.expect(Kind::Publish);
    assert!(!ids.contains(&fourth.id()), "the ids of the resumed session are taken");
    line.send(&Packet::PubAck(ids[0]));
    line.send(&Packet::PubComp(ids[1]));
    line.send(&Packet::PubRec(ids[2]));
    line.expect(Kind::PubRel);
    line.send(&Packet::PubComp(ids[2]));
    line.send(&Packet::PubAck(fourth.id()));
    for delivery in [one, two, three, four] {
        delivery.wait().expect("acknowledged");
    }
}

#[test]
fn a_kept_session_that_was_lost_half_way_gets_its_subscriptions_all_the_same() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().device_id("d").clean_session(false));
    let events = client.events();
    thread::scope(|scope| {
        let granted = scope.spawn(|| client.subscribe("a/#", QoS::AtLeastOnce));
        grant(&mut line);
        granted.join().expect("no panic").expect("granted");
    });
    drop(line);
    // The broker lost the session and makes a new one; the line breaks before it has the subscription.
    let mut line = broker.accept(false);
    line.expect(Kind::Subscribe);
    drop(line);
    let mut line = broker.accept(true);
    let subscribe = line.read().expect("a packet");
    assert_eq!(subscribe.kind(), Kind::Subscribe);
    line.suback(subscribe.id(), &[1]);
    connected(&events);
    drop(line);
    let mut line = broker.accept(true);
    connected(&events);
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    let publish = line.read().expect("a packet");
    assert_eq!(publish.kind(), Kind::Publish, "now it has it");
    line.send(&Packet::PubAck(publish.id()));
    delivery.wait().expect("acknowledged");
}

#[test]
fn the_order_flag_finds_a_free_id_on_a_resumed_session() {
    let broker = Broker::start();
    let config = broker.config().device_id("d").clean_session(false).ordered(true).build().expect("good");
    let (client, mut line) = thread::scope(|scope| {
        let client = scope.spawn(|| Client::connect(config));
        let mut line = broker.accept(false);
        let flag = line.expect(Kind::Publish).id();
        line.send(&Packet::PubAck(flag));
        (client.join().expect("no panic").expect("connected"), line)
    });
    let straggler = client.enqueue(Outgoing::new("t/straggler", QoS::AtLeastOnce, "")).expect("accepted");
    let held = line.expect(Kind::Publish).id();
    // All ids go round, up to the one that is held.
    let mut id = held;
    while id != if held == 1 { 1024 } else { held - 1 } {
        let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "")).expect("accepted");
        id = line.expect(Kind::Publish).id();
        line.send(&Packet::PubAck(id));
        delivery.wait().expect("acknowledged");
    }
    drop(line);
    let mut line = broker.accept(true);
    let flag = line.expect(Kind::Publish);
    assert_eq!(flag.topic(), "$SYS/enableOrderMsg");
    assert_ne!(flag.id(), held);
    line.send(&Packet::PubAck(flag.id()));
    let again = line.expect(Kind::Publish);
    assert_eq!((again.topic().as_str(), again.id(), again.dup()), ("t/straggler", held, true));
    line.send(&Packet::PubAck(held));
    straggler.wait().expect("acknowledged");
}

#[test]
fn subscriptions_come_back_before_messages_do() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let granted = scope.spawn(|| client.subscribe("a/#", QoS::AtLeastOnce));
        grant(&mut line);
        granted.join().expect("no panic").expect("granted");
    });
    drop(line);
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    let mut line = broker.accept(false);
    let subscribe = line.read().expect("a packet");
    assert_eq!(subscribe.kind(), Kind::Subscribe, "before any message");
    line.suback(subscribe.id(), &[1]);
    let publish = line.expect(Kind::Publish);
    line.send(&Packet::PubAck(publish.id()));
    delivery.wait().expect("acknowledged");
    eventually("connected", || client.is_connected());
}

#[test]
fn what_is_unsubscribed_is_not_restored_though_the_broker_never_heard_of_it() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().window(1));
    thread::scope(|scope| {
        let own = scope.spawn(|| client.subscribe("a", QoS::AtLeastOnce));
        grant(&mut line);
        own.join().expect("no panic").expect("subscribed");
    });
    let held = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "")).expect("accepted");
    line.expect(Kind::Publish);
    assert_eq!(error(client.with_timeout(SHORT).unsubscribe("a")).fate(), Some(Fate::NotSent));
    drop(line);
    let mut line = broker.accept(false);
    let first = line.read().expect("a packet");
    assert_eq!(first.kind(), Kind::Publish, "no SUBSCRIBE");
    line.send(&Packet::PubAck(first.id()));
    held.wait().expect("acknowledged");
}

#[test]
fn a_line_that_was_cured_comes_back_at_once() {
    let min = Duration::from_millis(10);
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().backoff(min, LONG));
    let events = client.events();
    let pause = || {
        event(&events, "cut", |event| match event {
            Event::Disconnected { retry_in, .. } => Some(retry_in),
            _ => None,
        })
    };
    // A topic of its own each time: a topic is found once.
    for topic in ["bad/1", "bad/2", "bad/3", "bad/4"] {
        let bad = client.enqueue(Outgoing::new(topic, QoS::AtLeastOnce, "")).expect("accepted");
        for _ in 0..2 {
            line.expect(Kind::Publish);
            drop(line);
            pause();
            line = broker.accept(false);
        }
        line.expect(Kind::Publish);
        drop(line);
        assert!(pause() <= Some(min), "the cause is out");
        assert_eq!(error(bad.wait()).kind(), ErrorKind::SuspectedRefusal);
        line = broker.accept(false);
        let good = client.enqueue(Outgoing::new("good", QoS::AtLeastOnce, "")).expect("accepted");
        let id = line.expect(Kind::Publish).id();
        line.send(&Packet::PubAck(id));
        good.wait().expect("acknowledged");
    }
}

#[test]
fn a_filter_unsubscribed_while_it_is_restored_stays_away() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let events = client.events();
    thread::scope(|scope| {
        let own = scope.spawn(|| client.subscribe("a", QoS::AtLeastOnce));
        grant(&mut line);
        own.join().expect("no panic").expect("subscribed");
    });
    drop(line);
    let mut line = broker.accept(false);
    let restore = line.expect(Kind::Subscribe).id();
    let failed = error(client.with_timeout(SHORT).unsubscribe("a"));
    assert_eq!(failed.fate(), Some(Fate::NotSent));
    line.suback(restore, &[1]);
    connected(&events);
    drop(line);
    let mut line = broker.accept(false);
    let _delivery = client.enqueue(Outgoing::new("z", QoS::AtLeastOnce, "")).expect("accepted");
    assert_eq!(
        line.read().expect("a packet").kind(),
        Kind::Publish,
        "unsubscribe says: not subscribed again after a reconnect"
    );
}
