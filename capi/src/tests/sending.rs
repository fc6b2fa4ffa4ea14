//! Publishing, queueing, deliveries, flush, closers and stats.

use std::ptr;
use std::thread;

use super::support::*;
use crate::client::amq_client_disconnect;
use crate::closer::*;
use crate::delivery::amq_delivery_wait;
use crate::kinds::{amq_fate, amq_kind, amq_stage};
use crate::names::{amq_p2p_topic, amq_topic_matches};
use crate::outgoing::*;
use crate::publish::*;
use crate::stats::amq_stat;
use crate::status::amq_status::*;

#[test]
fn a_message_is_sent_any_number_of_times_in_every_way() {
    let emulator = emulator();
    let client = client(&emulator);
    let topic = topic(&emulator, "x");
    subscribe(&client, &topic);
    let message = outgoing(&topic, 1, "hello");
    ok(|error| unsafe { amq_client_check(client.get(), message.get(), error) });
    ok(|error| unsafe { amq_client_publish_outgoing(client.get(), message.get(), -2, error) });
    for timeout in [AMQ_TIMEOUT_DEFAULT, 0, LONG] {
        let delivery = made(|delivery, error| unsafe {
            amq_client_enqueue(client.get(), message.get(), timeout, delivery, error)
        });
        let mut attempts = 0;
        ok(|error| unsafe { amq_delivery_wait(delivery.get(), AMQ_TIMEOUT_NONE, &raw mut attempts, error) });
        assert_eq!(attempts, 1);
        ok(|error| unsafe { amq_delivery_wait(delivery.get(), 0, ptr::null_mut(), error) });
    }
    drop(message);
    let delivery = made(|delivery, error| unsafe {
        let (client, topic, len) = (client.get(), p(&topic), topic.len());
        amq_client_enqueue_bytes(client, topic, len, 1, b("hello"), 5, LONG, delivery, error)
    });
    ok(|error| unsafe { amq_delivery_wait(delivery.get(), AMQ_TIMEOUT_NONE, ptr::null_mut(), error) });
    for _ in 0..5 {
        assert_eq!(payload(&recv(&client)), "hello");
    }
    ok(|error| unsafe { amq_client_flush(client.get(), LONG, error) });
    assert_eq!(stat(&client, amq_stat::Published), 5);
    assert_eq!(stat(&client, amq_stat::Acknowledged), 5);
}

#[test]
fn p2p_needs_no_subscription() {
    let emulator = emulator();
    let (sender, receiver) = (client(&emulator), client(&emulator));
    let (parent, id) =
        (emulator.parent_topic(), lent(|len| unsafe { crate::client::amq_client_id(receiver.get(), len) }));
    let id = id.expect("a client id");
    ok(|error| unsafe {
        amq_client_send_p2p(sender.get(), p(parent), parent.len(), p(&id), id.len(), 1, b("a"), 1, -2, error)
    });
    let message = made(|result, error| unsafe {
        amq_outgoing_p2p(p(parent), parent.len(), p(&id), id.len(), 1, b("b"), 1, result, error)
    });
    ok(|error| unsafe { amq_client_publish_outgoing(sender.get(), message.get(), -2, error) });
    assert_eq!([payload(&recv(&receiver)), payload(&recv(&receiver))], ["a", "b"]);
    let failed = not_made::<amq_outgoing>(|result, error| unsafe {
        amq_outgoing_p2p(c"a/b".as_ptr(), AMQ_NTS, p(&id), id.len(), 1, b("b"), 1, result, error)
    });
    assert_eq!(failed.kind, amq_kind::Invalid);
}

#[test]
fn a_delivery_that_is_not_settled_is_a_timeout_and_not_a_failure() {
    let emulator = emulator();
    let client = client(&emulator);
    // Acknowledged, so that the client knows of no trouble; then the emulator is gone.
    publish(&client, &topic(&emulator, "x"), "first");
    emulator.stop().expect("stopped");
    eventually("the connection is lost", || !unsafe { crate::client::amq_client_is_connected(client.get()) });
    let message = outgoing(&topic(&emulator, "x"), 1, "second");
    // The time of the call does not limit how long the message may take.
    let delivery =
        made(|delivery, error| unsafe { amq_client_enqueue(client.get(), message.get(), 1, delivery, error) });
    for timeout in [0, 50] {
        let waited = call(|error| unsafe { amq_delivery_wait(delivery.get(), timeout, ptr::null_mut(), error) });
        assert_eq!(waited.expect("no failure"), AMQ_TIMEOUT);
    }
    let failed = fails(|error| unsafe { amq_client_flush(client.get(), 0, error) });
    assert_eq!((failed.status, failed.kind), (AMQ_ERROR_TIMEOUT, amq_kind::Timeout));
    ok(|error| unsafe { amq_outgoing_set_timeout(message.get(), 1, error) });
    let failed = fails(|error| unsafe { amq_client_publish_outgoing(client.get(), message.get(), -2, error) });
    assert_eq!((failed.status, failed.fate), (AMQ_ERROR_TIMEOUT, amq_fate::NotSent));
    assert_ne!(failed.stage, amq_stage::None);
    emulator.restart().expect("started");
    ok(|error| unsafe { amq_delivery_wait(delivery.get(), AMQ_TIMEOUT_DEFAULT, ptr::null_mut(), error) });
}

