//! A PUBREL that nothing precedes, see `src/session/wire/pubrel.rs`: what it costs depends on what has happened in the
//! process before, so this test has one for itself.

mod support;

use aliyun_mqtt::{Outgoing, QoS};
use support::broker::{Broker, Kind, Packet};
use support::connected;

#[test]
fn a_release_before_any_subscription_costs_one_connection_and_no_message() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let events = client.events();
    line.send(&Packet::PubRel(7));
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    let mut line = broker.accept(false);
    connected(&events);
    let packet = line.expect(Kind::Publish);
    line.answer(&packet);
    delivery.wait().expect("acknowledged");
    line.send(&Packet::PubRel(7));
    assert_eq!(line.expect(Kind::PubComp).id(), 7, "from now on it is answered");
}
