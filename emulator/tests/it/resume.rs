//! Resumed sessions: the client receives all messages, in the order of publication.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::support::{LONG, Raw, seen};
use aliyun_mqtt_emulator::{Emulator, What};

const ID: &str = "GID_emulator@@@kept";

/// Returns a client with a persistent session that is subscribed to `emulator/#`.
fn subscribed(emulator: &Emulator, v5: bool, qos: u8) -> Raw {
    let mut raw = Raw::login_kept(emulator, v5, ID);
    raw.subscribed(&[("emulator/#", qos)]);
    raw
}

fn publish(emulator: &Emulator, qos: u8, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        emulator.publish_as_service("emulator/ordered", qos, number.to_string()).unwrap();
    }
}

/// Returns the numbers in the next `count` messages and their DUP flags; acknowledges nothing.
fn received(raw: &mut Raw, count: usize) -> Vec<(u32, bool)> {
    (0..count)
        .map(|_| {
            let message = raw.message_unacknowledged();
            (String::from_utf8(message.payload).unwrap().parse().unwrap(), message.dup)
        })
        .collect()
}

/// Closes the connection as a killed program does, and waits until all parts of the emulator have noticed.
fn vanish(emulator: &Emulator, raw: Raw) {
    drop(raw);
    let before = Instant::now();
    while emulator.sessions().iter().any(|session| session.online) {
        assert!(before.elapsed() < LONG);
        std::thread::yield_now();
    }
}

fn numbers(range: std::ops::RangeInclusive<u32>, sent_before: bool) -> Vec<(u32, bool)> {
    range.map(|number| (number, sent_before)).collect()
}

#[test]
fn what_waited_comes_in_the_order_of_publication_over_several_resumes() {
    for v5 in [false, true] {
        let emulator = Emulator::start().unwrap();
        let mut raw = subscribed(&emulator, v5, 1);
        publish(&emulator, 1, 1..=10);
        for number in 1..=2 {
            let message = raw.message();
            assert_eq!(message.payload, u32::to_string(&number).into_bytes());
        }
        assert_eq!(received(&mut raw, 8), numbers(3..=10, false));
        vanish(&emulator, raw);
        publish(&emulator, 1, 11..=20);
        for _ in 0..3 {
            // Some messages are read, none is acknowledged.
            let mut raw = Raw::login_kept(&emulator, v5, ID);
            assert_eq!(received(&mut raw, 8), numbers(3..=10, true), "MQTT 5: {v5}");
            vanish(&emulator, raw);
        }
        let mut raw = Raw::login_kept(&emulator, v5, ID);
        for number in 3..=20 {
            assert_eq!(raw.message().payload, u32::to_string(&number).into_bytes(), "MQTT 5: {v5}");
        }
        publish(&emulator, 1, 21..=21);
        assert_eq!(raw.message().payload, b"21");
        raw.quiet();
    }
}

#[test]
fn qos_2_is_taken_up_where_it_was() {
    for v5 in [false, true] {
        let emulator = Emulator::start().unwrap();
        let mut raw = subscribed(&emulator, v5, 2);
        publish(&emulator, 2, 1..=6);
        let ids: Vec<_> = (0..6).map(|_| raw.message_unacknowledged().packet_id.unwrap().to_be_bytes()).collect();
        // The first three are received, and the second is completed.
        for id in &ids[..3] {
            raw.send(0x50, id);
            let (first, body) = raw.packet().unwrap();
            assert_eq!((first, &body[..2]), (0x62, &id[..]));
        }
        raw.send(0x70, &ids[1]);
        raw.quiet();
        vanish(&emulator, raw);
        publish(&emulator, 1, 7..=8);
        // The fixed header holds the QoS and the flag DUP.
        for flags_of_the_late in [0b0010, 0b1010] {
            let mut raw = Raw::login_kept(&emulator, v5, ID);
            let (mut messages, mut released) = (Vec::new(), Vec::new());
            while messages.len() + released.len() < 7 {
                let (first, body) = raw.packet().unwrap();
                if first == 0x62 {
                    released.push(body[..2].to_vec());
                } else {
                    messages.push((first & 0x0F, *body.last().unwrap()));
                }
            }
            let late = flags_of_the_late;
            assert_eq!(messages, [(12, b'4'), (12, b'5'), (12, b'6'), (late, b'7'), (late, b'8')], "MQTT 5: {v5}");
            released.sort();
            assert_eq!(released, [ids[0], ids[2]], "MQTT 5: {v5}");
            vanish(&emulator, raw);
        }
    }
}

