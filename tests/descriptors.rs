//! Promises 9 and 13: a process that is out of descriptors for a while gets an error that says so, and comes back. One
//! test a process: it uses them all up.
#![cfg(target_os = "linux")]

mod support;

use std::fs::File;

use aliyun_mqtt::{Client, ErrorKind, Event, QoS};
use support::broker::Broker;
use support::process::limit_descriptors;
use support::{error, event};

#[test]
fn out_of_descriptors_for_a_while() {
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config());
    let events = client.events();
    let (normal, _) = limit_descriptors(64);
    let mut files = Vec::new();
    files.extend(std::iter::from_fn(|| File::open("/dev/null").ok()));
    line.stream.shutdown(std::net::Shutdown::Both).expect("cut");
    event(&events, "an attempt that found none", |event| {
        // What the lost connection had freed is taken, too.
        files.extend(std::iter::from_fn(|| File::open("/dev/null").ok()));
        match event {
            Event::Disconnected { reason, .. } if reason.to_string().contains("ulimit -n") => Some(()),
            _ => None,
        }
    });
    let refused = error(Client::connect(broker.config().build().expect("a good configuration")));
    assert_eq!(refused.kind(), ErrorKind::Connect, "{refused}");
    drop(files);
    limit_descriptors(normal);
    let mut line = broker.accept(false);
    let delivery = client.publish_nowait("t", QoS::AtLeastOnce, "x").expect("accepted");
    let id = line.expect(3).id();
    line.ack(4, id);
    delivery.wait().expect("it came back");
}
