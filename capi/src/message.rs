//! Received messages.

use std::ffi::c_char;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use aliyun_mqtt::{Message, Request};

use crate::error::amq_error;
use crate::guard::{call, free, plain};
use crate::input::{Failure, object, text};
use crate::kinds::amq_qos;
use crate::lent::{self, Lent, set};
use crate::status::amq_status;

/// A received message. Its texts and bytes are valid until it is freed; any thread may read it.
pub struct amq_message {
    message: Message,
    topic: Lent,
    content_type: Lent,
    response_topic: Lent,
    request_response_topic: Lent,
    /// Keys and values.
    user_properties: OnceLock<Box<[(Lent, Lent)]>>,
    /// True once the program has acknowledged the message. Shared with clones, and made when it is first needed.
    acknowledged: OnceLock<Arc<AtomicBool>>,
}

impl amq_message {
    pub(crate) fn new(message: Message) -> Self {
        amq_message {
            message,
            topic: Lent::default(),
            content_type: Lent::default(),
            response_topic: Lent::default(),
            request_response_topic: Lent::default(),
            user_properties: OnceLock::new(),
            acknowledged: OnceLock::new(),
        }
    }

    pub(crate) fn message(&self) -> &Message {
        &self.message
    }

    fn request(&self) -> Option<Request<'_>> {
        self.message.request()
    }

    fn acknowledged(&self) -> &Arc<AtomicBool> {
        self.acknowledged.get_or_init(Arc::default)
    }

    /// Returns the place where the texts of a user property are kept.
    fn user_property(&self, index: usize) -> Option<&(Lent, Lent)> {
        let make = || self.message.user_properties().iter().map(|_| <(Lent, Lent)>::default()).collect();
        self.user_properties.get_or_init(make).get(index)
    }

    /// Acknowledges the message, unless that was done before.
    fn ack(&self) -> Result<(), Failure> {
        let acknowledged = self.acknowledged();
        if acknowledged.swap(true, Ordering::AcqRel) {
            return Err(Failure::misuse("message is acknowledged already"));
        }
        self.message.ack().map_err(|error| {
            // Not done: the same reason is given again.
            acknowledged.store(false, Ordering::Release);
            error.into()
        })
    }
}

/// Frees a message. Does nothing if it is NULL. With AMQ_ACK_MODE_MANUAL, a message freed without an acknowledgement
/// stays unacknowledged: the server sends it again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_free(message: *mut amq_message) {
    unsafe { free(message) };
}

/// Returns a copy of the message, which is freed on its own; NULL for NULL. An acknowledgement of one is one of both.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_clone(message: *const amq_message) -> *mut amq_message {
    let copied = || {
        unsafe { message.as_ref() }.map(|message| {
            let copy = amq_message::new(message.message.clone());
            let _ = copy.acknowledged.set(Arc::clone(message.acknowledged()));
            Box::into_raw(Box::new(copy))
        })
    };
    plain(None, copied).unwrap_or(std::ptr::null_mut())
}

/// Acknowledges the message, with AMQ_ACK_MODE_MANUAL. Does not block. In the other modes, and for a QoS 0 message,
/// there is nothing to acknowledge, and it succeeds.
///
/// Acknowledgements are sent in the order of receipt, as MQTT requires: each waits for those of earlier messages.
///
/// AMQ_ERROR_MISUSE if the message, or a copy of it, is acknowledged already. Fails with AMQ_KIND_CLOSED or the reason
/// why the client has ended; AMQ_KIND_CONNECTION_LOST if the connection that it came over and its session are gone, as
/// always with a clean session: the acknowledgement has no effect. With a persistent session it is kept, and sent when
/// the server repeats the message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_ack(message: *const amq_message, error: *mut *mut amq_error) -> amq_status {
    unsafe {
        call(error, || {
            object("message", message)?.ack()?;
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Returns the topic that the message was published to, followed by a NUL. Sets `*len`, if `len` is not NULL, to its
/// length in bytes. Valid until the message is freed. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_topic(message: *const amq_message, len: *mut usize) -> *const c_char {
    unsafe { lent::of(message, len, |message| &message.topic, |message| Some(message.message.topic())) }
}

/// Returns the payload and sets `*len`, if `len` is not NULL, to its length in bytes. Any bytes, without a NUL behind
/// them. Valid until the message is freed. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_payload(message: *const amq_message, len: *mut usize) -> *const u8 {
    unsafe { lent::bytes(message, len, |message| Some(message.message.payload())) }
}

/// Returns the QoS of the delivery: the lower of the publisher's and the subscription's. AMQ_QOS_AT_MOST_ONCE for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_qos(message: *const amq_message) -> amq_qos {
    unsafe { fact(message, amq_qos::AtMostOnce, |message| amq_qos::of(message.qos())) }
}

/// Returns true if the server marked the message as sent before (DUP). The service sends a QoS 1 message again when its
/// acknowledgement takes longer than 5 to 10 s (help page "Limits"), so a receiver must expect repetitions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_is_duplicate(message: *const amq_message) -> bool {
    unsafe { fact(message, false, Message::is_duplicate) }
}

/// Returns the RETAIN flag. The service has no retained messages; other brokers have.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_is_retained(message: *const amq_message) -> bool {
    unsafe { fact(message, false, Message::is_retained) }
}

/// Returns the content type (MQTT 5), as amq_message_topic; NULL if the sender gave none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_content_type(message: *const amq_message, len: *mut usize) -> *const c_char {
    unsafe { lent::of(message, len, |message| &message.content_type, |message| message.message.content_type()) }
}

