//! What every protocol version needs to make a connection.

#[cfg(feature = "proxy")]
use std::net::SocketAddr;
use std::net::{Ipv4Addr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(feature = "websocket")]
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "websocket")]
use async_tungstenite::tungstenite::client::IntoClientRequest;
#[cfg(feature = "websocket")]
use async_tungstenite::tungstenite::handshake::client::Request;
use rumqttc::{NetworkOptions, Transport};

use super::line::{Cause, Failure, LinePump, LineSender};
use super::route::Target;
use super::{v4, v5};
use crate::config::{Config, Protocol};
use crate::credentials::Login;
use crate::error::{Error, ErrorKind};
use crate::system;

/// More than will ever wait: the session hands over no more than a window of requests, besides acknowledgements,
/// whose number the broker's own window bounds. The channel allocates as it fills.
pub(super) const CHANNEL: usize = 1 << 20;

/// The highest packet id in use, for this window. Far above the window, so that an id is long settled before its turn
/// comes again.
#[cfg(not(aliyun_mqtt_model))]
pub(super) fn id_limit(window: u16) -> u16 {
    window.saturating_mul(4).max(1024)
}

// The models have few ids, so that they come round.
#[cfg(aliyun_mqtt_model)]
pub(super) use super::v4::id_limit;

/// The two halves of a connection.
pub(super) type Line = (Box<dyn LineSender>, Box<dyn LinePump>);

/// Prepares a connection of the configured protocol version; nothing is dialled before the pump's first `next`. The
/// handshake may take as long as `dial`, and a packet from the server have as many bytes as `longest`.
pub(super) fn open(
    config: &Config,
    login: &Login,
    dial: Duration,
    longest: usize,
    target: &Target,
) -> Result<Line, Failure> {
    match config.protocol() {
        Protocol::V311 => v4::open(config, login, dial, longest, target),
        Protocol::V5 => v5::open(config, login, dial, longest, target),
    }
}

/// The stack of the connection's thread. It is reserved, and used only as far as it is needed.
#[cfg(feature = "websocket")]
pub(super) fn stack(config: &Config) -> Option<usize> {
    config.endpoint().transport().is_websocket().then_some(WEBSOCKET_STACK)
}

#[cfg(not(feature = "websocket"))]
pub(super) fn stack(_: &Config) -> Option<usize> {
    None
}

/// `ws_stream_tungstenite` 0.15 calls itself once more for each control frame, as long as it finds one, so that a server could
/// make any stack overflow. How many it finds in one call is bounded by [`RECEIVE_BUFFER`] and by tokio, which reads no more
/// after a read that was not filled, nor after 128 reads. Whatever the flood, 120 MiB are used in a debug build, 3.6 KiB for a
/// frame; so this leaves room for twice as many frames and more. Much less is needed in a release build.
#[cfg(feature = "websocket")]
const WEBSOCKET_STACK: usize = match (cfg!(target_pointer_width = "64"), cfg!(debug_assertions)) {
    (true, true) => 1 << 30,
    (true, false) => 256 << 20,
    (false, true) => 128 << 20,
    (false, false) => 64 << 20,
};

/// How much the system may keep of what a WebSocket server sends, as asked for; Linux doubles it. One read gets no more.
#[cfg(feature = "websocket")]
const RECEIVE_BUFFER: u32 = 32 << 10;

/// What the connection's socket is like.
pub(super) fn network(config: &Config, mut network: NetworkOptions) -> NetworkOptions {
    network.set_tcp_nodelay(true);
    #[cfg(feature = "websocket")]
    if config.endpoint().transport().is_websocket() {
        network.set_tcp_recv_buffer_size(RECEIVE_BUFFER);
    }
    #[cfg(not(feature = "websocket"))]
    let _ = config;
    network
}

/// Seconds a handshake may take: whole ones, and never shorter than a caller's own deadline, which names the stage.
pub(super) fn seconds(time: Duration) -> u64 {
    time.as_secs_f64().ceil() as u64
}

/// How long a write may take before the line is given up: keep-alive does not run meanwhile.
pub(super) fn write_limit(config: &Config) -> Duration {
    config.timeout().min(config.keep_alive())
}

/// Of a packet of this size: what rumqttc counts against its limit, which is all but the fixed header.
pub(super) fn remaining(size: usize) -> usize {
    let header = match size {
        ..=129 => 2,
        130..=16_386 => 3,
        16_387..=2_097_155 => 4,
        _ => 5,
    };
    size - header.min(size)
}

/// Makes rumqttc's two halves. It panics where it cannot make its runtime, for want of a descriptor.
pub(super) fn make<T>(config: &Config, make: impl FnOnce() -> T) -> Result<T, Failure> {
    check_descriptors(config)?;
    catch_unwind(AssertUnwindSafe(make)).map_err(|_| no_descriptors(config, None))
}

