//! Ending the waits of a client from another thread.

use aliyun_mqtt::Closer;

use crate::client::amq_client;
use crate::error::amq_error;
use crate::guard::{free, make, plain};
use crate::input::object;
use crate::status::amq_status;

/// Ends the waits of a client from any thread. It does not keep the client alive, and may be used and freed after it.
pub struct amq_closer {
    closer: Closer,
}

/// Creates a closer for a client. Does not block. Free it with amq_closer_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_closer_new(
    client: *const amq_client,
    closer: *mut *mut amq_closer,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe { make("closer", closer, error, || Ok(amq_closer { closer: object("client", client)?.client().closer() })) }
}

/// Closes the client and returns at once. Does nothing if the closer is NULL or the client has ended.
///
/// From then on, calls that wait end, also those made later: amq_client_recv and amq_subscription_recv with AMQ_END,
/// the others with AMQ_KIND_CLOSED; a call that was sending reports the fate of its message. New messages and
/// subscriptions are refused. Messages in the inbox stay there; a timeout of 0 still takes them.
///
/// The connection stays until amq_client_disconnect: messages already received can still be acknowledged, and queued
/// messages are still delivered. Any thread may call it, any number of times. It takes locks, so a signal handler must
/// not call it, only a thread that the handler wakes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_closer_close(closer: *const amq_closer) {
    plain((), || {
        if let Some(closer) = unsafe { closer.as_ref() } {
            closer.closer.close();
        }
    });
}

/// Frees a closer, without closing the client. Does nothing if it is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_closer_free(closer: *mut amq_closer) {
    unsafe { free(closer) };
}
