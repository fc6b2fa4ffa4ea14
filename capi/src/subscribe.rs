//! Subscribing for the client's own queue.

use std::ffi::c_char;

use aliyun_mqtt::SubscribeOptions;

use crate::client::{amq_client, with};
use crate::error::amq_error;
use crate::input::{AMQ_NTS, Failure, element_is_null, elements, text};
use crate::kinds::{amq_qos, qos};
use crate::lent::set;
use crate::status::amq_status;

/// Subscribes to a filter for the client's own queue (amq_client_recv). Blocks until the server has answered, at most
/// for the timeout. Sets `*granted`, if it is not NULL, to the QoS that the server granted, which may be lower. On a
/// lost session the subscription is made again in the background.
///
/// A client may have 30 filters, unless AMQ_LIMIT_FILTERS allows more. Fails with AMQ_KIND_INVALID if the filter breaks
/// a rule; AMQ_KIND_REJECTED with the SUBACK code; AMQ_KIND_SUSPECTED_REFUSAL, since this service answers a
/// subscription without permission by closing the connection; AMQ_KIND_TIMEOUT with the stage; AMQ_KIND_CLOSED, or the
/// reason why the client has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_subscribe(
    client: *const amq_client,
    filter: *const c_char,
    filter_len: usize,
    qos_level: i32,
    timeout_ms: i64,
    granted: *mut amq_qos,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(client, timeout_ms, error, |client| {
            let answer = client.subscribe(text("filter", filter, filter_len)?, qos(qos_level)?)?;
            set(granted, amq_qos::of(answer));
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Subscribes with options, as amq_client_subscribe. All options but the QoS need MQTT 5.
///
/// `no_local` excludes the messages that this client publishes itself. `identifier`, 1 to 268,435,455, comes with each
/// matching message (amq_message_subscription_identifier); 0 means none. Filters with identifiers must not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_subscribe_with(
    client: *const amq_client,
    filter: *const c_char,
    filter_len: usize,
    qos_level: i32,
    no_local: bool,
    identifier: u32,
    timeout_ms: i64,
    granted: *mut amq_qos,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(client, timeout_ms, error, |client| {
            let options = options(qos_level, no_local, identifier)?;
            let answer = client.subscribe(text("filter", filter, filter_len)?, options)?;
            set(granted, amq_qos::of(answer));
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Subscribes to several filters in one packet, as amq_client_subscribe: `count` filters with their lengths and their
/// QoS. `filter_lens` may be NULL; then each filter ends with a NUL. `granted` is NULL, or has `count` places for the
/// QoS that the server granted.
///
/// If the call fails because one filter is refused, the others may have been granted. A `count` of 0 is
/// AMQ_KIND_INVALID.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_subscribe_many(
    client: *const amq_client,
    filters: *const *const c_char,
    filter_lens: *const usize,
    qos_levels: *const i32,
    count: usize,
    timeout_ms: i64,
    granted: *mut amq_qos,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(client, timeout_ms, error, |client| {
            let filters = texts("filters", filters, "filter_lens", filter_lens, count)?;
            let levels = elements("qos_levels", qos_levels, count)?;
            let levels = levels.iter().map(|level| qos(*level)).collect::<Result<Vec<_>, _>>()?;
            let asked: Vec<_> = filters.into_iter().zip(levels).collect();
            for (index, answer) in client.subscribe_many(&asked)?.into_iter().enumerate().take(count) {
                if !granted.is_null() {
                    granted.add(index).write(amq_qos::of(answer));
                }
            }
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Unsubscribes from a filter, also one of a subscription object, which then receives nothing more. Blocks until the
/// server confirms, at most for the timeout.
///
/// Fails with AMQ_KIND_INVALID, AMQ_KIND_TIMEOUT, AMQ_KIND_CLOSED, or the reason why the client has ended. Even then
/// the filter is not subscribed again after a reconnect; only a kept session may still have it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_unsubscribe(
    client: *const amq_client,
    filter: *const c_char,
    filter_len: usize,
    timeout_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(client, timeout_ms, error, |client| {
            client.unsubscribe(text("filter", filter, filter_len)?)?;
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Reads the options of a subscription.
pub(crate) fn options(qos_level: i32, no_local: bool, identifier: u32) -> Result<SubscribeOptions, Failure> {
    let options = SubscribeOptions::new(qos(qos_level)?).no_local(no_local);
    Ok(if identifier == 0 { options } else { options.identifier(identifier) })
}

/// Reads `count` texts. Without lengths (NULL), each ends with a NUL.
unsafe fn texts<'a>(
    name: &str,
    data: *const *const c_char,
    lens_name: &str,
    lens: *const usize,
    count: usize,
) -> Result<Vec<&'a str>, Failure> {
    let data = unsafe { elements(name, data, count) }?;
    let lens = if lens.is_null() { None } else { Some(unsafe { elements(lens_name, lens, count) }?) };
    let read = |(index, text_data): (usize, &*const c_char)| {
        if text_data.is_null() {
            return Err(element_is_null(name, index));
        }
        unsafe { text(&format!("{name}[{index}]"), *text_data, lens.map_or(AMQ_NTS, |lens| lens[index])) }
    };
    data.iter().enumerate().map(read).collect()
}
