//! Promise 7, by the system's measure: the bounds in bytes hold for what the process takes, whatever a publisher or a
//! server sends. Each measurement is a process of its own.
#![cfg(target_os = "linux")]

mod support;

use std::io::Write;
use std::net::SocketAddr;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use aliyun_mqtt::{Client, ErrorKind, Limits, Outgoing, Protocol, QoS, Stage};
use support::broker::{self, Broker, Line, lax};
use support::process::{as_child, child};
use support::{LONG, connect, eventually};

const MIB: usize = 1024 * 1024;
const BOUND: usize = 48 * MIB;

/// What a process may take beyond the bound: buffers, and what the allocator has not given back.
const SLACK: usize = 12 * MIB;

/// The memory this process has in use, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("of this process");
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    // SAFETY: it only asks.
    pages * usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).expect("a size")
}

/// Bounded by bytes alone.
fn limits() -> Limits {
    lax().inbox(usize::MAX, BOUND).outbox(usize::MAX, BOUND)
}

fn client(addr: SocketAddr, protocol: Protocol) -> Client {
    connect(broker::config(addr).protocol(protocol).limits(limits()))
}

/// What a child of this kind took while its parent did that to it, and what it had counted, both in bytes.
fn measured(kind: &str, parent: impl FnOnce(Line) + Send) -> (usize, usize) {
    let broker = Broker::start();
    let mut command = child(module_path!(), "in_a_child_measures", &format!("{kind} {}", broker.addr()));
    let process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("this program again");
    let line = broker.accept(false);
    let output = thread::scope(|scope| {
        scope.spawn(|| parent(line));
        process.wait_with_output().expect("ended")
    });
    let said = support::text(&output.stdout);
    assert!(output.status.success(), "{said}");
    let figures = said.lines().find_map(|line| line.split_once('#')).expect("its figures").1;
    println!("{kind}: {figures}");
    let [held, counted] = [0, 2].map(|at| figures.split(' ').nth(at).and_then(|n| n.parse().ok()).expect("a number"));
    (held, counted)
}

/// Not a test of its own: the process that is measured. The argument: what, and where the broker is.
#[test]
fn in_a_child_measures() {
    let Some(argument) = as_child() else { return };
    let (kind, addr) = argument.split_once(' ').expect("two words");
    let addr = addr.parse().expect("an address");
    let protocol = if kind == "inbox-of-3.1.1" { Protocol::V311 } else { Protocol::V5 };
    let client = client(addr, protocol);
    if kind.starts_with("inbox") || kind == "stream" {
        // Never answered: while an acknowledgement is awaited, the flood is read whatever room there is.
        drop(client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted"));
    }
    let before = resident();
    let counted = match kind {
        "inbox" | "inbox-of-3.1.1" => {
            eventually("it is full", || client.stats().dropped_full > 0);
            client.stats().inbox_bytes
        }
        "stream" => {
            let stream = client.subscription("#", QoS::AtMostOnce).expect("subscribed");
            eventually("it is full", || client.stats().dropped_full > 0);
            std::mem::forget(stream);
            client.stats().inbox_bytes
        }
        "events" => {
            let events = client.events();
            eventually("far too many came", || events.dropped() > 200);
            0
        }
        "outbox" => {
            let hasty = client.with_timeout(Duration::from_millis(200));
            loop {
                let message = Outgoing::new("t", QoS::AtLeastOnce, "").timeout(LONG);
                let message = (0..500).fold(message, |message, _| message.user_property("k", "v"));
                match hasty.enqueue(message) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::Timeout(Stage::Window) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            client.stats().outbox_bytes
        }
        other => panic!("{other}"),
    };
    let held = resident().saturating_sub(before);
    println!("#{held} held {counted} counted");
    std::io::stdout().flush().expect("told");
    // Nothing of the end is measured, and nobody answers any more.
    std::process::exit(0);
}

/// Writes until the other side is gone.
fn flood(mut line: Line, packet: &[u8]) {
    while line.stream.write_all(packet).is_ok() {}
}

/// User properties of this key and value.
fn pairs(key: &str, value: &str, count: usize) -> Vec<u8> {
    let text = |text: &str| [&(text.len() as u16).to_be_bytes(), text.as_bytes()].concat();
    [vec![0x26], text(key), text(value)].concat().repeat(count)
}

#[test]
fn an_inbox_of_tiny_user_properties_stays_near_its_bound() {
    for (key, value) in [("k", "v"), ("", ""), ("k", "a value that is somewhat longer than the smallest block")] {
        let packet = broker::publish_with("t", &pairs(key, value, 3_000), b"");
        within_bound("inbox", |line| flood(line, &packet));
    }
}

#[test]
fn so_it_does_with_tiny_messages_and_with_large_ones() {
    within_bound("inbox", |line| flood(line, &broker::publish_with("t", &[], b"").repeat(100)));
    within_bound("inbox", |line| flood(line, &broker::publish_with("t", &[], &[b'x'; 100_000])));
    let plain = [0x30, 3, 0, 1, b't'].repeat(100);
    within_bound("inbox-of-3.1.1", |line| flood(line, &plain));
}

#[test]
fn a_stream_is_within_the_same_bound() {
    let packet = broker::publish_with("t", &pairs("k", "v", 3_000), b"");
    within_bound("stream", |mut line| {
        broker::grant(&mut line);
        flood(line, &packet);
    });
}

#[test]
fn the_outbox_counts_what_it_holds() {
    // Read, and never acknowledged.
    within_bound("outbox", |mut line| while line.read().is_some() {});
}

fn within_bound(kind: &str, parent: impl FnOnce(Line) + Send) {
    let (held, counted) = measured(kind, parent);
    assert!(counted <= BOUND, "{kind}: {counted} counted");
    assert!(held <= BOUND + SLACK, "{kind}: {held} held, {counted} counted");
    assert!(held >= BOUND / 3, "{kind}: {held} held, {counted} counted: far less than could be");
}

#[test]
fn events_that_nobody_takes_are_bounded_in_bytes() {
    // A notice that is none, as long as a packet may be.
    let packet = broker::publish_with("$SYS/tokenInvalidNotice", &[], &[b'x'; 200_000]);
    let (held, _) = measured("events", |line| flood(line, &packet));
    assert!(held < SLACK + 4 * MIB, "{held}");
}
