//! The calls of sending and receiving: what each does, in both versions of MQTT.

mod closer;
mod reports;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::support::broker::{Broker, Kind, Line, Packet, grant, lax};
use crate::support::{self, LONG, error, eventually, text};
use aliyun_mqtt::{
    AckMode, Bytes, Client, Closer, Config, Credentials, Delivery, Error, ErrorKind, Fate, Message, Outgoing, Payload,
    Protocol, QoS, Result, Stage, SubscribeOptions, Subscription, Token, TokenKind, topic_matches,
};

const BOTH: [Protocol; 2] = [Protocol::V311, Protocol::V5];

/// For what has to time out: long enough for a busy machine to do what comes before.
const SHORT: Duration = Duration::from_secs(2);

fn message(payload: impl Into<Payload>) -> Outgoing {
    Outgoing::new("t", QoS::AtLeastOnce, payload)
}

/// A message that no topic allows.
fn invalid() -> Outgoing {
    Outgoing::new("t/#", QoS::AtLeastOnce, "x")
}

fn numbered(numbers: impl IntoIterator<Item = u32>) -> impl Iterator<Item = Outgoing> {
    numbers.into_iter().map(|number| message(number.to_string()))
}

/// A subscription that the broker grants.
fn subscription(client: &Client, line: &mut Line, filter: &str) -> Subscription {
    thread::scope(|scope| {
        let subscription = scope.spawn(|| client.subscription(filter, QoS::AtLeastOnce));
        grant(line);
        subscription.join().expect("no panic").expect("subscribed")
    })
}

/// Writes a QoS 0 message and waits until it has arrived: everything before it was handled.
fn mark(client: &Client, line: &mut Line) {
    let before = client.stats().received;
    line.publish("mark", 0, 0, false, "");
    eventually("the mark arrived", || client.stats().received > before);
}

fn payload(message: &Message) -> &str {
    message.payload_str().expect("text")
}

/// The payloads that `take` gives until it gives no more.
fn drain(mut take: impl FnMut() -> Result<Option<Message>>) -> Vec<String> {
    std::iter::from_fn(|| take().expect("alive")).map(|message| payload(&message).to_string()).collect()
}

// ---- sending ----

#[test]
fn payloads_and_topics_of_any_kind_arrive_as_they_are() {
    let emulator = support::emulator();
    for protocol in BOTH {
        let client = support::connect(support::config(&emulator).protocol(protocol));
        let topic = support::topic(&emulator, "kinds");
        client.subscribe(&topic, QoS::AtLeastOnce).expect("granted");
        let (owned, bytes) = (String::from("owned"), b"vector".to_vec());
        client.publish(&topic, QoS::AtLeastOnce, "text").expect("sent");
        client.publish(topic.as_str(), QoS::AtLeastOnce, &owned).expect("sent");
        client.publish(topic.clone(), QoS::AtLeastOnce, owned.clone()).expect("sent");
        client.publish(&topic, QoS::AtLeastOnce, &bytes).expect("sent");
        client.publish(&topic, QoS::AtLeastOnce, *b"array").expect("sent");
        client.publish(&topic, QoS::AtLeastOnce, Bytes::from_static(b"shared")).expect("sent");
        client.publish(&topic, QoS::AtLeastOnce, "").expect("sent");
        let expected = ["text", "owned", "owned", "vector", "array", "shared", ""];
        assert_eq!(support::payloads(&client, expected.len()), expected);

        let readings = BTreeMap::from([("a", 1.5), ("b", 2.0)]);
        client.publish_message(Outgoing::json(&topic, QoS::AtLeastOnce, &readings).expect("JSON")).expect("sent");
        let received = client.recv_timeout(LONG).expect("alive").expect("a message");
        assert_eq!(received.json::<BTreeMap<&str, f64>>().expect("JSON"), readings);
        assert_eq!(error(received.json::<Vec<u8>>()).kind(), ErrorKind::Invalid);

        let own = client.config().client_id().clone();
        let message = Outgoing::p2p(emulator.parent_topic(), &own, QoS::AtLeastOnce, "psst").expect("good names");
        client.enqueue(message).expect("accepted").wait().expect("sent");
        assert_eq!(support::payloads(&client, 1), ["psst"]);
        client.disconnect().expect("clean");
    }
}

