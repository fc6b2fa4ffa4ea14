//! `sub`, as a child process against the emulator: what is printed, how it ends, and what is acknowledged when.

mod support;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aliyun_mqtt_emulator::{Emulator, LogEntry, What};
use serde_json::Value;
use support::library::broker::{self, Broker};
use support::{Folder, LONG, Output, Running, after, emulator, program, redirected, run, run_with_input, topic, with};

const DEVICE: &str = "keeper";

/// `sub` with a session that is kept.
fn keeper(emulator: &Emulator, topic: &str, more: &[&str]) -> (Command, Vec<String>) {
    let mut arguments: Vec<String> =
        ["sub", "-c", "--device-id", DEVICE, "-t", topic].into_iter().map(str::to_string).collect();
    arguments.extend(more.iter().map(ToString::to_string));
    (with(emulator), arguments)
}

fn run_keeper(emulator: &Emulator, topic: &str, more: &[&str]) -> Output {
    let (command, arguments) = keeper(emulator, topic, more);
    run(command, arguments)
}

fn start_keeper(emulator: &Emulator, topic: &str, more: &[&str]) -> Running {
    let (mut command, arguments) = keeper(emulator, topic, more);
    command.args(arguments);
    Running::start(command)
}

/// A kept session with these messages waiting in it.
fn waiting(emulator: &Emulator, topic: &str, payloads: &[&[u8]]) {
    run_keeper(emulator, topic, &["-E"]).expect(0);
    // What a broker gets while a connection ends, it may send again in another order.
    let end = Instant::now() + LONG;
    while emulator.sessions().iter().any(|session| session.online) {
        assert!(Instant::now() < end, "the session stays online");
        std::thread::yield_now();
    }
    for payload in payloads {
        emulator.publish_as_service(topic, 1, *payload).unwrap();
    }
}

/// Checks what the kept session still holds, in whatever order the broker sends it.
#[track_caller]
fn expect_left(emulator: &Emulator, topic: &str, payloads: &[&str]) {
    emulator.publish_as_service(topic, 1, "the last").unwrap();
    let count = (payloads.len() + 1).to_string();
    let output = run_keeper(emulator, topic, &["-C", &count]).expect(0);
    let mut lines = output.lines();
    lines.sort_unstable();
    let mut expected = [payloads, &["the last"]].concat();
    expected.sort_unstable();
    assert_eq!(lines, expected);
}

fn until(emulator: &Emulator, what: impl Fn(&What) -> bool) -> LogEntry {
    emulator.wait_for_log(LONG, |entry| what(&entry.what)).expect("it is in the log")
}

fn subscribed(emulator: &Emulator) {
    until(emulator, |what| matches!(what, What::Subscribed { .. }));
}

/// Waits until the broker has so many acknowledgements: what it gets last may be on its way when the program has ended.
#[track_caller]
fn expect_acknowledged(emulator: &Emulator, count: usize) {
    let end = Instant::now() + LONG;
    while acknowledged(emulator) < count && Instant::now() < end {
        std::thread::yield_now();
    }
    assert_eq!(acknowledged(emulator), count);
}

fn acknowledged(emulator: &Emulator) -> usize {
    emulator.log().iter().filter(|entry| matches!(entry.what, What::DeliveryAcknowledged { .. })).count()
}

fn delivered(emulator: &Emulator) -> usize {
    emulator.log().iter().filter(|entry| matches!(entry.what, What::Delivered { .. })).count()
}

// ---- what is printed ----

#[test]
fn payloads_come_out_byte_for_byte() {
    let emulator = emulator();
    let topic = topic(&emulator, "bytes");
    let all: Vec<u8> = (0..=255).chain(*b"\r\n\0").collect();
    waiting(&emulator, &topic, &[&all, b"", b"text"]);
    let output = run_keeper(&emulator, &topic, &["-N", "-C", "3"]).expect(0);
    assert_eq!(output.stdout, [&all[..], b"text"].concat());
    assert_eq!(output.stderr, "");
    expect_acknowledged(&emulator, 3);

    waiting(&emulator, &topic, &[b"a", b"", b"b c"]);
    assert_eq!(
        run_keeper(&emulator, &topic, &["-v", "-C", "3"]).expect(0).text(),
        format!("{topic} a\n{topic} \n{topic} b c\n")
    );
    waiting(&emulator, &topic, &[b"a", b"\xff"]);
    let output = run_keeper(&emulator, &topic, &["-C", "2", "-F", "%q|%-4l|%x|%t\\t@@"]).expect(0);
    assert_eq!(output.text(), format!("1|1   |61|{topic}\t@\n1|1   |ff|{topic}\t@\n"));
}

