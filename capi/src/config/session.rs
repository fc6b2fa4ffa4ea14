//! Settings of the session: client id, version of MQTT, what the server keeps.

use std::ffi::c_char;

use aliyun_mqtt::ConfigBuilder;

use super::{amq_config, choices, set, set_duration, set_number, set_text};
use crate::error::amq_error;
use crate::status::amq_status;

/// Sets the whole client id, in place of group id and device id. For custom authentication only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_client_id(
    config: *mut amq_config,
    client_id: *const c_char,
    client_id_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set_text(config, error, "client_id", client_id, client_id_len, ConfigBuilder::client_id) }
}

/// Sets the version of MQTT: an amq_protocol. Default AMQ_PROTOCOL_V3_1_1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_protocol(
    config: *mut amq_config,
    protocol: i32,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(config, error, || {
            let protocol = choices::protocol(protocol)?;
            Ok(move |builder: ConfigBuilder| builder.protocol(protocol))
        })
    }
}

/// Sets whether the server discards the session when the connection ends. Default true.
///
/// With false the service keeps subscriptions, and QoS 1 messages for up to 3 days (help page "Limits"). This requires
/// a device id.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_clean_session(
    config: *mut amq_config,
    clean: bool,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(config, error, || Ok(move |builder: ConfigBuilder| builder.clean_session(clean))) }
}

/// Sets how long the server keeps the session without a connection: 1,000 to 2,147,483,647,000 ms, in whole seconds.
/// Default 3 days. Needs MQTT 5 and clean_session false. The service raises less than 10 min to 10 min (help page "MQTT
/// 5.0 session expiry interval").
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_session_expiry(
    config: *mut amq_config,
    expiry_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set_duration(config, error, "expiry_ms", expiry_ms, ConfigBuilder::session_expiry) }
}

/// Sets the maximum number of QoS 1 and 2 messages that the server may have unacknowledged with this client: 1 to
/// 65,535. By default none is announced, which means 65,535. Needs MQTT 5.
///
/// With AMQ_ACK_MODE_ON_TAKE a message counts until the program takes it: the rest waits at the server instead of in
/// the inbox.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_receive_maximum(
    config: *mut amq_config,
    messages: u32,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set_number(config, error, "messages", messages, ConfigBuilder::receive_maximum) }
}

/// Sets the keep-alive period: 5,000 to 480,000 ms, in whole seconds. Default 60,000 ms.
///
/// The service disconnects a client that is silent for one and a half times as long (help page "FAQ about the
/// console"). In MQTT 5 the server may set another period, which then applies.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_keep_alive(
    config: *mut amq_config,
    period_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set_duration(config, error, "period_ms", period_ms, ConfigBuilder::keep_alive) }
}
