//! `pub --spool`: the next process sends what the last one did not get acknowledged.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support;
use crate::support::library::fault_proxy::Proxy;
use crate::support::{Folder, LONG, Running, after, emulator, published, run, topic, with};
use aliyun_mqtt_emulator::{Emulator, What};
use serde_json::Value;

/// The timeout in seconds: long enough for a slow machine to connect and store, short enough to wait for.
const PATIENCE: &str = "5";

/// A directory for the spool, and a server behind a proxy that can hold acknowledgements.
struct House {
    emulator: Emulator,
    proxy: Proxy,
    folder: Folder,
}

impl House {
    fn new() -> Self {
        let emulator = emulator();
        let proxy = Proxy::start(emulator.tcp_addr());
        House { emulator, proxy, folder: Folder::new() }
    }

    /// Runs `pub --spool`. A spool belongs to its endpoint, so every run uses the proxy.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = with(&self.emulator);
        command.args(["pub", "-e", &self.proxy.endpoint(), "--spool"]).arg(self.folder.path("spool")).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str], code: i32) -> support::Output {
        run(self.command(arguments), [""; 0]).expect(code)
    }

    fn file(&self, lines: std::ops::Range<u32>) -> String {
        let text: String = lines.map(|number| format!("{number}\n")).collect();
        self.folder.write("lines", text).display().to_string()
    }

    /// Returns the payloads in the order of their first arrival.
    fn arrived(&self) -> Vec<String> {
        let mut first = Vec::new();
        for (_, _, payload) in published(&self.emulator) {
            let text = String::from_utf8(payload).expect("text");
            if !first.contains(&text) {
                first.push(text);
            }
        }
        first
    }
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

fn summary(output: &support::Output) -> Value {
    serde_json::from_str(output.lines().last().expect("a summary")).expect("JSON")
}

#[cfg(unix)]
#[test]
fn a_run_after_a_killed_one_sends_what_was_left_first_and_in_order() {
    let house = House::new();
    let topic = topic(&house.emulator, "a");
    house.proxy.hold_acks(true);
    let file = house.file(0..20);
    let running = Running::start(house.command(&["-t", &topic, "-l", "-f", &file, "--window", "10"]));
    // It got no acknowledgement, so everything it stored is still there.
    let mut seen = 0;
    let all = house.emulator.wait_for_log(LONG, |entry| {
        seen += u32::from(matches!(entry.what, What::Published { .. }));
        seen == 10
    });
    all.expect("the window is full");
    running.signal("KILL");
    assert_eq!(running.wait().code, None, "killed");
    house.proxy.heal();
    let file = house.file(100..105);
    let output = house.run(&["-t", &topic, "-l", "-f", &file, "--json"], 0);
    let summary = summary(&output);
    assert_eq!((&summary["acknowledged"], &summary["spooled"]), (&5.into(), &0.into()), "its own, and none left");
    let arrived = house.arrived();
    let (old, new) = arrived.split_at(arrived.len() - 5);
    assert!((10..=20).contains(&old.len()), "at least what had been sent was stored: {arrived:?}");
    assert_eq!(old, numbers(0..20)[..old.len()].to_vec());
    assert_eq!(new, numbers(100..105));
}

/// Returns the number of transactions of the spool, which its lock file counts.
#[cfg(unix)]
fn syncs(house: &House) -> u64 {
    let bytes = std::fs::read(house.folder.path("spool.lock")).expect("a lock file");
    u64::from_le_bytes(bytes[8..16].try_into().expect("eight bytes"))
}

#[cfg(unix)]
#[test]
fn lines_read_together_take_one_sync_and_survive_a_kill_in_order() {
    let house = House::new();
    let topic = topic(&house.emulator, "a");
    house.proxy.hold_acks(true);
    let file = house.file(0..1000);
    let running = Running::start(house.command(&["-t", &topic, "-l", "-f", &file, "--window", "1000"]));
    let mut seen = 0;
    let first = house.emulator.wait_for_log(LONG, |entry| {
        seen += u32::from(matches!(entry.what, What::Published { .. }));
        seen == 1
    });
    first.expect("one was sent, so all that were stored with it are on disk");
    running.signal("KILL");
    assert_eq!(running.wait().code, None, "killed");
    assert_eq!(syncs(&house), 1, "one for all lines");
    house.proxy.heal();
    house.run(&[], 0);
    assert_eq!(house.arrived(), numbers(0..1000));
}