#[test]
fn a_large_message_is_taken_where_the_setting_allows_it_and_else_named_and_passed_over() {
    let mut limits = aliyun_mqtt_emulator::Limits::default();
    (limits.payload, limits.packet) = (1 << 20, 2 << 20);
    let emulator = Emulator::builder().limits(limits).start().expect("the emulator starts");
    let topic = topic(&emulator, "large");
    let large = vec![b'x'; 300_000];
    let lengths = |command: Command, arguments: &[&str], count: &str| {
        waiting(&emulator, &topic, &[b"one", &large, b"two"]);
        let keep = ["sub", "-c", "--device-id", DEVICE, "-t", &topic, "-C", count];
        let output = run(command, [&keep[..], arguments].concat()).expect(0);
        let mut lengths: Vec<_> = output.lines().iter().map(|line| line.len()).collect();
        lengths.sort_unstable();
        (lengths, output.stderr)
    };
    let (came, told) = lengths(with(&emulator), &["--max-payload", "300000"], "3");
    assert_eq!((came, told.as_str()), (vec![3, 3, 300_000], ""));
    // The name of the library's setting, which its hints use.
    assert_eq!(lengths(with(&emulator), &["--payload-len", "300000"], "3").0, [3, 3, 300_000]);
    let mut command = with(&emulator);
    command.env("ALIYUN_MQTT_MAX_PAYLOAD", "300000");
    assert_eq!(lengths(command, &[], "3").0, [3, 3, 300_000]);
    let (came, told) = lengths(with(&emulator), &[], "2");
    assert_eq!(came, [3, 3]);
    assert!(
        told.contains("payload_len (ALIYUN_MQTT_MAX_PAYLOAD)") && told.contains("262144") && !told.contains("parent"),
        "{told}"
    );
    // Nothing of it is left to block the session.
    expect_left(&emulator, &topic, &[]);
    let output = run(with(&emulator), ["sub", "-t", &topic, "-C", "1", "--max-payload", "much"]).expect(2);
    assert!(output.stderr.contains("--max-payload") && output.stderr.contains("much"), "{output:?}");
}

#[test]
fn json_is_one_object_a_line() {
    let emulator = emulator();
    let topic = topic(&emulator, "json");
    waiting(&emulator, &topic, &["中\n".as_bytes(), b"\xff\0"]);
    let (mut command, arguments) = keeper(&emulator, &topic, &["--json", "-C", "2"]);
    let named = "Asia/Shanghai";
    let known = std::path::Path::new("/usr/share/zoneinfo").join(named).exists();
    command.env("TZ", if known { named } else { "CST-8" });
    let output = run(command, arguments).expect(0);
    let objects: Vec<Value> = output.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0]["payload"], "中\n");
    assert_eq!(objects[0]["topic"], topic.as_str());
    assert_eq!(objects[0]["qos"], 1);
    assert_eq!(objects[1]["payload_b64"], "/wA=");
    assert_eq!(objects[1]["payload_len"], 2);
    let time = objects[0]["time"].as_str().unwrap();
    assert!(time.ends_with("+08:00"), "{time}");
    time.parse::<jiff::Timestamp>().expect("RFC 3339");
}

#[test]
fn properties_of_mqtt_5_are_shown() {
    let emulator = emulator();
    let topic = topic(&emulator, "five");
    let keep = ["sub", "--protocol", "5", "--session-expiry", "3600", "-c", "--device-id", DEVICE, "-t", &topic];
    let keep = [&keep[..], &["--subscription-id", "7"]].concat();
    run(with(&emulator), [&keep[..], &["-E"]].concat()).expect(0);
    let config = aliyun_mqtt::Config::builder()
        .endpoint(emulator.endpoint())
        .instance_id(emulator.instance_id())
        .group_id(emulator.group_id())
        .credentials(aliyun_mqtt::Credentials::signature(emulator.access_key_id(), emulator.access_key_secret()))
        .protocol(aliyun_mqtt::Protocol::V5);
    let client = aliyun_mqtt::Client::connect(config.build().unwrap()).unwrap();
    let message = aliyun_mqtt::Outgoing::new(&topic, aliyun_mqtt::QoS::AtLeastOnce, "x")
        .user_property("k", "1")
        .user_property("k", "2")
        .content_type("text/plain")
        .expiry(Duration::from_secs(9000))
        .correlation_data([0xff]);
    client.publish_message(message).unwrap();
    let output = run(with(&emulator), [&keep[..], &["--json", "-C", "1"]].concat()).expect(0);
    let object: Value = serde_json::from_str(output.text()).unwrap();
    assert_eq!(object["user_properties"], serde_json::json!([["k", "1"], ["k", "2"]]));
    assert!(object["message_expiry"].as_u64().is_some_and(|left| (8000..=9000).contains(&left)), "{object}");
    // What `sub` prints, `pub` takes.
    run_with_input(with(&emulator), ["pub", "--jsonl", "--protocol", "5"], output.text()).expect(0);
    let again = run(with(&emulator), [&keep[..], &["--json", "-C", "1"]].concat()).expect(0);
    let again: Value = serde_json::from_str(again.text()).unwrap();
    for key in ["topic", "payload", "user_properties", "content_type", "correlation_data_b64"] {
        assert_eq!(again[key], object[key], "{key}");
    }
    assert!(again["message_expiry"].is_u64(), "{again}");
    assert_eq!(object["content_type"], "text/plain");
    assert_eq!(object["correlation_data_b64"], "/w==");
    assert_eq!(object["subscription_identifiers"], serde_json::json!([7]));
}

#[test]
fn what_is_filtered_out_is_acknowledged_and_does_not_count() {
    let emulator = emulator();
    let (all, noise) = (topic(&emulator, "some/#"), topic(&emulator, "some/noise/#"));
    run_keeper(&emulator, &all, &["-E"]).expect(0);
    for (rest, payload) in [("some/noise/a", "1"), ("some/b", "2"), ("some/noise", "3"), ("some/c", "4")] {
        emulator.publish_as_service(&topic(&emulator, rest), 1, payload).unwrap();
    }
    let output = run_keeper(&emulator, &all, &["-T", &noise, "-C", "2"]).expect(0);
    assert_eq!(output.text(), "2\n4\n");
    expect_left(&emulator, &topic(&emulator, "some/d"), &[]);
}

