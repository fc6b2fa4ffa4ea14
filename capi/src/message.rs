//! Received messages.

use std::ffi::c_char;

use aliyun_mqtt::Message;

use crate::guard::{free, plain};
use crate::kinds::amq_qos;
use crate::lent::{self, Lent, set};

/// A received message. Its texts and bytes are valid until it is freed; any thread may read it.
pub struct amq_message {
    message: Message,
    topic: Lent,
}

impl amq_message {
    /// Makes an object for the caller, who frees it.
    pub(crate) fn lend(message: Message) -> *mut amq_message {
        Box::into_raw(Box::new(amq_message { message, topic: Lent::default() }))
    }
}

/// Frees a message. Does nothing if it is NULL. With AMQ_ACK_MODE_MANUAL, a message freed without an acknowledgement
/// stays unacknowledged: the server sends it again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_free(message: *mut amq_message) {
    unsafe { free(message) };
}

/// Returns the topic, followed by a NUL. Sets `*len`, if `len` is not NULL, to its length in bytes. Valid until the
/// message is freed. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_topic(message: *const amq_message, len: *mut usize) -> *const c_char {
    unsafe { lent::of(message, len, |message| &message.topic, |message| Some(message.message.topic())) }
}

/// Returns the payload and sets `*len` to its length in bytes. Any bytes, without a NUL behind them. Valid until the
/// message is freed. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_payload(message: *const amq_message, len: *mut usize) -> *const u8 {
    let payload = plain(None, || unsafe { message.as_ref() }.map(|message| message.message.payload()));
    unsafe { set(len, payload.map_or(0, <[u8]>::len)) };
    payload.map_or(std::ptr::null(), <[u8]>::as_ptr)
}

/// Returns the QoS with which the message came; AMQ_QOS_AT_MOST_ONCE for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_qos(message: *const amq_message) -> amq_qos {
    let otherwise = amq_qos::AtMostOnce;
    plain(otherwise, || unsafe { message.as_ref() }.map_or(otherwise, |message| amq_qos::of(message.message.qos())))
}
