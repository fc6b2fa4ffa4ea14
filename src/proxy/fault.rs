//! The errors of tunnels through a proxy, for MQTT and the API.
//!
//! `route` names the target, with the proxy on the way to it.

use std::io;

use crate::error::{Code, Error, ErrorKind, Hint, Stage};
use crate::system::{lookup_failed, no_descriptor};

/// The error of a proxy that answered with this status instead of opening a tunnel.
pub(crate) fn refused(status: u16, route: &str) -> Error {
    let hint = match status {
        201..=299 => Hint::ProxyOther2xx,
        407 => Hint::ProxyLogin,
        401 | 403 | 405 => Hint::ProxyPortBarred,
        429 => Hint::ProxyBusy,
        500..=599 => Hint::ProxyUpstream,
        _ => Hint::ProxyConnect,
    };
    let code = Code::Proxy(status);
    Error::new(ErrorKind::Proxy, format!("{route}: the proxy refused to connect: {code}"))
        .with_code(code)
        .with_hint(hint)
}

/// The error of an answer that is not that of a proxy, or too long.
#[cfg(feature = "proxy")]
pub(crate) fn not_a_proxy(route: &str, what: &str) -> Error {
    Error::new(ErrorKind::Proxy, format!("{route}: what answered in the proxy's place {what}"))
        .with_hint(Hint::NotAProxy)
}

/// The error of a proxy that closed the connection instead of answering.
pub(crate) fn silent(route: &str, text: &str) -> Error {
    Error::new(ErrorKind::ConnectionLost, format!("{route}: the proxy closed the connection without an answer{text}"))
        .with_stage(Stage::Proxy)
        .with_hint(Hint::ProxyClosed)
}

/// The error of a failed connection to the proxy itself.
pub(crate) fn unreachable(error: &io::Error, route: &str) -> Error {
    if lookup_failed(error) {
        let message = format!("{route}: the host name of the proxy cannot be resolved: {error}");
        return Error::new(ErrorKind::Resolve, message).with_hint(Hint::ProxyHostName);
    }
    let hint = match error.kind() {
        io::ErrorKind::ConnectionRefused => Hint::ProxyNothingListens,
        _ if no_descriptor(error) => Hint::OpenFiles,
        _ => Hint::ProxyNetwork,
    };
    let message = format!("{route}: cannot connect to the proxy: {error}");
    Error::new(ErrorKind::Connect, message).with_hint(hint)
}
