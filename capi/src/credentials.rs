//! Credentials.

use std::ffi::c_char;
use std::sync::Arc;

use aliyun_mqtt::{AuthMode, Credentials};

use crate::error::amq_error;
use crate::guard::{call, free};
use crate::input::{Failure, place, text};
use crate::status::amq_status;
use crate::token::{amq_token, tokens as read_tokens};

pub(crate) mod applied;
pub(crate) mod by_hand;
pub(crate) mod callbacks;
pub(crate) mod handing_in;

/// How a client logs in. Any thread may use it. Secrets are wiped from memory with the last copy.
pub struct amq_credentials {
    credentials: Credentials,
    by_hand: Option<Arc<by_hand::First>>,
}

impl amq_credentials {
    pub(crate) fn credentials(&self) -> Credentials {
        self.credentials.clone()
    }

    /// Returns the first tokens, if the program hands in the later ones.
    pub(crate) fn by_hand(&self) -> Option<Arc<by_hand::First>> {
        self.by_hand.clone()
    }

    /// Makes an object for the caller, who frees it.
    pub(crate) fn lend(credentials: Credentials) -> *mut amq_credentials {
        Box::into_raw(Box::new(amq_credentials { credentials, by_hand: None }))
    }
}

/// The modes of amq_credentials_from_env.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amq_auth_mode {
    /// The mode that ALIYUN_MQTT_AUTH names: "signature", "token", "device" or "chain". If it is not set: chain mode
    /// without a key, token mode with a temporary key, otherwise signature mode.
    Environment = 0,
    /// ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET.
    Signature = 1,
    /// ALIBABA_CLOUD_ACCESS_KEY_ID and ALIYUN_MQTT_TOKEN. Without that token, the library applies for one for
    /// everything below ALIYUN_MQTT_TOPIC and renews it.
    Token = 2,
    /// ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID and ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET.
    Device = 3,
    /// The first key that the SDKs of Alibaba Cloud would find: in the environment, their files, the role of an OIDC
    /// token, or the RAM role of the machine. A permanent one signs the login; with a temporary one, the library
    /// applies for tokens as in token mode, and renews key and tokens.
    Chain = 4,
}

/// Frees credentials. Does nothing if they are NULL. Configurations and clients that were given them keep copies.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_credentials_free(credentials: *mut amq_credentials) {
    unsafe { free(credentials) };
}

/// Creates credentials for signature mode: the AccessKey of an account or RAM user. The secret itself is not sent.
/// Meant for servers: anybody with the key can do everything that it permits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_credentials_signature(
    access_key_id: *const c_char,
    access_key_id_len: usize,
    access_key_secret: *const c_char,
    access_key_secret_len: usize,
    credentials: *mut *mut amq_credentials,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        make(credentials, error, || {
            let id = text("access_key_id", access_key_id, access_key_id_len)?;
            let secret = text("access_key_secret", access_key_secret, access_key_secret_len)?;
            Ok(Credentials::signature(id, secret))
        })
    }
}

/// Creates credentials for device mode: a key for one client id, created by the API
/// (amq_api_register_device_credential). The configuration needs that device id.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_credentials_device(
    access_key_id: *const c_char,
    access_key_id_len: usize,
    access_key_secret: *const c_char,
    access_key_secret_len: usize,
    credentials: *mut *mut amq_credentials,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        make(credentials, error, || {
            let id = text("access_key_id", access_key_id, access_key_id_len)?;
            let secret = text("access_key_secret", access_key_secret, access_key_secret_len)?;
            Ok(Credentials::device(id, secret))
        })
    }
}

/// Creates credentials for token mode from one text: "RW|{token}", "R|{token}", "W|{token}", or one of each kind
/// joined, as in "R|{token}|W|{token}". `access_key_id` is the key that applied for them. They are not renewed: replace
/// them with amq_client_upload_token before they expire.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_credentials_token(
    access_key_id: *const c_char,
    access_key_id_len: usize,
    joined_tokens: *const c_char,
    joined_tokens_len: usize,
    credentials: *mut *mut amq_credentials,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        make(credentials, error, || {
            let id = text("access_key_id", access_key_id, access_key_id_len)?;
            Ok(Credentials::token(id, text("joined_tokens", joined_tokens, joined_tokens_len)?))
        })
    }
}

