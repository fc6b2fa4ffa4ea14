//! `rr`, against the emulator, and against mosquitto with `mosquitto_rr`.

use std::time::Instant;

use crate::support::mosquitto::Mosquitto;
use crate::support::{Folder, LONG, Running, emulator, run, topic, with};
use aliyun_mqtt_emulator::{Emulator, What};
use serde_json::Value;

/// Starts a replier with a kept session: requests wait for it, so the test need not.
fn replier(emulator: &Emulator, topic: &str, arguments: &[&str]) -> Running {
    let keep = ["rr", "reply", "-t", topic, "-c", "--device-id", "replier"];
    let mut command = with(emulator);
    run(with(emulator), [&keep[..], &["--echo", "-W", "0"]].concat()).expect(0);
    command.args([&keep[..], arguments].concat());
    Running::start(command)
}

#[test]
fn a_request_on_a_topic_gets_the_reply_to_it() {
    let emulator = emulator();
    let topic = topic(&emulator, "ask");
    let running = replier(&emulator, &topic, &["--exec", "cat; printf !", "-C", "8"]);
    // They run at the same time, and each gets its own reply.
    let askers: Vec<_> = (0..8)
        .map(|number| {
            let mut command = with(&emulator);
            command.args(["rr", "-t", &topic, "-m", &number.to_string(), "-v"]);
            (number, Running::start(command))
        })
        .collect();
    for (number, asker) in askers {
        let output = asker.wait().expect(0);
        assert!(output.text().ends_with(&format!(" {number}!\n")), "{number}: {}", output.text());
    }
    assert_eq!(running.wait().expect(0).stderr, "");
}

#[test]
fn replies_are_printed_as_messages_are() {
    let emulator = emulator();
    let topic = topic(&emulator, "ask");
    let running = replier(&emulator, &topic, &["-m", "-pong", "-C", "2"]);
    let output = run(with(&emulator), ["rr", "-t", &topic, "-n", "--json"]).expect(0);
    let object: Value = serde_json::from_str(output.text()).unwrap();
    assert_eq!(object["payload"], "-pong");
    let output = run(with(&emulator), ["rr", "-t", &topic, "-n", "-N", "-F", "%l %p"]).expect(0);
    assert_eq!(output.text(), "5 -pong");
    running.wait().expect(0);
}

#[test]
fn a_request_that_cannot_be_answered_holds_up_no_other() {
    let emulator = emulator();
    let topic = topic(&emulator, "ask");
    let running = replier(&emulator, &topic, &["--exec", "read -r n; echo $n; test $n = good", "-C", "3"]);
    run(with(&emulator), ["rr", "-t", &topic, "-m", "bad", "-W", "1"]).expect(5);
    emulator.publish_as_service(&topic, 1, "no request").unwrap();
    assert_eq!(run(with(&emulator), ["rr", "-t", &topic, "-m", "good"]).expect(0).text(), "good\n\n");
    let output = running.wait().expect(1);
    assert!(output.stderr.contains("was not answered: the command ended with code 1"), "{}", output.stderr);
    assert!(output.stderr.contains("is not a request"), "{}", output.stderr);
    assert!(output.stderr.contains("2 messages were not answered"), "{}", output.stderr);
    let acknowledged = |what: &What| matches!(what, What::DeliveryAcknowledged { .. });
    let replier = format!("{}@@@replier", emulator.group_id());
    let log = emulator.log();
    assert_eq!(log.iter().filter(|entry| entry.client_id == replier && acknowledged(&entry.what)).count(), 3);
}

