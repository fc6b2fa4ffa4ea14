//! Receiving from the client's own queue.

use std::time::Duration;

use aliyun_mqtt::{ErrorKind, Message, Result};

use crate::client::amq_client;
use crate::error::amq_error;
use crate::guard::call;
use crate::input::{Failure, Wait, object, place, wait};
use crate::message::amq_message;
use crate::status::amq_status;

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
            let message = place("message", message)?;
            let client = object("client", client)?.client();
            let configured = client.config().timeout();
            receive(timeout_ms, configured, message, || client.recv(), |timeout| client.recv_timeout(timeout))
        })
    }
}

/// Takes a message from a queue, within the timeout that the caller gave.
pub(crate) fn receive(
    timeout_ms: i64,
    configured: Duration,
    message: &mut *mut amq_message,
    forever: impl FnOnce() -> Result<Message>,
    within: impl FnOnce(Duration) -> Result<Option<Message>>,
) -> std::result::Result<amq_status, Failure> {
    let received = match wait(timeout_ms)? {
        Wait::Forever => forever().map(Some),
        Wait::Configured => within(configured),
        Wait::For(time) => within(time),
    };
    match received {
        Ok(Some(received)) => {
            *message = Box::into_raw(Box::new(amq_message::new(received)));
            Ok(amq_status::AMQ_OK)
        }
        Ok(None) => Ok(amq_status::AMQ_TIMEOUT),
        Err(error) if error.kind() == ErrorKind::Closed => Ok(amq_status::AMQ_END),
        Err(error) => Err(error.into()),
    }
}
