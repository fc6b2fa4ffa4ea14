//! Settings of sending: the window, limits, rate, age.

use aliyun_mqtt::ConfigBuilder;

use super::{amq_config, choices, set, set_duration, set_number};
use crate::error::amq_error;
use crate::input::number;
use crate::status::amq_status;

/// Fixes the window, the maximum number of unacknowledged messages and requests: 1 to 10,000. By default it starts at
/// 100 and grows.
///
/// The client keeps a table of packet ids for it: up to 256 bytes for each place with MQTT 3.1.1, 860 bytes with MQTT
/// 5. After a lost connection, that many messages may be sent again, and arrive twice. Excludes
/// amq_config_set_max_window.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_window(
    config: *mut amq_config,
    window: u32,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set_number(config, error, "window", window, ConfigBuilder::window) }
}

/// Sets how far the window may grow: 1 to 10,000. Default 1,000.
///
/// On each connection the window starts at 100, or at this number if it is smaller, and grows where a round trip takes
/// 5 ms or more. AMQ_STAT_WINDOW is its current size. Excludes amq_config_set_window.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_max_window(
    config: *mut amq_config,
    window: u32,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set_number(config, error, "window", window, ConfigBuilder::max_window) }
}

/// Sets a limit of the service or a bound of the client's queues: an amq_limit, which has the units, ranges and
/// defaults. The other limits stay as they are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_limit(
    config: *mut amq_config,
    limit: i32,
    value: u64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(config, error, || {
            let place = choices::limit(limit)?;
            let value = number("value", value)?;
            Ok(move |builder: ConfigBuilder| {
                builder.change_limits(|mut limits| {
                    *place(&mut limits) = value;
                    limits
                })
            })
        })
    }
}

/// Sets whether the service's rules for names are applied. Default true.
///
/// Topic levels, group ids and device ids then consist of letters, digits, '-' and '_' only, a topic has at least 3
/// characters and no empty level, and a group id has 7 to 64 characters (help page "Limits"). Topics that begin with
/// "$SYS/" are exempt. With false only the rules of MQTT itself apply, as for other brokers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_strict_names(
    config: *mut amq_config,
    strict: bool,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(config, error, || {
            Ok(move |builder: ConfigBuilder| builder.change_limits(|limits| limits.strict_names(strict)))
        })
    }
}

/// Sets the maximum publish rate, in messages per second: 0.001 to 1,000,000. By default it is unlimited. The service
/// advises at most 20 messages a second per client (help page "Limits").
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_max_publish_rate(
    config: *mut amq_config,
    per_second: f64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(config, error, || Ok(move |builder: ConfigBuilder| builder.max_publish_rate(per_second))) }
}

/// Sets how long a queued message may stay unsettled: 1 to 2,592,000,000 ms (30 days). The default is the timeout, or
/// no limit with a spool, in which the time also runs between two runs of the program, by the wall clock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_message_age(
    config: *mut amq_config,
    age_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set_duration(config, error, "age_ms", age_ms, ConfigBuilder::message_age) }
}
