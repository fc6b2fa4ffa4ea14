//! Promise 10: it leaves cleanly, and leaves nothing behind. One test a process: it counts threads and descriptors.
#![cfg(target_os = "linux")]

mod support;

use aliyun_mqtt::QoS;
use support::{client, emulator, eventually, topic};

fn entries(what: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{what}")).expect("a list").count()
}

#[test]
fn a_hundred_clients_leave_no_thread_and_no_descriptor() {
    let emulator = emulator();
    let topic = topic(&emulator, "leak");
    // Whatever is made once for the process is made now.
    client(&emulator).disconnect().expect("nothing to deliver");
    eventually("the emulator has let go", || emulator.sessions().is_empty());
    let before = (entries("task"), entries("fd"));
    for _ in 0..100 {
        let client = client(&emulator);
        client.publish(&topic, QoS::AtLeastOnce, "x").expect("published");
        client.disconnect().expect("all delivered");
        assert_eq!(entries("task"), before.0, "the worker has ended when disconnect returns");
    }
    for _ in 0..100 {
        let client = client(&emulator);
        client.publish(&topic, QoS::AtLeastOnce, "x").expect("published");
        drop(client);
    }
    eventually("threads and descriptors are gone", || (entries("task"), entries("fd")) == before);
    assert_eq!(aliyun_mqtt::stranded_workers(), 0);
}
