//! Subscriptions with a queue of their own.

use std::ffi::c_char;
use std::time::Duration;

use aliyun_mqtt::Subscription;

use crate::client::{amq_client, timed};
use crate::error::amq_error;
use crate::guard::{call, free, make};
use crate::input::{object, place, text};
use crate::lent::{self, Lent};
use crate::message::amq_message;
use crate::receive::receive;
use crate::status::amq_status;
use crate::subscribe::options;

/// Receives the messages of one subscription in place of the client's own queue. If several subscriptions match, the
/// first of them receives the message. Any number of threads may receive from it. It does not keep the client alive.
pub struct amq_subscription {
    subscription: Subscription,
    /// The configured timeout of the client.
    configured: Duration,
    filter: Lent,
}

/// Subscribes as amq_client_subscribe_with, and sets `*subscription` to an object that receives the matching messages
/// in place of the client's own queue, beginning with those that already wait there. amq_subscription_free frees it.
/// NULL if the call fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_subscription(
    client: *const amq_client,
    filter: *const c_char,
    filter_len: usize,
    qos_level: i32,
    no_local: bool,
    identifier: u32,
    timeout_ms: i64,
    subscription: *mut *mut amq_subscription,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        make("subscription", subscription, error, || {
            let client = timed(client, timeout_ms)?;
            let options = options(qos_level, no_local, identifier)?;
            let subscription = client.subscription(text("filter", filter, filter_len)?, options)?;
            let configured = client.config().timeout();
            Ok(amq_subscription { subscription, configured, filter: Lent::default() })
        })
    }
}

/// Takes the next message of the subscription, as amq_client_recv.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_subscription_recv(
    subscription: *const amq_subscription,
    timeout_ms: i64,
    message: *mut *mut amq_message,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let message = place("message", message)?;
            let amq_subscription { subscription, configured, .. } = object("subscription", subscription)?;
            let within = |timeout| subscription.recv_timeout(timeout);
            receive(timeout_ms, *configured, message, || subscription.recv(), within)
        })
    }
}

/// Returns the filter, followed by a NUL. Sets `*len`, if `len` is not NULL, to its length in bytes. Valid until the
/// subscription is freed. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_subscription_filter(
    subscription: *const amq_subscription,
    len: *mut usize,
) -> *const c_char {
    unsafe { lent::of(subscription, len, |own| &own.filter, |own| Some(own.subscription.filter())) }
}

/// Frees a subscription, and unsubscribes in the background, unless another subscription or the client itself has the
/// same filter. Does nothing if it is NULL. The messages that it still holds move to the next subscription that
/// matches, else to the client's own queue. To let a kept session collect messages meanwhile, call
/// amq_client_disconnect first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_subscription_free(subscription: *mut amq_subscription) {
    unsafe { free(subscription) };
}