#[test]
fn formats_mean_what_they_mean_to_mosquitto_sub() {
    let Some(mosquitto) = support::mosquitto::Mosquitto::start() else { return };
    for (topic, payload) in
        [("demo/a", "Hello"), ("demo/a/longer", "{\"a\": [1, 2.5]}"), ("demo/b", "line\nline % @ \\")]
    {
        mosquitto.publish(&["-r", "-q", "1", "-t", topic, "-m", payload]);
    }
    let properties = "content-type text/plain|message-expiry-interval 9000|payload-format-indicator 1|response-topic re/ply|\
                      correlation-data id|user-property k 1|user-property a 2";
    let properties = properties.split('|').flat_map(|text| ["-D", "publish"].into_iter().chain(text.splitn(3, ' ')));
    let publish: Vec<&str> =
        ["-V", "5", "-r", "-q", "1", "-t", "demo/c", "-m", "five"].into_iter().chain(properties).collect();
    mosquitto.publish(&publish);
    for format in [
        "%t|%p|%x|%X|%l|%q|%r|%%|@@|\\\\|%A",
        "\\0\\a\\e\\n\\r\\t\\v",
        "[%20t][%-20t][%020t][%3t]",
        "[%.3t][%10.3t][%-10.3t][%.t][%.40t]",
        "[%6l][%06l][%-6l][%-06l][%1l]",
        // Not %x with a width: mosquitto_sub then shows half of the payload.
        "[%30p][%-30p]",
        "[%C][%D][%F][%P][%R][%S]",
        "[%14C][%-14C][%.4C][%-14.4C][%.2R]",
        "[%-4F][%-4A][%4S]",
        "%J",
    ] {
        let arguments = ["-t", "demo/#", "-q", "1", "-C", "4", "-F", format];
        let theirs = mosquitto.client("mosquitto_sub").args(["-V", "5", "-W", "60"]).args(arguments).output().unwrap();
        let arguments = [&["sub", "--protocol", "5"], &arguments[..]].concat();
        let ours = run(mosquitto.with(), arguments).expect(0);
        if format != "%J" {
            assert_eq!(String::from_utf8_lossy(&ours.stdout), String::from_utf8_lossy(&theirs.stdout), "{format}");
            continue;
        }
        // Not all payloads are JSON. Of what is, only time, packet id and properties differ.
        let objects = |stdout: &[u8]| -> Vec<Value> {
            let lines = std::str::from_utf8(stdout).unwrap().lines().filter(|line| !line.is_empty());
            let mut objects: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
            for object in &mut objects {
                object.as_object_mut().unwrap().retain(|key, _| !["tst", "mid", "properties"].contains(&key.as_str()));
            }
            objects
        };
        assert_eq!(objects(&ours.stdout), objects(&theirs.stdout));
        assert_eq!(objects(&ours.stdout).len(), 1);
        assert_eq!(ours.stderr.matches("is no JSON").count(), 3, "{}", ours.stderr);
    }
}

// ---- how it ends ----

#[test]
fn count_and_time_together_end_at_the_count_or_with_5() {
    let emulator = emulator();
    let topic = topic(&emulator, "bounds");
    waiting(&emulator, &topic, &[b"1", b"2", b"3"]);
    assert_eq!(run_keeper(&emulator, &topic, &["-C", "2", "-W", "100"]).expect(0).text(), "1\n2\n");
    let output = run_keeper(&emulator, &topic, &["-C", "2", "-W", "1"]).expect(5);
    assert_eq!(output.text(), "3\n");
    assert!(output.stderr.contains("fewer than 2 messages"), "{}", output.stderr);
    waiting(&emulator, &topic, &[b"4"]);
    assert_eq!(run_keeper(&emulator, &topic, &["-W", "1"]).expect(0).text(), "4\n", "as long as was asked");
    assert_eq!(run_keeper(&emulator, &topic, &["-W", "0"]).expect(0).text(), "");
}

#[test]
fn wrong_usage_ends_before_anything_is_connected() {
    for (arguments, words) in [
        (&["sub", "-t", "a", "-F", "%t %y"][..], "`%y` at character 4: there is no such field"),
        (&["sub"], "--topic"),
        (&["sub", "-t", "a", "-T", "b/#/c"], "# the last one"),
        (&["sub", "-t", "a", "-C", "0"], "0"),
        (&["sub", "-t", "a", "-q", "3"], "0, 1 or 2"),
        (&["sub", "-t", "a", "--exec", "true", "-v"], "nothing is printed"),
        (&["sub", "-t", "a", "--keep-going"], "--exec"),
        (&["sub", "-t", "a", "--json", "-v"], "cannot be used with"),
    ] {
        let output = run(program(), arguments).expect(2);
        assert!(output.stderr.contains(words), "{arguments:?}: {}", output.stderr);
    }
}

#[test]
fn each_failure_has_its_code() {
    let emulator = emulator();
    emulator.forbid(&topic(&emulator, "forbidden/#"));
    let output = run(with(&emulator), ["sub", "-t", &topic(&emulator, "forbidden/#")]).expect(6);
    assert!(output.stderr.contains("forbidden/#") && output.stderr.contains("hint:"), "{}", output.stderr);

    emulator.refuse_logins(Some(5));
    let output = run(with(&emulator), ["sub", "-t", &topic(&emulator, "a")]).expect(4);
    assert!(output.stderr.contains("error:"), "{}", output.stderr);

    emulator.stop().unwrap();
    let output = run(with(&emulator), ["sub", "-t", &topic(&emulator, "a")]).expect(3);
    assert!(output.stderr.contains("error:") && output.stdout.is_empty(), "{}", output.stderr);
}

