//! `p2p`, against the emulator.

use std::process::Command;

use crate::support::{LONG, Running, emulator, run, run_with_input, with};
use aliyun_mqtt_emulator::{Emulator, What};
use serde_json::Value;

/// Returns the client id of a device.
fn id(emulator: &Emulator, device: &str) -> String {
    format!("{}@@@{device}", emulator.group_id())
}

/// A sender that keeps its session, so that its messages wait for the receiver.
fn sender(emulator: &Emulator) -> Command {
    let mut command = with(emulator);
    command.env("ALIYUN_MQTT_DEVICE_ID", "sender").env("ALIYUN_MQTT_CLEAN_SESSION", "false");
    command
}

fn start(emulator: &Emulator, arguments: &[&str]) -> Running {
    let mut command = with(emulator);
    command.args(arguments);
    Running::start(command)
}

#[test]
fn what_is_sent_is_received_without_a_subscription() {
    let emulator = emulator();
    let to = id(&emulator, "receiver");
    let mut running = start(&emulator, &["p2p", "listen", "--device-id", "receiver", "-C", "3", "-v"]);
    emulator.wait_for_log(LONG, |entry| matches!(entry.what, What::Connected { .. }) && entry.client_id == to);
    run(sender(&emulator), ["p2p", "send", &to, "-m", "-one-"]).expect(0);
    let topic = format!("{}/p2p/{to}", emulator.parent_topic());
    assert_eq!(running.line(), format!("{topic} -one-"));
    run_with_input(sender(&emulator), ["p2p", "send", &to, "-s", "-q", "2"], *b"two\xff").expect(0);
    run(sender(&emulator), ["p2p", "send", &to, "-n"]).expect(0);
    let output = running.wait().expect(0);
    assert_eq!(
        output.stdout,
        [format!("{topic} -one-\n{topic} two").as_bytes(), b"\xff\n", format!("{topic} \n").as_bytes()].concat()
    );
    assert!(output.stderr.contains(&format!("listening as {to}")), "{}", output.stderr);
    let acknowledged = |entry: &aliyun_mqtt_emulator::LogEntry| {
        matches!(entry.what, What::DeliveryAcknowledged { .. }) && entry.client_id == to
    };
    assert_eq!(emulator.log().iter().filter(|entry| acknowledged(entry)).count(), 3);
}

#[test]
fn it_waits_for_a_receiver_only_if_the_sender_keeps_its_session() {
    let emulator = emulator();
    let to = id(&emulator, "receiver");
    run(with(&emulator), ["p2p", "send", &to, "-m", "lost"]).expect(0);
    run(with(&emulator), ["p2p", "send", &to, "-m", "kept", "-c", "--device-id", "sender"]).expect(0);
    let output = run(with(&emulator), ["p2p", "listen", "--client-id", &to, "-C", "1", "--json"]).expect(0);
    let object: Value = serde_json::from_str(output.text()).unwrap();
    assert_eq!(object["payload"], "kept");
}

#[test]
fn what_is_missing_or_wrong_is_told() {
    let emulator = emulator();
    let output = run(with(&emulator), ["p2p", "listen"]).expect(2);
    assert!(output.stderr.contains("--device-id"), "{}", output.stderr);
    let mut command = with(&emulator);
    command.env_remove("ALIYUN_MQTT_TOPIC");
    let output = run(command, ["p2p", "send", "GID_x@@@y", "-m", "x"]).expect(2);
    assert!(output.stderr.contains("--parent-topic"), "{}", output.stderr);
    for (arguments, words) in [
        (&["p2p", "send", "GID_x@@@y"][..], "no payload is specified"),
        (&["p2p", "send", "GID_x@@@y", "-m", "a", "-n"], "more than one payload"),
        (&["p2p", "send", "GID_x@@@y/z", "-m", "a"], "GID_x@@@y/z"),
        (&["p2p", "send", "GID_x@@@y", "-f", "/nonexistent"], "cannot read /nonexistent"),
        (&["p2p", "send", "GID_x@@@y", "-f", "/dev/zero"], "65536"),
        (&["p2p", "send", "foo", "-m", "x"], "\"foo\" is not a client id: it must be GroupID@@@DeviceID"),
        (&["p2p", "send", "GID_x@@@y", "-m", "x", "--timeout", "0"], "a number of seconds from 1 to 3600"),
        (&["p2p", "reply", "--device-id", "a"], "no reply is specified"),
        (&["p2p", "reply", "--device-id", "a", "--echo", "-m", "a"], "more than one reply"),
    ] {
        let output = run(with(&emulator), arguments).expect(2);
        assert!(output.stderr.contains(words), "{arguments:?}: {}", output.stderr);
    }
    emulator.refuse_logins(Some(4));
    run(with(&emulator), ["p2p", "send", "GID_x@@@y", "-m", "x"]).expect(4);
    emulator.stop().unwrap();
    run(with(&emulator), ["p2p", "listen", "--device-id", "a"]).expect(3);
}

#[test]
fn a_request_is_answered_by_a_command() {
    let emulator = emulator();
    let to = id(&emulator, "replier");
    for protocol in ["3.1.1", "5"] {
        let script = "tr a-z A-Z; printf ' %s' \"${MQTT_RESPONSE_TOPIC#*/p2p/}\"";
        let replier = ["p2p", "reply", "--device-id", "replier", "--protocol", protocol, "-C", "2", "--exec", script];
        let running = start(&emulator, &replier);
        let asker = id(&emulator, "sender");
        let ask = ["--protocol", protocol, "p2p", "request", &to];
        let output = run(sender(&emulator), [&ask[..], &["-m", "question"]].concat()).expect(0);
        assert_eq!(output.text(), format!("QUESTION {asker}\n"));
        let ask = [&ask[..], &["-s", "-N"]].concat();
        let output = run_with_input(sender(&emulator), ask, *b"\0\xff").expect(0);
        assert_eq!(output.stdout, [b"\0\xff ", asker.as_bytes()].concat());
        let output = running.wait().expect(0);
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

#[test]
fn without_a_reply_the_code_is_5() {
    let emulator = emulator();
    let output = run(with(&emulator), ["p2p", "request", &id(&emulator, "nobody"), "-m", "x", "-W", "0.5"]).expect(5);
    assert!(output.stderr.contains("reply") && output.stdout.is_empty(), "{}", output.stderr);
}
