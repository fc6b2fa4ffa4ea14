//! Promise 8, for a user's logger: it may use the client. One test a process: it is the logger.

mod support;

use std::sync::OnceLock;

use aliyun_mqtt::{Client, QoS};
use support::broker::{Broker, lax};
use support::eventually;

static CLIENT: OnceLock<Client> = OnceLock::new();

/// Publishes what the library logs.
struct Publishes;

impl log::Log for Publishes {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if let Some(client) = CLIENT.get().filter(|_| record.target().starts_with("aliyun_mqtt")) {
            let _ = client.try_publish("log", QoS::AtMostOnce, record.args().to_string());
        }
    }

    fn flush(&self) {}
}

#[test]
fn a_logger_may_use_the_client() {
    log::set_logger(&Publishes).expect("the only logger");
    log::set_max_level(log::LevelFilter::Info);
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().limits(lax().inbox(1, 10_000)));
    assert!(CLIENT.set(client.clone()).is_ok());
    line.publish("t", 0, 0, false, "kept");
    line.publish("t", 0, 0, false, "dropped");
    let logged = line.expect(3);
    assert!(logged.topic() == "log" && logged.payload().contains("inbox is full"), "{logged:?}");
    eventually("the client answers", || client.stats().dropped_full == 1);
}
