//! `pub -l` and `pub --jsonl`: many messages from one input, bad lines, and Ctrl-C.

use std::io::Write as _;
use std::process::Stdio;

use crate::support::library::fault_proxy::Proxy;
use crate::support::{Folder, LONG, Output, Running, emulator, published, run_with_input, topic, with};
use aliyun_mqtt_emulator::{Emulator, What};
use serde_json::Value;

/// Runs `pub -t demo-topic/a` with these arguments and this input.
fn publish(emulator: &Emulator, arguments: &[&str], input: &[u8]) -> Output {
    let topic = topic(emulator, "a");
    run_with_input(with(emulator), [&["pub", "-t", &topic], arguments].concat(), input)
}

fn payloads(emulator: &Emulator) -> Vec<Vec<u8>> {
    published(emulator).into_iter().map(|(_, _, payload)| payload).collect()
}

fn json(output: &Output) -> Vec<Value> {
    output.lines().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn each_line_is_a_message_and_only_its_newline_is_cut_off() {
    let emulator = emulator();
    let output = publish(&emulator, &["-l"], b"one\r\n\n\xff\0 two \nlast").expect(0);
    assert!(output.stderr.starts_with("4 acknowledged, 0 failed in "), "{output:?}");
    assert_eq!(payloads(&emulator), [b"one\r".as_slice(), b"", b"\xff\0 two ", b"last"]);
    let output = publish(&emulator, &["-l", "--quiet"], b"").expect(0);
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn lines_of_a_file_are_sent_in_its_order() {
    let emulator = emulator();
    let folder = Folder::new();
    let lines: Vec<Vec<u8>> = (0..500).map(|number| format!("line {number}").into_bytes()).collect();
    let file = folder.write("lines", lines.join(&b'\n'));
    publish(&emulator, &["-l", "-f", file.to_str().expect("UTF-8"), "--window", "1000"], b"").expect(0);
    assert_eq!(payloads(&emulator), lines);
}

#[test]
fn a_line_that_is_too_long_fails_alone_and_is_named() {
    let emulator = emulator();
    let long = "x".repeat(65_537);
    let input = format!("a\n{long}\n{}\nb", &long[1..]);
    let output = publish(&emulator, &["-l", "--json"], input.as_bytes()).expect(2);
    assert!(output.stderr.contains("error: line 2: the line is longer than 65536 bytes"), "{output:?}");
    assert!(output.stderr.contains("3 acknowledged, 1 failed in "), "{output:?}");
    let objects = json(&output);
    assert_eq!((&objects[0]["line"], &objects[0]["fate"]), (&2.into(), &"not_sent".into()));
    assert_eq!((&objects[1]["acknowledged"], &objects[1]["failed"]), (&3.into(), &1.into()));
    assert_eq!(objects[1]["next"], Value::Null, "nothing to go on from");
    assert_eq!(payloads(&emulator).iter().map(Vec::len).collect::<Vec<_>>(), [1, 65_536, 1]);
}

#[test]
fn json_lines_have_topics_and_qos_of_their_own() {
    let emulator = emulator();
    let parent = emulator.parent_topic();
    let input = format!(
        "{{\"topic\":\"{parent}/x\",\"qos\":2,\"payload\":\"\\u4e2d\\u0000\"}}\n\n  \n\
         {{\"payload_b64\":\"/wA=\"}}\r\n{{\"qos\":0,\"payload\":\"\"}}"
    );
    let output = publish(&emulator, &["--jsonl"], input.as_bytes()).expect(0);
    assert!(output.stderr.starts_with("3 acknowledged, 0 failed"), "{output:?}");
    let own = (format!("{parent}/x"), 2, "中\0".as_bytes().to_vec());
    let common = |qos: u8, payload: &[u8]| (topic(&emulator, "a"), qos, payload.to_vec());
    assert_eq!(published(&emulator), [own, common(1, b"\xff\0"), common(0, b"")]);
}

#[test]
fn bad_json_lines_are_named_and_the_rest_is_sent_unless_it_shall_stop() {
    let emulator = emulator();
    let input = b"{\"payload\":\"1\"}\nnot json\n{\"payload\":\"3\"}\n{\"payload_b64\":\"?\"}\n{\"payload\":\"5\"}\n";
    let output = publish(&emulator, &["--jsonl"], input).expect(2);
    for line in ["error: line 2: it is not valid JSON", "error: line 4: payload_b64", "3 acknowledged, 2 failed"] {
        assert!(output.stderr.contains(line), "{output:?}");
    }
    assert_eq!(payloads(&emulator), [b"1", b"3", b"5"]);
    let utf_16: Vec<u8> = "{\"payload\":\"1\"}\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let output = publish(&emulator, &["--jsonl"], &utf_16).expect(2);
    assert!(output.stderr.contains("error: line 1: it is UTF-16; save it as UTF-8"), "{output:?}");
    let output = publish(&emulator, &["--jsonl", "--fail-fast", "--json"], input).expect(2);
    assert!(output.stderr.contains("1 acknowledged, 1 failed"), "{output:?}");
    assert!(output.stderr.contains("resume from line 2"), "{output:?}");
    assert_eq!(json(&output)[1]["next"], 2);
    assert_eq!(payloads(&emulator).len(), 4);
}

#[test]
fn ten_failures_are_told_and_all_are_counted() {
    let emulator = emulator();
    let output = publish(&emulator, &["--jsonl", "--json"], "bad\n".repeat(25).as_bytes()).expect(2);
    assert_eq!(output.stderr.matches("error: line").count(), 10, "{output:?}");
    assert!(output.stderr.contains("further failures are counted but not printed"), "{output:?}");
    assert!(output.stderr.contains("0 acknowledged, 25 failed"), "{output:?}");
    assert_eq!(json(&output).len(), 26, "a machine gets all of them");
}

#[test]
fn a_forbidden_topic_stops_plain_lines_and_not_json_lines() {
    let emulator = emulator();
    emulator.forbid(&topic(&emulator, "a"));
    let output = publish(&emulator, &["-l", "--window", "1", "--json"], "x\n".repeat(1000).as_bytes()).expect(6);
    let summary = json(&output).pop().expect("a summary");
    assert_eq!((&summary["acknowledged"], &summary["next"]), (&0.into(), &1.into()), "{output:?}");
    assert!(summary["failed"].as_u64().is_some_and(|failed| failed <= 3), "what was under way only: {summary}");

    let other = topic(&emulator, "b");
    let input = format!("{{\"payload\":\"1\"}}\n{{\"payload\":\"2\",\"topic\":\"{other}\"}}\n");
    let output = publish(&emulator, &["--jsonl"], input.as_bytes()).expect(6);
    assert!(
        output.stderr.contains("error: line 1: ") && output.stderr.contains("1 acknowledged, 1 failed"),
        "{output:?}"
    );
    assert_eq!(payloads(&emulator), [b"2"]);
}

#[test]
fn time_that_runs_out_stops_the_run_and_names_the_line_to_go_on_from() {
    let emulator = emulator();
    let proxy = Proxy::start(emulator.tcp_addr());
    proxy.hold_acks(true);
    let arguments = ["-l", "--window", "5", "--timeout", "5", "-e", &proxy.endpoint()];
    // The exit code is that of the failure that stopped it.
    let input = format!("{}\n{}", "x".repeat(65_537), "x\n".repeat(1000));
    let output = publish(&emulator, &arguments, input.as_bytes()).expect(5);
    assert!(output.stderr.contains("error: line 2: ") && output.stderr.contains("resume from line 2"), "{output:?}");
    assert!(output.stderr.contains("0 acknowledged, 11 failed"), "what was under way only: {output:?}");
    assert_eq!(payloads(&emulator).len(), 5, "no more than the window");
}

/// Starts `pub -l` and keeps its input open.
fn start(emulator: &Emulator, arguments: &[&str]) -> Running {
    let mut command = with(emulator);
    command.args(["pub", "-t", &topic(emulator, "a"), "-l"]).args(arguments).stdin(Stdio::piped());
    Running::start(command)
}

#[test]
fn a_line_is_sent_as_soon_as_it_is_there() {
    let emulator = emulator();
    let mut running = start(&emulator, &[]);
    let mut stdin = running.child.stdin.take().expect("a pipe");
    for number in 0..3 {
        stdin.write_all(b"line\n").expect("written");
        let position = emulator.wait_for_log(
            LONG,
            |entry| matches!(entry.what, What::PublishAcknowledged { packet_id } if packet_id == number + 1),
        );
        assert!(position.is_some(), "line {number} was not sent while the input was open");
    }
    drop(stdin);
    running.wait().expect(0);
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_reading_and_tells_where_to_go_on() {
    let emulator = emulator();
    for signal in ["INT", "TERM"] {
        let position = emulator.log_position();
        let mut running = start(&emulator, &["--json"]);
        let mut stdin = running.child.stdin.take().expect("a pipe");
        stdin.write_all(b"1\n2\n").expect("written");
        let mut seen = 0;
        emulator.wait_for_log_since(position, LONG, |entry| {
            seen += u32::from(matches!(entry.what, What::PublishAcknowledged { .. }));
            seen == 2
        });
        running.signal(signal);
        let output = running.wait().expect(130);
        assert!(output.stderr.contains("2 acknowledged, 0 failed"), "{output:?}");
        assert!(output.stderr.contains("resume from line 3"), "{output:?}");
        let summary = json(&output).pop().expect("a summary");
        assert_eq!((&summary["interrupted"], &summary["next"]), (&true.into(), &3.into()));
        drop(stdin);
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_a_pause_and_a_second_one_ends_the_wait_for_the_broker() {
    let emulator = emulator();
    let proxy = Proxy::start(emulator.tcp_addr());
    proxy.hold_acks(true);
    let mut command = with(&emulator);
    let endpoint = proxy.endpoint();
    command.args([
        "pub",
        "-t",
        &topic(&emulator, "a"),
        "-m",
        "x",
        "--repeat",
        "9",
        "--repeat-delay",
        "3600",
        "-e",
        &endpoint,
    ]);
    command.args(["--timeout", "3600"]);
    let mut running = Running::start(command);
    emulator.wait_for_log(LONG, |entry| matches!(entry.what, What::Published { .. })).expect("published");
    running.signal("INT");
    running.stderr_until("waiting for the messages in flight");
    proxy.hold_acks(false);
    let output = running.wait().expect(130);
    assert!(output.stderr.contains("1 acknowledged, 0 failed"), "{output:?}");

    proxy.hold_acks(true);
    let mut running = start(&emulator, &["--timeout", "3600", "-e", &endpoint]);
    let mut stdin = running.child.stdin.take().expect("a pipe");
    let position = emulator.log_position();
    stdin.write_all(b"x\n").expect("written");
    emulator
        .wait_for_log_since(position, LONG, |entry| matches!(entry.what, What::Published { .. }))
        .expect("published");
    running.signal("INT");
    running.stderr_until("waiting for the messages in flight");
    running.signal("INT");
    running.wait().expect(130);
}