#[test]
fn a_message_is_queued_where_there_is_room_and_refused_where_there_is_none() {
    for protocol in BOTH {
        let broker = Broker::start();
        let config = broker.config().protocol(protocol).limits(lax().outbox(2, 1 << 20));
        let (client, mut line) = broker.connect(config);
        assert_eq!(error(client.enqueue(invalid())).kind(), ErrorKind::Invalid);
        let first = client.enqueue(message("1")).expect("room");
        let second = client.try_enqueue(message("2")).expect("room");
        let full = error(client.try_enqueue(message("no")));
        assert_eq!((full.kind(), full.fate()), (ErrorKind::Full, Some(Fate::NotSent)), "{full}");
        let late = error(client.with_timeout(SHORT).enqueue(message("no")));
        assert_eq!((late.kind(), late.fate()), (ErrorKind::Timeout(Stage::Window), Some(Fate::NotSent)), "{late}");
        thread::scope(|scope| {
            let third = scope.spawn(|| client.enqueue(message("3")));
            let mut arrived = Vec::new();
            for _ in 0..3 {
                let packet = line.expect(Kind::Publish);
                arrived.push(packet.payload());
                line.answer(&packet);
            }
            assert_eq!(arrived, ["1", "2", "3"]);
            let third = third.join().expect("no panic").expect("room in time");
            for delivery in [first, second, third] {
                assert_eq!(delivery.wait().expect("acknowledged").attempts, 1);
            }
        });
    }
}

#[test]
fn a_batch_is_queued_in_order_with_one_result_for_each_message() {
    for protocol in BOTH {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config().protocol(protocol));
        let batch = [message("1"), invalid(), message("2"), Outgoing::new("t", QoS::AtMostOnce, "3")];
        let results = client.enqueue_many(batch);
        let kinds: Vec<_> = results.iter().map(|result| result.as_ref().err().map(Error::kind)).collect();
        assert_eq!(kinds, [None, Some(ErrorKind::Invalid), None, None]);
        let mut arrived = Vec::new();
        for _ in 0..3 {
            let packet = line.expect(Kind::Publish);
            arrived.push(packet.payload());
            line.answer(&packet);
        }
        assert_eq!(arrived, ["1", "2", "3"]);
        for delivery in results.into_iter().flatten() {
            delivery.wait().expect("delivered");
        }
        assert!(client.enqueue_many([]).is_empty());
    }
}

#[test]
fn a_batch_waits_for_room_and_what_finds_none_in_time_is_an_error_in_its_place() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().message_age(LONG).limits(lax().outbox(2, 1 << 20)));
    let results = client.with_timeout(SHORT).enqueue_many(numbered(0..4));
    let accepted: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [true, true, false, false]);
    for result in &results[2..] {
        let error = result.as_ref().expect_err("no room");
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout(Stage::Window), Some(Fate::NotSent)), "{error}");
    }
    drop(results);
    thread::scope(|scope| {
        let batch = scope.spawn(|| client.enqueue_many(numbered(10..14)));
        let packets =
            line.serve_until(|packets| packets.iter().filter(|packet| packet.kind() == Kind::Publish).count() == 6);
        let arrived: Vec<_> =
            packets.iter().filter(|packet| packet.kind() == Kind::Publish).map(Packet::payload).collect();
        assert_eq!(arrived, ["0", "1", "10", "11", "12", "13"]);
        assert!(batch.join().expect("no panic").into_iter().all(|delivery| delivery.is_ok()));
    });
    thread::spawn(move || line.serve_until(|_| false));
    client.disconnect().expect("clean");
    for error in client.enqueue_many(numbered(0..2)).into_iter().map(error) {
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Closed, Some(Fate::NotSent)), "{error}");
    }
}