#[test]
fn a_request_whose_replier_was_killed_is_answered_by_the_next() {
    let emulator = emulator();
    let folder = Folder::new();
    let topic = topic(&emulator, "ask");
    // Shows that it runs, and ends with the test.
    let hang = format!("echo > '{0}/runs'; while test -d '{0}'; do sleep 0.1; done", folder.as_path().display());
    let mut first = replier(&emulator, &topic, &["--exec", &hang]);
    let mut command = with(&emulator);
    command.args(["rr", "-t", &topic, "-m", "x", "-W", "100"]);
    let asker = Running::start(command);
    let end = Instant::now() + LONG;
    while !folder.path("runs").exists() {
        assert!(Instant::now() < end, "the command does not run");
        std::thread::yield_now();
    }
    first.signal("KILL");
    let _ = first.child.wait();
    let mut command = with(&emulator);
    command.args(["rr", "reply", "-t", &topic, "-c", "--device-id", "replier", "--echo", "-C", "1"]);
    let second = Running::start(command);
    assert_eq!(asker.wait().expect(0).text(), "x\n");
    second.wait().expect(0);
}

#[test]
fn each_failure_has_its_code() {
    let emulator = emulator();
    let topic = topic(&emulator, "ask");
    for (arguments, words) in [
        (&["rr", "-m", "x"][..], "no topic"),
        (&["rr", "-t", "a"], "no payload is specified"),
        (&["rr"], "no topic"),
        (&["rr", "-t", "a", "reply", "-t", "b", "--echo"], "before `reply`"),
        (&["rr", "-v", "reply", "-t", "b", "--echo"], "before `reply`"),
        (&["rr", "reply", "--echo"], "--topic"),
    ] {
        let output = run(with(&emulator), arguments).expect(2);
        assert!(output.stderr.contains(words), "{arguments:?}: {}", output.stderr);
    }
    emulator.forbid(&topic);
    let output = run(with(&emulator), ["rr", "-t", &topic, "-m", "x"]).expect(6);
    assert!(output.stderr.contains(&topic), "{}", output.stderr);
    run(with(&emulator), ["rr", "reply", "-t", &topic, "--echo"]).expect(6);
    emulator.stop().unwrap();
    run(with(&emulator), ["rr", "-t", &topic, "-m", "x"]).expect(3);
    // Settings may be given anywhere.
    run(with(&emulator), ["rr", "-e", &emulator.endpoint(), "reply", "-t", &topic, "--echo"]).expect(3);
}

#[test]
fn ctrl_c_ends_both_sides() {
    let emulator = emulator();
    let topic = topic(&emulator, "ask");
    // It must neither answer nor fail, either of which would end it.
    let running = replier(&emulator, &format!("{topic}/other"), &["--echo"]);
    let mut command = with(&emulator);
    command.args(["rr", "-t", &topic, "-m", "x", "-W", "1000"]);
    let asker = Running::start(command);
    emulator
        .wait_for_log(LONG, |entry| matches!(&entry.what, What::Published { topic: to, .. } if *to == topic))
        .unwrap();
    asker.signal("INT");
    asker.wait().expect(130);
    running.signal("TERM");
    running.wait().expect(130);
}

#[test]
fn other_programs_understand_it() {
    let Some(mosquitto) = Mosquitto::start() else { return };
    let keep =
        ["rr", "reply", "-t", "demo/ask", "--protocol", "5", "-c", "--session-expiry", "600", "--device-id", "r"];
    run(mosquitto.with(), [&keep[..], &["--echo", "-W", "0"]].concat()).expect(0);
    let mut command = mosquitto.with();
    command.args([&keep[..], &["--exec", "tr a-z A-Z", "-C", "2"]].concat());
    let running = Running::start(command);
    let mut theirs = mosquitto.client("mosquitto_rr");
    theirs.args(["-V", "5", "-q", "1", "-t", "demo/ask", "-e", "demo/reply", "-m", "theirs", "-W", "60"]);
    assert_eq!(theirs.output().unwrap().stdout, b"THEIRS\n");
    let ours = ["rr", "--protocol", "5", "-t", "demo/ask", "--response-topic", "demo/reply", "-m", "ours"];
    assert_eq!(run(mosquitto.with(), ours).expect(0).text(), "OURS\n");
    running.wait().expect(0);
}
