//! Topics and filters.

use std::ffi::c_char;

use crate::error::amq_error;
use crate::guard::call;
use crate::input::{Failure, number_place, text};
use crate::status::amq_status;

/// Sets `*matches` to true if a subscription with this filter covers the topic (MQTT 3.1.1, section 4.7): '+' matches
/// one level and '#' the rest, its parent level included. Filters that begin with a wildcard do not match topics that
/// begin with '$'. Neither the filter nor the topic is checked against the service's rules.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_topic_matches(
    filter: *const c_char,
    filter_len: usize,
    topic: *const c_char,
    topic_len: usize,
    matches: *mut bool,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let matches = number_place("matches", matches, false)?;
            *matches =
                aliyun_mqtt::topic_matches(text("filter", filter, filter_len)?, text("topic", topic, topic_len)?);
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Writes the topic of a message to one client, "{parent}/p2p/{client_id}", with a NUL behind it, into a buffer of
/// `size` bytes, and sets `*len`, if `len` is not NULL, to its length in bytes without the NUL.
///
/// With a NULL buffer of size 0, only `*len` is set. A buffer that is too small is AMQ_ERROR_MISUSE; `*len` is set
/// nevertheless. Fails with AMQ_KIND_INVALID if `parent` is not one topic level, or `client_id` is empty or contains
/// '/', '+' or '#'.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_p2p_topic(
    parent: *const c_char,
    parent_len: usize,
    client_id: *const c_char,
    client_id_len: usize,
    buffer: *mut c_char,
    size: usize,
    len: *mut usize,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            crate::lent::set(len, 0);
            let (parent, client_id) =
                (text("parent", parent, parent_len)?, text("client_id", client_id, client_id_len)?);
            let topic = aliyun_mqtt::p2p_topic(parent, client_id)?;
            crate::lent::set(len, topic.len());
            match (buffer.is_null(), size) {
                (true, 0) => {}
                (true, _) => return Err(Failure::misuse(format!("buffer is NULL, and its size is {size}"))),
                (false, _) if size <= topic.len() => {
                    let needed = topic.len() + 1;
                    return Err(Failure::misuse(format!("buffer has {size} bytes; the topic needs {needed}")));
                }
                (false, _) => {
                    buffer.copy_from_nonoverlapping(topic.as_ptr().cast(), topic.len());
                    buffer.add(topic.len()).write(0);
                }
            }
            Ok(amq_status::AMQ_OK)
        })
    }
}
