//! Many messages with one result for each.

use std::ptr;
use std::time::Instant;

use super::support::*;
use crate::batch::*;
use crate::delivery::{amq_delivery, amq_delivery_wait};
use crate::error::amq_error;
use crate::kinds::{amq_fate, amq_kind};
use crate::outgoing::{amq_outgoing, amq_outgoing_set_timeout};
use crate::status::amq_status::{self, *};

/// The arrays of a batch.
struct Batch {
    messages: Vec<*const amq_outgoing>,
    statuses: Vec<amq_status>,
    errors: Vec<*mut amq_error>,
    deliveries: Vec<*mut amq_delivery>,
    failed: usize,
}

impl Batch {
    fn new(messages: &[Owned<amq_outgoing>]) -> Self {
        let count = messages.len();
        Batch {
            messages: messages.iter().map(|message| message.get().cast_const()).collect(),
            statuses: vec![AMQ_END; count],
            errors: vec![ptr::dangling_mut(); count],
            deliveries: vec![ptr::dangling_mut(); count],
            failed: 99,
        }
    }

    fn publish(
        &mut self,
        client: &Owned<crate::client::amq_client>,
        timeout: i64,
        error: *mut *mut amq_error,
    ) -> amq_status {
        let (statuses, errors) = (self.statuses.as_mut_ptr(), self.errors.as_mut_ptr());
        let (messages, count) = (self.messages.as_ptr(), self.messages.len());
        unsafe {
            amq_client_publish_many(
                client.get(),
                messages,
                count,
                timeout,
                statuses,
                errors,
                &raw mut self.failed,
                error,
            )
        }
    }

    fn enqueue(
        &mut self,
        client: &Owned<crate::client::amq_client>,
        timeout: i64,
        error: *mut *mut amq_error,
    ) -> amq_status {
        let (deliveries, errors) = (self.deliveries.as_mut_ptr(), self.errors.as_mut_ptr());
        let (messages, count) = (self.messages.as_ptr(), self.messages.len());
        unsafe {
            amq_client_enqueue_many(
                client.get(),
                messages,
                count,
                timeout,
                deliveries,
                errors,
                &raw mut self.failed,
                error,
            )
        }
    }

    /// Takes the errors of the messages that failed.
    fn failures(&mut self) -> Vec<(usize, Failed)> {
        let errors = std::mem::take(&mut self.errors).into_iter().enumerate();
        errors
            .filter(|(_, error)| !error.is_null())
            .map(|(at, error)| (at, failed(AMQ_ERROR, &Owned::new(error))))
            .collect()
    }
}

#[test]
fn each_message_has_a_result_of_its_own() {
    let emulator = emulator();
    let client = client(&emulator);
    let topic = topic(&emulator, "x");
    subscribe(&client, &topic);
    let messages = [outgoing(&topic, 1, "a"), outgoing("demo/#", 1, "bad"), outgoing(&topic, 1, "c")];

    let mut batch = Batch::new(&messages);
    ok(|error| batch.publish(&client, LONG, error));
    assert_eq!((batch.failed, &batch.statuses[..]), (1, &[AMQ_OK, AMQ_ERROR, AMQ_OK][..]));
    let failures = batch.failures();
    assert_eq!((failures.len(), failures[0].0, failures[0].1.kind), (1, 1, amq_kind::Invalid));

    let mut batch = Batch::new(&messages);
    ok(|error| batch.enqueue(&client, LONG, error));
    assert_eq!(batch.failed, 1);
    assert_eq!((batch.failures()[0].0, batch.deliveries[1]), (1, ptr::null_mut()));
    for at in [0, 2] {
        let delivery = Owned::new(batch.deliveries[at]);
        ok(|error| unsafe { amq_delivery_wait(delivery.get(), -2, ptr::null_mut(), error) });
    }
    let arrived: Vec<_> = (0..4).map(|_| payload(&recv(&client))).collect();
    assert_eq!(arrived, ["a", "c", "a", "c"]);
}

#[test]
fn results_that_are_not_wanted_are_left_out() {
    let emulator = emulator();
    let client = client(&emulator);
    let message = outgoing("demo/#", 1, "bad");
    let pointers = [message.get().cast_const(); 2];
    let none = ptr::null_mut();
    let mut failed = 0;
    ok(|error| unsafe {
        amq_client_publish_many(client.get(), pointers.as_ptr(), 2, -2, ptr::null_mut(), none, &raw mut failed, error)
    });
    assert_eq!(failed, 2);
    let mut deliveries = [ptr::dangling_mut(); 2];
    ok(|error| unsafe {
        let places = deliveries.as_mut_ptr();
        amq_client_enqueue_many(client.get(), pointers.as_ptr(), 2, -2, places, none, &raw mut failed, error)
    });
    assert_eq!((failed, deliveries), (2, [ptr::null_mut(); 2]));
}

