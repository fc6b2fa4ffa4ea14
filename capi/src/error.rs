//! Error objects.

use std::error::Error as _;
use std::ffi::c_char;

use aliyun_mqtt::{Error, ErrorKind};

use crate::guard::{free, plain};
use crate::input::Failure;
use crate::kinds::{amq_fate, amq_kind, amq_stage};
use crate::lent::Lent;
use crate::status::amq_status;

/// The reason why a call failed. Its texts are valid until it is freed; any thread may read it.
pub struct amq_error {
    reason: Reason,
    text: Lent,
    message: Lent,
    hint: Lent,
    hint_key: Lent,
    missing_setting: Lent,
    causes: Lent,
    api_code: Lent,
    request_id: Lent,
}

enum Reason {
    Library(Error),
    Misuse(String),
    Panic(String),
}

impl amq_error {
    pub(crate) fn new(failure: Failure) -> Self {
        amq_error::of(match failure {
            Failure::Library(error) => Reason::Library(error),
            Failure::Misuse(message) => Reason::Misuse(message),
        })
    }

    pub(crate) fn panic(words: &str) -> Self {
        amq_error::of(Reason::Panic(format!("a fault in this library, please report it: {words}")))
    }

    fn of(reason: Reason) -> Self {
        amq_error {
            reason,
            text: Lent::default(),
            message: Lent::default(),
            hint: Lent::default(),
            hint_key: Lent::default(),
            missing_setting: Lent::default(),
            causes: Lent::default(),
            api_code: Lent::default(),
            request_id: Lent::default(),
        }
    }

    pub(crate) fn status(&self) -> amq_status {
        match &self.reason {
            Reason::Library(error) if error.is_timeout() => amq_status::AMQ_ERROR_TIMEOUT,
            Reason::Library(_) => amq_status::AMQ_ERROR,
            Reason::Misuse(_) => amq_status::AMQ_ERROR_MISUSE,
            Reason::Panic(_) => amq_status::AMQ_ERROR_PANIC,
        }
    }

    pub(crate) fn message(&self) -> &str {
        match &self.reason {
            Reason::Library(error) => error.message(),
            Reason::Misuse(message) | Reason::Panic(message) => message,
        }
    }

    fn library(&self) -> Option<&Error> {
        match &self.reason {
            Reason::Library(error) => Some(error),
            Reason::Misuse(_) | Reason::Panic(_) => None,
        }
    }
}

/// Frees an error. Does nothing if it is NULL. Freeing an error twice is a fault of the program, as with free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_error_free(error: *mut amq_error) {
    unsafe { free(error) };
}

/// Returns the kind of the error; AMQ_KIND_OTHER for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_error_kind(error: *const amq_error) -> amq_kind {
    let kind = |error: &amq_error| match &error.reason {
        Reason::Library(error) => amq_kind::of(error.kind()),
        Reason::Misuse(_) => amq_kind::Misuse,
        Reason::Panic(_) => amq_kind::Internal,
    };
    plain(amq_kind::Other, || unsafe { error.as_ref() }.map_or(amq_kind::Other, kind))
}

/// Returns the fate of the message that the error is about; AMQ_FATE_NONE if it is about none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_error_fate(error: *const amq_error) -> amq_fate {
    plain(amq_fate::Other, || amq_fate::of(unsafe { library(error) }.and_then(Error::fate)))
}

/// Returns the stage in which the error occurred; AMQ_STAGE_NONE if stages have no meaning for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_error_stage(error: *const amq_error) -> amq_stage {
    plain(amq_stage::Other, || amq_stage::of(unsafe { library(error) }.and_then(Error::stage)))
}

/// Returns the code that the server, the service or a proxy gave (CONNACK, SUBACK, PUBACK, DISCONNECT, the token
/// notice, an HTTP status); -1 if there is none. The text has its meaning.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_error_code(error: *const amq_error) -> i64 {
    plain(-1, || unsafe { library(error) }.and_then(Error::code).map_or(-1, aliyun_mqtt::Code::number))
}

/// Returns the text of the error as one line: what failed and why, the stage, and the hint. For people; it may change.
/// Valid until the error is freed, and followed by a NUL. Sets `*len`, if `len` is not NULL, to its length in bytes.
/// NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_error_text(error: *const amq_error, len: *mut usize) -> *const c_char {
    let text = |error: &amq_error| match &error.reason {
        Reason::Library(error) => error.to_string(),
        Reason::Misuse(message) | Reason::Panic(message) => message.clone(),
    };
    unsafe { lend(error, len, |error| &error.text, |error| Some(text(error))) }
}

