//! What a message carries, and its acknowledgement.

use std::ptr;

use super::support::*;
use crate::client::amq_client_disconnect;
use crate::config::receiving::amq_config_set_ack_mode;
use crate::kinds::{amq_kind, amq_qos};
use crate::message::*;
use crate::outgoing::*;
use crate::publish::amq_client_publish_outgoing;
use crate::stats::amq_stat;
use crate::status::amq_status::*;

#[test]
fn the_properties_of_mqtt_5_make_a_round_trip() {
    let emulator = emulator();
    let client = v5_client(&emulator);
    let (there, back) = (topic(&emulator, "there"), topic(&emulator, "back"));
    ok(|error| unsafe {
        let (client, granted) = (client.get(), ptr::null_mut());
        crate::subscribe::amq_client_subscribe_with(client, p(&there), there.len(), 2, false, 7, -2, granted, error)
    });
    let message = outgoing(&there, 2, "hällo");
    let own = message.get();
    unsafe {
        ok(|error| amq_outgoing_set_content_type(own, c"text/plain".as_ptr(), AMQ_NTS, error));
        ok(|error| amq_outgoing_set_payload_format_utf8(own, error));
        ok(|error| amq_outgoing_set_message_expiry(own, 999_001, error));
        ok(|error| amq_outgoing_set_response_topic(own, p(&back), back.len(), error));
        ok(|error| amq_outgoing_set_correlation_data(own, b(&[0, 255, 1]), 3, error));
        for (key, value) in [(c"key", c"one"), (c"other", c""), (c"key", c"two")] {
            ok(|error| amq_outgoing_add_user_property(own, key.as_ptr(), AMQ_NTS, value.as_ptr(), AMQ_NTS, error));
        }
        ok(|error| amq_client_publish_outgoing(client.get(), own, -2, error));
    }
    let received = recv(&client);
    let own = received.get();
    unsafe {
        assert_eq!(lent(|len| amq_message_topic(own, len)).as_deref(), Some(there.as_str()));
        assert_eq!((payload(&received), amq_message_qos(own)), ("hällo".to_string(), amq_qos::ExactlyOnce));
        assert!(!amq_message_is_duplicate(own) && !amq_message_is_retained(own));
        assert_eq!(lent(|len| amq_message_content_type(own, len)).as_deref(), Some("text/plain"));
        assert!(amq_message_payload_format_utf8(own));
        let expiry = amq_message_message_expiry(own);
        assert!((1_000..=1_000_000).contains(&expiry) && expiry % 1_000 == 0, "{expiry}");
        assert_eq!(lent(|len| amq_message_response_topic(own, len)).as_deref(), Some(back.as_str()));
        assert_eq!(lent_bytes(|len| amq_message_correlation_data(own, len)), Some(vec![0, 255, 1]));
        assert_eq!(amq_message_user_property_count(own), 3);
        assert_eq!(property(own, 1), Some(("other".to_string(), String::new())));
        assert_eq!(property(own, 2), Some(("key".to_string(), "two".to_string())));
        assert_eq!(property(own, 3), None);
        let named = |key: &str| lent(|len| amq_message_user_property_named(own, p(key), key.len(), len));
        assert_eq!((named("key"), named("none"), named("a\0b")), (Some("one".to_string()), None, None));
        assert_eq!(amq_message_subscription_identifier_count(own), 1);
        assert_eq!([0, 1].map(|at| amq_message_subscription_identifier(own, at)), [7, 0]);
        // Pointers stay where they are.
        let again = ptr::null_mut();
        assert_eq!(amq_message_topic(own, again), amq_message_topic(own, again));
    }
}

