//! The errors of the chain.

use crate::error::{Error, ErrorKind, Fate};

/// The error of a place without a usable key.
pub(super) fn credentials(message: String) -> Error {
    Error::new(ErrorKind::Credentials, message).with_fate(Fate::NotSent)
}

/// The error of an answer that is not the expected one. The body is not shown: it may hold a key.
pub(super) fn not_ok(whose: &str, status: u16) -> Error {
    let redirect = if (300..400).contains(&status) { ", a redirect, which is not followed" } else { "" };
    credentials(format!("{whose} answered with HTTP {status}{redirect}"))
}
