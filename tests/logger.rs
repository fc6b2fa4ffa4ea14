//! Promise 8, for a user's logger: it may use the client, and panic. One test a process: it is the logger.

mod support;

use std::sync::{Mutex, OnceLock};

use aliyun_mqtt::{Client, Event, Outgoing, QoS};
use support::broker::{Broker, Kind, lax};
use support::eventually;

static CLIENT: OnceLock<Client> = OnceLock::new();

/// The last record, about the end of the client.
static END: Mutex<String> = Mutex::new(String::new());

/// Publishes what the library logs, and panics at the end.
struct Publishes;

impl log::Log for Publishes {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let text = record.args().to_string();
        if text.starts_with("the client has ended") {
            *END.lock().expect("no panic") = text;
            panic!("the program's logger");
        }
        if let Some(client) = CLIENT.get().filter(|_| record.target().starts_with("aliyun_mqtt")) {
            let _ = client.try_enqueue(Outgoing::new("log", QoS::AtMostOnce, text));
        }
    }

    fn flush(&self) {}
}

#[test]
fn a_logger_may_use_the_client_and_panic() {
    log::set_logger(&Publishes).expect("the only logger");
    log::set_max_level(log::LevelFilter::Info);
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().limits(lax().inbox(1, 10_000)));
    assert!(CLIENT.set(client.clone()).is_ok());
    let events = client.events();
    line.publish("topic\nof two lines", 0, 0, false, "kept");
    line.publish("t", 0, 0, false, "dropped");
    let logged = line.expect(Kind::Publish);
    assert!(logged.topic() == "log" && logged.payload().contains("inbox is full"), "{logged:?}");
    eventually("the client answers", || client.stats().dropped_full == 1);
    client.disconnect().expect("nothing is open");
    let last = std::iter::from_fn(|| events.recv()).last();
    assert!(matches!(&last, Some(Event::Ended { untaken: Some(untaken), .. }) if untaken.count == 1), "{last:?}");
    let logged = END.lock().expect("no panic").clone();
    assert!(logged.contains(r"topic\nof two lines") && !logged.contains('\n'), "{logged}");
}
