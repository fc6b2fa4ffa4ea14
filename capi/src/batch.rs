//! Sending many messages with one result for each.

use std::time::Instant;

use aliyun_mqtt::{Error, Outgoing};

use crate::client::{amq_client, timed};
use crate::delivery::amq_delivery;
use crate::error::amq_error;
use crate::guard::call;
use crate::input::{Failure, filled, number_place, objects, optional_filled};
use crate::outgoing::amq_outgoing;
use crate::status::amq_status;

/// Queues many messages in their order, as amq_client_enqueue, and gives one result for each. With a spool, a batch
/// costs one sync to disk, as long as its messages find room without waiting.
///
/// Blocks for room and for the disk at most for the timeout, all messages together; 0 waits for neither, so it is not
/// for a spool. When the timeout passes while a message waits for room, that message and those behind it fail, so that
/// none overtakes another; those before it stay queued. An invalid message fails alone.
///
/// `deliveries` has `count` places: each becomes a delivery, which amq_delivery_free frees, or NULL if the message was not
/// queued. `errors` is NULL or has `count` places: each becomes NULL, or the error object that says why, which
/// amq_error_free frees. `*failed` becomes the number of messages that were not queued.
///
/// AMQ_OK: each message has a result; look at `*failed`. If the call fails, no message was queued, and all places are
/// NULL. With a `count` of 0 nothing is done, and the arrays may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_enqueue_many(
    client: *const amq_client,
    messages: *const *const amq_outgoing,
    count: usize,
    timeout_ms: i64,
    deliveries: *mut *mut amq_delivery,
    errors: *mut *mut amq_error,
    failed: *mut usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let mut failures = Failures::new(count, &mut [], errors, failed)?;
            let deliveries = filled("deliveries", deliveries, count, std::ptr::null_mut())?;
            let client = timed(client, timeout_ms)?;
            let messages: Vec<Outgoing> = objects("messages", messages, count)?
                .into_iter()
                .map(|message| message.copy().into_queued(&client))
                .collect();
            for (index, result) in client.enqueue_many(messages).into_iter().enumerate() {
                match result {
                    Ok(delivery) => {
                        deliveries[index] = Box::into_raw(Box::new(amq_delivery::new(delivery, &client)));
                    }
                    Err(error) => failures.add(index, error),
                }
            }
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Publishes many messages, a window of them at a time, and blocks until the outcome of each is known, at most for the
/// timeout, all messages together. Where a message has a timeout of its own (amq_outgoing_set_timeout,
/// amq_config_set_message_age), it has both.
///
/// `statuses` is NULL or has `count` places: each becomes what amq_client_publish would return for the message. `errors` is
/// NULL or has `count` places: each becomes NULL, or the error object of a message that failed, with its fate, which
/// amq_error_free frees. `*failed` becomes the number of messages that failed. A failed message does not stop the others.
///
/// AMQ_OK: each message has a result; look at `*failed`. If the call fails with AMQ_ERROR_MISUSE, no message was sent.
/// With a `count` of 0 nothing is done, and the arrays may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_publish_many(
    client: *const amq_client,
    messages: *const *const amq_outgoing,
    count: usize,
    timeout_ms: i64,
    statuses: *mut amq_status,
    errors: *mut *mut amq_error,
    failed: *mut usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            // For messages without a result: those of a call that fails.
            let statuses = optional_filled("statuses", statuses, count, amq_status::AMQ_ERROR)?;
            let mut failures = Failures::new(count, statuses, errors, failed)?;
            let client = timed(client, timeout_ms)?;
            let messages = objects("messages", messages, count)?;
            let (begin, age) = (Instant::now(), client.config().message_age());
            let messages =
                messages.into_iter().map(|message| message.within(age, client.timeout.saturating_sub(begin.elapsed())));
            for (index, result) in client.publish_each(messages).enumerate() {
                match result {
                    Ok(_) => failures.pass(index),
                    Err(error) => failures.add(index, error),
                }
            }
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// The places for the results of many messages.
struct Failures<'a> {
    /// Empty if the caller does not want them.
    statuses: &'a mut [amq_status],
    /// Empty if the caller does not want them.
    errors: &'a mut [*mut amq_error],
    failed: &'a mut usize,
}

impl<'a> Failures<'a> {
    /// # Safety
    /// `errors` is NULL or valid for `count` writes, `failed` is NULL or valid for a write.
    unsafe fn new(
        count: usize,
        statuses: &'a mut [amq_status],
        errors: *mut *mut amq_error,
        failed: *mut usize,
    ) -> Result<Self, Failure> {
        let errors = unsafe { optional_filled("errors", errors, count, std::ptr::null_mut()) }?;
        Ok(Failures { statuses, errors, failed: unsafe { number_place("failed", failed, 0) }? })
    }

    fn pass(&mut self, index: usize) {
        if let Some(status) = self.statuses.get_mut(index) {
            *status = amq_status::AMQ_OK;
        }
    }

    fn add(&mut self, index: usize, error: Error) {
        let error = amq_error::new(error.into());
        *self.failed += 1;
        if let Some(status) = self.statuses.get_mut(index) {
            *status = error.status();
        }
        if let Some(place) = self.errors.get_mut(index) {
            *place = Box::into_raw(Box::new(error));
        }
    }
}