#[test]
fn ctrl_c_ends_it_in_order() {
    let emulator = emulator();
    let topic = topic(&emulator, "interrupted");
    waiting(&emulator, &topic, &[]);
    let mut running = start_keeper(&emulator, &topic, &["-C", "5", "-W", "1000"]);
    emulator.publish_as_service(&topic, 1, "1").unwrap();
    assert_eq!(running.line(), "1");
    until(&emulator, |what| matches!(what, What::DeliveryAcknowledged { .. }));
    running.signal("TERM");
    assert_eq!(running.wait().expect(130).stderr, "");
    until(&emulator, |what| {
        matches!(what, What::Disconnected { reason: aliyun_mqtt_emulator::DisconnectReason::DisconnectedByClient })
    });
}

#[test]
fn ctrl_c_ends_it_before_there_is_a_connection() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = with(&emulator());
    command.env("ALIYUN_MQTT_ENDPOINT", format!("mqtt://{}", silent.local_addr().unwrap()));
    command.args(["sub", "-t", "emulator/a", "--timeout", "3600"]);
    let running = Running::start(command);
    let _connection = silent.accept().unwrap();
    running.signal("INT");
    assert_eq!(running.wait().expect(130).stderr, "");
}

#[test]
fn a_broken_connection_is_told_and_made_again() {
    let emulator = emulator();
    let topic = topic(&emulator, "again");
    waiting(&emulator, &topic, &[]);
    let mut running = start_keeper(&emulator, &topic, &["-C", "2"]);
    emulator.publish_as_service(&topic, 1, "before").unwrap();
    assert_eq!(running.line(), "before");
    until(&emulator, |what| matches!(what, What::DeliveryAcknowledged { .. }));
    let id = format!("{}@@@{DEVICE}", emulator.group_id());
    assert!(emulator.kick(&id));
    emulator.publish_as_service(&topic, 1, "after").unwrap();
    assert_eq!(running.line(), "after");
    let output = running.wait().expect(0);
    assert!(output.stderr.contains("warn: disconnected, trying again"), "{}", output.stderr);
    assert!(output.stderr.contains("warn: connected again"), "{}", output.stderr);
}

/// Who asks for one message of a busy topic gets it, and no word about the others; who wanted all is told of them.
#[test]
fn what_comes_beyond_the_count_is_no_warning_and_what_a_failure_leaves_is_one() {
    let emulator = emulator();
    let topic = topic(&emulator, "busy");
    let all: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let payloads: Vec<&[u8]> = all.iter().map(String::as_bytes).collect();
    waiting(&emulator, &topic, &payloads);
    let folder = Folder::new();
    // All of them have come before the first is done.
    let run = |name: &str, how: &str, more: &[&str]| {
        let path = folder.path(name);
        let exec = format!("until test -e '{}'; do sleep 0.01; done; {how}", path.display());
        let start = delivered(&emulator);
        let running = start_keeper(&emulator, &topic, &[&["--exec", &exec], more].concat());
        let end = Instant::now() + LONG;
        while delivered(&emulator) < start + all.len() {
            assert!(Instant::now() < end, "they are not delivered");
            std::thread::yield_now();
        }
        folder.write(name, "");
        running.wait()
    };
    let output = run("first", "exit 1", &[]).expect(1);
    assert!(output.stderr.contains("warn: the client has ended with "), "{}", output.stderr);
    let output = run("second", "exit 0", &["-C", "1"]).expect(0);
    assert_eq!(output.stderr, "");
    let left: Vec<&str> = all[1..].iter().map(String::as_str).collect();
    expect_left(&emulator, &topic, &left);
}

#[test]
fn a_subscription_that_is_lost_for_good_ends_it() {
    let emulator = emulator();
    let topic = topic(&emulator, "lost");
    let mut command = with(&emulator);
    command.args(["sub", "-t", &topic, "--device-id", DEVICE]);
    let running = Running::start(command);
    subscribed(&emulator);
    emulator.forbid(&topic);
    assert!(emulator.kick(&format!("{}@@@{DEVICE}", emulator.group_id())));
    let output = running.wait().expect(6);
    assert!(output.stderr.contains(&topic), "{}", output.stderr);
}

#[test]
fn subscriptions_of_a_kept_session_can_be_made_used_and_taken_back() {
    let emulator = emulator();
    let topic = topic(&emulator, "kept");
    run_keeper(&emulator, &topic, &["-E"]).expect(0);
    emulator.publish_as_service(&topic, 1, "kept").unwrap();
    let keep = ["sub", "-c", "--device-id", DEVICE];
    let output = run(with(&emulator), [&keep[..], &["--no-subscribe", "-C", "1"]].concat()).expect(0);
    assert_eq!(output.text(), "kept\n");
    run(with(&emulator), [&keep[..], &["-U", &topic, "-E"]].concat()).expect(0);
    until(&emulator, |what| matches!(what, What::Unsubscribed { filter } if *filter == topic));
    let output = run(with(&emulator), ["sub", "-c", "-t", &topic, "-E"]).expect(2);
    assert!(output.stderr.contains("device"), "{}", output.stderr);
}

// ---- what is acknowledged ----

#[test]
fn what_a_full_disk_did_not_take_comes_again() {
    let emulator = emulator();
    let topic = topic(&emulator, "full");
    waiting(&emulator, &topic, &[b"1", b"2"]);
    let (mut command, arguments) = keeper(&emulator, &topic, &[]);
    command.stdout(File::options().write(true).open("/dev/full").unwrap());
    let output = run(command, arguments).expect(1);
    assert!(output.stderr.contains("cannot write the output"), "{}", output.stderr);
    assert_eq!(acknowledged(&emulator), 0);
    let told = format!("  {topic}, 1 bytes, QoS 1\n");
    assert!(output.stderr.contains("are not acknowledged") && output.stderr.contains(&told), "{}", output.stderr);
    expect_left(&emulator, &topic, &["1", "2"]);
}

