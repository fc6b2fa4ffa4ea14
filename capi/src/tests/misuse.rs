//! Arguments that cannot be used: an error names them, and nothing is done.

use std::ptr;

use super::support::*;
use crate::client::*;
use crate::closer::{amq_closer, amq_closer_new};
use crate::delivery::{amq_delivery, amq_delivery_wait};
use crate::message::amq_message;
use crate::outgoing::*;
use crate::publish::*;
use crate::receive::amq_client_recv;
use crate::request::*;
use crate::stats::amq_stat;
use crate::subscribe::*;
use crate::subscription::*;

#[test]
fn null_instead_of_an_object() {
    let message = outgoing("demo/x", 1, "");
    let none = ptr::null();
    let (topic, level) = (c"demo/x".as_ptr(), 1);
    unsafe {
        misuse("client is NULL", |error| amq_client_publish(none, topic, AMQ_NTS, level, none.cast(), 0, -2, error));
        misuse("client is NULL", |error| amq_client_publish_outgoing(none, message.get(), -2, error));
        misuse("client is NULL", |error| amq_client_flush(none, -2, error));
        misuse("client is NULL", |error| amq_client_check(none, message.get(), error));
        misuse("client is NULL", |error| amq_client_disconnect(none, -2, error));
        misuse("client is NULL", |error| amq_client_subscribe(none, topic, AMQ_NTS, level, -2, ptr::null_mut(), error));
        misuse("client is NULL", |error| amq_client_unsubscribe(none, topic, AMQ_NTS, -2, error));
        misuse("delivery is NULL", |error| amq_delivery_wait(ptr::null(), -2, ptr::null_mut(), error));
        misuse("outgoing is NULL", |error| amq_outgoing_set_timeout(ptr::null_mut(), 1, error));
        misuse("outgoing is NULL", |error| amq_outgoing_set_payload_format_utf8(ptr::null_mut(), error));
        let texts = [
            not_made::<amq_delivery>(|result, error| amq_client_enqueue(none, message.get(), -2, result, error)).text,
            not_made::<amq_message>(|result, error| amq_client_recv(none, -2, result, error)).text,
            not_made::<amq_closer>(|result, error| amq_closer_new(none, result, error)).text,
            not_made::<amq_subscription>(|result, error| {
                amq_client_subscription(none, topic, AMQ_NTS, level, false, 0, -2, result, error)
            })
            .text,
            not_made::<amq_message>(|result, error| {
                amq_client_request_outgoing(none, message.get(), false, -2, result, error)
            })
            .text,
        ];
        assert_eq!(texts, ["client is NULL"; 5]);
        let mut subscription = ptr::null_mut();
        misuse("subscription is NULL", |error| amq_subscription_recv(ptr::null(), -2, &raw mut subscription, error));
        assert!(amq_client_id(ptr::null(), ptr::null_mut()).is_null());
        assert!(amq_subscription_filter(ptr::null(), ptr::null_mut()).is_null());
    }
}

#[test]
fn null_for_a_result_and_for_an_error() {
    let emulator = emulator();
    let client = client(&emulator);
    let message = outgoing("demo/x", 1, "");
    unsafe {
        misuse("delivery is NULL", |error| amq_client_enqueue(client.get(), message.get(), -2, ptr::null_mut(), error));
        misuse("message is NULL", |error| amq_client_recv(client.get(), -2, ptr::null_mut(), error));
        misuse("outgoing is NULL", |error| {
            amq_outgoing_new(c"x".as_ptr(), AMQ_NTS, 1, ptr::null(), 0, ptr::null_mut(), error)
        });
        let status = amq_client_recv(client.get(), -2, ptr::null_mut(), ptr::null_mut());
        assert_eq!(status, crate::status::amq_status::AMQ_ERROR_MISUSE, "without an error object");
    }
}

#[test]
fn texts_bytes_numbers_and_times() {
    let emulator = emulator();
    let client = client(&emulator);
    let own = client.get();
    let publish = |topic: &[u8], qos, payload: *const _, len, timeout, error| unsafe {
        amq_client_publish(own, topic.as_ptr().cast(), topic.len(), qos, payload, len, timeout, error)
    };
    let none = ptr::null();
    misuse("topic is not valid UTF-8: byte 4 is wrong", |error| publish(b"demo\xFF", 1, none, 0, -2, error));
    misuse("topic contains a NUL character: byte 1", |error| publish(b"a\0b", 1, none, 0, -2, error));
    misuse("payload is NULL, and its length is 3", |error| publish(b"demo/x", 1, none, 3, -2, error));
    misuse("the length of payload is", |error| publish(b"demo/x", 1, b("x"), usize::MAX - 1, -2, error));
    misuse("qos is 3", |error| publish(b"demo/x", 3, none, 0, -2, error));
    misuse("qos is -1", |error| publish(b"demo/x", -1, none, 0, -2, error));
    misuse("AMQ_TIMEOUT_NONE", |error| publish(b"demo/x", 1, none, 0, -1, error));
    misuse("timeout_ms is -3", |error| publish(b"demo/x", 1, none, 0, -3, error));
    unsafe {
        misuse("AMQ_TIMEOUT_NONE", |error| amq_client_flush(own, -1, error));
        misuse("parent is NULL", |error| {
            amq_client_send_p2p(own, none.cast(), 0, c"a".as_ptr(), AMQ_NTS, 1, none, 0, -2, error)
        });
        let message = outgoing("demo/x", 1, "");
        misuse("key is NULL", |error| {
            amq_outgoing_add_user_property(message.get(), ptr::null(), 0, c"".as_ptr(), AMQ_NTS, error)
        });
        misuse("expiry_ms is -1", |error| amq_outgoing_set_message_expiry(message.get(), -1, error));
        misuse("data is NULL, and its length is 1", |error| {
            amq_outgoing_set_correlation_data(message.get(), ptr::null(), 1, error)
        });
        misuse("matches is NULL", |error| {
            let topic = c"a".as_ptr();
            crate::names::amq_topic_matches(topic, AMQ_NTS, topic, AMQ_NTS, ptr::null_mut(), error)
        });
    }
    assert_eq!(stat(&client, amq_stat::Published), 0, "nothing was done");
}
