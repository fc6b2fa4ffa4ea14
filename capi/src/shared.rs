//! Standing clients: one for each name in the process.

use std::ffi::c_char;
use std::sync::Arc;

use crate::client::amq_client;
use crate::config::amq_config;
use crate::connection::Connection;
use crate::error::amq_error;
use crate::guard::call;
use crate::input::{object, place, text};
use crate::status::amq_status;

mod exit;
mod registry;

/// Returns the standing client of this name in this process, or connects one: so that a program that begins anew at
/// each request, such as a PHP worker, connects once. Each call gives a handle of its own, which amq_client_free frees.
///
/// * Threads that ask at the same time make one connection; the others wait for it, at most for the configured timeout,
///   and get the same error if it fails. Nothing is kept of a failure: the next call tries again.
/// * The client is replaced if its settings differ from `config`, secrets included (a device id that the library made
///   does not count), or if it has ended. The old one is disconnected in the background, whoever holds it: their calls
///   fail with AMQ_KIND_CLOSED, and they can ask for the new one. Callbacks for credentials are the same if they come
///   from one amq_credentials object. Tokens of amq_credentials_tokens_by_hand make no difference: if the client has
///   not had them yet, they are handed in (amq_client_hand_in_tokens).
/// * The client ends with its last handle. With `keep`, in this call or an earlier one for it, it stays until the
///   process ends, and then says goodbye: all of them together within 1 s, in a handler of atexit(). Not after _exit(),
///   a signal, or in a child of fork() for its parent's clients.
/// * A child of fork() begins without standing clients. It uses none of its parent's, and makes its own.
///
/// Blocks at most for the configured timeout to connect, and up to 1 s for an old client's goodbye.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_shared(
    config: *const amq_config,
    name: *const c_char,
    name_len: usize,
    keep: bool,
    client: *mut *mut amq_client,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let client = place("client", client)?;
            let settings = object("config", config)?.settings();
            let name = text("name", name, name_len)?;
            exit::say_goodbye_then();
            let (connection, share) = registry::get(name, settings, keep)?;
            *client = amq_client::lend(connection, Some(share));
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// One handle's part of a standing client. Its drop may end the client.
pub(crate) struct Share {
    name: String,
    connection: Option<Arc<Connection>>,
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            registry::give_back(&self.name, connection);
        }
    }
}
