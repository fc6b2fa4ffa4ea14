//! Promise 10: it leaves cleanly, and leaves nothing behind. One test a process: it counts threads and descriptors.
#![cfg(target_os = "linux")]

mod support;

use std::time::Instant;

use aliyun_mqtt::QoS;
use support::{LONG, client, emulator, eventually, topic};

/// The names of this process's threads, without the one that the emulator starts once, some time after its first
/// connection.
fn threads() -> Vec<String> {
    let entries = std::fs::read_dir("/proc/self/task").expect("a list").flatten();
    let names = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("comm")).ok());
    names.map(|name| name.trim().to_string()).filter(|name| name != "futures-timer").collect()
}

/// What this process's descriptors are open on.
fn descriptors() -> Vec<String> {
    let entries = std::fs::read_dir("/proc/self/fd").expect("a list").flatten();
    entries.filter_map(|entry| std::fs::read_link(entry.path()).ok()).map(|path| path.display().to_string()).collect()
}

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
