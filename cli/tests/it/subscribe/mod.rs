//! `sub`, against the emulator: what it prints, how it ends, and what it acknowledges when.

mod delivery;
mod ending;
mod exec;
mod folder;
mod output;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support;
use crate::support::library::broker::{self, Broker, Kind};
use crate::support::{
    Folder, LONG, Output, Running, after, emulator, program, redirected, run, run_with_input, topic, with,
};
use aliyun_mqtt_emulator::{Emulator, LogEntry, What};
use serde_json::Value;

const DEVICE: &str = "keeper";

/// Returns `sub` with a kept session.
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

/// Makes a kept session in which these messages wait.
fn waiting(emulator: &Emulator, topic: &str, payloads: &[&[u8]]) {
    run_keeper(emulator, topic, &["-E"]).expect(0);
    // The server may change the order of messages that arrive while a connection ends.
    let end = Instant::now() + LONG;
    while emulator.sessions().iter().any(|session| session.online) {
        assert!(Instant::now() < end, "the session stays online");
        std::thread::yield_now();
    }
    for payload in payloads {
        emulator.publish_as_service(topic, 1, *payload).unwrap();
    }
}

/// Checks what the kept session still holds, in any order.
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

/// Waits until the server has this many acknowledgements, which may arrive after the end of the program.
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

/// Returns the program with settings for a scripted server.
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

/// Serves one client: grants a subscription, delivers these packets with QoS 1, and expects an acknowledgement of each
/// before DISCONNECT.
fn deliver(server: &Broker, packets: &[Vec<u8>]) {
    let mut line = server.accept(false);
    let subscribe = line.expect(Kind::Subscribe);
    line.suback(subscribe.id(), &[1]);
    for packet in packets {
        line.write(packet);
    }
    for _ in packets {
        line.expect(Kind::PubAck);
    }
    line.expect(Kind::Disconnect);
}
