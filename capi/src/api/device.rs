//! Device credentials from the API.

use std::ffi::c_char;

use aliyun_mqtt::Result;
use aliyun_mqtt::openapi::{Api, DeviceCredential};

use super::{amq_api, with};
use crate::credentials::amq_credentials;
use crate::error::amq_error;
use crate::guard::{free, plain};
use crate::input::{object, place, text};
use crate::lent::{self, Lent, SecretLent, set};
use crate::status::amq_status;
use crate::token::unix_ms;

/// The key of one device. Its secret is wiped from memory when it is freed. Any thread may read it.
pub struct amq_device_credential {
    device: DeviceCredential,
    client_id: Lent,
    access_key_id: Lent,
    secret: SecretLent,
}

/// Frees a device credential. Does nothing if it is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_device_credential_free(device: *mut amq_device_credential) {
    unsafe { free(device) };
}

/// Returns the client id that the key is valid for, followed by a NUL. Sets `*len`, if `len` is not NULL, to its length
/// in bytes. Valid until the device credential is freed. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_device_credential_client_id(
    device: *const amq_device_credential,
    len: *mut usize,
) -> *const c_char {
    unsafe { lent::of(device, len, |device| &device.client_id, |device| Some(device.device.client_id())) }
}

/// Returns the AccessKey id of the device. As amq_device_credential_client_id otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_device_credential_access_key_id(
    device: *const amq_device_credential,
    len: *mut usize,
) -> *const c_char {
    unsafe { lent::of(device, len, |device| &device.access_key_id, |device| Some(device.device.access_key_id())) }
}

/// Returns the AccessKey secret of the device. As amq_device_credential_client_id otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_device_credential_access_key_secret(
    device: *const amq_device_credential,
    len: *mut usize,
) -> *const c_char {
    unsafe { set(len, 0) };
    let lend = || {
        let device = unsafe { device.as_ref() }?;
        Some(unsafe { device.secret.lend(len, device.device.access_key_secret()) })
    };
    plain(None, lend).unwrap_or(std::ptr::null())
}

/// Returns when the credential was created, in milliseconds since 1970; -1 if that is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_device_credential_created(device: *const amq_device_credential) -> i64 {
    plain(-1, || unix_ms(unsafe { device.as_ref() }.and_then(|device| device.device.created())))
}

/// Returns when the credential was last changed, in milliseconds since 1970; -1 if that is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_device_credential_updated(device: *const amq_device_credential) -> i64 {
    plain(-1, || unix_ms(unsafe { device.as_ref() }.and_then(|device| device.device.updated())))
}

/// Creates the credentials for the login of the device, as amq_credentials_device does. Free them with
/// amq_credentials_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_device_credential_credentials(
    device: *const amq_device_credential,
    credentials: *mut *mut amq_credentials,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { crate::credentials::make(credentials, error, || Ok(object("device", device)?.device.credentials())) }
}

/// Creates a credential for a client id (RegisterDeviceCredential), which amq_device_credential_free frees. An existing
/// one is replaced.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_register_device_credential(
    api: *const amq_api,
    client_id: *const c_char,
    client_id_len: usize,
    timeout_ms: i64,
    device: *mut *mut amq_device_credential,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { get(api, client_id, client_id_len, timeout_ms, device, error, Api::register_device_credential) }
}

/// Returns the credential of a client id (GetDeviceCredential), which amq_device_credential_free frees.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_get_device_credential(
    api: *const amq_api,
    client_id: *const c_char,
    client_id_len: usize,
    timeout_ms: i64,
    device: *mut *mut amq_device_credential,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { get(api, client_id, client_id_len, timeout_ms, device, error, Api::device_credential) }
}

/// Replaces the secret of a client id (RefreshDeviceCredential), and returns the new credential, which
/// amq_device_credential_free frees. The call is not repeated if its outcome is unknown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_refresh_device_credential(
    api: *const amq_api,
    client_id: *const c_char,
    client_id_len: usize,
    timeout_ms: i64,
    device: *mut *mut amq_device_credential,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { get(api, client_id, client_id_len, timeout_ms, device, error, Api::refresh_device_credential) }
}

/// Deletes the credential of a client id (UnRegisterDeviceCredential). The call is not repeated if its outcome is
/// unknown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_unregister_device_credential(
    api: *const amq_api,
    client_id: *const c_char,
    client_id_len: usize,
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
                api.unregister_device_credential(text("client_id", client_id, client_id_len)?)?;
                Ok(amq_status::AMQ_OK)
            },
        )
    }
}

unsafe fn get(
    api: *const amq_api,
    client_id: *const c_char,
    client_id_len: usize,
    timeout_ms: i64,
    device: *mut *mut amq_device_credential,
    error: *mut *mut amq_error,
    ask: fn(&Api, &str) -> Result<DeviceCredential>,
) -> amq_status {
    unsafe {
        with(
            api,
            timeout_ms,
            error,
            || place("device", device).map(drop),
            |api| {
                let answer = ask(api, text("client_id", client_id, client_id_len)?)?;
                *device = Box::into_raw(Box::new(amq_device_credential {
                    device: answer,
                    client_id: Lent::default(),
                    access_key_id: Lent::default(),
                    secret: SecretLent::default(),
                }));
                Ok(amq_status::AMQ_OK)
            },
        )
    }
}
