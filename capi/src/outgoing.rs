//! Messages to be sent.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use aliyun_mqtt::{Client, Outgoing, QoS};

use crate::error::amq_error;
use crate::guard::{call, free, make};
use crate::input::{Failure, bytes, duration, object, object_mut, text};
use crate::kinds::qos;
use crate::message::amq_message;
use crate::status::amq_status;

/// A message to be sent. Sending does not use it up: it may be sent any number of times, and freed at once. Any thread
/// may send it, but not while a thread changes it.
///
/// The settings from amq_outgoing_add_user_property on need MQTT 5; with MQTT 3.1.1 a message that has any of them is
/// refused when it is sent (AMQ_KIND_INVALID). The service has neither retained messages nor wills.
pub struct amq_outgoing {
    message: Outgoing,
    timeout: Option<Duration>,
}

impl amq_outgoing {
    pub(crate) fn new(message: Outgoing) -> Self {
        amq_outgoing { message, timeout: None }
    }

    pub(crate) fn as_message(&self) -> &Outgoing {
        &self.message
    }

    /// Returns a copy, which shares the payload.
    pub(crate) fn message(&self) -> Outgoing {
        self.message.clone()
    }

    /// Returns a copy that is settled within this time, or within its own.
    pub(crate) fn within(&self, message_age: Option<Duration>, time: Duration) -> Outgoing {
        self.message().timeout(self.timeout.or(message_age).map_or(time, |own| own.min(time)))
    }

    /// Returns a copy, which shares the payload.
    pub(crate) fn copy(&self) -> amq_outgoing {
        amq_outgoing { message: self.message(), timeout: self.timeout }
    }

    pub(crate) fn into_message(self) -> Outgoing {
        self.message
    }

    /// Returns the message for a queue whose call waits for room for a time of its own: that time does not limit how
    /// long the message may stay unsettled.
    pub(crate) fn into_queued(self, client: &Client) -> Outgoing {
        let config = client.config();
        let spooled = config.spool().is_some() && self.message.qos() != QoS::AtMostOnce;
        match self.timeout.or(config.message_age()) {
            None if !spooled => self.message.timeout(config.timeout()),
            _ => self.message,
        }
    }

    fn change(&mut self, change: impl FnOnce(Outgoing) -> Outgoing) {
        let message = std::mem::replace(&mut self.message, Outgoing::new("", QoS::AtMostOnce, ""));
        self.message = change(message);
    }
}

/// Creates a message to a topic. Free it with amq_outgoing_free. The payload is copied, once for all sends. Topic and
/// size are checked when it is sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_outgoing_new(
    topic: *const c_char,
    topic_len: usize,
    qos_level: i32,
    payload: *const c_void,
    payload_len: usize,
    outgoing: *mut *mut amq_outgoing,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        make("outgoing", outgoing, error, || {
            let payload = bytes("payload", payload, payload_len)?;
            Ok(amq_outgoing::new(Outgoing::new(text("topic", topic, topic_len)?, qos(qos_level)?, payload)))
        })
    }
}

/// Creates a message to one client, which needs no subscription for it: to the topic "{parent}/p2p/{client_id}", where
/// `parent` is a parent topic that the sender may publish to. Free it with amq_outgoing_free.
///
/// Fails with AMQ_KIND_INVALID if `parent` is not one topic level, or `client_id` is empty or contains '/', '+' or '#'.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_outgoing_p2p(
    parent: *const c_char,
    parent_len: usize,
    client_id: *const c_char,
    client_id_len: usize,
    qos_level: i32,
    payload: *const c_void,
    payload_len: usize,
    outgoing: *mut *mut amq_outgoing,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        make("outgoing", outgoing, error, || {
            let (parent, client_id) =
                (text("parent", parent, parent_len)?, text("client_id", client_id, client_id_len)?);
            let payload = bytes("payload", payload, payload_len)?;
            Ok(amq_outgoing::new(Outgoing::p2p(parent, client_id, qos(qos_level)?, payload)?))
        })
    }
}

/// Creates the reply to a request (amq_message_is_request), in the form of the request, for any call that sends. Free
/// it with amq_outgoing_free. amq_client_reply sends a reply in one step.
///
/// AMQ_ERROR_MISUSE if the message is not a request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_outgoing_reply(
    request: *const amq_message,
    qos_level: i32,
    payload: *const c_void,
    payload_len: usize,
    outgoing: *mut *mut amq_outgoing,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        make("outgoing", outgoing, error, || {
            let request = object("request", request)?.message();
            let payload = bytes("payload", payload, payload_len)?;
            let qos = qos(qos_level)?;
            let asked =
                request.request().ok_or_else(|| Failure::misuse("request is a message without a response topic"))?;
            Ok(amq_outgoing::new(asked.reply(qos, payload)))
        })
    }
}

