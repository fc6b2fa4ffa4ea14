//! Configurations.

use std::ffi::c_char;
use std::sync::Arc;

use aliyun_mqtt::ConfigBuilder;

use crate::connection::Settings;
use crate::credentials::amq_credentials;
use crate::credentials::by_hand::First;
use crate::error::amq_error;
use crate::guard::{call, free, plain};
use crate::input::{Failure, duration, number, object, object_mut, text};
use crate::status::amq_status;

pub(crate) mod choices;
pub(crate) mod network;
pub(crate) mod receiving;
pub(crate) mod recovery;
pub(crate) mod sending;
pub(crate) mod session;
pub(crate) mod spool;

/// The settings of a client. One thread at a time may set or use it. A client keeps a copy, so it may be freed or
/// changed once the client is connected, and serves any number of clients. Ranges are checked when a client is
/// connected and by amq_config_check.
pub struct amq_config {
    builder: ConfigBuilder,
    /// The first tokens of the credentials, if the program hands in the later ones.
    by_hand: Option<Arc<First>>,
}

impl amq_config {
    /// Returns a copy of all settings.
    pub(crate) fn settings(&self) -> Settings {
        Settings { builder: self.builder.clone(), by_hand: self.by_hand.clone() }
    }

    fn change(&mut self, change: impl FnOnce(ConfigBuilder) -> ConfigBuilder) {
        self.builder = change(std::mem::take(&mut self.builder));
    }
}

/// Makes a configuration with settings that a test needs.
#[cfg(test)]
pub(crate) fn for_tests(builder: ConfigBuilder) -> *mut amq_config {
    Box::into_raw(Box::new(amq_config { builder, by_hand: None }))
}

/// Creates a configuration without settings. Required are endpoint, instance_id, credentials and group_id. Free it with
/// amq_config_free. NULL only after a fault in this library.
#[unsafe(no_mangle)]
pub extern "C" fn amq_config_new() -> *mut amq_config {
    plain(std::ptr::null_mut(), || {
        Box::into_raw(Box::new(amq_config { builder: ConfigBuilder::default(), by_hand: None }))
    })
}

/// Creates a configuration with the settings of the environment variables ALIYUN_MQTT_* and ALIBABA_CLOUD_*, the
/// credentials included; what is set afterwards replaces them. A missing or invalid variable is reported when a client
/// is connected. Free it with amq_config_free. NULL only after a fault in this library.
#[unsafe(no_mangle)]
pub extern "C" fn amq_config_from_env() -> *mut amq_config {
    plain(std::ptr::null_mut(), || {
        Box::into_raw(Box::new(amq_config { builder: ConfigBuilder::from_env(), by_hand: None }))
    })
}

/// Frees a configuration. Does nothing if it is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_free(config: *mut amq_config) {
    unsafe { free(config) };
}

/// Checks all settings as amq_client_connect does, and reads the certificate files, without connecting. Blocks for the
/// files only, at most for the configured timeout. Fails with AMQ_KIND_CONFIG.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_check(config: *const amq_config, error: *mut *mut amq_error) -> amq_status {
    unsafe {
        call(error, || {
            object("config", config)?.settings().check()?;
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Sets the server: host, host:port, or an mqtt://, mqtts://, ws:// or wss:// URL. Without a scheme: TLS on port 8883
/// if there is no port; 8883 means TLS, 80 and 443 need a scheme, any other port is plain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_endpoint(
    config: *mut amq_config,
    endpoint: *const c_char,
    endpoint_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set_text(config, error, "endpoint", endpoint, endpoint_len, ConfigBuilder::endpoint) }
}

/// Sets the id of the instance, such as "post-cn-xxxx".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_instance_id(
    config: *mut amq_config,
    instance_id: *const c_char,
    instance_id_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set_text(config, error, "instance_id", instance_id, instance_id_len, ConfigBuilder::instance_id) }
}

/// Sets the group id, which begins with "GID_" or "GID-".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_group_id(
    config: *mut amq_config,
    group_id: *const c_char,
    group_id_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set_text(config, error, "group_id", group_id, group_id_len, ConfigBuilder::group_id) }
}

/// Sets the device id, which makes the client id with the group id. Two clients with the same client id disconnect each
/// other. A unique one is made for each client if it is not set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_device_id(
    config: *mut amq_config,
    device_id: *const c_char,
    device_id_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set_text(config, error, "device_id", device_id, device_id_len, ConfigBuilder::device_id) }
}

/// Sets the credentials, of which the configuration keeps a copy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_credentials(
    config: *mut amq_config,
    credentials: *const amq_credentials,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let config = object_mut("config", config)?;
            let credentials = object("credentials", credentials)?;
            config.change(|builder| builder.credentials(credentials.credentials()));
            config.by_hand = credentials.by_hand();
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Sets the timeout of the client's calls: 1,000 to 3,600,000 ms. Default 30,000 ms.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_timeout(
    config: *mut amq_config,
    timeout_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set_duration(config, error, "timeout_ms", timeout_ms, ConfigBuilder::timeout) }
}

/// Enables ordered mode: the service keeps the messages of the connection in one sequence. Default false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_ordered(
    config: *mut amq_config,
    ordered: bool,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(config, error, || Ok(|builder: ConfigBuilder| builder.ordered(ordered))) }
}

/// Sets what `value` reads from the caller's arguments.
pub(crate) unsafe fn set<C: FnOnce(ConfigBuilder) -> ConfigBuilder>(
    config: *mut amq_config,
    error: *mut *mut amq_error,
    value: impl FnOnce() -> Result<C, Failure>,
) -> amq_status {
    unsafe {
        call(error, || {
            object_mut("config", config)?.change(value()?);
            Ok(amq_status::AMQ_OK)
        })
    }
}

pub(crate) unsafe fn set_text(
    config: *mut amq_config,
    error: *mut *mut amq_error,
    name: &str,
    value: *const c_char,
    len: usize,
    setter: fn(ConfigBuilder, String) -> ConfigBuilder,
) -> amq_status {
    unsafe {
        set(config, error, || {
            let value = text(name, value, len)?.to_string();
            Ok(move |builder| setter(builder, value))
        })
    }
}

pub(crate) unsafe fn set_duration(
    config: *mut amq_config,
    error: *mut *mut amq_error,
    name: &str,
    millis: i64,
    setter: fn(ConfigBuilder, std::time::Duration) -> ConfigBuilder,
) -> amq_status {
    unsafe {
        set(config, error, || {
            let time = duration(name, millis)?;
            Ok(move |builder| setter(builder, time))
        })
    }
}

pub(crate) unsafe fn set_number<N: TryFrom<u32>>(
    config: *mut amq_config,
    error: *mut *mut amq_error,
    name: &str,
    value: u32,
    setter: fn(ConfigBuilder, N) -> ConfigBuilder,
) -> amq_status {
    unsafe {
        set(config, error, || {
            let value = number(name, value)?;
            Ok(move |builder| setter(builder, value))
        })
    }
}