/// What was whole before the failure is acknowledged; the message it came with is named, and comes again.
#[test]
fn a_file_that_could_not_be_written_is_named_and_those_before_it_are_acknowledged() {
    let emulator = emulator();
    let topic = topic(&emulator, "limit");
    waiting(&emulator, &topic, &[b"1", b"2", &[b'x'; 60_000], b"4"]);
    let folder = Folder::new();
    let (command, arguments) = keeper(&emulator, &topic, &["--output-dir", folder.as_path().to_str().unwrap()]);
    // No file may be longer than 16 blocks of 512 bytes, and the signal for that is ignored.
    let output = Running::start(after(&command, "trap '' XFSZ; ulimit -f 16", &arguments)).wait().expect(1);
    assert_eq!(output.lines().len(), 2, "{}", output.text());
    expect_acknowledged(&emulator, 2);
    let named: Vec<_> = output.stderr.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(named, [format!("  {topic}, 60000 bytes, QoS 1")], "{}", output.stderr);
    let x = "x".repeat(60_000);
    expect_left(&emulator, &topic, &[&x, "4"]);
}

#[test]
fn a_closed_pipe_ends_it_quietly_and_what_was_not_read_comes_again() {
    let emulator = emulator();
    let topic = topic(&emulator, "pipe");
    waiting(&emulator, &topic, &[b"1"]);
    let (mut command, arguments) = keeper(&emulator, &topic, &[]);
    let (reader, writer) = std::io::pipe().unwrap();
    command.args(arguments).stdout(writer);
    let running = Running::start(command);
    let mut reader = BufReader::new(reader);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "1\n");
    until(&emulator, |what| matches!(what, What::DeliveryAcknowledged { .. }));
    drop(reader);
    emulator.publish_as_service(&topic, 1, "2").unwrap();
    let output = running.wait().expect(0);
    assert_eq!(output.stderr, "");
    expect_left(&emulator, &topic, &["2"]);
}

/// `sub | head -1` with one message and no second.
#[test]
fn it_ends_when_the_reader_of_its_output_does_without_waiting_for_a_message() {
    let emulator = emulator();
    for payloads in [&[&b"1"[..]][..], &[]] {
        let topic = topic(&emulator, "reader");
        waiting(&emulator, &topic, payloads);
        let (mut command, arguments) = keeper(&emulator, &topic, &[]);
        let (reader, writer) = std::io::pipe().unwrap();
        command.args(arguments).stdout(writer);
        let running = Running::start(command);
        let mut reader = BufReader::new(reader);
        if !payloads.is_empty() {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            assert_eq!(line, "1\n");
        }
        drop(reader);
        assert_eq!(running.wait().expect(0).stderr, "");
        expect_left(&emulator, &topic, &[]);
    }
    let topic = topic(&emulator, "reply");
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = with(&emulator);
    command.args(["rr", "-t", &topic, "-m", "x", "-W", "600"]).stdout(writer);
    let running = Running::start(command);
    until(&emulator, |what| matches!(what, What::Published { topic: to, .. } if *to == topic));
    drop(reader);
    running.wait().expect(0);
}

/// What is printed where nobody can read it must not be acknowledged.
#[test]
fn with_its_output_closed_it_refuses_to_start() {
    let emulator = emulator();
    let topic = topic(&emulator, "closed");
    waiting(&emulator, &topic, &[b"1"]);
    let connects = || emulator.log().iter().filter(|entry| matches!(entry.what, What::Connected { .. })).count();
    let before = connects();
    let (command, arguments) = keeper(&emulator, &topic, &["-C", "1", "-W", "60"]);
    for more in [&[][..], &["--json"], &["--exec", "cat"], &["--output-dir", "/nonexistent"]] {
        let arguments = arguments.iter().map(String::as_str).chain(more.iter().copied());
        let output = run(redirected(&command, arguments, ">&-"), [""; 0]).expect(1);
        assert!(output.stderr.contains("standard output is closed"), "{}", output.stderr);
        assert!(output.stderr.contains("hint: `> /dev/null` discards"), "{}", output.stderr);
    }
    assert_eq!(connects(), before, "nothing was connected");
    expect_left(&emulator, &topic, &["1"]);

    // What nobody wants to read is no mistake, however it is said.
    for redirections in [">/dev/null", "1<>/dev/null", ">/dev/null 2>&-", "<&- >/dev/null 2>&-"] {
        waiting(&emulator, &topic, &[b"1"]);
        run(redirected(&command, &arguments, redirections), [""; 0]).expect(0);
    }
    expect_left(&emulator, &topic, &[]);
    // Nothing is printed here.
    let (command, arguments) = keeper(&emulator, &topic, &["-E"]);
    run(redirected(&command, &arguments, ">&-"), [""; 0]).expect(0);
}

