//! Promise 10: it leaves cleanly, and leaves nothing behind. One test a process: it counts threads and descriptors.
#![cfg(target_os = "linux")]

mod support;

use std::time::Instant;

use aliyun_mqtt::QoS;
use support::process::{descriptors, threads};
use support::{LONG, client, emulator, eventually, topic};

#[test]
fn a_hundred_clients_leave_no_thread_and_no_descriptor() {
    let emulator = emulator();
    let topic = topic(&emulator, "leak");
    // Before the first client: afterwards, the emulator's end of a connection may be open for a moment longer.
    let before = (threads(), descriptors());
    for _ in 0..100 {
        let client = client(&emulator);
        client.publish(&topic, QoS::AtLeastOnce, "x").expect("published");
        client.disconnect().expect("all delivered");
        // It was joined; the system takes a moment to strike it off its list.
        eventually("the worker is gone", || threads() == before.0);
    }
    for _ in 0..100 {
        let client = client(&emulator);
        client.publish(&topic, QoS::AtLeastOnce, "x").expect("published");
        drop(client);
    }
    // The emulator, in this process too, closes its ends a little later.
    let deadline = Instant::now() + LONG;
    loop {
        let now = (threads(), descriptors());
        if (now.0.len(), now.1.len()) == (before.0.len(), before.1.len()) {
            break;
        }
        assert!(Instant::now() < deadline, "before: {before:?}\nnow: {now:?}");
        std::thread::yield_now();
    }
    assert_eq!(aliyun_mqtt::stranded_workers(), 0);
}
