//! Tokens from the API.

use std::ffi::c_char;
use std::time::{Duration, SystemTime};

use aliyun_mqtt::TokenKind;
use aliyun_mqtt::openapi::TokenRequest;

use super::{amq_api, with};
use crate::error::amq_error;
use crate::guard::{call, free};
use crate::input::{Failure, duration, elements, object, object_mut, place, text};
use crate::status::amq_status;
use crate::token::{amq_token, time, token_kind};

/// A request for a token: its kind, topics and life. One thread at a time may change it.
pub struct amq_token_request {
    kind: TokenKind,
    topics: Vec<String>,
    life: Option<Duration>,
    expiry: Option<SystemTime>,
}

impl amq_token_request {
    fn request(&self) -> TokenRequest {
        let mut request = TokenRequest::new(self.kind, self.topics.iter().map(String::as_str));
        if let Some(life) = self.life {
            request = request.lifetime(life);
        }
        match self.expiry {
            Some(expiry) => request.expires_at(expiry),
            None => request,
        }
    }
}

/// Reads an array of requests.
///
/// # Safety
/// `requests` is NULL or valid for `count` pointers, each NULL or valid.
pub(crate) unsafe fn requests(
    requests: *const *const amq_token_request,
    count: usize,
) -> Result<Vec<TokenRequest>, Failure> {
    let pointers = unsafe { elements("requests", requests, count) }?;
    pointers
        .iter()
        .map(|request| unsafe { object("a request of requests", *request) }.map(amq_token_request::request))
        .collect()
}

/// Creates a request for a token of this kind, an amq_token_kind, without topics. Its life is one hour unless it is
/// set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_token_request_new(
    kind: i32,
    request: *mut *mut amq_token_request,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let request = place("request", request)?;
            let kind = token_kind(kind)?;
            let made = amq_token_request { kind, topics: Vec::new(), life: None, expiry: None };
            *request = Box::into_raw(Box::new(made));
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Adds a topic: 1 to 100 for a token, with the wildcards + and # below the first level.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_token_request_add_topic(
    request: *mut amq_token_request,
    topic: *const c_char,
    topic_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            object_mut("request", request)?.topics.push(text("topic", topic, topic_len)?.to_string());
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Sets the life of the token in milliseconds, from the moment of the request: 60 s to 30 days.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_token_request_set_lifetime(
    request: *mut amq_token_request,
    lifetime_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let request = object_mut("request", request)?;
            (request.life, request.expiry) = (Some(duration("lifetime_ms", lifetime_ms)?), None);
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Sets the time at which the token expires, in milliseconds since 1970: 60 s to 30 days from the request. For
/// amq_api_apply_token only: such a token cannot be renewed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_token_request_set_expiry(
    request: *mut amq_token_request,
    unix_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let request = object_mut("request", request)?;
            (request.life, request.expiry) = (None, Some(time("unix_ms", unix_ms)?));
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Frees a request. Does nothing if it is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_token_request_free(request: *mut amq_token_request) {
    unsafe { free(request) };
}

/// Applies for a token (ApplyToken), which amq_token_free frees. It has its expiry.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_apply_token(
    api: *const amq_api,
    request: *const amq_token_request,
    timeout_ms: i64,
    token: *mut *mut amq_token,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(
            api,
            timeout_ms,
            error,
            || place("token", token).map(drop),
            |api| {
                let request = object("request", request)?.request();
                *token = amq_token::lend(api.apply_token(&request)?);
                Ok(amq_status::AMQ_OK)
            },
        )
    }
}

/// Asks if a token is valid (QueryToken), and sets `*valid` to the answer. `token_text` has no kind in front of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_query_token(
    api: *const amq_api,
    token_text: *const c_char,
    token_text_len: usize,
    timeout_ms: i64,
    valid: *mut bool,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(
            api,
            timeout_ms,
            error,
            || object_mut("valid", valid).map(|valid| *valid = false),
            |api| {
                *valid = api.query_token(text("token_text", token_text, token_text_len)?)?;
                Ok(amq_status::AMQ_OK)
            },
        )
    }
}

/// Revokes a token (RevokeToken). `token_text` has no kind in front of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_revoke_token(
    api: *const amq_api,
    token_text: *const c_char,
    token_text_len: usize,
    timeout_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(
            api,
            timeout_ms,
            error,
            || Ok(()),
            |api| {
                api.revoke_token(text("token_text", token_text, token_text_len)?)?;
                Ok(amq_status::AMQ_OK)
            },
        )
    }
}