#[test]
fn what_was_written_but_not_wholly_when_it_was_killed_comes_again() {
    let emulator = emulator();
    let topic = topic(&emulator, "killed");
    // More than a pipe holds: the write cannot end.
    let big = [b'x'; 60_000];
    waiting(&emulator, &topic, &[&big, &big]);
    let (mut command, arguments) = keeper(&emulator, &topic, &[]);
    let (mut reader, writer) = std::io::pipe().unwrap();
    command.args(arguments).stdout(writer);
    let running = Running::start(command);
    let mut some = [0];
    reader.read_exact(&mut some).unwrap();
    until(&emulator, |what| matches!(what, What::Delivered { packet_id: Some(_), .. }));
    let position = emulator.log_position();
    running.signal("KILL");
    drop(running.wait());
    let ended = |entry: &LogEntry| matches!(entry.what, What::Disconnected { .. });
    emulator.wait_for_log_since(position, LONG, ended).expect("its end is noticed");
    // The first one may have been out, and acknowledged, before the second came.
    let left: Vec<&str> = vec![std::str::from_utf8(&big).unwrap(); 2 - acknowledged(&emulator)];
    assert!(!left.is_empty());
    expect_left(&emulator, &topic, &left);
}

#[test]
fn a_message_whose_command_was_running_when_it_was_killed_comes_again() {
    let emulator = emulator();
    let folder = Folder::new();
    let topic = topic(&emulator, "killed");
    waiting(&emulator, &topic, &[b"job"]);
    // Nobody ends it but the end of the test.
    let command = format!("cat; echo; while test -d '{}'; do sleep 0.1; done", folder.as_path().display());
    let mut running = start_keeper(&emulator, &topic, &["--exec", &command]);
    assert_eq!(running.line(), "job");
    running.signal("KILL");
    // Its command may still hold our end of the pipes.
    let _ = running.child.wait();
    assert_eq!(acknowledged(&emulator), 0);
    expect_left(&emulator, &topic, &["job"]);
}

#[test]
fn more_than_the_client_holds_comes_before_the_subscription_is_made_and_is_taken() {
    let Some(mosquitto) = support::mosquitto::Mosquitto::start() else { return };
    let keep = ["sub", "-c", "--device-id", DEVICE, "-t", "demo/many"];
    run(mosquitto.with(), [&keep[..], &["-E"]].concat()).expect(0);
    // The inbox holds 10,000.
    let numbers: String = (0..15_000).map(|number| format!("{number}\n")).collect();
    mosquitto.publish_lines("demo/many", &numbers);
    let output = run(mosquitto.with(), [&keep[..], &["-C", "15000"]].concat()).expect(0);
    assert!(output.text() == numbers, "{} lines", output.lines().len());
}

// ---- --output-dir ----

#[test]
fn each_payload_becomes_a_file_of_its_own() {
    let emulator = emulator();
    let folder = Folder::new();
    let topic = topic(&emulator, "files");
    let into = folder.path("in");
    waiting(&emulator, &topic, &[b"\0\xff", b"", b"\0\xff"]);
    let arguments = ["--output-dir", into.to_str().unwrap(), "--fsync", "-C", "2"];
    let output = run_keeper(&emulator, &topic, &arguments).expect(0);
    let mut paths: Vec<String> = output.lines().into_iter().map(str::to_string).collect();
    let last = run_keeper(&emulator, &topic, &[&arguments[..3], &["-C", "1", "--json"]].concat()).expect(0);
    let object: Value = serde_json::from_str(last.text()).unwrap();
    assert!(object.get("payload").is_none() && object.get("payload_b64").is_none());
    paths.push(object["path"].as_str().unwrap().to_string());
    let contents: Vec<_> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert_eq!(contents, [&b"\0\xff"[..], b"", b"\0\xff"]);
    let mut there: Vec<_> = std::fs::read_dir(&into).unwrap().map(|entry| entry.unwrap().path()).collect();
    there.sort();
    assert_eq!(there, paths.iter().map(Into::into).collect::<Vec<std::path::PathBuf>>(), "nothing else; in order");
    assert!(paths[0].ends_with("-emulator_files"), "{paths:?}");
}

#[test]
fn a_file_that_cannot_be_written_leaves_its_message_unacknowledged() {
    let emulator = emulator();
    let folder = Folder::new();
    let topic = topic(&emulator, "files");
    waiting(&emulator, &topic, &[b"1"]);
    let file = folder.write("file", "");
    let output = run_keeper(&emulator, &topic, &["--output-dir", file.to_str().unwrap()]).expect(1);
    assert!(output.stderr.contains("cannot make the folder"), "{}", output.stderr);
    expect_left(&emulator, &topic, &["1"]);
}

#[test]
fn no_topic_leads_out_of_the_folder() {
    let Some(mosquitto) = support::mosquitto::Mosquitto::start() else { return };
    let folder = Folder::new();
    let into = folder.path("in");
    let topics = ["demo/../../../up", "demo//abs", "demo/$(touch x)", "demo/a b;*?", "demo/é", "demo/.hidden"];
    let keep = ["sub", "-c", "--device-id", DEVICE, "-t", "demo/#"];
    run(mosquitto.with(), [&keep[..], &["-E"]].concat()).expect(0);
    for topic in topics {
        mosquitto.publish(&["-q", "1", "-t", topic, "-m", topic]);
    }
    let count = topics.len().to_string();
    let arguments = [&keep[..], &["-C", &count, "--output-dir", into.to_str().unwrap()]].concat();
    let output = run(mosquitto.with(), arguments).expect(0);
    for (path, topic) in output.lines().into_iter().zip(topics) {
        assert_eq!(std::path::Path::new(path).parent(), Some(into.as_path()), "{path}");
        assert_eq!(std::fs::read_to_string(path).unwrap(), topic);
    }
    assert_eq!(std::fs::read_dir(&into).unwrap().count(), topics.len());
    assert_eq!(std::fs::read_dir(folder.as_path()).unwrap().count(), 1);
}

// ---- --exec ----

