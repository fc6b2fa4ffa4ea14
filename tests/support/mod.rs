//! What the integration tests share. Each test binary uses a part of it.
#![allow(dead_code, unreachable_pub)]

#[cfg(feature = "openapi")]
pub mod api;
pub mod broker;
pub mod certificate;
pub mod fault_proxy;
pub mod folder;
#[cfg(feature = "openapi")]
pub mod http;
pub mod http_proxy;
pub mod ledger;
pub mod matrix;
pub mod mosquitto;
pub mod port;
pub mod process;
pub mod random;
pub mod tokens;

use std::fmt::Debug;
use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, Code, Config, ConfigBuilder, Credentials, Event, Events, Protocol, QoS, Subscription};
use aliyun_mqtt_emulator::Emulator;
use broker::Line;
pub use matrix::protocol;

/// Far beyond what anything here takes, so that a slow machine fails no test.
pub const LONG: Duration = Duration::from_secs(60);

/// An emulator with all defaults.
pub fn emulator() -> Emulator {
    Emulator::start().expect("the emulator starts")
}

/// The code of CONNACK in [`protocol`], for one of MQTT 3.1.1.
pub fn connack(code: u8) -> Code {
    Code::ConnAck(if protocol() == Protocol::V5 { broker::connack_of_v5(code) } else { code })
}

/// A configuration that the emulator accepts, with a device id of its own, over [`transport`](matrix::transport).
pub fn config(emulator: &Emulator) -> ConfigBuilder {
    matrix::trusting(plain_config(emulator).endpoint(matrix::endpoint(matrix::addr(emulator))), emulator.ca_pem())
}

/// The same over TCP whatever the environment says, and without the emulator's CA.
pub fn plain_config(emulator: &Emulator) -> ConfigBuilder {
    Config::builder()
        .protocol(protocol())
        .endpoint(emulator.endpoint())
        .instance_id(emulator.instance_id())
        .group_id(emulator.group_id())
        .credentials(Credentials::signature(emulator.access_key_id(), emulator.access_key_secret()))
        .timeout(LONG)
        .backoff(Duration::from_millis(10), Duration::from_millis(200))
}

/// A client of the emulator with nothing special.
pub fn client(emulator: &Emulator) -> Client {
    connect(config(emulator))
}

/// Connects, or says why not.
pub fn connect(builder: ConfigBuilder) -> Client {
    Client::connect(builder.build().expect("a good configuration")).expect("connected")
}

/// A topic below the emulator's parent topic.
pub fn topic(emulator: &Emulator, rest: &str) -> String {
    format!("{}/{rest}", emulator.parent_topic())
}

/// Waits until the condition holds, or fails with what it was about.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// The next event that the function picks; fails when none comes.
pub fn event<T>(events: &Events, what: &str, mut pick: impl FnMut(Event) -> Option<T>) -> T {
    let deadline = Instant::now() + LONG;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let event = events.recv_timeout(left).unwrap_or_else(|| panic!("no event in time: {what}"));
        if let Some(picked) = pick(event) {
            return picked;
        }
    }
}

/// Waits for the next connection.
pub fn connected(events: &Events) {
    event(events, "connected", |event| matches!(event, Event::Connected { .. }).then_some(()));
}

/// Takes so many messages, and gives their payloads as text.
pub fn payloads(client: &Client, count: usize) -> Vec<String> {
    let messages = client.messages().idle(LONG).take(count);
    messages.map(|message| text(message.expect("a message").payload())).collect()
}

/// A stream, whose SUBSCRIBE is granted.
pub fn stream(client: &Client, line: &mut Line, filter: &str) -> Subscription {
    std::thread::scope(|scope| {
        let stream = scope.spawn(|| client.subscription(filter, QoS::AtLeastOnce));
        broker::grant(line);
        stream.join().expect("no panic").expect("subscribed")
    })
}

/// Writes a QoS 0 message and waits until it has arrived: everything before it was handled.
pub fn mark(client: &Client, line: &mut Line) {
    let before = client.stats().received;
    line.publish("mark", 0, 0, false, "");
    eventually("the mark arrived", || client.stats().received > before);
}

/// Bytes as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// The error of a call that has to fail, without one that works being printed.
pub fn error<T: Debug>(result: Result<T, aliyun_mqtt::Error>) -> aliyun_mqtt::Error {
    match result {
        Ok(value) => panic!("this worked, but must not: {value:?}"),
        Err(error) => error,
    }
}