#[test]
fn no_message_of_a_batch_overtakes_one_that_found_no_room() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().message_age(LONG).limits(lax().outbox(10, 10_000)));
    let large = "x".repeat(20_000);
    let batch = ["1", "2", large.as_str(), "3", "4"].map(message);
    let results = client.with_timeout(SHORT).enqueue_many(batch);
    let accepted: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [true, true, false, false, false]);
    for result in &results[2..] {
        let error = result.as_ref().expect_err("no room");
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout(Stage::Window), Some(Fate::NotSent)), "{error}");
    }
    let behind = results[3].as_ref().expect_err("no room").to_string();
    assert!(behind.contains("no room in time for a message before it"), "{behind}");
    let _next = client.enqueue(message("5")).expect("there is room for a small one");
    let arrived: Vec<_> = (0..3).map(|_| line.expect(Kind::Publish).payload()).collect();
    assert_eq!(arrived, ["1", "2", "5"]);
}

#[test]
fn many_messages_give_one_result_each_in_order_and_a_bad_one_does_not_stop_the_rest() {
    let emulator = support::emulator();
    for protocol in BOTH {
        let client = support::connect(support::config(&emulator).protocol(protocol).window(10));
        let topic = support::topic(&emulator, "each");
        client.subscribe(&topic, QoS::AtLeastOnce).expect("granted");
        let messages = (0..500).map(|number| match number % 100 {
            50 => invalid(),
            _ => Outgoing::new(&topic, QoS::AtLeastOnce, number.to_string()),
        });
        let results: Vec<_> = client.publish_each(messages).collect();
        assert_eq!(results.len(), 500);
        for (number, result) in results.into_iter().enumerate() {
            match (number % 100, result) {
                (50, Err(error)) => assert_eq!(error.kind(), ErrorKind::Invalid),
                (50, Ok(_)) => panic!("{number} is not a message"),
                (_, result) => assert_eq!(result.expect("acknowledged").attempts, 1),
            }
        }
        let expected: Vec<_> = (0..500).filter(|number| number % 100 != 50).map(|number| number.to_string()).collect();
        assert_eq!(support::payloads(&client, expected.len()), expected);
        client.disconnect().expect("clean");
    }
}

#[test]
fn the_input_is_taken_as_far_as_one_window_and_what_was_taken_is_delivered_after_a_drop() {
    for protocol in BOTH {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config().protocol(protocol).window(3));
        let taken = Cell::new(0);
        let input = numbered(0..).inspect(|_| taken.set(taken.get() + 1));
        let mut results = client.publish_each(input);
        assert_eq!(taken.get(), 0, "lazy");
        for number in 0..3 {
            let packet = thread::scope(|scope| {
                let line = scope.spawn(|| {
                    let packet = line.expect(Kind::Publish);
                    line.answer(&packet);
                    packet
                });
                results.next().expect("endless").expect("acknowledged");
                line.join().expect("no panic")
            });
            assert_eq!(packet.payload(), number.to_string());
            assert_eq!(taken.get(), 3 + number, "one window, and one for each result");
        }
        drop(results);
        let server = thread::spawn(move || line.serve_until(|_| false));
        client.flush(LONG).expect("the two under way are delivered");
        client.disconnect().expect("clean");
        let packets = server.join().expect("no panic");
        let rest: Vec<_> =
            packets.iter().filter(|packet| packet.kind() == Kind::Publish).map(Packet::payload).collect();
        assert_eq!(rest, ["3", "4"]);
        assert_eq!(taken.get(), 5);
    }
}

#[test]
fn a_result_does_not_wait_for_room_for_later_messages() {
    for protocol in BOTH {
        let broker = Broker::start();
        let config = broker.config().protocol(protocol).window(10).limits(lax().outbox(2, 1 << 20));
        let (client, mut line) = broker.connect(config);
        let taken = Cell::new(0);
        let mut results = client.publish_each(numbered(0..4).inspect(|_| taken.set(taken.get() + 1)));
        thread::scope(|scope| {
            // The first is acknowledged, the second is not.
            scope.spawn(|| {
                let packet = line.expect(Kind::Publish);
                line.answer(&packet);
            });
            results.next().expect("four").expect("acknowledged");
        });
        assert!(taken.get() >= 3, "one more than there was room for");
        assert_eq!(results.size_hint(), (3, Some(3)));
        thread::scope(|scope| {
            scope.spawn(|| line.serve_until(|packets| packets.len() == 3));
            let rest: Vec<_> = results.map(|result| result.expect("acknowledged").attempts).collect();
            assert_eq!(rest, [1; 3]);
        });
    }
}

