//! Sending single messages.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use aliyun_mqtt::{Client, Outgoing};

use crate::client::{amq_client, timed, with};
use crate::delivery::amq_delivery;
use crate::error::amq_error;
use crate::guard::{call, make};
use crate::input::{Failure, bytes, deadline, object, text};
use crate::kinds::qos;
use crate::outgoing::amq_outgoing;
use crate::status::amq_status;

/// Publishes a message, and blocks until the server has acknowledged it (QoS 0: until it was written), at most for the
/// timeout. While there is no connection, it waits for one. The topic and the payload are copied.
///
/// The topic may have 128 characters and the payload 65,536 bytes, unless amq_config_set_limit allows more.
///
/// Fails with AMQ_KIND_INVALID at once, if the topic or the size breaks a rule; AMQ_KIND_TIMEOUT with the stage;
/// AMQ_KIND_REJECTED or AMQ_KIND_SUSPECTED_REFUSAL if the service refuses the message; AMQ_KIND_CLOSED, or the reason
/// why the client has ended. amq_error_fate has the fate of the message: AMQ_FATE_NOT_SENT is safe to repeat.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_publish(
    client: *const amq_client,
    topic: *const c_char,
    topic_len: usize,
    qos_level: i32,
    payload: *const c_void,
    payload_len: usize,
    timeout_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(client, timeout_ms, error, |client| {
            let payload = bytes("payload", payload, payload_len)?;
            client.publish(text("topic", topic, topic_len)?, qos(qos_level)?, payload)?;
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Publishes a message with options, as amq_client_publish. A timeout of the message's own (amq_outgoing_set_timeout)
/// replaces `timeout_ms`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_publish_outgoing(
    client: *const amq_client,
    outgoing: *const amq_outgoing,
    timeout_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(client, timeout_ms, error, |client| {
            client.publish_message(object("outgoing", outgoing)?.message())?;
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Sends a message to one client, which needs no subscription for it, as amq_client_publish: to the topic
/// "{parent}/p2p/{client_id}" (help.aliyun.com/document_detail/96176.htm).
///
/// `parent` is the first level of a topic that the sender may publish to. An offline receiver gets the message later
/// only with QoS 1 and if the sender keeps its session (glossary of the product). Otherwise it is lost, as far as is
/// known without an error for the sender.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_send_p2p(
    client: *const amq_client,
    parent: *const c_char,
    parent_len: usize,
    client_id: *const c_char,
    client_id_len: usize,
    qos_level: i32,
    payload: *const c_void,
    payload_len: usize,
    timeout_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(client, timeout_ms, error, |client| {
            let parent = text("parent", parent, parent_len)?;
            let client_id = text("client_id", client_id, client_id_len)?;
            let payload = bytes("payload", payload, payload_len)?;
            client.send_p2p(parent, client_id, qos(qos_level)?, payload)?;
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Queues a message and returns without waiting for the acknowledgement. With a spool, returns once the message is on
/// disk. amq_delivery_wait gives the outcome, amq_client_flush waits for all messages.
///
/// Blocks only while the outbox is full or the publish rate leaves no slot, and with a spool until the message is
/// stored; at most for the timeout. 0 does not wait for room, but for the disk up to the configured timeout. How long
/// the message may stay without an acknowledgement is a setting of its own: see amq_outgoing_set_timeout.
///
/// Sets `*delivery` to the delivery, which amq_delivery_free frees, or to NULL if the call fails: with AMQ_KIND_FULL if
/// the timeout is 0 and there is no room now, AMQ_KIND_TIMEOUT in the stages AMQ_STAGE_WINDOW and AMQ_STAGE_SPOOL,
/// AMQ_KIND_INVALID, AMQ_KIND_SPOOL, AMQ_KIND_CLOSED, or the reason why the client has ended. In each case the message
/// was not sent and will not be.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_enqueue(
    client: *const amq_client,
    outgoing: *const amq_outgoing,
    timeout_ms: i64,
    delivery: *mut *mut amq_delivery,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        make("delivery", delivery, error, || {
            let client = object("client", client)?.client();
            let outgoing = object("outgoing", outgoing)?;
            enqueue(client, timeout_ms, outgoing.copy())
        })
    }
}

/// Queues a message without options, as amq_client_enqueue: the quickest way to queue a message that is sent once. The
/// topic and the payload are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_enqueue_bytes(
    client: *const amq_client,
    topic: *const c_char,
    topic_len: usize,
    qos_level: i32,
    payload: *const c_void,
    payload_len: usize,
    timeout_ms: i64,
    delivery: *mut *mut amq_delivery,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        make("delivery", delivery, error, || {
            let client = object("client", client)?.client();
            let payload = bytes("payload", payload, payload_len)?;
            let message = Outgoing::new(text("topic", topic, topic_len)?, qos(qos_level)?, payload);
            enqueue(client, timeout_ms, amq_outgoing::new(message))
        })
    }
}

/// Blocks until every message accepted so far is settled, at most for the timeout.
///
/// Fails with AMQ_KIND_TIMEOUT and the number of messages still open; AMQ_KIND_UNDELIVERED with the number of messages
/// that have failed since the last report and whose delivery had been freed, and the first reason; AMQ_KIND_CLOSED if a
/// closer ends the wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_flush(
    client: *const amq_client,
    timeout_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let client = timed(client, timeout_ms)?;
            client.flush(client.timeout)?;
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Checks a message as the calls that send it do, as far as that needs no connection. Does not block. Fails with
/// AMQ_KIND_INVALID if the topic, the size or a property breaks a rule, or if MQTT 3.1.1 cannot carry the properties.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_check(
    client: *const amq_client,
    outgoing: *const amq_outgoing,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let client = object("client", client)?.client();
            client.config().check(object("outgoing", outgoing)?.as_message())?;
            Ok(amq_status::AMQ_OK)
        })
    }
}

fn enqueue(client: &Client, timeout_ms: i64, outgoing: amq_outgoing) -> Result<amq_delivery, Failure> {
    let delivery = match deadline(timeout_ms)? {
        None => client.enqueue(outgoing.into_message()),
        Some(Duration::ZERO) => client.try_enqueue(outgoing.into_message()),
        Some(timeout) => client.with_timeout(timeout).enqueue(outgoing.into_queued(client)),
    };
    Ok(amq_delivery::new(delivery?, client))
}
