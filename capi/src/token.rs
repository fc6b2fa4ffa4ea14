//! Tokens.

use std::ffi::c_char;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aliyun_mqtt::{Token, TokenKind};

use crate::error::amq_error;
use crate::guard::{call, free, plain};
use crate::input::{Failure, elements, object, object_mut, place, text};
use crate::lent::{SecretLent, set};
use crate::status::amq_status;

/// The permission of a token.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amq_token_kind {
    /// There is no token, or its kind is not known.
    None = 0,
    /// "R": to subscribe.
    Read = 1,
    /// "W": to publish.
    Write = 2,
    /// "RW": both.
    ReadWrite = 3,
}

impl amq_token_kind {
    pub(crate) fn of(kind: Option<TokenKind>) -> Self {
        match kind {
            None => amq_token_kind::None,
            Some(TokenKind::Read) => amq_token_kind::Read,
            Some(TokenKind::Write) => amq_token_kind::Write,
            Some(TokenKind::ReadWrite) => amq_token_kind::ReadWrite,
        }
    }
}

/// Reads the kind of a token from a number of the caller.
pub(crate) fn token_kind(number: i32) -> Result<TokenKind, Failure> {
    match number {
        1 => Ok(TokenKind::Read),
        2 => Ok(TokenKind::Write),
        3 => Ok(TokenKind::ReadWrite),
        _ => Err(Failure::misuse(format!("kind is {number}; it must be 1 (R), 2 (W) or 3 (RW)"))),
    }
}

/// A token, as the API's ApplyToken returns it, with its kind and, if known, its expiry. One thread at a time may
/// change it. It is a secret, which is wiped from memory with its last copy.
pub struct amq_token {
    token: Token,
    text: SecretLent,
}

impl amq_token {
    /// Makes an object for the caller, who frees it.
    pub(crate) fn lend(token: Token) -> *mut amq_token {
        Box::into_raw(Box::new(amq_token { token, text: SecretLent::default() }))
    }

    pub(crate) fn token(&self) -> &Token {
        &self.token
    }
}

/// Reads an array of tokens.
///
/// # Safety
/// `tokens` is NULL or valid for `count` pointers, each NULL or valid.
pub(crate) unsafe fn tokens(tokens: *const *const amq_token, count: usize) -> Result<Vec<Token>, Failure> {
    let pointers = unsafe { elements("tokens", tokens, count) }?;
    pointers
        .iter()
        .map(|token| unsafe { object("a token of tokens", *token) }.map(|token| token.token.clone()))
        .collect()
}

/// Creates a token from its text, without the kind in front of it. `kind` is an amq_token_kind. The text is checked
/// where the token is used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_token_new(
    kind: i32,
    token_text: *const c_char,
    token_text_len: usize,
    token: *mut *mut amq_token,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let token = place("token", token)?;
            let text = text("token_text", token_text, token_text_len)?;
            *token = amq_token::lend(Token::new(token_kind(kind)?, text));
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Frees a token. Does nothing if it is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_token_free(token: *mut amq_token) {
    unsafe { free(token) };
}

/// Sets the time at which the token expires, in milliseconds since 1970 (Unix time). A client renews it before. A time
/// in the past counts as unknown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_token_set_expiry(
    token: *mut amq_token,
    unix_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let token = object_mut("token", token)?;
            token.token = token.token.clone().expires_at(time("unix_ms", unix_ms)?);
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Returns the kind of the token; AMQ_TOKEN_KIND_NONE for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_token_get_kind(token: *const amq_token) -> amq_token_kind {
    let kind = || amq_token_kind::of(unsafe { token.as_ref() }.map(|token| token.token.kind()));
    plain(amq_token_kind::None, kind)
}

/// Returns the text of the token, which is a secret, without its kind; followed by a NUL. Sets `*len`, if `len` is not
/// NULL, to its length in bytes. Valid until the token is freed. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_token_text(token: *const amq_token, len: *mut usize) -> *const c_char {
    unsafe { set(len, 0) };
    let lend = || unsafe { token.as_ref().map(|token| token.text.lend(len, token.token.secret())) };
    plain(None, lend).unwrap_or(std::ptr::null())
}

/// Returns the time at which the token expires, in milliseconds since 1970; -1 if it is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_token_expiry(token: *const amq_token) -> i64 {
    plain(-1, || unix_ms(unsafe { token.as_ref() }.and_then(|token| token.token.expires())))
}

/// Reads a time in milliseconds since 1970.
pub(crate) fn time(name: &str, unix_ms: i64) -> Result<SystemTime, Failure> {
    let since = crate::input::duration(name, unix_ms)?;
    UNIX_EPOCH.checked_add(since).ok_or_else(|| Failure::misuse(format!("{name} is {unix_ms}: too late a time")))
}

/// Returns a time in milliseconds since 1970; -1 for none.
pub(crate) fn unix_ms(time: Option<SystemTime>) -> i64 {
    let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    millis(since)
}

/// Returns a duration in milliseconds; -1 for none.
pub(crate) fn millis(duration: Option<Duration>) -> i64 {
    duration.map_or(-1, |duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}