#[test]
fn a_line_does_not_wait_for_the_rest_of_the_next_one() {
    let house = House::new();
    let topic = topic(&house.emulator, "a");
    let mut command = house.command(&["-t", &topic, "-l"]);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    let mut stdin = running.child.stdin.take().expect("a pipe");
    for (number, text) in ["one\ntw", "o\nthree\nfo"].into_iter().enumerate() {
        stdin.write_all(text.as_bytes()).expect("written");
        let position = house.emulator.wait_for_log(LONG, |entry| {
            matches!(entry.what, What::PublishAcknowledged { packet_id } if usize::from(packet_id) == 2 * number + 1)
        });
        assert!(position.is_some(), "{text:?}: a whole line was not sent while the input was open");
    }
    stdin.write_all(b"ur").expect("written");
    drop(stdin);
    running.wait().expect(0);
    assert_eq!(house.arrived(), ["one", "two", "three", "four"]);
}

/// The lines that could not be stored together with the failed one count as never read.
#[cfg(unix)]
#[test]
fn a_disk_that_fails_is_one_failure_and_nothing_is_lost_or_counted_twice() {
    let house = House::new();
    let topic = topic(&house.emulator, "a");
    house.run(&[], 0);
    let size = std::fs::metadata(house.folder.path("spool")).expect("a spool").len();
    let line = |number: u64| format!("{number:0>900}\n");
    let lines = size / 400 + 1000;
    let file = house.folder.write("lines", (0..lines).map(line).collect::<String>()).display().to_string();
    // The file may grow no further.
    let limit = format!("trap '' XFSZ; ulimit -f {}", size / 512 + 16);
    let command = house.command(&["-t", &topic, "-l", "-f", &file, "--json", "--window", "1000"]);
    let arguments: Vec<_> = command.get_args().collect();
    let output = run(after(&command, &limit, arguments), [""; 0]).expect(1);
    let told = summary(&output);
    assert_eq!((&told["failed"], &told["spooled"]), (&1.into(), &0.into()), "{output:?}");
    let next = told["next"].as_u64().expect("a line to resume from");
    assert_eq!(told["acknowledged"], next - 1, "{output:?}");
    assert_eq!(house.arrived(), (0..next - 1).map(|number| line(number).trim().to_string()).collect::<Vec<_>>());
}

#[test]
fn what_time_runs_out_for_stays_and_a_run_without_a_message_sends_it() {
    let house = House::new();
    let topic = topic(&house.emulator, "a");
    house.proxy.hold_acks(true);
    let file = house.file(0..50);
    let arguments = ["-t", &topic, "-l", "-f", &file, "--window", "1", "--timeout", PATIENCE, "--json"];
    let output = house.run(&arguments, 5);
    assert!(output.stderr.contains("0 acknowledged, 0 failed, 2 left in the spool"), "{output:?}");
    assert!(output.stderr.contains("resume from line 3"), "what is in the spool is not to be given again: {output:?}");
    let told = summary(&output);
    assert_eq!((&told["spooled"], &told["failed"], &told["exit_code"]), (&2.into(), &0.into(), &5.into()));

    let output = house.run(&["--timeout", PATIENCE], 5);
    assert!(output.stderr.contains("2 left in the spool"), "{output:?}");

    house.proxy.heal();
    let output = house.run(&[], 0);
    assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(house.arrived(), numbers(0..2));
    let before = published(&house.emulator).len();
    house.run(&[], 0);
    assert_eq!(published(&house.emulator).len(), before, "nothing is sent again");
}

#[test]
fn a_message_of_an_earlier_run_that_is_refused_now_is_told() {
    let house = House::new();
    let topic = topic(&house.emulator, "a");
    house.proxy.hold_acks(true);
    let output = house.run(&["-t", &topic, "-m", "x", "--timeout", PATIENCE], 5);
    assert!(output.stderr.contains("0 acknowledged, 0 failed, 1 left in the spool"), "{output:?}");
    house.proxy.heal();
    house.emulator.forbid(&topic);
    let output = house.run(&["--timeout", "60"], 1);
    assert!(output.stderr.contains(&topic) && !output.stderr.contains("left in the spool"), "{output:?}");
    house.run(&[], 0);
}

#[test]
fn without_a_first_connection_nothing_is_stored() {
    let house = House::new();
    let topic = topic(&house.emulator, "a");
    house.emulator.stop().expect("stopped");
    house.run(&["-t", &topic, "-m", "x", "--timeout", "5"], 3);
    house.emulator.restart().expect("started");
    house.run(&[], 0);
    assert!(published(&house.emulator).is_empty());
}

#[test]
fn a_spool_that_cannot_be_used_is_a_failure_and_names_its_file() {
    let house = House::new();
    std::fs::write(house.folder.path("spool"), "not a spool").expect("written");
    let output = house.run(&["-t", &topic(&house.emulator, "a"), "-m", "x"], 1);
    assert!(output.stderr.contains("spool"), "{output:?}");
    assert_eq!(std::fs::read(house.folder.path("spool")).expect("still there"), b"not a spool");
}
