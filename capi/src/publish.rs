//! Sending.

use std::ffi::{c_char, c_void};

use crate::client::{amq_client, with};
use crate::error::amq_error;
use crate::input::{bytes, text};
use crate::kinds::qos;
use crate::status::amq_status;

/// Publishes a message, and blocks until the server has acknowledged it (QoS 0: until it was written), at most for the
/// timeout. The topic and the payload are copied.
///
/// Fails with the fate of the message: amq_error_fate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_publish(
    client: *const amq_client,
    topic: *const c_char,
    topic_len: usize,
    qos_level: i32,
    payload: *const c_void,
    payload_len: usize,
    timeout_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(client, timeout_ms, error, |client| {
            let payload = bytes("payload", payload, payload_len)?;
            client.publish(text("topic", topic, topic_len)?, qos(qos_level)?, payload)?;
            Ok(amq_status::AMQ_OK)
        })
    }
}
