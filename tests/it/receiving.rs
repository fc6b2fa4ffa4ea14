//! Promises 6 and 7: early messages count, queues are bounded, acknowledgements are given in order and only for what
//! the program has.

use std::thread;

use crate::support::broker::{Broker, Kind, Packet, lax};
use crate::support::{LONG, connected, event, eventually, mark, stream, text};
use aliyun_mqtt::{AckMode, Client, Event, Outgoing, QoS};

#[test]
fn messages_that_come_with_connack_are_kept() {
    let broker = Broker::start();
    let config = broker.config().build().expect("a good configuration");
    thread::scope(|scope| {
        let client = scope.spawn(|| Client::connect(config));
        let mut line = broker.accept_raw();
        line.read();
        // CONNACK, and a P2P message in the same segment.
        let both =
            [crate::support::broker::connack(false), crate::support::broker::publish("a/p2p", 0, 0, false, b"hey")];
        line.write(&both.concat());
        let client = client.join().expect("no panic").expect("connected");
        assert_eq!(text(client.recv_timeout(LONG).expect("alive").expect("a message").payload()), "hey");
    });
}

#[test]
fn taking_acknowledges_in_the_order_of_receipt() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    line.publish("t", 1, 11, false, "one");
    line.publish("t", 2, 12, false, "two");
    mark(&client, &mut line);
    assert_eq!(client.stats().unacknowledged, 2);
    assert_eq!(crate::support::payloads(&client, 3), ["one", "two", ""]);
    let ack = line.read().expect("PUBACK");
    assert_eq!(ack, Packet::PubAck(11));
    let ack = line.read().expect("PUBREC");
    assert_eq!(ack, Packet::PubRec(12));
    line.send(&Packet::PubRel(12));
    assert_eq!(line.expect(Kind::PubComp).id(), 12);
}

#[test]
fn by_hand_an_early_acknowledgement_waits_for_those_before_it() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().ack_mode(AckMode::Manual));
    line.publish("t", 1, 1, false, "one");
    line.publish("t", 1, 2, false, "two");
    let one = client.recv().expect("one");
    let two = client.recv().expect("two");
    two.ack().expect("noted");
    line.publish("t", 1, 1, true, "one");
    mark(&client, &mut line);
    assert_eq!(client.stats().redelivered, 1, "in the program's hands: not queued twice");
    one.ack().expect("noted");
    assert_eq!([line.expect(Kind::PubAck).id(), line.expect(Kind::PubAck).id()], [1, 2]);
    one.ack().expect("a second time does nothing");
    two.clone().ack().expect("nor on a clone");
}

#[test]
fn on_arrival_means_at_once() {
    let broker = Broker::start();
    let (_client, mut line) = broker.connect(broker.config().ack_mode(AckMode::OnArrival));
    line.publish("t", 1, 9, false, "x");
    assert_eq!(line.expect(Kind::PubAck).id(), 9);
}

#[test]
fn a_redelivery_on_a_resumed_session_is_not_queued_twice() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().device_id("d").clean_session(false));
    let events = client.events();
    line.publish("t", 1, 5, false, "five");
    line.publish("t", 2, 6, false, "six");
    mark(&client, &mut line);
    drop(line);
    let mut line = broker.accept(true);
    connected(&events);
    line.publish("t", 1, 5, true, "five");
    line.publish("t", 2, 6, true, "six");
    mark(&client, &mut line);
    assert_eq!(crate::support::payloads(&client, 4), ["five", "six", "", ""]);
    assert_eq!(line.expect(Kind::PubAck).id(), 5, "acknowledged on the new connection");
    assert_eq!(line.expect(Kind::PubRec).id(), 6);
    drop(line);
    // The broker did not get PUBREC, or PUBREL is still to come: neither may deliver again, or break the line.
    let mut line = broker.accept(true);
    connected(&events);
    line.publish("t", 2, 6, true, "six");
    assert_eq!(line.expect(Kind::PubRec).id(), 6);
    line.send(&Packet::PubRel(6));
    assert_eq!(line.expect(Kind::PubComp).id(), 6);
    assert!(client.try_recv().expect("alive").is_none());
}

#[test]
fn a_release_of_an_unknown_id_is_answered() {
    let broker = Broker::start();
    let config = broker.config().device_id("d").clean_session(false).build().expect("a good configuration");
    thread::scope(|scope| {
        let client = scope.spawn(|| Client::connect(config));
        // An exchange that an earlier process left open; the broker repeats PUBREL until it is answered.
        let mut line = broker.accept(true);
        let client = client.join().expect("no panic").expect("connected");
        for id in [7, 7, 60_000] {
            line.send(&Packet::PubRel(id));
            assert_eq!(line.expect(Kind::PubComp).id(), id);
        }
        mark(&client, &mut line);
    });
    // On a new session as well: MQTT-4.3.3-2 knows no exception.
    let (client, mut line) = broker.connect(broker.config());
    drop(stream(&client, &mut line, "t"));
    for id in [7, 60_000] {
        line.send(&Packet::PubRel(id));
        assert_eq!(line.expect(Kind::PubComp).id(), id);
    }
    line.publish("t", 2, 9, false, "nine");
    assert_eq!(crate::support::payloads(&client, 1), ["nine"]);
    assert_eq!(line.expect(Kind::PubRec).id(), 9);
    for _ in 0..2 {
        line.send(&Packet::PubRel(9));
        assert_eq!(line.expect(Kind::PubComp).id(), 9);
    }
}

#[test]
fn a_full_inbox_drops_qos_0_and_leaves_the_rest_to_the_broker() {
    let broker = Broker::start();
    let limits = lax().inbox(1, 10_000);
    let (client, mut line) = broker.connect(broker.config().limits(limits));
    let events = client.events();
    line.publish("t", 1, 1, false, "kept");
    line.publish("t", 1, 2, false, "refused");
    line.publish("t", 0, 0, false, "dropped");
    event(&events, "full", |event| matches!(event, Event::InboxFull).then_some(()));
    eventually("both counted", || client.stats().dropped_full == 1);
    assert_eq!((client.stats().refused_full, client.stats().received), (1, 1));
    // The line lives on: nothing here waits for the program to take a message.
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    line.send(&Packet::PubAck(id));
    delivery.wait().expect("acknowledged");
    assert_eq!(crate::support::payloads(&client, 1), ["kept"]);
    assert_eq!(line.expect(Kind::PubAck).id(), 1);
    // A refused message is not acknowledged, does not hold back what follows, and may come again.
    line.publish("t", 1, 2, true, "refused");
    assert_eq!(crate::support::payloads(&client, 1), ["refused"]);
    assert_eq!(line.expect(Kind::PubAck).id(), 2);
    assert!(events.try_recv().is_none(), "announced once");
}
