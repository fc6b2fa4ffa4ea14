//! The errors of tunnels through a proxy, for MQTT and the API.
//!
//! `route` names the target, with the proxy on the way to it.

use std::io;

use crate::error::{Code, Error, ErrorKind, Stage};
use crate::system::{DESCRIPTORS, lookup_failed, no_descriptor};

/// The proxy answered with this status instead of opening a tunnel.
pub(crate) fn refused(status: u16, route: &str) -> Error {
    let hint = match status {
        201..=299 => {
            "this means success (RFC 9110, section 9.3.6), but the underlying proxy library accepts 200 only: \
             configure the proxy to answer 200"
        }
        407 => {
            "check user name and password: set proxy_credentials, or write them in the URL of proxy \
             (http://user:password@host:port); the only supported scheme is Basic"
        }
        401 | 403 | 405 => "many proxies allow port 443 only; have the proxy allow the host and port of the endpoint",
        429 => "the proxy says that there are too many requests; try again later",
        500..=599 => {
            "the proxy could not find or reach the server: check the endpoint; VPC endpoints resolve only inside their \
             VPC"
        }
        _ => "is it an HTTP proxy that allows CONNECT?",
    };
    let code = Code::Proxy(status);
    Error::new(ErrorKind::Proxy, format!("{route}: the proxy refused to connect (stage: proxy): {code}"))
        .with_code(code)
        .with_hint(hint)
}

/// The answer is not that of a proxy, or too long.
#[cfg(feature = "proxy")]
pub(crate) fn not_a_proxy(route: &str, what: &str) -> Error {
    Error::new(ErrorKind::Proxy, format!("{route}: what answered in the proxy's place {what} (stage: proxy)"))
        .with_hint("is it the host and port of an HTTP proxy?")
}

/// The proxy closed the connection instead of answering.
pub(crate) fn silent(route: &str, text: &str) -> Error {
    Error::new(
        ErrorKind::ConnectionLost,
        format!("{route}: the proxy closed the connection without an answer (stage: proxy){text}"),
    )
    .with_stage(Stage::Proxy)
    .with_hint("is it the host and port of an HTTP proxy, and does it allow this machine?")
}

/// No connection to the proxy itself.
pub(crate) fn unreachable(error: &io::Error, route: &str) -> Error {
    if lookup_failed(error) {
        let message = format!("{route}: the host name of the proxy cannot be resolved (stage: resolve): {error}");
        return Error::new(ErrorKind::Resolve, message)
            .with_hint("check the spelling of the proxy and this machine's DNS");
    }
    let hint = match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens on that port: check host and port of the proxy",
        _ if no_descriptor(error) => DESCRIPTORS,
        _ => "check the proxy, the network and any firewall in between",
    };
    let message = format!("{route}: cannot connect to the proxy (stage: connect): {error}");
    Error::new(ErrorKind::Connect, message).with_hint(hint)
}
