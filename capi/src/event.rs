//! Events: what happens to a client in the background.

use std::ffi::c_char;
use std::ptr;
use std::time::{Duration, SystemTime};

use aliyun_mqtt::{Event, Notice, TokenKind};

use crate::error::amq_error;
use crate::guard::{free, plain};
use crate::input::Failure;
use crate::lent::{self, Lent};
use crate::token::{amq_token_kind, millis, unix_ms};

/// Something that happened to a client in the background. Its texts are valid until it is freed, or during the call of
/// a callback; any thread may read it. Fields that an event does not have are NULL, 0, false, or -1 where 0 has a
/// meaning.
pub struct amq_event {
    event: Event,
    reason: Option<amq_error>,
    text: Lent,
    topic: Lent,
    filter: Lent,
    path: Lent,
    payload: Lent,
}

/// The kind of an event. Numbers never change their meaning; later versions may add some.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amq_event_kind {
    /// A kind that this version of the interface has no number for.
    Other = 0,
    /// A connection is ready for messages: session_present, number.
    Connected = 1,
    /// The connection was lost, or an attempt to make one failed: reason, retry_in.
    Disconnected = 2,
    /// A notice of the service: notice_kind and what belongs to it.
    Notice = 3,
    /// A subscription could not be restored and was given up: filter, reason.
    SubscriptionLost = 4,
    /// The service refuses a topic as a whole; messages to it are refused for a time: topic, retry_in, reason.
    TopicRefused = 5,
    /// The service has accepted a new token: token_kind, expires.
    TokenRenewed = 6,
    /// There is no new token, or the service did not accept it: reason, retry_in.
    TokenRenewalFailed = 7,
    /// The spool's file was damaged and was renamed: path, reason. Kept for the first listener.
    SpoolSetAside = 8,
    /// A message above the limit was acknowledged and discarded: topic, size, reason.
    MessageSetAside = 9,
    /// The inbox is full.
    InboxFull = 10,
    /// A message that is not acknowledged holds back later acknowledgements: topic, taken, held_back.
    AcksHeldBack = 11,
    /// The client has ended; always the last event: reason (AMQ_KIND_CLOSED if this program has ended it), untaken and
    /// the topic of the first untaken message, unsent_acks.
    Ended = 12,
}

/// The kind of a notice of the service.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amq_notice_kind {
    /// The event is no notice.
    None = 0,
    /// A token expires soon: expires, token_kind.
    TokenExpire = 1,
    /// A token is not accepted, and the service is about to close the connection: notice_code, token_kind.
    TokenInvalid = 2,
    /// A notice that could not be understood: topic, notice_payload.
    Other = 3,
}

impl amq_event {
    pub(crate) fn new(event: Event) -> Self {
        let reason = match &event {
            Event::Disconnected { reason, .. }
            | Event::SubscriptionLost { reason, .. }
            | Event::TopicRefused { reason, .. }
            | Event::TokenRenewalFailed { reason, .. }
            | Event::SpoolSetAside { reason, .. }
            | Event::MessageSetAside { reason, .. }
            | Event::Ended { reason, .. } => Some(amq_error::new(Failure::Library(reason.clone()))),
            _ => None,
        };
        amq_event {
            event,
            reason,
            text: Lent::default(),
            topic: Lent::default(),
            filter: Lent::default(),
            path: Lent::default(),
            payload: Lent::default(),
        }
    }

    /// Makes an object for the caller, who frees it.
    pub(crate) fn lend(event: Event) -> *mut amq_event {
        Box::into_raw(Box::new(amq_event::new(event)))
    }
}

/// Frees an event. Does nothing if it is NULL. The event of a callback must not be freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_free(event: *mut amq_event) {
    unsafe { free(event) };
}

/// Returns a copy of the event, which is freed on its own; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_clone(event: *const amq_event) -> *mut amq_event {
    let copied = || unsafe { event.as_ref() }.map(|event| amq_event::lend(event.event.clone()));
    plain(None, copied).unwrap_or(ptr::null_mut())
}