/// No message that is published while the client reconnects is lost or overtakes another one.
#[test]
fn a_publisher_goes_on_while_the_client_comes_and_goes() {
    const COUNT: u32 = 3000;
    for v5 in [false, true] {
        let emulator = Emulator::start().unwrap();
        let mut raw = subscribed(&emulator, v5, 1);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                publish(&emulator, 1, 1..=COUNT);
                done.store(true, Ordering::Release);
            });
            let mut next = 1;
            let mut connections = 0;
            while next <= COUNT {
                let ends = if done.load(Ordering::Acquire) { COUNT } else { (next + 40).min(COUNT) };
                while next <= ends {
                    let message = raw.message();
                    assert_eq!(
                        message.payload,
                        next.to_string().into_bytes(),
                        "connection {connections}, MQTT 5: {v5}"
                    );
                    next += 1;
                }
                if next > COUNT {
                    break;
                }
                connections += 1;
                // The old connection may still exist when the new one comes.
                let old = raw;
                if connections % 2 == 0 {
                    drop(old);
                    raw = Raw::login_kept(&emulator, v5, ID);
                } else {
                    raw = Raw::login_kept(&emulator, v5, ID);
                    drop(old);
                }
                if connections % 3 == 0 {
                    // Closed before anything is read.
                    raw = Raw::login_kept(&emulator, v5, ID);
                }
                // The last acknowledgement may not have arrived.
                let message = raw.message();
                let number: u32 = String::from_utf8(message.payload).unwrap().parse().unwrap();
                assert!(number <= next, "{number} before {next}: connection {connections}, MQTT 5: {v5}");
                next = number + 1;
            }
        });
        assert!(!emulator.log().iter().any(|entry| matches!(entry.what, What::Dropped { .. })));
        seen(&emulator, ID, |what| matches!(what, What::Delivered { dup: true, .. }));
    }
}

/// Returns the number of connections that have ended.
fn ends(emulator: &Emulator) -> usize {
    emulator.log().iter().filter(|entry| matches!(entry.what, What::Disconnected { .. })).count()
}

/// Reconnects without a pause, usually before the end of the old connection is noticed: the session is handed over
/// each time.
#[test]
fn no_takeover_stalls_a_kept_session() {
    const TAKEOVERS: u32 = 200;
    const WAITING: u32 = 60;
    for v5 in [false, true] {
        let emulator = Emulator::start().unwrap();
        let mut raw = subscribed(&emulator, v5, 1);
        publish(&emulator, 1, 1..=WAITING);
        let mut acknowledged = 0;
        for takeover in 0..TAKEOVERS {
            // Enough to leave some unread, so that the connection ends by a reset.
            for number in acknowledged + 1..=acknowledged + takeover % 7 {
                let message = raw.message_unacknowledged();
                let found = String::from_utf8(message.payload).unwrap();
                assert_eq!(found, number.to_string(), "takeover {takeover}, MQTT 5: {v5}");
                if takeover % 5 == 0 && number == acknowledged + 1 {
                    raw.send(0x40, &message.packet_id.unwrap().to_be_bytes());
                    // Ensures that it has arrived.
                    raw.answered();
                    acknowledged += 1;
                    publish(&emulator, 1, WAITING + acknowledged..=WAITING + acknowledged);
                    break;
                }
            }
            raw = match takeover % 4 {
                // Closed just before.
                0 => {
                    drop(raw);
                    Raw::login_kept(&emulator, v5, ID)
                }
                // Still open.
                1 => Raw::login_kept(&emulator, v5, ID),
                // Closed before it has read its CONNACK, with the previous connection closed or open.
                order => {
                    let ended = ends(&emulator) + 2;
                    let old = (order == 3).then_some(raw);
                    Raw::login_unread(&emulator, v5, ID);
                    drop(old);
                    // Waits for the front desk, or its login might come after the next one. The rest may still be in
                    // progress.
                    let before = Instant::now();
                    while ends(&emulator) < ended {
                        assert!(before.elapsed() < LONG);
                        std::thread::yield_now();
                    }
                    Raw::login_kept(&emulator, v5, ID)
                }
            };
        }
        for number in acknowledged + 1..=WAITING + acknowledged {
            assert_eq!(raw.message().payload, number.to_string().into_bytes(), "MQTT 5: {v5}");
        }
        raw.quiet();
    }
}

/// A client that does not read: more messages wait for it than the buffers hold.
fn stalled(emulator: &Emulator, v5: bool) -> Raw {
    let raw = subscribed(emulator, v5, 1);
    for number in 1..=STALLED {
        emulator.publish_as_service("emulator/ordered", 1, large(number)).unwrap();
    }
    raw
}

/// So many messages of 60 kB exceed the buffers of two connections.
const STALLED: u32 = 500;

fn large(number: u32) -> Vec<u8> {
    format!("{number:060000}").into_bytes()
}

#[test]
fn who_takes_over_from_a_client_that_does_not_read_gets_everything_in_order() {
    for v5 in [false, true] {
        let emulator = Emulator::start().unwrap();
        let old = stalled(&emulator, v5);
        let mut new = Raw::login_kept(&emulator, v5, ID);
        for number in 1..=STALLED {
            assert!(new.message().payload == large(number), "not message {number}, MQTT 5: {v5}");
        }
        publish(&emulator, 1, 1..=1);
        assert_eq!(new.message().payload, b"1");
        drop(old);
    }
}

/// A clean session does not receive messages for the filters of the previous one, not even during the handover.
#[test]
fn a_clean_session_inherits_no_subscription() {
    for v5 in [false, true] {
        let emulator = Emulator::start().unwrap();
        let old = stalled(&emulator, v5);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    publish(&emulator, 1, 1..=1);
                }
            });
            let _done = OnDrop(&done);
            // It waits for the end of the old one.
            let mut new = if v5 { Raw::login5(&emulator, ID, true, &[]) } else { Raw::login(&emulator, ID) };
            new.quiet();
        });
        drop(old);
    }
}

/// Sets a flag when it is dropped, also by a panic.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
