//! When and how the command ends.

use super::*;
use crate::support::heed_signals;

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
        (&["sub", "-t", "a", "-q", "3"], "[possible values: 0, 1, 2]"),
        (&["sub", "-t", "a", "--exec", "true", "-v"], "--exec prints nothing itself"),
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

/// Messages that nobody can read must not be acknowledged.
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

    // Discarding the output on purpose is not an error.
    for redirections in [">/dev/null", "1<>/dev/null", ">/dev/null 2>&-", "<&- >/dev/null 2>&-"] {
        waiting(&emulator, &topic, &[b"1"]);
        run(redirected(&command, &arguments, redirections), [""; 0]).expect(0);
    }
    expect_left(&emulator, &topic, &[]);
    // Nothing is printed here.
    let (command, arguments) = keeper(&emulator, &topic, &["-E"]);
    run(redirected(&command, &arguments, ">&-"), [""; 0]).expect(0);
}

/// The hangup of a terminal ends the program in order, unless `nohup` started it.
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
        heed_signals(&mut command);
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