fn property(message: *const amq_message, index: usize) -> Option<(String, String)> {
    let (mut key, mut value) = (ptr::dangling(), ptr::dangling());
    let (mut key_len, mut value_len) = (9, 9);
    let found = unsafe {
        amq_message_user_property(message, index, &raw mut key, &raw mut key_len, &raw mut value, &raw mut value_len)
    };
    let (key, value) = (text(key), text(value));
    assert_eq!(key.as_ref().map_or(0, String::len), key_len);
    assert_eq!(value.as_ref().map_or(0, String::len), value_len);
    assert_eq!(found, key.is_some());
    key.zip(value)
}

#[test]
fn a_plain_message_has_no_properties_and_null_has_nothing() {
    let emulator = emulator();
    let client = client(&emulator);
    subscribe(&client, &topic(&emulator, "x"));
    publish(&client, &topic(&emulator, "x"), "");
    let received = recv(&client);
    for message in [received.get().cast_const(), ptr::null()] {
        unsafe {
            assert_eq!(lent(|len| amq_message_content_type(message, len)), None);
            assert_eq!(lent(|len| amq_message_response_topic(message, len)), None);
            assert_eq!(lent(|len| amq_message_request_response_topic(message, len)), None);
            assert_eq!(lent_bytes(|len| amq_message_correlation_data(message, len)), None);
            assert_eq!(lent_bytes(|len| amq_message_request_payload(message, len)), None);
            assert_eq!(lent_bytes(|len| amq_message_request_correlation_data(message, len)), None);
            assert!(!amq_message_payload_format_utf8(message) && !amq_message_is_request(message));
            assert_eq!((amq_message_message_expiry(message), amq_message_user_property_count(message)), (-1, 0));
            assert_eq!((property(message, 0), amq_message_subscription_identifier(message, 0)), (None, 0));
        }
    }
    assert_eq!(lent_bytes(|len| unsafe { amq_message_payload(received.get(), len) }), Some(Vec::new()));
    assert_eq!(lent_bytes(|len| unsafe { amq_message_payload(ptr::null(), len) }), None);
    assert!(unsafe { amq_message_clone(ptr::null()) }.is_null());
    misuse("message is NULL", |error| unsafe { amq_message_ack(ptr::null(), error) });
}

#[test]
fn properties_need_mqtt_5() {
    let emulator = emulator();
    let client = client(&emulator);
    let message = outgoing(&topic(&emulator, "x"), 1, "");
    ok(|error| unsafe { amq_outgoing_set_payload_format_utf8(message.get(), error) });
    let failed = fails(|error| unsafe { amq_client_publish_outgoing(client.get(), message.get(), -2, error) });
    assert!(failed.kind == amq_kind::Invalid && failed.text.contains("MQTT 5"), "{failed:?}");
}

#[test]
fn a_message_is_acknowledged_once_also_through_a_copy() {
    let emulator = emulator();
    let config = config(&emulator);
    ok(|error| unsafe { amq_config_set_ack_mode(config.get(), 2, error) });
    let client = connect(&config);
    let topic = topic(&emulator, "x");
    subscribe(&client, &topic);
    for payload in ["a", "b"] {
        publish(&client, &topic, payload);
    }
    let first = recv(&client);
    let copy = Owned::new(unsafe { amq_message_clone(first.get()) });
    assert_eq!(payload(&copy), "a");
    eventually("both have arrived", || stat(&client, amq_stat::Unacknowledged) == 2);
    ok(|error| unsafe { amq_message_ack(copy.get(), error) });
    for again in [&first, &copy] {
        misuse("message is acknowledged already", |error| unsafe { amq_message_ack(again.get(), error) });
    }
    eventually("the first is acknowledged", || stat(&client, amq_stat::Unacknowledged) == 1);
    let second = recv(&client);
    ok(|error| unsafe { amq_client_disconnect(client.get(), -2, error) });
    for _ in 0..2 {
        // It was not acknowledged, so this is no second acknowledgement.
        let failed = fails(|error| unsafe { amq_message_ack(second.get(), error) });
        assert_eq!((failed.status, failed.kind), (AMQ_ERROR, amq_kind::Closed));
    }
    drop(client);
    assert_eq!(payload(&second), "b");
}
