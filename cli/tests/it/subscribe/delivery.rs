//! Messages that are acknowledged, and messages that come again.

use super::*;

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

/// Messages beyond `-C` cause no warning; messages that a failed command leaves do.
#[test]
fn what_comes_beyond_the_count_is_no_warning_and_what_a_failure_leaves_is_one() {
    let emulator = emulator();
    let topic = topic(&emulator, "busy");
    let all: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let payloads: Vec<&[u8]> = all.iter().map(String::as_bytes).collect();
    waiting(&emulator, &topic, &payloads);
    let folder = Folder::new();
    // All of them have arrived before the first is processed.
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
    assert!(output.stderr.contains("hint: use --device-id, set ALIYUN_MQTT_DEVICE_ID,"), "{}", output.stderr);
}

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

/// Complete messages are acknowledged; the one that failed is named and sent again.
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

#[test]
fn what_was_written_but_not_wholly_when_it_was_killed_comes_again() {
    let emulator = emulator();
    let topic = topic(&emulator, "killed");
    // More than a pipe holds, so the write blocks.
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
    // The first one may have been printed and acknowledged before the second arrived.
    let left: Vec<&str> = vec![std::str::from_utf8(&big).unwrap(); 2 - acknowledged(&emulator)];
    assert!(!left.is_empty());
    expect_left(&emulator, &topic, &left);
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

#[test]
fn two_programs_with_one_client_id_are_told_so() {
    let emulator = emulator();
    let mut twins = [0, 1].map(|_| {
        let mut command = with(&emulator);
        command.args(["sub", "--device-id", "twin", "-t", &topic(&emulator, "x")]);
        Running::start(command)
    });
    twins[0].stderr_until("another program probably uses the same client id");
}
