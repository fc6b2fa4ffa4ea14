//! Translates the errors of a tunnel through an HTTP proxy.
//!
//! rumqttc leaves the exchange with the proxy to `async-http-proxy`. It accepts status 200 only, reads up to 4 KiB in
//! 16 header lines, and discards what follows; a server sends nothing before CONNECT. It reads an endless line on and
//! on: the timeout of the handshake ends that.

use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Instant;

use async_http_proxy::HttpError;

use crate::config::Config;
use crate::detached::Timed;
use crate::error::Error;
use crate::proxy::{ask, refused, silent};
pub(super) use crate::proxy::{not_a_proxy, unreachable};
use crate::session::wire::errors::Foreign;
use crate::session::wire::link::{Cause, Failure};
use crate::session::wire::target::Target;

/// Sets the proxy of a connection of MQTT 3.1.1, if there is one.
pub(super) fn prepare_v4(options: &mut rumqttc::MqttOptions, config: &Config, target: &Target) {
    if let Some(proxy) = proxy(config, target) {
        options.set_proxy(proxy);
    }
}

/// Sets the proxy of a connection of MQTT 5, if there is one.
pub(super) fn prepare_v5(options: &mut rumqttc::v5::MqttOptions, config: &Config, target: &Target) {
    if let Some(proxy) = proxy(config, target) {
        options.set_proxy(proxy);
    }
}

/// Explains an error of MQTT 3.1.1, or returns it unless it is one of the proxy.
pub(super) fn classify_v4(
    error: rumqttc::ConnectionError,
    server: &str,
) -> ControlFlow<Failure, rumqttc::ConnectionError> {
    match error {
        rumqttc::ConnectionError::Proxy(error) => ControlFlow::Break(failed(error, server)),
        other => ControlFlow::Continue(other),
    }
}

/// Explains an error of MQTT 5, or returns it unless it is one of the proxy.
pub(super) fn classify_v5(
    error: rumqttc::v5::ConnectionError,
    server: &str,
) -> ControlFlow<Failure, rumqttc::v5::ConnectionError> {
    match error {
        rumqttc::v5::ConnectionError::Proxy(error) => ControlFlow::Break(failed(error, server)),
        other => ControlFlow::Continue(other),
    }
}

/// Asks the configured proxy, if there is one, for a tunnel. Returns `None` if it does not open one in time.
pub(super) fn open(stream: &mut impl Timed, config: &Config, deadline: Instant) -> Option<()> {
    let Some(proxy) = config.proxy() else { return Some(()) };
    let endpoint = config.endpoint();
    let status = ask(stream, proxy, endpoint.host(), endpoint.port(), deadline);
    status.filter(|status| *status == 200).map(drop)
}

/// The proxy to go through.
fn proxy(config: &Config, target: &Target) -> Option<rumqttc::Proxy> {
    let proxy = config.proxy()?;
    let auth = match proxy.basic_auth() {
        None => rumqttc::ProxyAuth::None,
        Some((user, password)) => {
            rumqttc::ProxyAuth::Basic { username: user.to_string(), password: password.to_string() }
        }
    };
    let addr = match target.address {
        Some(SocketAddr::V6(address)) => format!("[{}]", address.ip()),
        Some(SocketAddr::V4(address)) => address.ip().to_string(),
        None => crate::config::authority::bracketed(proxy.host()).into_owned(),
    };
    Some(rumqttc::Proxy { ty: rumqttc::ProxyType::Http, auth, addr, port: proxy.port() })
}

/// Translates `error`, rumqttc's `ProxyError`, which has no public name. `server`: the endpoint and the proxy, for the
/// message.
fn failed(error: impl Foreign, server: &str) -> Failure {
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
        // Without the cause as the source: it contains the whole answer, which may repeat the login.
        Some(HttpError::MaximumResponseHeaderLengthExceeded(_)) => {
            not_a_proxy(server, "answered with more than the 4096 bytes that are read")
        }
        Some(HttpError::HttpParseError(own)) => {
            not_a_proxy(server, &format!("does not speak HTTP as it should ({own})")).with_source(error)
        }
        _ => not_a_proxy(server, "does not speak HTTP as it should"),
    }
}
