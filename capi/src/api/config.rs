//! The settings of an API.

use std::ffi::{c_char, c_void};

use aliyun_mqtt::openapi::{ApiBuilder, Signing};

use crate::error::amq_error;
use crate::guard::{call, free, plain};
use crate::input::{Failure, bytes, duration, object_mut, text};
use crate::status::amq_status;

/// The settings of an API. One thread at a time may set or use it. Values are checked by amq_api_new.
pub struct amq_api_config {
    builder: ApiBuilder,
}

impl amq_api_config {
    pub(crate) fn builder(&self) -> &ApiBuilder {
        &self.builder
    }
}

/// The signatures of requests.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amq_signing {
    /// ACS3-HMAC-SHA256, as in the official SDK.
    V3 = 3,
    /// The older RPC signature, HMAC-SHA1.
    V2 = 2,
}

const V2: i32 = amq_signing::V2 as i32;
const V3: i32 = amq_signing::V3 as i32;

/// Creates settings with their defaults. Required are a region or an endpoint, the instance id, and an AccessKey. Free
/// them with amq_api_config_free. NULL only after a fault in this library.
#[unsafe(no_mangle)]
pub extern "C" fn amq_api_config_new() -> *mut amq_api_config {
    plain(std::ptr::null_mut(), || Box::into_raw(Box::new(amq_api_config { builder: ApiBuilder::default() })))
}

/// Creates settings from the environment variables ALIYUN_MQTT_* and ALIBABA_CLOUD_*; what is set afterwards replaces
/// them. amq_api_new reports a missing or invalid variable. Free them with amq_api_config_free. NULL only after a fault
/// in this library.
#[unsafe(no_mangle)]
pub extern "C" fn amq_api_config_from_env() -> *mut amq_api_config {
    plain(std::ptr::null_mut(), || Box::into_raw(Box::new(amq_api_config { builder: ApiBuilder::from_env() })))
}

/// Frees settings. Does nothing if they are NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_config_free(config: *mut amq_api_config) {
    unsafe { free(config) };
}

/// Sets the region of the instance, such as "cn-hangzhou", which determines the address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_config_set_region(
    config: *mut amq_api_config,
    region: *const c_char,
    region_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(config, error, |builder| Ok(builder.region(text("region", region, region_len)?))) }
}

/// Sets if the region's address inside a VPC is used. Default false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_config_set_vpc(
    config: *mut amq_api_config,
    vpc: bool,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(config, error, |builder| Ok(builder.vpc(vpc))) }
}

/// Sets the URL of the API: https://host or https://host:port; http:// for this machine only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_config_set_endpoint(
    config: *mut amq_api_config,
    endpoint: *const c_char,
    endpoint_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(config, error, |builder| Ok(builder.endpoint(text("endpoint", endpoint, endpoint_len)?))) }
}

/// Sets the id of the instance. Required.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_config_set_instance_id(
    config: *mut amq_api_config,
    instance_id: *const c_char,
    instance_id_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(config, error, |builder| Ok(builder.instance_id(text("instance_id", instance_id, instance_id_len)?))) }
}

/// Sets the AccessKey of an account or RAM user. Required, unless a temporary one is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_config_set_access_key(
    config: *mut amq_api_config,
    access_key_id: *const c_char,
    access_key_id_len: usize,
    access_key_secret: *const c_char,
    access_key_secret_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(config, error, |builder| {
            let id = text("access_key_id", access_key_id, access_key_id_len)?;
            Ok(builder.access_key(id, text("access_key_secret", access_key_secret, access_key_secret_len)?))
        })
    }
}

/// Sets a temporary AccessKey (STS) with its security token. It works for the API only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_config_set_sts_key(
    config: *mut amq_api_config,
    access_key_id: *const c_char,
    access_key_id_len: usize,
    access_key_secret: *const c_char,
    access_key_secret_len: usize,
    security_token: *const c_char,
    security_token_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(config, error, |builder| {
            let id = text("access_key_id", access_key_id, access_key_id_len)?;
            let secret = text("access_key_secret", access_key_secret, access_key_secret_len)?;
            Ok(builder.sts_key(id, secret, text("security_token", security_token, security_token_len)?))
        })
    }
}

/// Sets how requests are signed, an amq_signing. Default AMQ_SIGNING_V3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_config_set_signing(
    config: *mut amq_api_config,
    signing: i32,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(config, error, |builder| match signing {
            V3 => Ok(builder.signing(Signing::V3)),
            V2 => Ok(builder.signing(Signing::V2)),
            _ => Err(Failure::misuse(format!("signing is {signing}; it must be 2 or 3"))),
        })
    }
}

/// Sets the timeout of a call with all its attempts, in milliseconds: 1 s to 1 h. Default 30,000.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_config_set_timeout(
    config: *mut amq_api_config,
    timeout_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(config, error, |builder| Ok(builder.timeout(duration("timeout_ms", timeout_ms)?))) }
}

/// Sets the bounds of the pause between attempts, in milliseconds: 1 ms to 1 h each. Default 500 and 10,000.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_config_set_backoff(
    config: *mut amq_api_config,
    min_ms: i64,
    max_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(config, error, |builder| Ok(builder.backoff(duration("min_ms", min_ms)?, duration("max_ms", max_ms)?)))
    }
}

/// Sets the HTTP proxy for the API: http://host:port or http://user:password@host:port.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_config_set_proxy(
    config: *mut amq_api_config,
    proxy: *const c_char,
    proxy_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(config, error, |builder| Ok(builder.proxy(text("proxy", proxy, proxy_len)?))) }
}

/// Sets user name and password for the proxy, in place of those in its URL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_config_set_proxy_credentials(
    config: *mut amq_api_config,
    user_name: *const c_char,
    user_name_len: usize,
    password: *const c_char,
    password_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(config, error, |builder| {
            let name = text("user_name", user_name, user_name_len)?;
            Ok(builder.proxy_credentials(name, text("password", password, password_len)?))
        })
    }
}

/// Uses the proxy that the environment names, if any (https_proxy, all_proxy, no_proxy). The variables are read now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_config_set_proxy_from_env(
    config: *mut amq_api_config,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(config, error, |builder| Ok(builder.proxy_from_env())) }
}

/// Adds trusted CA certificates from a PEM file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_config_set_ca_file(
    config: *mut amq_api_config,
    path: *const c_char,
    path_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(config, error, |builder| Ok(builder.ca_file(text("path", path, path_len)?))) }
}

/// Adds trusted CA certificates in PEM form.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_config_set_ca_pem(
    config: *mut amq_api_config,
    pem: *const c_void,
    pem_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(config, error, |builder| Ok(builder.ca_pem(bytes("pem", pem, pem_len)?))) }
}

/// Sets if the system's CA certificates are trusted. Default true.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_config_set_system_roots(
    config: *mut amq_api_config,
    trust: bool,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(config, error, |builder| Ok(builder.system_roots(trust))) }
}

unsafe fn set(
    config: *mut amq_api_config,
    error: *mut *mut amq_error,
    change: impl FnOnce(ApiBuilder) -> Result<ApiBuilder, Failure>,
) -> amq_status {
    unsafe {
        call(error, || {
            let config = object_mut("config", config)?;
            config.builder = change(config.builder.clone())?;
            Ok(amq_status::AMQ_OK)
        })
    }
}
