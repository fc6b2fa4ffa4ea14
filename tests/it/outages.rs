//! Promises 3 and 9: what a client does when a broker goes and comes back, and the line breaks meanwhile.

use std::thread;

use crate::support::broker::{Broker, Kind, Packet, grant};
use crate::support::connected;
use aliyun_mqtt::QoS;

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
    let delivery = client.publish_nowait("t", QoS::AtLeastOnce, "x").expect("accepted");
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
    let delivery = client.publish_nowait("t", QoS::AtLeastOnce, "x").expect("accepted");
    let next = line.read().expect("a packet");
    assert_eq!(next.kind(), Kind::Publish, "no SUBSCRIBE");
    line.send(&Packet::PubAck(next.id()));
    delivery.wait().expect("acknowledged");
}
