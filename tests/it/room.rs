//! Promise 7: room for messages that are sent. The outbox and the window are bounded, and waiting for them ends in
//! time.

use std::thread;
use std::time::Duration;

use crate::support::broker::{Broker, Kind, Packet, lax};
use crate::support::{LONG, error};
use aliyun_mqtt::{ErrorKind, Fate, Outgoing, QoS, Stage};

/// For what has to time out: long enough for a busy machine to do what comes before.
const SHORT: Duration = Duration::from_secs(4);

#[test]
fn answers_that_never_come_do_not_hold_the_window_for_ever() {
    let broker = Broker::start();
    let config = broker.config().window(1).timeout(Duration::from_secs(1)).keep_alive(Duration::from_secs(5));
    let (client, mut line) = broker.connect(config);
    error(client.with_timeout(SHORT / 2).publish("t", QoS::AtLeastOnce, "swallowed"));
    line.expect(Kind::Publish);
    let delivery =
        client.with_timeout(LONG).enqueue(Outgoing::new("t", QoS::AtLeastOnce, "behind it")).expect("accepted");
    // The line is alive: pings are answered. Only the acknowledgement is missing.
    thread::scope(|scope| {
        scope.spawn(|| {
            while let Some(packet) = line.read() {
                if packet.kind() == Kind::PingReq {
                    line.write(&[0xd0, 0]);
                }
            }
        });
        let mut line = broker.accept(false);
        let publish = line.expect(Kind::Publish);
        assert_eq!(publish.payload(), "behind it");
        line.send(&Packet::PubAck(publish.id()));
        delivery.wait().expect("acknowledged on a new connection");
    });
}

#[test]
fn waiting_for_room_ends_at_the_callers_time_out_not_at_the_messages_age() {
    let broker = Broker::start();
    let config = broker.config().limits(lax().outbox(1, 1_000)).message_age(LONG * 10);
    let (client, _line) = broker.connect(config);
    let _held = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("room");
    let late = error(client.with_timeout(Duration::from_millis(50)).enqueue(Outgoing::new("t", QoS::AtLeastOnce, "y")));
    assert_eq!((late.kind(), late.fate()), (ErrorKind::Timeout(Stage::Window), Some(Fate::NotSent)));
}

#[test]
fn a_full_window_holds_messages_back_and_their_time_out_says_not_sent() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().window(1));
    let first = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "first")).expect("accepted");
    let error = error(client.with_timeout(SHORT).publish("t", QoS::AtLeastOnce, "second"));
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout(Stage::Window), Some(Fate::NotSent)));
    let publish = line.expect(Kind::Publish);
    line.send(&Packet::PubAck(publish.id()));
    first.wait().expect("acknowledged");
    let third = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "third")).expect("accepted");
    let publish = line.expect(Kind::Publish);
    assert_eq!(publish.payload(), "third", "what was withdrawn is not sent");
    line.send(&Packet::PubAck(publish.id()));
    third.wait().expect("acknowledged");
}

#[test]
fn a_full_outbox_makes_try_enqueue_say_so() {
    let broker = Broker::start();
    let limits = lax().outbox(2, 10_000);
    let (client, mut line) = broker.connect(broker.config().limits(limits));
    let held: Vec<_> =
        (0..2).map(|_| client.try_enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("room")).collect();
    let full = error(client.try_enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")));
    assert_eq!((full.kind(), full.fate()), (ErrorKind::Full, Some(Fate::NotSent)));
    let waited = client.with_timeout(Duration::from_millis(50));
    let late = error(waited.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")));
    assert_eq!(late.kind(), ErrorKind::Timeout(Stage::Window));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "third")));
        let id = line.expect(Kind::Publish).id();
        line.send(&Packet::PubAck(id));
        waiting.join().expect("no panic").expect("there was room at last");
    });
    held[0].wait().expect("acknowledged");
}

#[test]
fn the_publish_rate_spaces_messages() {
    let broker = Broker::start();
    let (client, _line) = broker.connect(broker.config().max_publish_rate(0.01));
    client.publish("t", QoS::AtMostOnce, "first").expect("a slot");
    let full = error(client.try_enqueue(Outgoing::new("t", QoS::AtMostOnce, "second")));
    assert_eq!(full.kind(), ErrorKind::Full);
    let late = error(client.with_timeout(Duration::from_millis(50)).publish("t", QoS::AtMostOnce, "second"));
    assert_eq!(late.kind(), ErrorKind::Timeout(Stage::Window));
}

#[test]
fn a_message_that_is_never_acknowledged_does_not_hold_up_those_behind_it() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let held = client.enqueue(Outgoing::new("held", QoS::AtLeastOnce, "")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    // Around the packet ids more than once.
    for _ in 0..1_000 {
        let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
        let packet = line.expect(Kind::Publish);
        assert_ne!(packet.id(), id, "it is in use");
        line.answer(&packet);
        delivery.wait().expect("acknowledged");
    }
    line.send(&Packet::PubAck(id));
    assert_eq!(held.wait().expect("acknowledged").attempts, 1);
    assert_eq!(client.stats().connections, 1);
}
