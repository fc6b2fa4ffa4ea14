//! Credentials.

use std::ffi::c_char;

use aliyun_mqtt::Credentials;

use crate::error::amq_error;
use crate::guard::{call, free};
use crate::input::{Failure, place, text};
use crate::status::amq_status;

/// How a client logs in. Any thread may use it. Secrets are wiped from memory with the last copy.
pub struct amq_credentials {
    credentials: Credentials,
}

impl amq_credentials {
    pub(crate) fn credentials(&self) -> Credentials {
        self.credentials.clone()
    }
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

pub(crate) unsafe fn make(
    result: *mut *mut amq_credentials,
    error: *mut *mut amq_error,
    credentials: impl FnOnce() -> Result<Credentials, Failure>,
) -> amq_status {
    unsafe {
        call(error, || {
            let result = place("credentials", result)?;
            *result = Box::into_raw(Box::new(amq_credentials { credentials: credentials()? }));
            Ok(amq_status::AMQ_OK)
        })
    }
}
