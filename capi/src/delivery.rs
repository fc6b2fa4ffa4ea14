//! The outcome of one message.

use std::time::Duration;

use aliyun_mqtt::{Client, Delivery};

use crate::error::amq_error;
use crate::guard::{call, free};
use crate::input::{Wait, object, wait};
use crate::lent::set;
use crate::status::amq_status;

/// The outcome of one queued message. It is settled exactly once: the message was acknowledged, or has failed. It is
/// settled by the message's own deadline at the latest, whatever happens to the connection or the client.
pub struct amq_delivery {
    delivery: Delivery,
    /// The configured timeout of the client.
    configured: Duration,
}

impl amq_delivery {
    pub(crate) fn new(delivery: Delivery, client: &Client) -> Self {
        amq_delivery { delivery, configured: client.config().timeout() }
    }
}

/// Blocks until the message is settled, at most for the timeout. AMQ_TIMEOUT_NONE waits until it is settled, at most
/// until its own deadline, which a message in a spool may not have. 0 does not wait. Can be called any number of times,
/// also after the message is settled.
///
/// AMQ_OK: the message was acknowledged; sets `*attempts`, if it is not NULL, to the number of times it was sent. Above
/// 1, receivers may have seen it more than once. AMQ_TIMEOUT: it is not settled yet.
///
/// Fails with the reason why the message failed, whose amq_error_fate is its fate. AMQ_KIND_CLOSED without a fate: a
/// closer has ended the wait; the message is not settled yet, and amq_client_disconnect settles it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_delivery_wait(
    delivery: *const amq_delivery,
    timeout_ms: i64,
    attempts: *mut u32,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let amq_delivery { delivery, configured } = object("delivery", delivery)?;
            let receipt = match wait(timeout_ms)? {
                Wait::Forever => delivery.wait().map(Some),
                Wait::Configured => delivery.wait_timeout(*configured),
                Wait::For(time) => delivery.wait_timeout(time),
            };
            Ok(match receipt? {
                Some(receipt) => {
                    set(attempts, receipt.attempts);
                    amq_status::AMQ_OK
                }
                None => amq_status::AMQ_TIMEOUT,
            })
        })
    }
}

/// Frees a delivery. Does nothing if it is NULL. It does not withdraw the message: the next amq_client_flush or
/// amq_client_disconnect reports a failure that no amq_delivery_wait has returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_delivery_free(delivery: *mut amq_delivery) {
    unsafe { free(delivery) };
}
