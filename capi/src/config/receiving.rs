//! Settings of receiving: acknowledgements, notices, replies.

use std::ffi::c_char;

use aliyun_mqtt::ConfigBuilder;

use super::{amq_config, choices, set, set_text};
use crate::error::amq_error;
use crate::status::amq_status;

/// Sets when received QoS 1 and 2 messages are acknowledged: an amq_ack_mode. Default AMQ_ACK_MODE_ON_TAKE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_ack_mode(
    config: *mut amq_config,
    mode: i32,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(config, error, || {
            let mode = choices::ack_mode(mode)?;
            Ok(move |builder: ConfigBuilder| builder.ack_mode(mode))
        })
    }
}

/// Sets whether the service's notices (such as "$SYS/tokenExpireNotice") are also delivered as messages. Default false:
/// they are only events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_deliver_notices(
    config: *mut amq_config,
    deliver: bool,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set(config, error, || Ok(move |builder: ConfigBuilder| builder.deliver_notices(deliver))) }
}

/// Sets the topic for replies to this client's requests: the client may read it, and the repliers may write to it. By
/// default replies come by P2P, which needs no subscription.
///
/// It is meant for brokers without P2P topics. The client subscribes to it before its first request, which counts as
/// one filter. Give each client a topic of its own, since it also receives the replies to others there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_response_topic(
    config: *mut amq_config,
    topic: *const c_char,
    topic_len: usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { set_text(config, error, "topic", topic, topic_len, ConfigBuilder::response_topic) }
}
