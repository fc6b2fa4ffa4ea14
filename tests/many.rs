//! Promise 8: a thousand clients in one process, and nothing left of them. One test a process: it counts threads and
//! descriptors, and raises the limit of the latter.
#![cfg(target_os = "linux")]

mod support;

use std::thread;

use aliyun_mqtt::{Client, Outgoing, QoS};
use support::broker::{Broker, Kind};
use support::eventually;
use support::process::{descriptors, limit_descriptors, threads};

const CLIENTS: usize = 1_000;

/// Each client takes about four, the broker's end one more; and some for the rest of the process.
const DESCRIPTORS: usize = CLIENTS * 6 + 200;

#[test]
fn a_thousand_clients_leave_no_thread_and_no_descriptor() {
    let (_, allowed) = limit_descriptors(DESCRIPTORS as libc::rlim_t);
    // Where the machine does not allow that many, as many as it allows.
    let count = CLIENTS.min((allowed as usize).saturating_sub(200) / 6);
    assert!(count >= 100, "a limit of {allowed} descriptors is too low for this test");
    let broker = Broker::start();
    let addr = broker.addr();
    let before = (threads().len(), descriptors().len());
    // One thread serves all lines, one after the other: nothing here is a matter of speed.
    let serving = thread::spawn(move || {
        let mut lines: Vec<_> = (0..count).map(|_| broker.accept(false)).collect();
        for round in 0..2 {
            for line in &mut lines {
                let packet = line.expect(Kind::Publish);
                assert_eq!(packet.payload(), round.to_string());
                line.answer(&packet);
            }
        }
        for mut line in lines {
            line.expect(Kind::Disconnect);
        }
        broker
    });
    let config = |number: usize| {
        support::broker::config(addr).device_id(format!("{number}")).build().expect("a good configuration")
    };
    let clients: Vec<_> = (0..count).map(|number| Client::connect(config(number)).expect("connected")).collect();
    // A thread for each client, and the one that serves.
    assert_eq!(threads().len(), before.0 + count + 1);
    for round in 0..2 {
        let deliveries: Vec<_> = clients
            .iter()
            .map(|client| client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, round.to_string())).expect("accepted"))
            .collect();
        for delivery in deliveries {
            delivery.wait().expect("acknowledged");
        }
    }
    // Half of them say goodbye, the others are dropped; all at the same time.
    thread::scope(|scope| {
        for (number, client) in clients.into_iter().enumerate() {
            let leave = move || {
                if number % 2 == 0 {
                    client.disconnect().expect("all delivered");
                }
            };
            let leaving = thread::Builder::new().stack_size(128 * 1024).spawn_scoped(scope, leave);
            leaving.expect("a thread");
        }
    });
    let broker = serving.join().expect("no panic");
    eventually("threads and descriptors are as before", || (threads().len(), descriptors().len()) == before);
    assert_eq!(aliyun_mqtt::stranded_workers(), 0);
    drop(broker);
}