#[test]
fn a_timeout_of_0_does_not_wait_for_room() {
    let emulator = emulator();
    let config = config(&emulator);
    let limit = crate::config::choices::amq_limit::OutboxMessages as i32;
    ok(|error| unsafe { crate::config::sending::amq_config_set_limit(config.get(), limit, 1, error) });
    let client = connect(&config);
    emulator.stop().expect("stopped");
    eventually("the connection is lost", || !unsafe { crate::client::amq_client_is_connected(client.get()) });
    let message = outgoing(&topic(&emulator, "x"), 1, "");
    let enqueue =
        |timeout, delivery, error| unsafe { amq_client_enqueue(client.get(), message.get(), timeout, delivery, error) };
    let _first = made(|delivery, error| enqueue(0, delivery, error));
    let full = not_made(|delivery, error| enqueue(0, delivery, error));
    assert_eq!((full.status, full.kind, full.fate), (AMQ_ERROR, amq_kind::Full, amq_fate::NotSent));
    let late = not_made(|delivery, error| enqueue(20, delivery, error));
    assert_eq!((late.status, late.stage, late.fate), (AMQ_ERROR_TIMEOUT, amq_stage::Window, amq_fate::NotSent));
}

#[test]
fn a_closer_ends_waits_from_another_thread() {
    let emulator = emulator();
    let client = client(&emulator);
    let closer = made(|closer, error| unsafe { amq_closer_new(client.get(), closer, error) });
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut message = ptr::null_mut();
            call(|error| unsafe { crate::receive::amq_client_recv(client.get(), -1, &raw mut message, error) })
        });
        unsafe { amq_closer_close(closer.get()) };
        assert_eq!(waiting.join().expect("no panic").expect("no failure"), AMQ_END);
    });
    let message = outgoing(&topic(&emulator, "x"), 1, "late");
    let failed =
        not_made(|delivery, error| unsafe { amq_client_enqueue(client.get(), message.get(), -2, delivery, error) });
    assert_eq!((failed.status, failed.kind), (AMQ_ERROR, amq_kind::Closed));
    ok(|error| unsafe { amq_client_disconnect(client.get(), -2, error) });
    drop(client);
    unsafe { amq_closer_close(closer.get()) };
    unsafe { amq_closer_close(ptr::null()) };
}

#[test]
fn a_client_that_is_closed_says_so() {
    let emulator = emulator();
    let client = client(&emulator);
    let topic = topic(&emulator, "x");
    let message = outgoing(&topic, 1, "late");
    ok(|error| unsafe { amq_client_disconnect(client.get(), -2, error) });
    ok(|error| unsafe { amq_client_disconnect(client.get(), -2, error) });
    let failed = fails(|error| unsafe { amq_client_publish_outgoing(client.get(), message.get(), -2, error) });
    assert_eq!((failed.status, failed.kind, failed.fate), (AMQ_ERROR, amq_kind::Closed, amq_fate::NotSent));
    let mut taken = ptr::dangling_mut();
    let end = call(|error| unsafe { crate::receive::amq_client_recv(client.get(), -1, &raw mut taken, error) });
    assert_eq!(end.expect("no failure"), AMQ_END);
    assert!(taken.is_null());
}

#[test]
fn every_stat_has_a_number() {
    let emulator = emulator();
    let client = client(&emulator);
    let mut value = 0;
    for which in 0..=amq_stat::StrandedWorkers as i32 {
        ok(|error| unsafe { crate::stats::amq_client_stats_value(client.get(), which, &raw mut value, error) });
    }
    misuse("which is 24", |error| unsafe {
        crate::stats::amq_client_stats_value(client.get(), 24, &raw mut value, error)
    });
    assert_eq!((stat(&client, amq_stat::Connections), stat(&client, amq_stat::Window)), (1, 100));
}

#[test]
fn topics_are_matched_and_made() {
    let matches = |filter: &str, topic: &str| {
        let mut matches = false;
        ok(|error| unsafe {
            amq_topic_matches(p(filter), filter.len(), p(topic), topic.len(), &raw mut matches, error)
        });
        matches
    };
    assert!(matches("demo/#", "demo/a/b") && !matches("demo/+", "demo/a/b"));
    let make = |buffer: *mut _, size, len: *mut usize, error| unsafe {
        amq_p2p_topic(c"demo".as_ptr(), AMQ_NTS, c"GID_a@@@1".as_ptr(), AMQ_NTS, buffer, size, len, error)
    };
    let expected = "demo/p2p/GID_a@@@1";
    let mut len = 0;
    ok(|error| make(ptr::null_mut(), 0, &raw mut len, error));
    assert_eq!(len, expected.len());
    let mut buffer = vec![1; len + 1];
    misuse("buffer has 18 bytes; the topic needs 19", |error| make(buffer.as_mut_ptr(), len, ptr::null_mut(), error));
    assert!(buffer.iter().all(|byte| *byte == 1), "nothing is written");
    ok(|error| make(buffer.as_mut_ptr(), len + 1, ptr::null_mut(), error));
    assert_eq!(text(buffer.as_ptr()).as_deref(), Some(expected));
    misuse("buffer is NULL", |error| make(ptr::null_mut(), 5, ptr::null_mut(), error));
}