#[test]
fn a_publish_rate_spaces_the_messages_of_a_window_and_does_not_shrink_it() {
    for protocol in BOTH {
        let broker = Broker::start();
        let config = broker.config().protocol(protocol).window(10).max_publish_rate(50.0);
        let (client, mut line) = broker.connect(config);
        thread::scope(|scope| {
            let results = scope.spawn(|| client.publish_each(numbered(0..4)).collect::<Vec<_>>());
            // None is acknowledged before all have come.
            let packets: Vec<_> = (0..4).map(|_| line.expect(Kind::Publish)).collect();
            packets.iter().for_each(|packet| line.answer(packet));
            assert!(results.join().expect("no panic").into_iter().all(|result| result.is_ok()));
        });
    }
}

#[test]
fn the_time_that_the_input_of_a_batch_takes_is_not_the_time_of_its_messages() {
    let emulator = support::emulator();
    let client = support::connect(support::config(&emulator));
    let topic = support::topic(&emulator, "slow");
    let messages = (0..2).map(|number| {
        let start = std::time::Instant::now();
        eventually("the source has the next one", || number == 0 || start.elapsed() > SHORT);
        Outgoing::new(&topic, QoS::AtLeastOnce, number.to_string()).timeout(SHORT)
    });
    for delivery in client.enqueue_many(messages) {
        delivery.expect("accepted").wait().expect("acknowledged");
    }
}

#[test]
fn a_dead_client_gives_one_error_for_each_remaining_message() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().window(2));
    thread::spawn(move || line.serve_until(|_| false));
    let mut results = client.publish_each(numbered(0..6));
    results.next().expect("one of six").expect("acknowledged");
    client.disconnect().expect("clean");
    let rest: Vec<_> = results.collect();
    assert_eq!(rest.len(), 5);
    for error in rest.into_iter().skip(1).map(error) {
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Closed, Some(Fate::NotSent)), "{error}");
    }
}

// ---- receiving ----

#[test]
fn a_qos_or_options_subscribe_and_a_call_carries_one_identifier() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().protocol(Protocol::V5));
    let numbered = |identifier| SubscribeOptions::new(QoS::AtLeastOnce).identifier(identifier);
    let mixed = [("a", numbered(1)), ("b", numbered(2))];
    let overlapping = [("a/+", numbered(1)), ("a/b", numbered(1))];
    for (filters, what) in [(mixed, "different identifiers"), (overlapping, "overlaps")] {
        let error = error(client.subscribe_many(&filters));
        assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains(what), "{error}");
    }
    thread::scope(|scope| {
        let granted = scope.spawn(|| {
            let one = client.subscribe(String::from("a"), numbered(1));
            let many = client.subscribe_many(&[(String::from("b"), numbered(2)), (String::from("c"), numbered(2))]);
            (one, many)
        });
        grant(&mut line);
        let packet = line.expect(Kind::Subscribe);
        assert_eq!(packet.properties(), [11, 2], "the identifier");
        line.suback(packet.id(), &[0, 1]);
        let (one, many) = granted.join().expect("no panic");
        assert_eq!(one.expect("granted"), QoS::AtLeastOnce);
        assert_eq!(many.expect("granted"), [QoS::AtMostOnce, QoS::AtLeastOnce]);
    });
    // The second of a call is checked against earlier calls, too.
    let late = error(client.subscribe_many(&[("d", numbered(3)), ("+", numbered(3))]));
    assert_eq!(late.kind(), ErrorKind::Invalid, "{late}");
}