/// Returns the kind of the event; AMQ_EVENT_KIND_OTHER for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_get_kind(event: *const amq_event) -> amq_event_kind {
    let kind = |event: &Event| {
        Some(match event {
            Event::Connected { .. } => amq_event_kind::Connected,
            Event::Disconnected { .. } => amq_event_kind::Disconnected,
            Event::Notice(_) => amq_event_kind::Notice,
            Event::SubscriptionLost { .. } => amq_event_kind::SubscriptionLost,
            Event::TopicRefused { .. } => amq_event_kind::TopicRefused,
            Event::TokenRenewed { .. } => amq_event_kind::TokenRenewed,
            Event::TokenRenewalFailed { .. } => amq_event_kind::TokenRenewalFailed,
            Event::SpoolSetAside { .. } => amq_event_kind::SpoolSetAside,
            Event::MessageSetAside { .. } => amq_event_kind::MessageSetAside,
            Event::InboxFull => amq_event_kind::InboxFull,
            Event::AcksHeldBack { .. } => amq_event_kind::AcksHeldBack,
            Event::Ended { .. } => amq_event_kind::Ended,
            _ => amq_event_kind::Other,
        })
    };
    unsafe { get(event, amq_event_kind::Other, kind) }
}

/// Returns the event as a line for people; it may change. Followed by a NUL. Sets `*len`, if `len` is not NULL, to its
/// length in bytes. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_text(event: *const amq_event, len: *mut usize) -> *const c_char {
    unsafe { lent::of(event, len, |event| &event.text, |event| Some(event.event.to_string())) }
}

/// Returns the reason of the event, which belongs to the event and must not be freed; NULL if there is none.
/// amq_error_clone makes a copy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_reason(event: *const amq_event) -> *const amq_error {
    let reason = || unsafe { event.as_ref() }.and_then(|event| event.reason.as_ref());
    plain(None, reason).map_or(ptr::null(), ptr::from_ref)
}

/// Returns the pause before the next attempt, in milliseconds; -1 if there is no next attempt, or if it is the next
/// login. For AMQ_EVENT_KIND_TOPIC_REFUSED, the time for which messages to the topic are refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_retry_in(event: *const amq_event) -> i64 {
    let pause = |event: &Event| -> Option<Duration> {
        match event {
            Event::Disconnected { retry_in, .. } | Event::TokenRenewalFailed { retry_in, .. } => *retry_in,
            Event::TopicRefused { retry_in, .. } => Some(*retry_in),
            _ => None,
        }
    };
    unsafe { get(event, -1, |event| Some(millis(pause(event)))) }
}

/// Returns true if the server had kept the session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_session_present(event: *const amq_event) -> bool {
    let present = |event: &Event| match event {
        Event::Connected { session_present, .. } => Some(*session_present),
        _ => None,
    };
    unsafe { get(event, false, present) }
}

/// Returns the number of the connection, from 1; 0 if the event is not AMQ_EVENT_KIND_CONNECTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_number(event: *const amq_event) -> u64 {
    let number = |event: &Event| match event {
        Event::Connected { number, .. } => Some(*number),
        _ => None,
    };
    unsafe { get(event, 0, number) }
}

/// Returns the topic of the event; NULL if it has none. As amq_event_text otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_topic(event: *const amq_event, len: *mut usize) -> *const c_char {
    let topic = |event: &amq_event| match &event.event {
        Event::TopicRefused { topic, .. }
        | Event::MessageSetAside { topic, .. }
        | Event::AcksHeldBack { topic, .. }
        | Event::Notice(Notice::Other { topic, .. }) => Some(topic.clone()),
        Event::Ended { untaken: Some(untaken), .. } => Some(untaken.first_topic.clone()),
        _ => None,
    };
    unsafe { lent::of(event, len, |event| &event.topic, topic) }
}

/// Returns the filter of the subscription that was lost; NULL if the event is another. As amq_event_text otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_filter(event: *const amq_event, len: *mut usize) -> *const c_char {
    let filter = |event: &amq_event| match &event.event {
        Event::SubscriptionLost { filter, .. } => Some(filter.clone()),
        _ => None,
    };
    unsafe { lent::of(event, len, |event| &event.filter, filter) }
}

/// Returns the kind of the token that the event is about; AMQ_TOKEN_KIND_NONE if that is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_token_kind(event: *const amq_event) -> amq_token_kind {
    let kind = |event: &Event| -> Option<TokenKind> {
        match event {
            Event::TokenRenewed { kind, .. } => Some(*kind),
            Event::Notice(Notice::TokenExpire { kind, .. } | Notice::TokenInvalid { kind, .. }) => *kind,
            _ => None,
        }
    };
    unsafe { get(event, amq_token_kind::None, |event| Some(amq_token_kind::of(kind(event)))) }
}

