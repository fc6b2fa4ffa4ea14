//! Settings of what happens after a failure: reconnecting, refusals, renewal of tokens.

use aliyun_mqtt::ConfigBuilder;

use super::{amq_config, set, set_duration};
use crate::error::amq_error;
use crate::input::duration;
use crate::status::amq_status;

/// Sets how long a client that was connected before keeps trying after its login was refused: up to 2,592,000,000 ms
/// (30 days); 0 means one immediate retry only. Default 600,000 ms.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_refusal_patience(
    config: *mut amq_config,
    patience_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set_duration(config, error, "patience_ms", patience_ms, ConfigBuilder::refusal_patience) }
}

/// Sets how long the client itself refuses messages to a topic that the service refuses as a whole: up to 2,592,000,000
/// ms (30 days); 0 means that they are sent. Default 600,000 ms.
///
/// A topic counts as refused as a whole if the service's notice says so, or if the server closed the connection for two
/// messages to it and acknowledged none. The pause ends early with new credentials or a new token.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_refused_topic_pause(
    config: *mut amq_config,
    pause_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set_duration(config, error, "pause_ms", pause_ms, ConfigBuilder::refused_topic_pause) }
}

/// Sets the bounds of the pause before a reconnect: 10 to 3,600,000 ms each. Default 1,000 and 120,000 ms. The pause is
/// random, up to a bound that doubles from `min_ms` to `max_ms`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_backoff(
    config: *mut amq_config,
    min_ms: i64,
    max_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(config, error, || {
            let (min, max) = (duration("min_ms", min_ms)?, duration("max_ms", max_ms)?);
            Ok(move |builder: ConfigBuilder| builder.backoff(min, max))
        })
    }
}

/// Sets the fraction of a token's lifetime after which it is renewed: 0.1 to 0.95. Default 0.8. The actual time is a
/// little earlier at random. Applies only to tokens with a known expiry that come from a provider.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_token_renewal(
    config: *mut amq_config,
    part: f64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(config, error, || Ok(move |builder: ConfigBuilder| builder.token_renewal(part))) }
}