/// Sees whether the descriptors of a connection can be had (three of the runtime, and one for the look-up and then the
/// socket), so that a process at its limit gets an error that says so: the runtime would panic, and a look-up would not
/// find the name.
pub(super) fn check_descriptors(config: &Config) -> Result<(), Failure> {
    let sockets: Result<Vec<_>, _> = (0..4).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))).collect();
    match sockets {
        Err(error) if system::no_descriptor(&error) => Err(no_descriptors(config, Some(error))),
        _ => Ok(()),
    }
}

fn no_descriptors(config: &Config, source: Option<std::io::Error>) -> Failure {
    let message = format!("cannot set up a connection to {} (stage: connect): too many open files", config.route());
    let error = Error::new(ErrorKind::Connect, message).with_hint(system::DESCRIPTORS);
    let error = match source {
        Some(source) => error.with_source(source),
        None => error,
    };
    Failure { error, cause: Cause::Other }
}

/// What rumqttc takes for the host. With a WebSocket that is the whole URL, and the port besides it counts for nothing.
pub(super) fn host(config: &Config, target: &Target) -> String {
    let endpoint = config.endpoint();
    // A proxy looks the name up itself; the address is its own.
    let address = target.address.filter(|_| config.proxy().is_none());
    #[cfg(feature = "websocket")]
    if endpoint.transport().is_websocket() {
        return match address {
            Some(address) => format!("{}://{address}{}", endpoint.transport().scheme(), endpoint.path()),
            None => endpoint.url(),
        };
    }
    let host = address.map_or_else(|| endpoint.host().to_string(), |address| address.ip().to_string());
    // A proxy is asked for the host as it stands in a URL.
    if config.proxy().is_some() && host.contains(':') { format!("[{host}]") } else { host }
}

/// Gives the request for a WebSocket back the name of the server, where one of its addresses was dialled; TLS takes it from
/// there, too. By then there is a connection.
#[cfg(feature = "websocket")]
pub(super) fn request(config: &Config, target: &Target) -> impl Fn(Request) -> std::future::Ready<Request> + use<> {
    let (url, watch) = (config.endpoint().url(), Arc::clone(&target.watch));
    let named = target.address.is_some() && config.proxy().is_none();
    move |mut request| {
        watch.begin();
        if let Some(by_name) = named.then(|| url.as_str().into_client_request().ok()).flatten() {
            if let Some(host) = by_name.headers().get("Host") {
                request.headers_mut().insert("Host", host.clone());
            }
            *request.uri_mut() = by_name.uri().clone();
        }
        if watch.is_given_up() {
            // Without them nothing is sent.
            request.headers_mut().clear();
        }
        std::future::ready(request)
    }
}

/// The proxy to go through.
#[cfg(feature = "proxy")]
pub(super) fn proxy(config: &Config, target: &Target) -> Option<rumqttc::Proxy> {
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

/// How rumqttc is to connect.
pub(super) fn transport(config: &Config, target: &Target) -> Transport {
    #[cfg(not(feature = "tls"))]
    let _ = target;
    #[cfg(feature = "tls")]
    if let Some(tls) = config.tls() {
        let tls = rumqttc::TlsConfiguration::Rustls(tls.watched(&target.watch));
        #[cfg(feature = "websocket")]
        if config.endpoint().transport().is_websocket() {
            return Transport::wss_with_config(tls);
        }
        return Transport::tls_with_config(tls);
    }
    match config.endpoint().transport() {
        #[cfg(feature = "websocket")]
        crate::config::endpoint::Transport::Ws => Transport::ws(),
        _ => Transport::tcp(),
    }
}

#[cfg(all(test, feature = "websocket"))]
mod tests {
    use super::*;

    /// The request that is sent in the end.
    fn asked(config: &Config, target: &Target) -> Request {
        request(config, target)(host(config, target).as_str().into_client_request().unwrap()).into_inner()
    }

    #[test]
    fn the_request_for_a_websocket_has_the_name_and_is_taken_back_where_the_dial_was_given_up() {
        let credentials = crate::Credentials::signature("id", "secret");
        let config = Config::builder().endpoint("ws://broker.test:81/a").instance_id("post-cn-x").group_id("GID_demo");
        let config = config.credentials(credentials).build().unwrap();
        let target = Target { address: "127.0.0.2:81".parse().ok(), ..Target::default() };
        assert_eq!(host(&config, &target), "ws://127.0.0.2:81/a");
        assert_eq!(asked(&config, &target).headers()["Host"], "broker.test:81");
        assert!(target.watch.has_begun());
        target.watch.give_up();
        assert!(asked(&config, &target).headers().is_empty());
        target.watch.end();
    }
}
