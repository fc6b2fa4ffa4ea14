//! A dropped emulator leaves neither thread nor descriptor behind. Alone in its file: other tests have threads too.
#![cfg(target_os = "linux")]

mod support;

use std::time::{Duration, Instant};

use aliyun_mqtt_emulator::Emulator;
use support::{LONG, Raw};

fn count(what: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{what}")).unwrap().count()
}

fn memory_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_dropped_emulator_leaves_nothing_behind() {
    // The first connection of a process sets up what the process keeps: one timer thread of a library in rmqtt.
    let first = Emulator::start().unwrap();
    drop(Raw::login(&first, "GID_emulator@@@1"));
    drop(first);
    let (threads, descriptors) = (count("task"), count("fd"));
    let mut memory = Vec::new();
    for _ in 0..20 {
        let emulator = Emulator::start().unwrap();
        let mut raw = Raw::login_as(&emulator, "GID_emulator@@@1", false);
        raw.subscribed(&[("emulator/#", 1)]);
        emulator.publish_as_service("emulator/a", 1, vec![0; 60_000]).unwrap();
        assert_eq!(raw.message().payload.len(), 60_000);
        let silent = std::net::TcpStream::connect(emulator.wss_addr()).unwrap();
        assert!(count("task") > threads && count("fd") > descriptors);
        let before = Instant::now();
        drop(emulator);
        assert!(before.elapsed() < Duration::from_secs(5), "a drop is quick");
        drop((raw, silent));
        memory.push(memory_kib());
    }
    println!("memory after each of them: {memory:?} KiB");
    let deadline = Instant::now() + LONG;
    while (count("task"), count("fd")) != (threads, descriptors) {
        assert!(
            Instant::now() < deadline,
            "{:?} instead of {:?}",
            (count("task"), count("fd")),
            (threads, descriptors)
        );
        std::thread::yield_now();
    }
}