/// Creates credentials for token mode from 1 to 3 tokens, at most one of each kind, which are copied. As
/// amq_credentials_token otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_credentials_tokens(
    access_key_id: *const c_char,
    access_key_id_len: usize,
    tokens: *const *const amq_token,
    count: usize,
    credentials: *mut *mut amq_credentials,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        make(credentials, error, || {
            let id = text("access_key_id", access_key_id, access_key_id_len)?;
            Ok(Credentials::tokens(id, read_tokens(tokens, count)?))
        })
    }
}

/// Creates credentials for custom authentication with the sign mode ORIGIN: the uploaded user name and secret, sent as
/// they are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_credentials_custom_plain(
    user_name: *const c_char,
    user_name_len: usize,
    password: *const c_char,
    password_len: usize,
    credentials: *mut *mut amq_credentials,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        make(credentials, error, || {
            let name = text("user_name", user_name, user_name_len)?;
            Ok(Credentials::custom_plain(name, text("password", password, password_len)?))
        })
    }
}

/// Creates credentials for custom authentication with the sign mode SIGNED: the uploaded user name, and a signature of
/// the client id with the uploaded secret.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_credentials_custom_signed(
    user_name: *const c_char,
    user_name_len: usize,
    uploaded_secret: *const c_char,
    uploaded_secret_len: usize,
    credentials: *mut *mut amq_credentials,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        make(credentials, error, || {
            let name = text("user_name", user_name, user_name_len)?;
            Ok(Credentials::custom_signed(name, text("uploaded_secret", uploaded_secret, uploaded_secret_len)?))
        })
    }
}

/// Reads credentials from environment variables now. `mode` is an amq_auth_mode. Fails with AMQ_KIND_CONFIG if a
/// variable is missing or invalid; amq_error_missing_setting names the missing one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_credentials_from_env(
    mode: i32,
    credentials: *mut *mut amq_credentials,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { make(credentials, error, || Ok(Credentials::from_env(auth_mode(mode)?)?)) }
}

/// Creates credentials for token mode whose later tokens the program hands in with plain calls, without a callback.
///
/// The client logs in with these tokens (as amq_credentials_tokens). It wants new ones as soon as one is to be renewed:
/// after 80 % of its life (amq_config_set_token_renewal) if its expiry is set, when the service announces its end, or
/// when the service does not accept it any more. amq_client_token_wanted waits for that, and amq_client_hand_in_tokens
/// gives the new ones, at any time. As long as nobody does, the client keeps its connection until the token expires,
/// reports AMQ_EVENT_KIND_TOKEN_RENEWAL_FAILED, and asks again with growing pauses; after the connection is lost, it
/// connects again once tokens are handed in.
///
/// Each client that is connected with these credentials begins with these tokens, and takes its own later ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_credentials_tokens_by_hand(
    access_key_id: *const c_char,
    access_key_id_len: usize,
    tokens: *const *const amq_token,
    count: usize,
    credentials: *mut *mut amq_credentials,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let result = place("credentials", credentials)?;
            let access_key_id = text("access_key_id", access_key_id, access_key_id_len)?.to_string();
            let tokens = read_tokens(tokens, count)?;
            let credentials = Credentials::tokens(access_key_id.as_str(), tokens.clone());
            let by_hand = Some(Arc::new(by_hand::First { access_key_id, tokens }));
            *result = Box::into_raw(Box::new(amq_credentials { credentials, by_hand }));
            Ok(amq_status::AMQ_OK)
        })
    }
}

fn auth_mode(number: i32) -> Result<AuthMode, Failure> {
    const ENVIRONMENT: i32 = amq_auth_mode::Environment as i32;
    const SIGNATURE: i32 = amq_auth_mode::Signature as i32;
    const TOKEN: i32 = amq_auth_mode::Token as i32;
    const DEVICE: i32 = amq_auth_mode::Device as i32;
    const CHAIN: i32 = amq_auth_mode::Chain as i32;
    match number {
        ENVIRONMENT => Ok(AuthMode::from_env()?),
        SIGNATURE => Ok(AuthMode::Signature),
        TOKEN => Ok(AuthMode::Token),
        DEVICE => Ok(AuthMode::Device),
        CHAIN => Ok(AuthMode::Chain),
        _ => Err(Failure::misuse(format!("mode is {number}; it must be an amq_auth_mode, from 0 to 4"))),
    }
}

pub(crate) unsafe fn make(
    result: *mut *mut amq_credentials,
    error: *mut *mut amq_error,
    credentials: impl FnOnce() -> Result<Credentials, Failure>,
) -> amq_status {
    unsafe {
        call(error, || {
            let result = place("credentials", result)?;
            *result = amq_credentials::lend(credentials()?);
            Ok(amq_status::AMQ_OK)
        })
    }
}