#[test]
fn a_command_gets_the_message_and_nothing_of_it_becomes_code() {
    let emulator = emulator();
    let folder = Folder::new();
    let topic = topic(&emulator, "exec");
    let hostile = b"\0$(touch pwned) `touch pwned` ; touch pwned\n\xff";
    waiting(&emulator, &topic, &[hostile, b"two"]);
    let (mut command, arguments) = keeper(
        &emulator,
        &topic,
        &["-C", "2", "--exec", "printf '%s %s %s|' \"$MQTT_TOPIC\" $MQTT_QOS $MQTT_PAYLOAD_LEN; cat"],
    );
    command.current_dir(folder.as_path()).env("MQTT_CONTENT_TYPE", "of another message");
    let output = run(command, arguments).expect(0);
    let expected =
        [format!("{topic} 1 {}|", hostile.len()).as_bytes(), hostile, format!("{topic} 1 3|two").as_bytes()].concat();
    assert_eq!(output.stdout, expected);
    assert_eq!(std::fs::read_dir(folder.as_path()).unwrap().count(), 0);
    expect_acknowledged(&emulator, 2);

    waiting(&emulator, &topic, &[b"3"]);
    let (mut command, arguments) =
        keeper(&emulator, &topic, &["-C", "1", "--exec", "echo ${MQTT_CONTENT_TYPE-none} ${MQTT_TIME:+time}"]);
    command.env("MQTT_CONTENT_TYPE", "of another message");
    assert_eq!(run(command, arguments).expect(0).text(), "none time\n");
}

/// The program against a scripted server.
fn at(server: &Broker) -> Command {
    let mut command = program();
    command
        .env("ALIYUN_MQTT_ENDPOINT", format!("mqtt://{}", server.addr()))
        .env("ALIYUN_MQTT_INSTANCE_ID", "post-cn-test")
        .env("ALIYUN_MQTT_GROUP_ID", "GID_test")
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "id")
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret");
    command
}

/// A server that grants one subscription and then delivers these packets; each message, of QoS 1, is to be acknowledged
/// before the client says goodbye.
fn deliver(server: &Broker, packets: &[Vec<u8>]) {
    let mut line = server.accept(false);
    let subscribe = line.expect(8);
    line.suback(subscribe.id(), &[1]);
    for packet in packets {
        line.write(packet);
    }
    for _ in packets {
        line.expect(4);
    }
    line.expect(14);
}

#[test]
fn a_command_can_be_started_for_whatever_a_publisher_sends() {
    let server = Broker::start();
    let show = r#"printf '%s|%s|%s' "$MQTT_CONTENT_TYPE" "$MQTT_INEXACT" "$(cat)""#;
    let mut command = at(&server);
    command.args(["sub", "--protocol", "5", "-t", "#", "-C", "2", "--exec", show]);
    let running = Running::start(command);
    // Content type; each of them alone would have stopped it at each start.
    let nul = [&b"\x03\0\x03a\0b"[..]].concat();
    let message = |id: u8, properties: &[u8], payload: &[u8]| {
        let head = [&[0, 1, b't', 0, id, properties.len() as u8][..], properties, payload].concat();
        broker::packet(0x32, &head)
    };
    deliver(&server, &[message(1, &nul, b"one;"), message(2, b"\x03\0\x01c", b"two")]);
    assert_eq!(running.wait().expect(0).text(), "a\u{fffd}b|MQTT_CONTENT_TYPE|one;c||two");
}

