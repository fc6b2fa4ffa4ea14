//! `pub -l` with a connection that is cut and a server that restarts: every line is acknowledged and arrives.

use std::collections::HashSet;
use std::io::Write as _;
use std::process::Stdio;
use std::thread;

use crate::support::library::fault_proxy::{Proxy, Way};
use crate::support::{LONG, Running, emulator, topic, with};
use aliyun_mqtt_emulator::{Emulator, What};
use serde_json::Value;

const LINES: u32 = 100_000;

/// Waits until this many messages have arrived.
fn wait_for(emulator: &Emulator, count: u32) {
    let mut seen = 0;
    let reached = emulator.wait_for_log(LONG, |entry| {
        seen += u32::from(matches!(entry.what, What::Published { .. }));
        seen == count
    });
    assert!(reached.is_some(), "only {seen} of {count} came in");
}

#[test]
fn a_hundred_thousand_lines_survive_a_cut_line_and_a_restarted_broker() {
    let emulator = emulator();
    let proxy = Proxy::start(emulator.tcp_addr());
    let mut command = with(&emulator);
    command.args(["pub", "-t", &topic(&emulator, "a"), "-l", "--json", "--window", "1000"]);
    command.args(["-e", &proxy.endpoint(), "--timeout", "100"]).stdin(Stdio::piped());
    let mut running = Running::start(command);
    let mut stdin = running.child.stdin.take().expect("a pipe");
    let writer = thread::spawn(move || {
        for number in 0..LINES {
            stdin.write_all(format!("line {number}\n").as_bytes()).expect("read");
        }
    });
    wait_for(&emulator, 20_000);
    proxy.cut();
    wait_for(&emulator, 40_000);
    emulator.restart().expect("started again");
    wait_for(&emulator, 60_000);
    // The last 400 acknowledgements before this cut are lost.
    proxy.cut_after(Way::Down, 0, 1600);
    writer.join().expect("all was read");
    let output = running.wait().expect(0);
    let summary: Value = serde_json::from_str(output.text()).expect("one object: nothing failed");
    assert_eq!((&summary["acknowledged"], &summary["failed"]), (&LINES.into(), &0.into()));
    assert!(summary["repeated"].as_u64().is_some_and(|count| count > 0), "something was under way: {summary}");

    let mut first = HashSet::new();
    let mut highest = None;
    for entry in emulator.log() {
        let What::Published { payload, .. } = entry.what else { continue };
        let number =
            std::str::from_utf8(&payload).ok().and_then(|text| text.strip_prefix("line ")?.parse::<u32>().ok());
        let number = number.expect("a line as it was given");
        if first.insert(number) {
            assert!(highest < Some(number), "{number} came after {highest:?}");
            highest = Some(number);
        }
    }
    assert_eq!(first.len(), LINES as usize, "every line was at the broker's door");
}