/// Returns true if the sender declared the payload to be UTF-8 text (MQTT 5). The payload may still be something else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_payload_format_utf8(message: *const amq_message) -> bool {
    unsafe { fact(message, false, Message::payload_format_utf8) }
}

/// Returns the time left in milliseconds, in whole seconds, until the message expires, as of when the server sent it
/// (MQTT 5); -1 if it does not expire.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_message_expiry(message: *const amq_message) -> i64 {
    let millis = |message: &Message| message.message_expiry().and_then(|left| i64::try_from(left.as_millis()).ok());
    unsafe { fact(message, -1, |message| millis(message).unwrap_or(-1)) }
}

/// Returns the topic that the sender wants a reply on (MQTT 5), as amq_message_topic; NULL if it gave none.
/// amq_message_request_response_topic covers both versions of MQTT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_response_topic(message: *const amq_message, len: *mut usize) -> *const c_char {
    unsafe { lent::of(message, len, |message| &message.response_topic, |message| message.message.response_topic()) }
}

/// Returns the data that a reply should repeat (MQTT 5), as amq_message_payload; NULL if the sender gave none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_correlation_data(message: *const amq_message, len: *mut usize) -> *const u8 {
    unsafe { lent::bytes(message, len, |message| message.message.correlation_data()) }
}

/// Returns the number of user properties; 0 with MQTT 3.1.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_user_property_count(message: *const amq_message) -> usize {
    unsafe { fact(message, 0, |message| message.user_properties().len()) }
}

/// Sets `*key` and `*value` to the user property at `index`, which counts from 0 in the order of the sender, and their
/// lengths in bytes. Each may be NULL. A NUL follows both texts; they are valid until the message is freed. Returns
/// false if there is none at this index; then the texts are NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_user_property(
    message: *const amq_message,
    index: usize,
    key: *mut *const c_char,
    key_len: *mut usize,
    value: *mut *const c_char,
    value_len: *mut usize,
) -> bool {
    unsafe {
        set(key, std::ptr::null());
        set(value, std::ptr::null());
        set(key_len, 0);
        set(value_len, 0);
        let lend = || {
            let message = message.as_ref()?;
            let (own_key, own_value) = message.message.user_properties().get(index)?;
            let (key_place, value_place) = message.user_property(index)?;
            set(key, key_place.lend(key_len, || Some(own_key)));
            set(value, value_place.lend(value_len, || Some(own_value)));
            Some(())
        };
        plain(None, lend).is_some()
    }
}

/// Returns the value of the first user property with this key, as amq_message_topic; NULL if there is none, or if the
/// key is not a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_user_property_named(
    message: *const amq_message,
    key: *const c_char,
    key_len: usize,
    len: *mut usize,
) -> *const c_char {
    unsafe {
        set(len, 0);
        let lend = || {
            let message = message.as_ref()?;
            let key = text("key", key, key_len).ok()?;
            let properties = message.message.user_properties();
            let index = properties.iter().position(|(name, _)| name == key)?;
            let (_, place) = message.user_property(index)?;
            Some(place.lend(len, || Some(&properties[index].1)))
        };
        plain(None, lend).unwrap_or(std::ptr::null())
    }
}

/// Returns the number of identifiers of the subscriptions that the message matched (MQTT 5).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_subscription_identifier_count(message: *const amq_message) -> usize {
    unsafe { fact(message, 0, |message| message.subscription_identifiers().len()) }
}

/// Returns the identifier at `index`, which counts from 0; 0 if there is none at this index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_subscription_identifier(message: *const amq_message, index: usize) -> u32 {
    unsafe { fact(message, 0, |message| message.subscription_identifiers().get(index).copied().unwrap_or(0)) }
}

/// Returns true if the message is a request that amq_client_reply can reply to: one with a response topic, over MQTT 5
/// or in the envelope.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_is_request(message: *const amq_message) -> bool {
    unsafe { fact(message, false, |message| message.request().is_some()) }
}

/// Returns true if the request came in the envelope, and not with the properties of MQTT 5; false if the message is not
/// a request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_request_is_enveloped(message: *const amq_message) -> bool {
    unsafe { fact(message, false, |message| message.request().is_some_and(|request| request.is_enveloped())) }
}

/// Returns the payload of a request without the envelope, if there was one, as amq_message_payload; NULL if the message
/// is not a request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_request_payload(message: *const amq_message, len: *mut usize) -> *const u8 {
    unsafe { lent::bytes(message, len, |message| Some(message.request()?.payload())) }
}

/// Returns the topic of the reply to a request, as amq_message_topic; NULL if the message is not a request. The sender
/// chooses it: check it where that matters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_request_response_topic(
    message: *const amq_message,
    len: *mut usize,
) -> *const c_char {
    unsafe {
        lent::of(
            message,
            len,
            |message| &message.request_response_topic,
            |message| Some(message.request()?.response_topic()),
        )
    }
}

/// Returns the correlation data of a request, as amq_message_payload; NULL if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_message_request_correlation_data(
    message: *const amq_message,
    len: *mut usize,
) -> *const u8 {
    unsafe { lent::bytes(message, len, |message| message.request()?.correlation_data()) }
}

/// Returns a fact of a message; `otherwise` for NULL.
unsafe fn fact<T: Copy>(message: *const amq_message, otherwise: T, fact: impl FnOnce(&Message) -> T) -> T {
    plain(otherwise, || unsafe { message.as_ref() }.map_or(otherwise, |message| fact(&message.message)))
}
