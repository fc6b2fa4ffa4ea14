//! The service's HTTPS API.

use std::ffi::c_char;

use aliyun_mqtt::openapi::Api;

use crate::error::amq_error;
use crate::guard::{call, free};
use crate::input::{Failure, deadline, object, place, text};
use crate::lent::{self, Lent};
use crate::status::amq_status;
use crate::text::amq_text;

pub(crate) mod config;
pub(crate) mod device;
pub(crate) mod generic;
pub(crate) mod token;

use config::amq_api_config;

/// The API of one instance, with the AccessKey to use. Any thread may use it. Meant for your own servers.
pub struct amq_api {
    api: Api,
    instance_id: Lent,
    access_key_id: Lent,
    endpoint: Lent,
    region: Lent,
}

impl amq_api {
    pub(crate) fn api(&self) -> &Api {
        &self.api
    }
}

/// Creates an API from its settings, which it copies: checks them and reads the certificate files; nothing is sent.
///
/// Its calls block until the service has responded, at most for their timeout, which includes up to four attempts and
/// the pauses between them; AMQ_TIMEOUT_DEFAULT is that of amq_api_config_set_timeout. An error of the service has the
/// kind AMQ_KIND_API: amq_error_api_code, amq_error_api_status, amq_error_request_id. amq_error_fate says if the call
/// may have been executed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_new(
    config: *const amq_api_config,
    api: *mut *mut amq_api,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let result = place("api", api)?;
            let api = object("config", config)?.builder().clone().build()?;
            *result = Box::into_raw(Box::new(amq_api {
                api,
                instance_id: Lent::default(),
                access_key_id: Lent::default(),
                endpoint: Lent::default(),
                region: Lent::default(),
            }));
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Frees an API. Does nothing if it is NULL. Credentials that use it keep a copy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_free(api: *mut amq_api) {
    unsafe { free(api) };
}

/// Returns the instance id, followed by a NUL. Sets `*len`, if `len` is not NULL, to its length in bytes. Valid until
/// the API is freed. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_instance_id(api: *const amq_api, len: *mut usize) -> *const c_char {
    unsafe { lent::of(api, len, |api| &api.instance_id, |api| Some(api.api.instance_id())) }
}

/// Returns the id of the AccessKey, to which tokens are bound. As amq_api_instance_id otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_access_key_id(api: *const amq_api, len: *mut usize) -> *const c_char {
    unsafe { lent::of(api, len, |api| &api.access_key_id, |api| Some(api.api.access_key_id())) }
}

/// Returns the URL of the API. As amq_api_instance_id otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_endpoint(api: *const amq_api, len: *mut usize) -> *const c_char {
    unsafe { lent::of(api, len, |api| &api.endpoint, |api| Some(api.api.endpoint())) }
}

/// Returns the region: as set, or as in the service's own host name; NULL if it is not known. As amq_api_instance_id
/// otherwise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_region(api: *const amq_api, len: *mut usize) -> *const c_char {
    unsafe { lent::of(api, len, |api| &api.region, |api| api.api.region()) }
}

/// Publishes a message without an MQTT connection (SendMessage). The payload is a text. Sets `*message_id`, if it is
/// not NULL, to the message's id, which amq_text_free frees. The call is not repeated if the message may have been
/// accepted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_send_message(
    api: *const amq_api,
    topic: *const c_char,
    topic_len: usize,
    payload: *const c_char,
    payload_len: usize,
    timeout_ms: i64,
    message_id: *mut *mut amq_text,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(
            api,
            timeout_ms,
            error,
            || optional_place(message_id),
            |api| {
                let topic = text("topic", topic, topic_len)?;
                let id = api.send_message(topic, text("payload", payload, payload_len)?)?;
                if !message_id.is_null() {
                    *message_id = amq_text::lend(&id);
                }
                Ok(amq_status::AMQ_OK)
            },
        )
    }
}

/// Asks if a client is connected (QuerySessionByClientId), and sets `*online` to the answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_api_query_session(
    api: *const amq_api,
    client_id: *const c_char,
    client_id_len: usize,
    timeout_ms: i64,
    online: *mut bool,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        with(
            api,
            timeout_ms,
            error,
            || crate::input::object_mut("online", online).map(|online| *online = false),
            |api| {
                *online = api.query_session(text("client_id", client_id, client_id_len)?)?;
                Ok(amq_status::AMQ_OK)
            },
        )
    }
}

/// Runs a call of the API with a timeout; first prepares the places of its results.
pub(crate) unsafe fn with(
    api: *const amq_api,
    timeout_ms: i64,
    error: *mut *mut amq_error,
    results: impl FnOnce() -> Result<(), Failure>,
    body: impl FnOnce(&Api) -> Result<amq_status, Failure>,
) -> amq_status {
    unsafe {
        call(error, || {
            results()?;
            let api = object("api", api)?.api();
            match deadline(timeout_ms)? {
                None => body(api),
                Some(timeout) => body(&api.with_timeout(timeout)),
            }
        })
    }
}

/// Sets the place for a result that may be left out to NULL.
unsafe fn optional_place<T>(place: *mut *mut T) -> Result<(), Failure> {
    unsafe { lent::set(place, std::ptr::null_mut()) };
    Ok(())
}