#[test]
fn an_empty_batch_is_done_at_once() {
    let emulator = emulator();
    let client = client(&emulator);
    let mut failed = 7;
    let (messages, none) = (ptr::null(), ptr::null_mut());
    ok(|error| unsafe {
        amq_client_publish_many(client.get(), messages, 0, -2, ptr::null_mut(), none, &raw mut failed, error)
    });
    assert_eq!(failed, 0);
    ok(|error| unsafe {
        amq_client_enqueue_many(client.get(), messages, 0, -2, ptr::null_mut(), none, &raw mut failed, error)
    });
}

#[test]
fn a_misuse_sends_nothing_and_leaves_no_dangling_pointer() {
    let emulator = emulator();
    let client = client(&emulator);
    let messages = [outgoing(&topic(&emulator, "x"), 1, "a"), outgoing(&topic(&emulator, "x"), 1, "b")];
    let mut batch = Batch::new(&messages);
    batch.messages[1] = ptr::null();
    misuse("messages[1] is NULL", |error| batch.publish(&client, LONG, error));
    assert_eq!((&batch.statuses[..], &batch.errors[..]), (&[AMQ_ERROR; 2][..], &[ptr::null_mut(); 2][..]));
    misuse("messages[1] is NULL", |error| batch.enqueue(&client, LONG, error));
    assert_eq!(batch.deliveries, [ptr::null_mut(); 2]);
    misuse("AMQ_TIMEOUT_NONE", |error| batch.publish(&client, -1, error));
    let mut failed = 0;
    let (statuses, none) = (ptr::null_mut(), ptr::null_mut());
    misuse("messages is NULL, and its count is 2", |error| unsafe {
        amq_client_publish_many(client.get(), ptr::null(), 2, -2, statuses, none, &raw mut failed, error)
    });
    misuse("failed is NULL", |error| unsafe {
        amq_client_publish_many(client.get(), batch.messages.as_ptr(), 2, -2, statuses, none, ptr::null_mut(), error)
    });
    misuse("deliveries is NULL, and its count is 2", |error| unsafe {
        let messages = batch.messages.as_ptr();
        amq_client_enqueue_many(client.get(), messages, 2, -2, ptr::null_mut(), none, &raw mut failed, error)
    });
    misuse("messages has 18446744073709551615 elements", |error| unsafe {
        let messages = batch.messages.as_ptr();
        amq_client_publish_many(client.get(), messages, usize::MAX, -2, statuses, none, &raw mut failed, error)
    });
    assert_eq!(stat(&client, crate::stats::amq_stat::Published), 0);
}

#[test]
fn the_timeout_bounds_the_whole_batch_and_a_messages_own_time_is_kept() {
    let emulator = emulator();
    let client = client(&emulator);
    publish(&client, &topic(&emulator, "x"), "first");
    emulator.stop().expect("stopped");
    eventually("the connection is lost", || !unsafe { crate::client::amq_client_is_connected(client.get()) });
    let messages: Vec<_> = (0..500).map(|_| outgoing(&topic(&emulator, "x"), 1, "late")).collect();
    ok(|error| unsafe { amq_outgoing_set_timeout(messages[0].get(), LONG, error) });
    // Five windows: with a time for each message, the call would take five times as long as with one for all.
    let mut batch = Batch::new(&messages);
    let begin = Instant::now();
    ok(|error| batch.publish(&client, 2_000, error));
    let passed = begin.elapsed().as_millis();
    assert!((2_000..8_000).contains(&passed), "{passed} ms");
    assert_eq!(batch.failed, 500);
    assert!(batch.statuses.iter().all(|status| *status == AMQ_ERROR_TIMEOUT));
    let failures = batch.failures();
    assert!(failures.iter().all(|(_, failed)| failed.fate == amq_fate::NotSent), "{:?}", failures[0]);

    messages.iter().for_each(|message| ok(|error| unsafe { amq_outgoing_set_timeout(message.get(), 1, error) }));
    let mut batch = Batch::new(&messages);
    ok(|error| batch.publish(&client, LONG, error));
    assert_eq!((batch.failed, batch.failures().len()), (500, 500));
    assert!(begin.elapsed().as_millis() < LONG.unsigned_abs().into(), "not the time of the call");
}
