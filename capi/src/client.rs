//! Clients: connecting and disconnecting.

use std::ffi::c_char;
use std::ops::Deref;
use std::time::Duration;

use aliyun_mqtt::Client;

use crate::config::amq_config;
use crate::error::amq_error;
use crate::guard::{call, free, plain};
use crate::input::{Failure, deadline, object, place};
use crate::lent::{self, Lent};
use crate::status::amq_status;

/// A client. Any number of threads may use it at the same time, also while another one receives.
pub struct amq_client {
    client: Client,
    id: Lent,
    endpoint: Lent,
}

impl amq_client {
    pub(crate) fn new(client: Client) -> Self {
        amq_client { client, id: Lent::default(), endpoint: Lent::default() }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
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
            let config = object("config", config)?.builder().clone().build()?;
            *client = Box::into_raw(Box::new(amq_client::new(Client::connect(config)?)));
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Delivers what is queued, says goodbye to the server and ends the client. Blocks at most for the timeout.
///
/// Fails with AMQ_KIND_UNDELIVERED or AMQ_KIND_TIMEOUT if some messages were not delivered; the client has ended
/// nevertheless. Other calls on the client fail with AMQ_KIND_CLOSED from then on. The client must still be freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_disconnect(
    client: *const amq_client,
    timeout_ms: i64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(client, timeout_ms, error, |client| {
            client.disconnect()?;
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Frees a client. If it is not disconnected, it tries that for up to 1 s first. Does nothing if it is NULL. No other
/// call may use the client meanwhile; its deliveries, subscriptions and messages may be used and freed later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_free(client: *mut amq_client) {
    unsafe { free(client) };
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
