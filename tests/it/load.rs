//! Promise 5: everything arrives, in order for each thread, topic and QoS, also across reconnects.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::fault_proxy::Proxy;
use crate::support::matrix::addr;
use crate::support::{LONG, client, config, connect, emulator, text};
use aliyun_mqtt::{Client, Outgoing, QoS};

const THREADS: usize = 8;
const ALL: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// Each thread publishes so many messages, at each QoS in turn, to a topic of its own.
fn publish_all(client: &Client, parent: &str, each: usize, qos: &[QoS]) {
    thread::scope(|scope| {
        for thread in 0..THREADS {
            // The last one waits for all before it, which may take a busy machine a while.
            let client = client.with_timeout(10 * LONG);
            scope.spawn(move || {
                let topic = format!("{parent}/load/{thread}");
                for number in 0..each {
                    let qos = qos[number % qos.len()];
                    drop(
                        client
                            .enqueue(Outgoing::new(&topic, qos, format!("{} {number}", qos.level())))
                            .expect("accepted"),
                    );
                }
            });
        }
    });
}

/// The numbers that arrived for each topic and QoS, in the order of arrival.
fn receive_all(receiver: &Client, until: impl Fn(usize) -> bool) -> HashMap<(String, String), Vec<usize>> {
    let mut arrived: HashMap<_, Vec<usize>> = HashMap::new();
    let mut count = 0;
    while !until(count) {
        let message = receiver.recv_timeout(LONG).expect("alive").expect("all arrive in time");
        let payload = text(message.payload());
        let (qos, number) = payload.split_once(' ').expect("two words");
        let numbers = arrived.entry((message.topic().to_string(), qos.to_string())).or_default();
        numbers.push(number.parse().expect("a number"));
        count += 1;
    }
    arrived
}

#[test]
fn eight_threads_of_mixed_qos_arrive_complete_and_in_order() {
    // More than the outbox holds.
    const EACH: usize = 1_500;
    let emulator = emulator();
    let receiver = client(&emulator);
    receiver.subscribe(format!("{}/load/#", emulator.parent_topic()), QoS::ExactlyOnce).expect("subscribed");
    let sender = client(&emulator);
    thread::scope(|scope| {
        scope.spawn(|| publish_all(&sender, emulator.parent_topic(), EACH, &ALL));
        let arrived = receive_all(&receiver, |count| count == THREADS * EACH);
        for (key, numbers) in arrived {
            let first: usize = key.1.parse().expect("a number");
            let expected: Vec<usize> = (first..EACH).step_by(3).collect();
            assert_eq!(numbers, expected, "{key:?}");
        }
    });
    sender.flush(10 * LONG).expect("all acknowledged");
    sender.disconnect().expect("nothing left");
}

#[test]
fn cut_connections_lose_no_acknowledged_message_and_keep_the_order() {
    const EACH: usize = 300;
    let emulator = emulator();
    let proxy = Proxy::start(addr(&emulator));
    let receiver = client(&emulator);
    receiver.subscribe(format!("{}/load/#", emulator.parent_topic()), QoS::ExactlyOnce).expect("subscribed");
    let backoff = (Duration::from_millis(10), Duration::from_millis(20));
    let sender = connect(config(&emulator).endpoint(proxy.endpoint()).backoff(backoff.0, backoff.1));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            publish_all(&sender, emulator.parent_topic(), EACH, &ALL[1..]);
            sender.flush(10 * LONG).expect("all acknowledged");
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            let mut acknowledged = 0;
            while !done.load(Ordering::SeqCst) {
                // A cut after each hundred acknowledgements.
                let now = sender.stats().acknowledged;
                if now >= acknowledged + 100 {
                    acknowledged = now;
                    proxy.cut();
                }
                thread::park_timeout(Duration::from_millis(1));
            }
        });
        let mut seen: HashMap<_, Vec<usize>> = HashMap::new();
        let mut firsts = 0;
        while firsts < THREADS * EACH {
            let message = receiver.recv_timeout(LONG).expect("alive").expect("all arrive in time");
            let payload = text(message.payload());
            let (qos, number) = payload.split_once(' ').expect("two words");
            let numbers = seen.entry((message.topic().to_string(), qos.to_string())).or_default();
            let number: usize = number.parse().expect("a number");
            // A lost session repeats messages; what counts is the first arrival.
            if !numbers.contains(&number) {
                assert!(numbers.last().is_none_or(|last| *last < number), "{number} after {numbers:?}");
                numbers.push(number);
                firsts += 1;
            }
        }
    });
    assert!(proxy.connections() > 5, "the cuts were real: {}", proxy.connections());
    assert_eq!(sender.stats().outbox_messages, 0);
    sender.disconnect().expect("nothing left");
}
