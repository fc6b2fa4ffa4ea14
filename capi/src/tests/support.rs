//! What the tests share: objects that free themselves, outcomes of calls, an emulator with clients.

use std::ffi::{CStr, c_char, c_void};
use std::fmt::Debug;
use std::ops::Deref;
use std::ptr;
use std::time::{Duration, Instant};

use aliyun_mqtt_emulator::Emulator;

pub(super) use crate::input::{AMQ_NTS, AMQ_TIMEOUT_DEFAULT, AMQ_TIMEOUT_NONE};

use crate::client::*;
use crate::closer::*;
use crate::config::*;
use crate::credentials::*;
use crate::delivery::*;
use crate::error::*;
use crate::kinds::{amq_fate, amq_kind, amq_stage};
use crate::message::*;
use crate::outgoing::*;
use crate::status::amq_status::{self, *};
use crate::subscription::*;

/// Far beyond what anything here takes, so that a slow machine fails no test.
pub(super) const LONG: i64 = 60_000;

/// An object of the interface, and how it is freed.
pub(super) trait Object: Sized {
    const FREE: unsafe extern "C" fn(*mut Self);
}

macro_rules! objects {
    ($($object:ty: $free:ident),* $(,)?) => { $(
        impl Object for $object {
            const FREE: unsafe extern "C" fn(*mut Self) = $free;
        }
    )* };
}

objects! {
    amq_client: amq_client_free,
    amq_closer: amq_closer_free,
    amq_config: amq_config_free,
    amq_credentials: amq_credentials_free,
    amq_delivery: amq_delivery_free,
    amq_error: amq_error_free,
    amq_message: amq_message_free,
    amq_outgoing: amq_outgoing_free,
    amq_subscription: amq_subscription_free,
}

/// An object that is freed when this is dropped.
pub(super) struct Owned<T: Object>(*mut T);

// Each object may be used and freed by any thread.
unsafe impl<T: Object> Send for Owned<T> {}
unsafe impl<T: Object> Sync for Owned<T> {}

impl<T: Object> Owned<T> {
    pub(super) fn new(pointer: *mut T) -> Self {
        assert!(!pointer.is_null());
        Owned(pointer)
    }

    pub(super) fn get(&self) -> *mut T {
        self.0
    }
}

impl<T: Object> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        unsafe { &*self.0 }
    }
}

impl<T: Object> Drop for Owned<T> {
    fn drop(&mut self) {
        unsafe { T::FREE(self.0) };
    }
}

/// The parts of an error object.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) status: amq_status,
    pub(super) kind: amq_kind,
    pub(super) stage: amq_stage,
    pub(super) fate: amq_fate,
    pub(super) text: String,
}

/// Makes a call, and gives its status or its error.
pub(super) fn call(call: impl FnOnce(*mut *mut amq_error) -> amq_status) -> Result<amq_status, Failed> {
    // A pointer that the call has to replace.
    let mut error = ptr::dangling_mut();
    let status = call(&raw mut error);
    if matches!(status, AMQ_OK | AMQ_TIMEOUT | AMQ_END) {
        assert!(error.is_null(), "{status:?} with an error");
        return Ok(status);
    }
    Err(failed(status, &Owned::new(error)))
}

pub(super) fn failed(status: amq_status, error: &Owned<amq_error>) -> Failed {
    let error = error.get();
    unsafe {
        Failed {
            status,
            kind: amq_error_kind(error),
            stage: amq_error_stage(error),
            fate: amq_error_fate(error),
            text: text(amq_error_text(error, ptr::null_mut())).expect("an error has a text"),
        }
    }
}

/// Makes a call that has to succeed.
#[track_caller]
pub(super) fn ok(function: impl FnOnce(*mut *mut amq_error) -> amq_status) {
    assert_eq!(call(function).expect("no failure"), AMQ_OK);
}

/// Makes a call that has to fail.
#[track_caller]
pub(super) fn fails(function: impl FnOnce(*mut *mut amq_error) -> amq_status) -> Failed {
    call(function).expect_err("a failure")
}

/// Makes a call that has to be refused as a misuse with this text.
#[track_caller]
pub(super) fn misuse(expected: &str, function: impl FnOnce(*mut *mut amq_error) -> amq_status) {
    let failed = fails(function);
    assert_eq!((failed.status, failed.kind), (AMQ_ERROR_MISUSE, amq_kind::Misuse), "{failed:?}");
    assert!(failed.text.contains(expected), "{failed:?}");
}

/// Makes an object.
#[track_caller]
pub(super) fn made<T: Object>(make: impl FnOnce(*mut *mut T, *mut *mut amq_error) -> amq_status) -> Owned<T> {
    let mut object = ptr::dangling_mut();
    ok(|error| make(&raw mut object, error));
    Owned::new(object)
}

/// Makes a call that has to fail and to leave no object.
#[track_caller]
pub(super) fn not_made<T: Object>(make: impl FnOnce(*mut *mut T, *mut *mut amq_error) -> amq_status) -> Failed {
    let mut object = ptr::dangling_mut();
    let failed = fails(|error| make(&raw mut object, error));
    assert!(object.is_null(), "a dangling pointer");
    failed
}

