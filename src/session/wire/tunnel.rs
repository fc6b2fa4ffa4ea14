//! The errors of a tunnel through an HTTP proxy, in the words of this library.
//!
//! rumqttc leaves the exchange with the proxy to `async-http-proxy`. It accepts status 200 only, reads up to 4 KiB in
//! 16 header lines, and discards what follows; a server sends nothing before CONNECT. It reads an endless line on and
//! on: the timeout of the handshake ends that.

use std::io;

use async_http_proxy::HttpError;

use crate::error::Error;
use crate::proxy::{not_a_proxy, refused, silent, unreachable};
use crate::session::wire::errors::Foreign;
use crate::session::wire::link::{Cause, Failure};

/// `error`: rumqttc's `ProxyError`, which has no public name. `server`: the endpoint and the proxy, for the message.
pub(in crate::session) fn failed(error: impl Foreign, server: &str) -> Failure {
    Failure { error: explained(error, server), cause: Cause::Other }
}

fn explained(error: impl Foreign, server: &str) -> Error {
    let cause = error.source();
    if let Some(own) = cause.and_then(|cause| cause.downcast_ref::<io::Error>()) {
        return unreachable(own, server).with_source(error);
    }
    match cause.and_then(|cause| cause.downcast_ref::<HttpError>()) {
        Some(HttpError::HttpCode200(status)) => refused(*status, server),
        Some(HttpError::EndOfFile) => silent(server, ""),
        // Not text.
        Some(HttpError::IoError(own)) if own.kind() == io::ErrorKind::InvalidData => {
            not_a_proxy(server, "does not speak HTTP")
        }
        Some(HttpError::IoError(own)) => silent(server, &format!(": {own}")).with_source(error),
        // Not the cause itself: it has the whole answer in it, which may repeat what was sent.
        Some(HttpError::MaximumResponseHeaderLengthExceeded(_)) => {
            not_a_proxy(server, "says more than the 4096 bytes that are read")
        }
        Some(HttpError::HttpParseError(own)) => {
            not_a_proxy(server, &format!("does not speak HTTP as it should ({own})")).with_source(error)
        }
        _ => not_a_proxy(server, "does not speak HTTP as it should"),
    }
}
