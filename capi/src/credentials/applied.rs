//! Tokens that the library itself applies for.

use aliyun_mqtt::Credentials;

use super::{amq_credentials, make};
use crate::api::amq_api;
use crate::api::token::{amq_token_request, requests as read_requests};
use crate::error::amq_error;
use crate::input::object;
use crate::status::amq_status;

/// Creates credentials for token mode, with tokens that the library itself applies for and renews: one for each
/// request, at most one of each kind. The requests and the API are copied. Meant for your own servers, which hold the
/// account's key. The API must be that of the client's instance.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_credentials_apply_tokens(
    api: *const amq_api,
    requests: *const *const amq_token_request,
    count: usize,
    credentials: *mut *mut amq_credentials,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        make(credentials, error, || {
            Ok(Credentials::apply_tokens(object("api", api)?.api(), read_requests(requests, count)?))
        })
    }
}
