//! Requests and replies.

use std::ffi::{c_char, c_void};

use aliyun_mqtt::RequestOptions;

use crate::client::{amq_client, timed, with};
use crate::error::amq_error;
use crate::guard::make;
use crate::input::{bytes, object, text};
use crate::message::amq_message;
use crate::outgoing::amq_outgoing;
use crate::status::amq_status;

/// Sends a request at QoS 1 and blocks until its reply arrives, at most for the timeout. Sets `*reply` to the reply,
/// which amq_message_free frees, or to NULL if the call fails.
///
/// Any number of threads may send requests at the same time; each gets the reply to its own. No thread has to receive.
/// The reply comes by P2P to this client, which needs no subscription, or to amq_config_set_response_topic. Over MQTT 5
/// a request has a response topic and correlation data; over 3.1.1 it travels in an envelope, which this library
/// documents (Rust documentation of `Request`). A lost connection does not end the wait. A request may reach the
/// replier twice.
///
/// Fails as amq_client_publish, if the request itself fails. AMQ_KIND_TIMEOUT in the stage AMQ_STAGE_REPLY: the server
/// has the request (AMQ_FATE_DELIVERED), but no reply arrived.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_request(
    client: *const amq_client,
    topic: *const c_char,
    topic_len: usize,
    payload: *const c_void,
    payload_len: usize,
    timeout_ms: i64,
    reply: *mut *mut amq_message,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        make("reply", reply, error, || {
            let client = timed(client, timeout_ms)?;
            let payload = bytes("payload", payload, payload_len)?;
            let reply = client.request(text("topic", topic, topic_len)?, payload, client.timeout)?;
            Ok(amq_message::new(reply))
        })
    }
}

/// Sends a request to one client, which needs no subscription for it, and blocks as amq_client_request. The topic is
/// "{parent}/p2p/{client_id}", as for amq_client_send_p2p. For an offline client it fails with a timeout.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_request_p2p(
    client: *const amq_client,
    parent: *const c_char,
    parent_len: usize,
    client_id: *const c_char,
    client_id_len: usize,
    payload: *const c_void,
    payload_len: usize,
    timeout_ms: i64,
    reply: *mut *mut amq_message,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        make("reply", reply, error, || {
            let client = timed(client, timeout_ms)?;
            let parent = text("parent", parent, parent_len)?;
            let client_id = text("client_id", client_id, client_id_len)?;
            let payload = bytes("payload", payload, payload_len)?;
            Ok(amq_message::new(client.request_p2p(parent, client_id, payload, client.timeout)?))
        })
    }
}

/// Sends a request with options, and blocks as amq_client_request. A timeout of the message's own
/// (amq_outgoing_set_timeout) limits the time to the acknowledgement of the request.
///
/// With `envelope`, the request travels in the envelope also over MQTT 5, for a replier that speaks 3.1.1. Fails with
/// AMQ_KIND_INVALID if the message has a response topic or correlation data, since the client chooses both.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_request_outgoing(
    client: *const amq_client,
    outgoing: *const amq_outgoing,
    envelope: bool,
    timeout_ms: i64,
    reply: *mut *mut amq_message,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        make("reply", reply, error, || {
            let client = timed(client, timeout_ms)?;
            let options = RequestOptions::new(client.timeout).envelope(envelope);
            Ok(amq_message::new(client.request_message(object("outgoing", outgoing)?.message(), options)?))
        })
    }
}

/// Replies to a request (amq_message_is_request) at QoS 1, in the form of the request, and blocks as
/// amq_client_publish. It does not acknowledge the request; with AMQ_ACK_MODE_MANUAL, call amq_message_ack after it.
/// amq_outgoing_reply makes a reply with more options.
///
/// The sender of a request chooses the topic of the reply, which is published with this client's rights:
/// amq_message_request_response_topic. Fails with AMQ_KIND_INVALID if the message is not a request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_reply(
    client: *const amq_client,
    request: *const amq_message,
    payload: *const c_void,
    payload_len: usize,
    timeout_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(client, timeout_ms, error, |client| {
            let request = object("request", request)?.message();
            client.reply(request, bytes("payload", payload, payload_len)?)?;
            Ok(amq_status::AMQ_OK)
        })
    }
}