#[test]
fn a_subscription_begins_with_what_waits_in_order_acknowledged_or_not() {
    for protocol in BOTH {
        for mode in [AckMode::OnTake, AckMode::OnArrival, AckMode::Manual] {
            let broker = Broker::start();
            let (client, mut line) = broker.connect(broker.config().protocol(protocol).ack_mode(mode));
            for (number, topic) in (1..).zip(["a/1", "b", "a/2", "a/3"]) {
                line.publish(topic, 1, number, false, topic);
            }
            mark(&client, &mut line);
            let taken = client.try_recv().expect("alive").expect("the oldest");
            assert_eq!(payload(&taken), "a/1");
            let a = subscription(&client, &mut line, "a/+");
            line.publish("a/4", 0, 0, false, "a/4");
            mark(&client, &mut line);
            assert_eq!(drain(|| a.try_recv()), ["a/2", "a/3", "a/4"], "{mode:?}");
            assert_eq!(drain(|| client.try_recv()), ["b", "", ""], "{mode:?}");
        }
    }
}

#[test]
fn a_subscription_begins_with_what_a_kept_session_sent_before_it() {
    for protocol in BOTH {
        let broker = Broker::start();
        let config = broker.config().protocol(protocol).clean_session(false).device_id("kept");
        let (client, mut line) = broker.connect_by(config, |broker| {
            let mut line = broker.accept(true);
            line.publish("a", 1, 1, false, "early 1");
            line.publish("other", 1, 2, false, "other");
            line.publish("a", 1, 3, false, "early 2");
            line
        });
        mark(&client, &mut line);
        let a = subscription(&client, &mut line, "a");
        line.publish("a", 1, 4, false, "late");
        mark(&client, &mut line);
        let received: Vec<_> =
            a.messages().take(3).map(|message| payload(&message.expect("alive")).to_string()).collect();
        assert_eq!(received, ["early 1", "early 2", "late"]);
        assert_eq!(drain(|| client.try_recv()), ["other", "", ""]);
    }
}

#[test]
fn the_iterator_takes_as_many_as_asked_and_ends_without_an_error_when_the_program_disconnects() {
    for protocol in BOTH {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config().protocol(protocol));
        let a = subscription(&client, &mut line, "a");
        for topic in ["a", "b"] {
            for number in 1..=3 {
                line.publish(topic, 0, 0, false, &number.to_string());
            }
        }
        eventually("all arrived", || client.stats().inbox_messages == 6);
        let numbers = |messages: aliyun_mqtt::Messages<'_>, count| -> Vec<String> {
            messages.take(count).map(|message| payload(&message.expect("alive")).to_string()).collect()
        };
        assert!(numbers(client.messages(), 0).is_empty() && numbers(a.messages(), 0).is_empty());
        assert_eq!(client.stats().inbox_messages, 6);
        assert_eq!(numbers(client.messages(), 2), ["1", "2"]);
        assert_eq!(numbers(a.messages().idle(LONG), 2), ["1", "2"]);
        assert_eq!(client.stats().inbox_messages, 2, "no more than asked");
        thread::scope(|scope| {
            let both = [scope.spawn(|| numbers(client.messages(), 9)), scope.spawn(|| numbers(a.messages(), 9))];
            eventually("both have taken the rest", || client.stats().inbox_messages == 0);
            scope.spawn(|| line.serve_until(|_| false));
            client.disconnect().expect("clean");
            for numbers in both {
                assert_eq!(numbers.join().expect("no panic"), ["3"]);
            }
        });
        assert!(client.messages().next().is_none() && a.messages().next().is_none());
    }
}

#[test]
fn a_filter_matches_as_the_standard_says() {
    for (filter, topic, matches) in [
        ("demo/#", "demo", true),
        ("demo/#", "demo/a/b", true),
        ("demo/+", "demo/a", true),
        ("demo/+", "demo/a/b", false),
        ("demo/+", "demo", false),
        ("#", "$SYS/tokenExpireNotice", false),
        ("Demo", "demo", false),
    ] {
        assert_eq!(topic_matches(filter, topic), matches, "{filter} {topic}");
    }
}

#[test]
fn what_a_program_holds_may_move_between_threads() {
    fn send_and_sync<T: Send + Sync + 'static>() {}
    send_and_sync::<Client>();
    send_and_sync::<Delivery>();
    send_and_sync::<Subscription>();
    send_and_sync::<Error>();
    send_and_sync::<Config>();
    send_and_sync::<Closer>();
    assert_eq!(text(&Payload::from("x")), "x");
}