#[test]
fn nothing_but_a_payload_makes_a_line() {
    let hostile = "a\nb\u{1b}[2J\r\u{202e}\tc";
    let shown = r"a\nb\u{1b}[2J\r\u{202e}\tc";
    let server = Broker::start();
    let message = |payload: &[u8]| {
        // Content type, response topic, user property.
        let text = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
        let properties = [&[3][..], &text(hostile), &[8], &text(hostile), &[0x26], &text(hostile), &text("v")].concat();
        let body = [&text(hostile)[..], &[0, 1, properties.len() as u8], &properties, payload].concat();
        broker::packet(0x32, &body)
    };
    for (arguments, expected) in [
        (&["-v"][..], format!("{shown} one\ntwo\n")),
        (&["-F", "%t|%C|%R|%P|%p"], format!("{shown}|{shown}|{shown}|{shown}:v|one\ntwo\n")),
        (&["-v", "--output-dir", "DIR"], format!("{shown} DIR/")),
        (&["--exec", "false", "--keep-going"], String::new()),
    ] {
        let folder = Folder::new();
        let folder = folder.as_path().to_str().expect("a path in UTF-8");
        let mut command = at(&server);
        command.args(["sub", "--protocol", "5", "-t", "#", "-C", "1"]);
        command.args(arguments.iter().map(|argument| argument.replace("DIR", folder)));
        let running = Running::start(command);
        deliver(&server, &[message(b"one\ntwo")]);
        let output = running.wait();
        let (text, lines) = (output.text(), output.stderr.lines().collect::<Vec<_>>());
        match arguments[0] {
            "--exec" => assert!(lines.len() == 3 && lines[1].contains(shown), "{lines:?}"),
            _ if arguments.contains(&"DIR") => {
                assert!(text.starts_with(&expected.replace("DIR", folder)) && text.lines().count() == 1, "{text:?}");
            }
            _ => assert_eq!(text, expected),
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_gets_less_of_a_message_where_the_system_does_not_take_all_of_it() {
    let server = Broker::start();
    let topic = "x".repeat(60_000);
    let mut command = at(&server);
    // With this stack the environment has 128 KiB, most of which is gone already.
    command.env("FILLER", "x".repeat(100_000));
    let show = r#"printf '%s|%s|%s' "$MQTT_TOPIC" "$MQTT_INEXACT" "$(cat)""#;
    let running = Running::start(after(&command, "ulimit -s 512", ["sub", "-t", "#", "-C", "1", "--exec", show]));
    deliver(&server, &[broker::publish(&topic, 1, 1, false, b"payload")]);
    assert_eq!(running.wait().expect(0).text(), "|MQTT_TOPIC|payload");
}

#[test]
fn when_a_command_fails_its_message_and_those_after_it_come_again() {
    let emulator = emulator();
    let topic = topic(&emulator, "failing");
    waiting(&emulator, &topic, &[b"1", b"2", b"3"]);
    // It works once, whichever message comes first.
    let folder = Folder::new();
    let command = format!("cat; echo; mkdir '{}' 2>/dev/null || exit 7", folder.path("once").display());
    let output = run_keeper(&emulator, &topic, &["--exec", &command]).expect(1);
    let done = output.lines();
    assert_eq!(done.len(), 2, "{output:?}");
    assert!(output.stderr.contains("the command ended with code 7"), "{}", output.stderr);
    assert!(output.stderr.contains(&topic) && output.stderr.contains("hint:"), "{}", output.stderr);
    expect_acknowledged(&emulator, 1);
    let left: Vec<&str> = ["1", "2", "3"].into_iter().filter(|message| *message != done[0]).collect();
    expect_left(&emulator, &topic, &left);
}

#[test]
fn with_keep_going_a_failing_command_costs_its_message() {
    let emulator = emulator();
    let topic = topic(&emulator, "skipping");
    waiting(&emulator, &topic, &[b"1", b"2", b"3"]);
    let arguments = ["--keep-going", "-C", "3", "--exec", "read -r n; echo $n; test $n != 2 || kill -9 $$"];
    let output = run_keeper(&emulator, &topic, &arguments).expect(1);
    let mut lines = output.lines();
    lines.sort_unstable();
    assert_eq!(lines, ["1", "2", "3"]);
    assert!(output.stderr.contains("warning: the command was ended by signal 9"), "{}", output.stderr);
    assert!(output.stderr.contains("failed for 1 messages"), "{}", output.stderr);
    expect_acknowledged(&emulator, 3);
    expect_left(&emulator, &topic, &[]);
}

#[test]
fn a_command_that_hangs_is_killed_with_all_it_has_started() {
    let emulator = emulator();
    let topic = topic(&emulator, "hanging");
    waiting(&emulator, &topic, &[b"1"]);
    // The child of the shell holds our stdout: the test would not end before it.
    let output =
        run_keeper(&emulator, &topic, &["--exec", "trap '' TERM; sleep 1000; echo no", "--exec-timeout", "0.2"])
            .expect(1);
    assert!(output.stderr.contains("did not end within 0.2 s and was killed"), "{}", output.stderr);
    assert_eq!(output.text(), "");
    expect_left(&emulator, &topic, &["1"]);
}

#[test]
fn ctrl_c_lets_a_command_finish_and_a_second_does_not() {
    let emulator = emulator();
    let folder = Folder::new();
    let topic = topic(&emulator, "finishing");
    let path = folder.path("go");
    waiting(&emulator, &topic, &[b"1", b"2"]);
    let wait = format!("cat; echo; until test -e '{}'; do sleep 0.01; done; echo done", path.display());
    let mut running = start_keeper(&emulator, &topic, &["--exec", &wait]);
    assert_eq!(running.line(), "1");
    running.signal("INT");
    std::fs::write(&path, "").unwrap();
    assert_eq!(running.line(), "done");
    assert_eq!(running.wait().expect(130).text().lines().count(), 2);
    expect_acknowledged(&emulator, 1);

    let mut running = start_keeper(&emulator, &topic, &["--exec", "cat; echo; sleep 1000"]);
    assert_eq!(running.line(), "2");
    running.signal("INT");
    running.signal("INT");
    // Twice at once may be taken for one.
    let end = Instant::now() + LONG;
    while running.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end);
        running.signal("INT");
        std::thread::yield_now();
    }
    running.wait().expect(130);
    expect_acknowledged(&emulator, 1);
}

/// A terminal that goes ends the program in order, but not one that `nohup` has started.
#[cfg(target_os = "linux")]
#[test]
fn a_hangup_ends_it_unless_nohup_started_it() {
    let emulator = emulator();
    for (nohup, topic) in [(false, topic(&emulator, "hangup")), (true, topic(&emulator, "nohup"))] {
        let program = program();
        let mut command = with(&emulator);
        if nohup {
            let mut shell = Command::new("nohup");
            shell.arg(program.get_program()).env_clear();
            shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            shell.stdin(Stdio::null()).stdout(Stdio::piped());
            shell.stderr(Stdio::piped());
            command = shell;
        }
        command.args(["sub", "-t", &topic]);
        // Also where these tests are run by nohup.
        let heeded = || {
            // SAFETY: a system call is all it makes.
            unsafe { libc::signal(libc::SIGHUP, libc::SIG_DFL) };
            Ok(())
        };
        // SAFETY: as above.
        unsafe { std::os::unix::process::CommandExt::pre_exec(&mut command, heeded) };
        let mut running = Running::start(command);
        emulator
            .wait_for_log(LONG, |entry| matches!(&entry.what, What::Subscribed { filter, .. } if *filter == topic))
            .expect("a subscription");
        running.signal("HUP");
        if nohup {
            run(with(&emulator), ["pub", "-t", &topic, "-m", "still here"]).expect(0);
            assert_eq!(running.line(), "still here");
            running.signal("TERM");
        }
        running.wait().expect(130);
    }
}
