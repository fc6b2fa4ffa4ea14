//! The errors of the chain.

use crate::error::{ApiFault, Error, ErrorKind, Fate};

/// The error of a place without a usable key.
pub(super) fn credentials(message: String) -> Error {
    Error::new(ErrorKind::Credentials, message).with_fate(Fate::NotSent)
}

/// The error of an answer that is not the expected one. The body is not shown: it may hold a key.
pub(super) fn not_ok(whose: &str, status: u16) -> Error {
    let redirect = if (300..400).contains(&status) { ", a redirect, which is not followed" } else { "" };
    let message = format!("{whose} answered with HTTP {status}{redirect}");
    credentials(message).with_source(refusal(status, None))
}

/// The cause of an error of a service that has answered, which tells if it may answer otherwise later.
pub(super) fn refusal(status: u16, code: Option<String>) -> Error {
    let fault = ApiFault::new(status, code, None, None);
    Error::new(ErrorKind::Api, fault.to_string()).with_api(fault)
}