/// The pointer of a text, whose length is passed beside it.
pub(super) fn p(text: &str) -> *const c_char {
    text.as_ptr().cast()
}

/// The pointer of bytes, whose length is passed beside it.
pub(super) fn b(bytes: &(impl AsRef<[u8]> + ?Sized)) -> *const c_void {
    bytes.as_ref().as_ptr().cast()
}

/// Reads a text that was lent.
pub(super) fn text(lent: *const c_char) -> Option<String> {
    (!lent.is_null()).then(|| unsafe { CStr::from_ptr(lent) }.to_str().expect("UTF-8").to_string())
}

/// Reads a text that was lent with its length, which has to agree with its NUL.
pub(super) fn lent(lend: impl FnOnce(*mut usize) -> *const c_char) -> Option<String> {
    let mut len = 99;
    let lent = text(lend(&raw mut len));
    assert_eq!(lent.as_ref().map_or(0, String::len), len);
    lent
}

/// Reads bytes that were lent.
pub(super) fn lent_bytes(lend: impl FnOnce(*mut usize) -> *const u8) -> Option<Vec<u8>> {
    let mut len = 99;
    let lent = lend(&raw mut len);
    if lent.is_null() {
        assert_eq!(len, 0);
        return None;
    }
    Some(unsafe { std::slice::from_raw_parts(lent, len) }.to_vec())
}

pub(super) fn emulator() -> Emulator {
    Emulator::start().expect("the emulator starts")
}

/// A configuration that the emulator accepts.
pub(super) fn config(emulator: &Emulator) -> Owned<amq_config> {
    let config = Owned::new(amq_config_new());
    let (id, secret) = (emulator.access_key_id(), emulator.access_key_secret());
    let credentials = made(|result, error| unsafe {
        amq_credentials_signature(p(id), id.len(), p(secret), secret.len(), result, error)
    });
    let endpoint = emulator.endpoint();
    let own = config.get();
    unsafe {
        ok(|error| amq_config_set_endpoint(own, p(&endpoint), endpoint.len(), error));
        ok(|error| amq_config_set_instance_id(own, p(emulator.instance_id()), emulator.instance_id().len(), error));
        ok(|error| amq_config_set_group_id(own, p(emulator.group_id()), emulator.group_id().len(), error));
        ok(|error| amq_config_set_credentials(own, credentials.get(), error));
        ok(|error| amq_config_set_timeout(own, LONG, error));
    }
    config
}

pub(super) fn connect(config: &Owned<amq_config>) -> Owned<amq_client> {
    made(|client, error| unsafe { amq_client_connect(config.get(), client, error) })
}

/// A client of the emulator with nothing special.
pub(super) fn client(emulator: &Emulator) -> Owned<amq_client> {
    connect(&config(emulator))
}

/// A client of the emulator that speaks MQTT 5.
pub(super) fn v5_client(emulator: &Emulator) -> Owned<amq_client> {
    let config = config(emulator);
    ok(|error| unsafe { session::amq_config_set_protocol(config.get(), 5, error) });
    connect(&config)
}

/// A topic below the emulator's parent topic.
pub(super) fn topic(emulator: &Emulator, rest: &str) -> String {
    format!("{}/{rest}", emulator.parent_topic())
}

pub(super) fn outgoing(topic: &str, qos: i32, payload: &str) -> Owned<amq_outgoing> {
    made(|result, error| unsafe {
        amq_outgoing_new(p(topic), topic.len(), qos, b(payload), payload.len(), result, error)
    })
}

/// Publishes at QoS 1.
#[track_caller]
pub(super) fn publish(client: &Owned<amq_client>, topic: &str, payload: &str) {
    ok(|error| unsafe {
        let (topic_len, len) = (topic.len(), payload.len());
        crate::publish::amq_client_publish(client.get(), p(topic), topic_len, 1, b(payload), len, -2, error)
    });
}

#[track_caller]
pub(super) fn subscribe(client: &Owned<amq_client>, filter: &str) {
    ok(|error| unsafe {
        let (client, len) = (client.get(), filter.len());
        crate::subscribe::amq_client_subscribe(client, p(filter), len, 1, -2, ptr::null_mut(), error)
    });
}

/// Takes the next message of the client's own queue.
#[track_caller]
pub(super) fn recv(client: &Owned<amq_client>) -> Owned<amq_message> {
    made(|message, error| unsafe { crate::receive::amq_client_recv(client.get(), LONG, message, error) })
}

/// The payload as text.
pub(super) fn payload(message: &Owned<amq_message>) -> String {
    let bytes = lent_bytes(|len| unsafe { amq_message_payload(message.get(), len) }).expect("a payload");
    String::from_utf8(bytes).expect("text")
}

pub(super) fn stat(client: &Owned<amq_client>, which: crate::stats::amq_stat) -> u64 {
    let mut value = u64::MAX;
    ok(|error| unsafe { crate::stats::amq_client_stats_value(client.get(), which as i32, &raw mut value, error) });
    value
}

/// Waits until the condition holds, or fails with what it was about.
pub(super) fn eventually(what: impl Debug, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_millis(LONG.unsigned_abs());
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what:?}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
