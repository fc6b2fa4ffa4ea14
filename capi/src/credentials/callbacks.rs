//! Credentials and tokens that a function of the program provides.

use std::ffi::{c_char, c_void};

use aliyun_mqtt::{Credentials, Token};

use super::{amq_credentials, make};
use crate::callback::{self, User, amq_destroy_callback};
use crate::error::amq_error;
use crate::guard::call;
use crate::input::{Failure, object, object_mut, text};
use crate::status::amq_status;
use crate::token::amq_token;

/// A function that provides credentials: it gives them to `sink` with amq_credentials_sink_give, or says why there are
/// none with amq_credentials_sink_fail, and returns.
///
/// It runs on a thread of the library, never twice at a time for one client, and should return within the client's
/// timeout: the client goes on without it after that, and its late result serves the next attempt. It may call every
/// function of this library. It must not end the thread, nor leave by longjmp or a C++ exception.
pub type amq_credentials_callback = Option<unsafe extern "C" fn(user: *mut c_void, sink: *mut amq_credentials_sink)>;

/// A function that provides all tokens that a client is to hold: it adds each with amq_token_sink_add, or says why
/// there are none with amq_token_sink_fail, and returns. As amq_credentials_callback otherwise.
pub type amq_tokens_callback = Option<unsafe extern "C" fn(user: *mut c_void, sink: *mut amq_token_sink)>;

/// Takes the result of an amq_credentials_callback. Valid during the call only.
#[derive(Default)]
pub struct amq_credentials_sink {
    given: Option<Credentials>,
    failure: Option<String>,
}

/// Takes the result of an amq_tokens_callback. Valid during the call only.
#[derive(Default)]
pub struct amq_token_sink {
    tokens: Vec<Token>,
    failure: Option<String>,
}

/// Creates credentials that the client requests from `callback` at each connect and, if they are tokens, when one must
/// be renewed. `user` is passed to it, on any thread. `destroy` may be NULL; it is called once no copy of the
/// credentials and no client uses the callback any more and its last call has returned, or before this call returns if
/// it fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_credentials_provider(
    callback: amq_credentials_callback,
    user: *mut c_void,
    destroy: amq_destroy_callback,
    credentials: *mut *mut amq_credentials,
    error: *mut *mut amq_error,
) -> amq_status {
    let user = User::new(user, destroy);
    unsafe {
        make(credentials, error, move || {
            let callback = callback.ok_or_else(|| Failure::misuse("callback is NULL"))?;
            Ok(Credentials::provider(move || {
                let mut sink = amq_credentials_sink::default();
                callback::run(|| callback(user.pointer(), &raw mut sink));
                match sink {
                    amq_credentials_sink { failure: Some(reason), .. } => Err(reason.into()),
                    amq_credentials_sink { given: Some(credentials), .. } => Ok(credentials),
                    _ => Err("the callback has given no credentials".into()),
                }
            }))
        })
    }
}

/// Creates credentials for token mode, with tokens that the client requests from `callback`: at the first connect, and
/// when one must be renewed. `access_key_id` is the key that applies for them. As amq_credentials_provider otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_credentials_token_provider(
    access_key_id: *const c_char,
    access_key_id_len: usize,
    callback: amq_tokens_callback,
    user: *mut c_void,
    destroy: amq_destroy_callback,
    credentials: *mut *mut amq_credentials,
    error: *mut *mut amq_error,
) -> amq_status {
    let user = User::new(user, destroy);
    unsafe {
        make(credentials, error, move || {
            let id = text("access_key_id", access_key_id, access_key_id_len)?;
            let callback = callback.ok_or_else(|| Failure::misuse("callback is NULL"))?;
            Ok(Credentials::token_provider(id, move || {
                let mut sink = amq_token_sink::default();
                callback::run(|| callback(user.pointer(), &raw mut sink));
                match sink {
                    amq_token_sink { failure: Some(reason), .. } => Err(reason.into()),
                    amq_token_sink { tokens, .. } if tokens.is_empty() => Err("the callback has added no token".into()),
                    amq_token_sink { tokens, .. } => Ok(tokens),
                }
            }))
        })
    }
}

/// Gives the credentials, which are copied. The last ones given count. Credentials that have a callback themselves, or
/// whose tokens are handed in, are refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_credentials_sink_give(
    sink: *mut amq_credentials_sink,
    credentials: *const amq_credentials,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let sink = object_mut("sink", sink)?;
            let credentials = object("credentials", credentials)?;
            if credentials.by_hand.is_some() {
                return Err(Failure::misuse("a callback cannot give credentials whose tokens are handed in"));
            }
            sink.given = Some(credentials.credentials());
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Says why there are no credentials. The reason appears in errors and in the log, so it must not contain a secret.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_credentials_sink_fail(
    sink: *mut amq_credentials_sink,
    reason: *const c_char,
    reason_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            object_mut("sink", sink)?.failure = Some(text("reason", reason, reason_len)?.to_string());
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Adds a token, which is copied; at most one of each kind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_token_sink_add(
    sink: *mut amq_token_sink,
    token: *const amq_token,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            object_mut("sink", sink)?.tokens.push(object("token", token)?.token().clone());
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Says why there are no tokens. The reason appears in errors and in the log, so it must not contain a secret.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_token_sink_fail(
    sink: *mut amq_token_sink,
    reason: *const c_char,
    reason_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            object_mut("sink", sink)?.failure = Some(text("reason", reason, reason_len)?.to_string());
            Ok(amq_status::AMQ_OK)
        })
    }
}
