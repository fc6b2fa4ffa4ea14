//! Receiving.

use std::ffi::c_char;
use std::time::Duration;

use aliyun_mqtt::{ErrorKind, Message, Result};

use crate::client::{amq_client, with};
use crate::error::amq_error;
use crate::guard::call;
use crate::input::{Failure, Wait, object, place, text, wait};
use crate::kinds::{amq_qos, qos};
use crate::lent::set;
use crate::message::amq_message;
use crate::status::amq_status;

/// Subscribes to a filter for the client's own queue (amq_client_recv). Blocks until the server has answered, at most
/// for the timeout. Sets `*granted`, if it is not NULL, to the QoS that the server granted.
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

/// Takes the next message from the client's own queue. Blocks until there is one, at most for the timeout:
/// AMQ_TIMEOUT_NONE waits as long as the client lives, 0 does not wait.
///
/// AMQ_OK: `*message` is the message, which amq_message_free frees. AMQ_TIMEOUT: no message came. AMQ_END: this program
/// has disconnected or closed the client. In all other cases `*message` is NULL. Fails if the client has given up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_recv(
    client: *const amq_client,
    timeout_ms: i64,
    message: *mut *mut amq_message,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let client = object("client", client)?.client();
            let configured = client.config().timeout();
            receive(timeout_ms, configured, message, || client.recv(), |timeout| client.recv_timeout(timeout))
        })
    }
}

/// Takes a message from a queue, within the timeout that the caller gave.
pub(crate) unsafe fn receive(
    timeout_ms: i64,
    configured: Duration,
    message: *mut *mut amq_message,
    forever: impl FnOnce() -> Result<Message>,
    within: impl FnOnce(Duration) -> Result<Option<Message>>,
) -> Result<amq_status, Failure> {
    let message = unsafe { place("message", message) }?;
    let received = match wait(timeout_ms)? {
        Wait::Forever => forever().map(Some),
        Wait::Configured => within(configured),
        Wait::For(time) => within(time),
    };
    match received {
        Ok(Some(received)) => {
            *message = amq_message::lend(received);
            Ok(amq_status::AMQ_OK)
        }
        Ok(None) => Ok(amq_status::AMQ_TIMEOUT),
        Err(error) if error.kind() == ErrorKind::Closed => Ok(amq_status::AMQ_END),
        Err(error) => Err(error.into()),
    }
}