/// Returns the time at which the token expires, in milliseconds since 1970; -1 if that is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_expires(event: *const amq_event) -> i64 {
    let expires = |event: &Event| -> Option<SystemTime> {
        match event {
            Event::TokenRenewed { expires, .. } | Event::Notice(Notice::TokenExpire { expires, .. }) => *expires,
            _ => None,
        }
    };
    unsafe { get(event, -1, |event| Some(unix_ms(expires(event)))) }
}

/// Returns the new name of the damaged spool, with replacement characters where it is not UTF-8; NULL if the event is
/// another. As amq_event_text otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_path(event: *const amq_event, len: *mut usize) -> *const c_char {
    let path = |event: &amq_event| match &event.event {
        Event::SpoolSetAside { path, .. } => Some(path.to_string_lossy().into_owned()),
        _ => None,
    };
    unsafe { lent::of(event, len, |event| &event.path, path) }
}

/// Returns the size of the packet that was discarded, in bytes; 0 if the event is another.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_size(event: *const amq_event) -> usize {
    let size = |event: &Event| match event {
        Event::MessageSetAside { size, .. } => Some(*size),
        _ => None,
    };
    unsafe { get(event, 0, size) }
}

/// Returns true if the program has taken the message that holds back acknowledgements, and not acknowledged it; false
/// if it still waits in the inbox.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_taken(event: *const amq_event) -> bool {
    let taken = |event: &Event| match event {
        Event::AcksHeldBack { taken, .. } => Some(*taken),
        _ => None,
    };
    unsafe { get(event, false, taken) }
}

/// Returns the number of acknowledgements that are held back; 0 if the event is another.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_held_back(event: *const amq_event) -> usize {
    let held_back = |event: &Event| match event {
        Event::AcksHeldBack { held_back, .. } => Some(*held_back),
        _ => None,
    };
    unsafe { get(event, 0, held_back) }
}

/// Returns the number of messages in the inbox that the program had not taken when the client ended. amq_event_topic is
/// the topic of the first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_untaken(event: *const amq_event) -> usize {
    let untaken = |event: &Event| match event {
        Event::Ended { untaken: Some(untaken), .. } => Some(untaken.count),
        _ => None,
    };
    unsafe { get(event, 0, untaken) }
}

/// Returns, for a kept session, the number of acknowledgements that could not be sent before the client ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_unsent_acks(event: *const amq_event) -> usize {
    let unsent = |event: &Event| match event {
        Event::Ended { unsent_acks, .. } => Some(*unsent_acks),
        _ => None,
    };
    unsafe { get(event, 0, unsent) }
}

/// Returns the kind of the notice; AMQ_NOTICE_KIND_NONE if the event is not AMQ_EVENT_KIND_NOTICE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_notice_kind(event: *const amq_event) -> amq_notice_kind {
    let kind = |event: &Event| match event {
        Event::Notice(Notice::TokenExpire { .. }) => Some(amq_notice_kind::TokenExpire),
        Event::Notice(Notice::TokenInvalid { .. }) => Some(amq_notice_kind::TokenInvalid),
        Event::Notice(_) => Some(amq_notice_kind::Other),
        _ => None,
    };
    unsafe { get(event, amq_notice_kind::None, kind) }
}

/// Returns the service's code of the notice AMQ_NOTICE_KIND_TOKEN_INVALID; -1 if there is none. The text of the event
/// has its meaning.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_notice_code(event: *const amq_event) -> i64 {
    let code = |event: &Event| match event {
        Event::Notice(Notice::TokenInvalid { code, .. }) => Some(code.number()),
        _ => None,
    };
    unsafe { get(event, -1, code) }
}

/// Returns the payload of a notice that could not be understood, with replacement characters where it is not UTF-8;
/// NULL if there is none. As amq_event_text otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_event_notice_payload(event: *const amq_event, len: *mut usize) -> *const c_char {
    let payload = |event: &amq_event| match &event.event {
        Event::Notice(Notice::Other { payload, .. }) => Some(payload.clone()),
        _ => None,
    };
    unsafe { lent::of(event, len, |event| &event.payload, payload) }
}

/// Reads a field. `otherwise` for NULL, and for an event without that field.
unsafe fn get<T: Copy>(event: *const amq_event, otherwise: T, field: impl FnOnce(&Event) -> Option<T>) -> T {
    plain(otherwise, || unsafe { event.as_ref() }.and_then(|event| field(&event.event)).unwrap_or(otherwise))
}
