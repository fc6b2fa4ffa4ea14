//! A dropped emulator leaves no thread and no descriptor behind. Has a process to itself, because it counts threads.
#![cfg(target_os = "linux")]

mod support;

use std::io::Write as _;
use std::time::{Duration, Instant};

use aliyun_mqtt_emulator::Emulator;
use support::{LONG, Raw};

/// Returns the number of threads, without the timer thread that a library in rmqtt starts some time after the first
/// connection, and keeps.
fn threads() -> usize {
    let entries = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("comm")).ok());
    names.filter(|name| name.trim() != "futures-timer").count()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn memory_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_dropped_emulator_leaves_nothing_behind() {
    // Counted before the first one: the system lists a thread for a moment after its end.
    let before = (threads(), descriptors());
    let mut memory = Vec::new();
    for _ in 0..20 {
        let emulator = Emulator::builder().control_port(0).start().unwrap();
        let mut raw = Raw::login_as(&emulator, "GID_emulator@@@1", false);
        raw.subscribed(&[("emulator/#", 1)]);
        emulator.publish_as_service("emulator/a", 1, vec![0; 60_000]).unwrap();
        assert_eq!(raw.message().payload.len(), 60_000);
        let silent = std::net::TcpStream::connect(emulator.wss_addr()).unwrap();
        // A call that stops halfway, and a connection that stops before its TLS handshake.
        let mut half = std::net::TcpStream::connect(emulator.api_addr()).unwrap();
        half.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nA=").unwrap();
        let silent_api = std::net::TcpStream::connect(emulator.api_tls_addr()).unwrap();
        assert!(threads() > before.0 && descriptors() > before.1);
        let start = Instant::now();
        drop(emulator);
        assert!(start.elapsed() < Duration::from_secs(5), "a drop is quick");
        drop((raw, silent, half, silent_api));
        memory.push(memory_kib());
    }
    println!("memory after each of them: {memory:?} KiB");
    let deadline = Instant::now() + LONG;
    while (threads(), descriptors()) != before {
        assert!(Instant::now() < deadline, "{:?} instead of {before:?}", (threads(), descriptors()));
        std::thread::yield_now();
    }
}
