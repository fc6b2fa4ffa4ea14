//! `--exec`.

use super::*;

#[test]
fn a_message_whose_command_was_running_when_it_was_killed_comes_again() {
    let emulator = emulator();
    let folder = Folder::new();
    let topic = topic(&emulator, "killed");
    waiting(&emulator, &topic, &[b"job"]);
    // Only the end of the test ends it.
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

#[test]
fn a_command_can_be_started_for_whatever_a_publisher_sends() {
    let server = Broker::start();
    let show = r#"printf '%s|%s|%s' "$MQTT_CONTENT_TYPE" "$MQTT_INEXACT" "$(cat)""#;
    let mut command = at(&server);
    command.args(["sub", "--protocol", "5", "-t", "#", "-C", "2", "--exec", show]);
    let running = Running::start(command);
    // Content type; each of these alone would prevent the command from starting.
    let nul = [&b"\x03\0\x03a\0b"[..]].concat();
    let message = |id: u8, properties: &[u8], payload: &[u8]| {
        let head = [&[0, 1, b't', 0, id, properties.len() as u8][..], properties, payload].concat();
        broker::packet(0x32, &head)
    };
    deliver(&server, &[message(1, &nul, b"one;"), message(2, b"\x03\0\x01c", b"two")]);
    assert_eq!(running.wait().expect(0).text(), "a\u{fffd}b|MQTT_CONTENT_TYPE|one;c||two");
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_gets_less_of_a_message_where_the_system_does_not_take_all_of_it() {
    let server = Broker::start();
    let topic = "x".repeat(60_000);
    let mut command = at(&server);
    // With this stack the environment has 128 KiB, most of which is used already.
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
    // It succeeds once, whichever message comes first.
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
    // The child of the shell holds our stdout, so the test would wait for it.
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
    let mut running = start_keeper(&emulator, &topic, &["--log", "debug", "--exec", &wait]);
    assert_eq!(running.line(), "1");
    running.signal("INT");
    // Otherwise the command could end, and the second message be taken, before the signal has an effect.
    running.stderr_until("debug: interrupted");
    std::fs::write(&path, "").unwrap();
    assert_eq!(running.line(), "done");
    assert_eq!(running.wait().expect(130).text().lines().count(), 2);
    expect_acknowledged(&emulator, 1);

    let mut running = start_keeper(&emulator, &topic, &["--exec", "cat; echo; sleep 1000"]);
    assert_eq!(running.line(), "2");
    running.signal("INT");
    running.signal("INT");
    // Two signals at once may be merged into one.
    let end = Instant::now() + LONG;
    while running.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end);
        running.signal("INT");
        std::thread::yield_now();
    }
    running.wait().expect(130);
    expect_acknowledged(&emulator, 1);
}