/// Frees a message to be sent. Does nothing if it is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_outgoing_free(outgoing: *mut amq_outgoing) {
    unsafe { free(outgoing) };
}

/// Sets how long this message may stay without an acknowledgement. After that it is given up: it is not sent, or, if it
/// was written already, its fate is AMQ_FATE_UNKNOWN.
///
/// By default the timeout of the call that publishes it; for queued messages amq_config_set_message_age, or, if that is
/// not set, the configured timeout.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_outgoing_set_timeout(
    outgoing: *mut amq_outgoing,
    timeout_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let outgoing = object_mut("outgoing", outgoing)?;
            let timeout = duration("timeout_ms", timeout_ms)?;
            outgoing.timeout = Some(timeout);
            outgoing.change(|message| message.timeout(timeout));
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Adds a user property: a key and a value of up to 65,535 bytes each. Keys may repeat, and the order is kept. Needs
/// MQTT 5.
///
/// The service accepts 8 KB of user properties for messages that it forwards to RocketMQ (help page "Server-side data
/// forwarding").
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_outgoing_add_user_property(
    outgoing: *mut amq_outgoing,
    key: *const c_char,
    key_len: usize,
    value: *const c_char,
    value_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(outgoing, error, || {
            let (key, value) = (text("key", key, key_len)?, text("value", value, value_len)?);
            Ok(move |message: Outgoing| message.user_property(key, value))
        })
    }
}

/// Sets the content type, such as "application/json": up to 65,535 bytes. Needs MQTT 5.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_outgoing_set_content_type(
    outgoing: *mut amq_outgoing,
    content_type: *const c_char,
    content_type_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(outgoing, error, || {
            let content_type = text("content_type", content_type, content_type_len)?;
            Ok(move |message: Outgoing| message.content_type(content_type))
        })
    }
}

/// Declares that the payload is UTF-8 text (payload format indicator 1). A payload that is not UTF-8 is refused when
/// the message is sent. Needs MQTT 5.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_outgoing_set_payload_format_utf8(
    outgoing: *mut amq_outgoing,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(outgoing, error, || Ok(Outgoing::payload_format_utf8)) }
}

/// Sets how long the server keeps the message before it discards it. Rounded up to whole seconds; at most
/// 4,294,967,295,000 ms. Needs MQTT 5.
///
/// The service discards expired messages from its offline store (help page "MQTT 5.0 overview"). For messages that it
/// forwards to RocketMQ, the range is 0 to 65,535 s (help page "Server-side data forwarding").
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_outgoing_set_message_expiry(
    outgoing: *mut amq_outgoing,
    expiry_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(outgoing, error, || {
            let expiry = duration("expiry_ms", expiry_ms)?;
            Ok(move |message: Outgoing| message.message_expiry(expiry))
        })
    }
}

/// Sets the topic that a reply should go to. The rules for topics apply. Needs MQTT 5. Not for amq_client_request and
/// its variants, which choose it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_outgoing_set_response_topic(
    outgoing: *mut amq_outgoing,
    topic: *const c_char,
    topic_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(outgoing, error, || {
            let topic = text("topic", topic, topic_len)?;
            Ok(move |message: Outgoing| message.response_topic(topic))
        })
    }
}

/// Sets the data that a reply should repeat: up to 65,535 bytes. Needs MQTT 5. Not for amq_client_request and its
/// variants, which choose it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_outgoing_set_correlation_data(
    outgoing: *mut amq_outgoing,
    data: *const c_void,
    data_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(outgoing, error, || {
            let data = bytes("data", data, data_len)?;
            Ok(move |message: Outgoing| message.correlation_data(data))
        })
    }
}

/// Sets what `value` reads from the caller's arguments.
unsafe fn set<C: FnOnce(Outgoing) -> Outgoing>(
    outgoing: *mut amq_outgoing,
    error: *mut *mut amq_error,
    value: impl FnOnce() -> Result<C, Failure>,
) -> amq_status {
    unsafe {
        call(error, || {
            object_mut("outgoing", outgoing)?.change(value()?);
            Ok(amq_status::AMQ_OK)
        })
    }
}
