//! Clients: connecting and disconnecting.

use std::ffi::c_char;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aliyun_mqtt::Client;

use crate::callback;
use crate::config::amq_config;
use crate::connection::Connection;
use crate::dispatcher::Dispatcher;
use crate::error::amq_error;
use crate::guard::{call, plain};
use crate::input::{Failure, deadline, object, place, same_process};
use crate::lent::{self, Lent};
use crate::shared::Share;
use crate::status::amq_status;

/// A client. Any number of threads may use it at the same time, also while another one receives.
pub struct amq_client {
    connection: Arc<Connection>,
    /// The callback of this handle.
    listener: Mutex<Option<Dispatcher>>,
    /// This handle's part of a shared client.
    share: Option<Share>,
    process: u32,
    id: Lent,
    endpoint: Lent,
}

impl amq_client {
    /// Makes an object for the caller, who frees it.
    pub(crate) fn lend(connection: Arc<Connection>, share: Option<Share>) -> *mut amq_client {
        Box::into_raw(Box::new(amq_client {
            connection,
            listener: Mutex::new(None),
            share,
            process: std::process::id(),
            id: Lent::default(),
            endpoint: Lent::default(),
        }))
    }

    pub(crate) fn client(&self) -> &Client {
        self.connection.client()
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Fails in a forked child, which must not touch a lock of its parent.
    pub(crate) fn check_process(&self) -> Result<(), Failure> {
        same_process(self.process, "client")
    }

    /// Puts another dispatcher in the place of the present one, which is stopped.
    pub(crate) fn listen(&self, dispatcher: Option<Dispatcher>) {
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *listener, dispatcher);
        drop(listener);
        // Not under the lock: its callback may be running, and may want to listen, too.
        drop(before);
    }

    /// Returns what the present dispatcher has dropped.
    pub(crate) fn dropped(&self) -> u64 {
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        listener.as_ref().map_or(0, Dispatcher::dropped)
    }

    fn is_foreign(&self) -> bool {
        self.process != std::process::id()
    }

    /// Ends the callback, and gives up this handle's part of the client.
    fn release(self) {
        self.listen(None);
        drop(self.connection);
        drop(self.share);
    }
}

/// Connects and logs in. Blocks at most for the configured timeout (amq_config_set_timeout). It is tried once: a
/// failure is reported at once with its reason. Later, a lost connection is made again in the background.
///
/// Sets `*client` to the new client, which amq_client_free frees, or to NULL if the call fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_connect(
    config: *const amq_config,
    client: *mut *mut amq_client,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let client = place("client", client)?;
            let settings = object("config", config)?.settings();
            *client = amq_client::lend(Arc::new(settings.connect()?), None);
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Delivers what is queued, says goodbye to the server and ends the client. Blocks at most for the timeout.
///
/// Fails with AMQ_KIND_UNDELIVERED or AMQ_KIND_TIMEOUT if some messages were not delivered; the client has ended
/// nevertheless. Other calls on the client fail with AMQ_KIND_CLOSED from then on. The client must still be freed. A
/// shared client (amq_client_shared) ends for all that use it.
///
/// Called from a callback, it begins all of this and returns AMQ_OK at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_disconnect(
    client: *const amq_client,
    timeout_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(client, timeout_ms, error, |connected| {
            let client = object("client", client)?;
            client.check_process()?;
            let connection = Arc::clone(&client.connection);
            if callback::is_running() {
                let connected = connected.clone();
                callback::detached("aliyun-mqtt-end", move || {
                    // The events and the log tell the outcome.
                    let _ = connected.disconnect();
                    connection.end();
                });
                return Ok(amq_status::AMQ_OK);
            }
            let outcome = connected.disconnect();
            connection.end();
            outcome?;
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Frees a client. Does nothing if it is NULL. If it is not disconnected, it tries that for up to 1 s first; a shared
/// client (amq_client_shared) only with its last handle. No other call may use the client meanwhile; its deliveries,
/// subscriptions and messages may be used and freed later.
///
/// First ends the client's event callback: it waits for a call that is running, so do not hold a lock that the callback
/// wants. When it returns, no event callback of the client runs, nor will one. Events of the end are not reported: for
/// these, call amq_client_disconnect first.
///
/// Called from a callback, it does not wait: all of that happens in the background once the callback has returned. In a
/// forked child it returns at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_free(client: *mut amq_client) {
    if client.is_null() {
        return;
    }
    plain((), || {
        let client = unsafe { Box::from_raw(client) };
        if client.is_foreign() {
            // The parent's: its locks and threads do not exist here.
            std::mem::forget(client);
        } else if callback::is_running() {
            callback::detached("aliyun-mqtt-end", move || client.release());
        } else {
            client.release();
        }
    });
}

/// Returns true if there is a connection that the server has accepted. Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_is_connected(client: *const amq_client) -> bool {
    plain(false, || unsafe { client.as_ref() }.is_some_and(|client| client.client().is_connected()))
}

/// Returns the client id: as configured, or with a device id that was made for this client. Sets `*len`, if `len` is
/// not NULL, to its length in bytes. Valid until the client is freed, and followed by a NUL. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_id(client: *const amq_client, len: *mut usize) -> *const c_char {
    unsafe { lent::of(client, len, |client| &client.id, |client| Some(client.client().config().client_id().as_str())) }
}

/// Returns the server as a URL, such as "mqtts://post-cn-xxxx.mqtt.aliyuncs.com:8883". As amq_client_id otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_endpoint(client: *const amq_client, len: *mut usize) -> *const c_char {
    let endpoint = |client: &amq_client| Some(client.client().config().endpoint().to_string());
    unsafe { lent::of(client, len, |client| &client.endpoint, endpoint) }
}

/// The client of one call, whose calls use the timeout of that call.
pub(crate) struct Timed<'a> {
    configured: &'a Client,
    /// `None` if the timeout is the configured one.
    given: Option<Client>,
    pub(crate) timeout: Duration,
}

impl Deref for Timed<'_> {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.given.as_ref().unwrap_or(self.configured)
    }
}

/// Returns the client of a call with a timeout.
pub(crate) unsafe fn timed<'a>(client: *const amq_client, timeout_ms: i64) -> Result<Timed<'a>, Failure> {
    let configured = unsafe { object("client", client) }?.client();
    let timeout = deadline(timeout_ms)?;
    let given = timeout.map(|timeout| configured.with_timeout(timeout));
    Ok(Timed { configured, given, timeout: timeout.unwrap_or_else(|| configured.config().timeout()) })
}

/// Runs a call on a client with a timeout.
pub(crate) unsafe fn with(
    client: *const amq_client,
    timeout_ms: i64,
    error: *mut *mut amq_error,
    body: impl FnOnce(&Client) -> Result<amq_status, Failure>,
) -> amq_status {
    unsafe { call(error, || body(&*timed(client, timeout_ms)?)) }
}