/// Returns the text of the error without the stage and the hint. As amq_error_text otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_error_message(error: *const amq_error, len: *mut usize) -> *const c_char {
    unsafe { lend(error, len, |error| &error.message, |error| Some(error.message())) }
}

/// Returns what to do about the error, if its usual cause is known; else NULL. As amq_error_text otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_error_hint(error: *const amq_error, len: *mut usize) -> *const c_char {
    unsafe { lend(error, len, |error| &error.hint, |error| error.library()?.hint()) }
}

/// Returns a short name of the hint that programs can compare and translate; NULL without a hint. It stays the same
/// from version to version. As amq_error_text otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_error_hint_key(error: *const amq_error, len: *mut usize) -> *const c_char {
    unsafe { lend(error, len, |error| &error.hint_key, |error| error.library()?.hint_key()) }
}

/// Returns the name of the setting that is missing, such as "instance_id"; NULL if something else is wrong. As
/// amq_error_text otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_error_missing_setting(error: *const amq_error, len: *mut usize) -> *const c_char {
    unsafe { lend(error, len, |error| &error.missing_setting, |error| error.library()?.missing_setting()) }
}

/// Returns the causes below the error, such as those of the system or of TLS, separated by ": "; NULL if there are
/// none. As amq_error_text otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_error_causes(error: *const amq_error, len: *mut usize) -> *const c_char {
    let causes = |error: &amq_error| {
        let first = error.library()?.source()?;
        let all = std::iter::successors(Some(first), |&cause| cause.source());
        Some(all.map(ToString::to_string).collect::<Vec<_>>().join(": "))
    };
    unsafe { lend(error, len, |error| &error.causes, causes) }
}

/// Returns true if the same call may succeed later without a change.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_error_is_retryable(error: *const amq_error) -> bool {
    plain(false, || unsafe { library(error) }.is_some_and(Error::is_retryable))
}

/// Returns the number of messages that were not delivered, for AMQ_KIND_UNDELIVERED; else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_error_undelivered(error: *const amq_error) -> usize {
    plain(0, || match unsafe { library(error) }.map(Error::kind) {
        Some(ErrorKind::Undelivered { count }) => count,
        _ => 0,
    })
}

/// Returns the HTTP status of the API's answer; 0 if the error is not from the API.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_error_api_status(error: *const amq_error) -> u16 {
    plain(0, || unsafe { library(error) }.and_then(Error::api).map_or(0, aliyun_mqtt::ApiFault::http_status))
}

/// Returns the API's error code, such as "PermissionDenied"; NULL if there is none. As amq_error_text otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_error_api_code(error: *const amq_error, len: *mut usize) -> *const c_char {
    unsafe { lend(error, len, |error| &error.api_code, |error| error.library()?.api()?.code()) }
}

/// Returns the API's request id, by which the provider's support finds the call; NULL if there is none. As
/// amq_error_text otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_error_request_id(error: *const amq_error, len: *mut usize) -> *const c_char {
    unsafe { lend(error, len, |error| &error.request_id, |error| error.library()?.api()?.request_id()) }
}

/// Returns a copy of the error, which is freed on its own; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_error_clone(error: *const amq_error) -> *mut amq_error {
    let copy = |error: &amq_error| match &error.reason {
        Reason::Library(error) => Reason::Library(error.clone()),
        Reason::Misuse(message) => Reason::Misuse(message.clone()),
        Reason::Panic(message) => Reason::Panic(message.clone()),
    };
    let copied = || unsafe { error.as_ref() }.map(|error| Box::into_raw(Box::new(amq_error::of(copy(error)))));
    plain(None, copied).unwrap_or(std::ptr::null_mut())
}

unsafe fn library<'a>(error: *const amq_error) -> Option<&'a Error> {
    unsafe { error.as_ref() }?.library()
}

unsafe fn lend<'a, T: AsRef<str>>(
    error: *const amq_error,
    len: *mut usize,
    place: impl FnOnce(&'a amq_error) -> &'a Lent,
    text: impl FnOnce(&'a amq_error) -> Option<T>,
) -> *const c_char {
    unsafe { crate::lent::of(error, len, place, text) }
}
