//! Subscriptions of the client and with a queue of their own.

use std::ffi::c_char;
use std::ptr;

use super::support::*;
use crate::kinds::{amq_kind, amq_qos};
use crate::message::amq_message;
use crate::receive::amq_client_recv;
use crate::status::amq_status::*;
use crate::subscribe::*;
use crate::subscription::*;

#[test]
fn several_filters_in_one_call() {
    let emulator = emulator();
    let client = client(&emulator);
    let (a, b) = (topic(&emulator, "a"), topic(&emulator, "b"));
    let (filters, lens, levels) = ([p(&a), p(&b)], [a.len(), b.len()], [1, 0]);
    let mut granted = [amq_qos::ExactlyOnce; 2];
    ok(|error| unsafe {
        amq_client_subscribe_many(
            client.get(),
            filters.as_ptr(),
            lens.as_ptr(),
            levels.as_ptr(),
            2,
            -2,
            granted.as_mut_ptr(),
            error,
        )
    });
    assert_eq!(granted, [amq_qos::AtLeastOnce, amq_qos::AtMostOnce]);
    publish(&client, &b, "hello");
    assert_eq!(payload(&recv(&client)), "hello");
    let many = |filters: *const *const c_char, levels: *const i32, count, error| unsafe {
        let none = ptr::null_mut();
        amq_client_subscribe_many(client.get(), filters, ptr::null(), levels, count, -2, none, error)
    };
    let nul = format!("{a}\0");
    let terminated = [p(&nul), p(&nul)];
    ok(|error| many(terminated.as_ptr(), levels.as_ptr(), 2, error));
    let failed = fails(|error| many(ptr::null(), ptr::null(), 0, error));
    assert_eq!((failed.status, failed.kind), (AMQ_ERROR, amq_kind::Invalid));
    misuse("filters is NULL, and its count is 1", |error| many(ptr::null(), levels.as_ptr(), 1, error));
    misuse("qos_levels is NULL, and its count is 1", |error| many(terminated.as_ptr(), ptr::null(), 1, error));
    let holes = [p(&nul), ptr::null()];
    misuse("filters[1] is NULL", |error| many(holes.as_ptr(), levels.as_ptr(), 2, error));
    let (bad, levels) = ([c"a".as_ptr(), c"\xFF".as_ptr()], [1, 3]);
    misuse("filters[1] is not valid UTF-8", |error| many(bad.as_ptr(), levels.as_ptr(), 2, error));
    misuse("qos is 3", |error| many(terminated.as_ptr(), levels.as_ptr(), 2, error));
    ok(|error| unsafe { amq_client_unsubscribe(client.get(), p(&b), b.len(), -2, error) });
}

#[test]
fn a_subscription_receives_in_place_of_the_client() {
    let emulator = emulator();
    let client = client(&emulator);
    let filter = topic(&emulator, "+");
    let subscription = made(|result, error| unsafe {
        amq_client_subscription(client.get(), p(&filter), filter.len(), 1, false, 0, -2, result, error)
    });
    assert_eq!(lent(|len| unsafe { amq_subscription_filter(subscription.get(), len) }), Some(filter.clone()));
    publish(&client, &topic(&emulator, "a"), "hello");
    let take =
        |timeout| made(|message, error| unsafe { amq_subscription_recv(subscription.get(), timeout, message, error) });
    assert_eq!(payload(&take(AMQ_TIMEOUT_NONE)), "hello");
    publish(&client, &topic(&emulator, "a"), "again");
    assert_eq!(payload(&take(AMQ_TIMEOUT_DEFAULT)), "again");
    let mut message = ptr::dangling_mut();
    let nothing = call(|error| unsafe { amq_subscription_recv(subscription.get(), 0, &raw mut message, error) });
    assert_eq!((nothing.expect("no failure"), message), (AMQ_TIMEOUT, ptr::null_mut()));
    let mut message = ptr::dangling_mut::<amq_message>();
    let nothing = call(|error| unsafe { amq_client_recv(client.get(), 0, &raw mut message, error) });
    assert_eq!((nothing.expect("no failure"), message), (AMQ_TIMEOUT, ptr::null_mut()));
    publish(&client, &topic(&emulator, "a"), "left");
    eventually("it is in the inbox", || stat(&client, crate::stats::amq_stat::InboxMessages) == 1);
    drop(subscription);
    assert_eq!(payload(&recv(&client)), "left");
}

#[test]
fn a_subscription_may_outlive_its_client() {
    let emulator = emulator();
    let client = client(&emulator);
    let filter = topic(&emulator, "a");
    let subscription = made(|result, error| unsafe {
        amq_client_subscription(client.get(), p(&filter), filter.len(), 1, false, 0, -2, result, error)
    });
    publish(&client, &filter, "hello");
    eventually("it is in the inbox", || stat(&client, crate::stats::amq_stat::InboxMessages) == 1);
    drop(client);
    let message = made(|message, error| unsafe { amq_subscription_recv(subscription.get(), LONG, message, error) });
    assert_eq!(payload(&message), "hello");
    let mut message = ptr::dangling_mut();
    let end = call(|error| unsafe { amq_subscription_recv(subscription.get(), LONG, &raw mut message, error) });
    assert_eq!((end.expect("no failure"), message), (AMQ_END, ptr::null_mut()));
}

#[test]
fn options_need_mqtt_5_and_work_there() {
    let emulator = emulator();
    let (old, new) = (client(&emulator), v5_client(&emulator));
    let filter = topic(&emulator, "a");
    let with = |client: *const _, no_local, identifier, error| unsafe {
        let mut granted = amq_qos::ExactlyOnce;
        let (filter, len, granted) = (p(&filter), filter.len(), &raw mut granted);
        amq_client_subscribe_with(client, filter, len, 1, no_local, identifier, -2, granted, error)
    };
    ok(|error| with(old.get(), false, 0, error));
    for (no_local, identifier) in [(true, 0), (false, 1)] {
        assert_eq!(fails(|error| with(old.get(), no_local, identifier, error)).kind, amq_kind::Invalid);
    }
    assert_eq!(fails(|error| with(new.get(), false, 268_435_456, error)).kind, amq_kind::Invalid);
    ok(|error| with(new.get(), true, 0, error));
    publish(&new, &filter, "own");
    publish(&old, &filter, "other");
    assert_eq!(payload(&recv(&new)), "other", "not its own");
}
