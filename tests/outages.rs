//! Promises 3 and 9: what a client does when a broker goes and comes back, and the line breaks meanwhile.

mod support;

use aliyun_mqtt::QoS;
use support::broker::Broker;

#[test]
fn the_next_attempt_does_not_wait_for_a_look_at_who_closed_the_last_one() {
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config());
    drop(line);
    let mut cut_short = broker.accept_raw();
    assert_eq!(cut_short.read().expect("a packet").kind(), 1, "CONNECT");
    drop(cut_short);
    let mut next = broker.accept_raw();
    assert_eq!(next.read().expect("a packet").kind(), 1, "CONNECT, and no look into what speaks here");
    next.write(&[0x20, 2, 0, 0]);
    let delivery = client.publish_nowait("t", QoS::AtLeastOnce, "x").expect("accepted");
    let id = next.expect(3).id();
    next.ack(4, id);
    delivery.wait().expect("acknowledged");
}
