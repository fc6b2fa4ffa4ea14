//! The parts of making a connection that both versions of MQTT share.

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

use crate::config::{Config, Protocol};
use crate::credentials::Login;
use crate::error::{Error, ErrorKind, Hint};
use crate::session::wire::link::{Cause, Failure, LinkPump, LinkSender};
use crate::session::wire::route::Target;
use crate::session::wire::v4;
use crate::session::wire::v5;
use crate::system;

/// The capacity of the request channel, which is never reached: the session hands over at most a window of requests,
/// besides acknowledgements, whose number the server's own window bounds. The channel allocates as it fills.
pub(in crate::session) const CHANNEL: usize = 1 << 20;

/// The highest packet id in use with this window: far above it, so that an id is settled long before it is used again.
#[cfg(not(aliyun_mqtt_model))]
pub(in crate::session) fn id_limit(window: u16) -> u16 {
    window.saturating_mul(4).max(1024)
}

// The models have few ids, so that they come round.
#[cfg(aliyun_mqtt_model)]
pub(in crate::session) use crate::session::wire::v4::id_limit;

/// Sets the options that both versions have in common: rumqttc has two types for them, with the same methods.
macro_rules! set_common {
    ($options:ident, $config:expr, $login:expr, $target:expr) => {
        $options
            .set_transport($crate::session::wire::dial::transport($config, $target))
            .set_credentials($login.username.as_str(), $login.password.as_str())
            .set_keep_alive($config.keep_alive())
            .set_manual_acks(true);
        #[cfg(feature = "proxy")]
        if let Some(proxy) = $crate::session::wire::dial::proxy($config, $target) {
            $options.set_proxy(proxy);
        }
        #[cfg(feature = "websocket")]
        $options.set_request_modifier($crate::session::wire::dial::request($config, $target));
    };
}

pub(super) use set_common;

/// The two halves of a connection.
pub(in crate::session) type Link = (Box<dyn LinkSender>, Box<dyn LinkPump>);

/// Prepares a connection of the configured protocol version. The pump's first `next` dials. The handshake may take
/// `dial`, and a packet from the server may have `longest` bytes. [`check_descriptors`] comes first.
pub(in crate::session) fn open(
    config: &Config,
    login: &Login,
    dial: Duration,
    longest: usize,
    target: &Target,
) -> Result<Link, Failure> {
    match config.protocol() {
        Protocol::V311 => v4::open(config, login, dial, longest, target),
        Protocol::V5 => v5::open(config, login, dial, longest, target),
    }
}

/// The stack size of the thread that dials. The system reserves it, and provides only the part that is used.
#[cfg(feature = "websocket")]
pub(in crate::session) fn stack(config: &Config) -> Option<usize> {
    config.endpoint().transport().is_websocket().then_some(WEBSOCKET_STACK)
}

#[cfg(not(feature = "websocket"))]
pub(in crate::session) fn stack(_: &Config) -> Option<usize> {
    None
}

/// `ws_stream_tungstenite` 0.15 recurses for each control frame that it finds, so a server could overflow a small
/// stack. [`RECEIVE_BUFFER`] and tokio bound the number of frames in one call: tokio stops after a read that did not
/// fill its buffer, and after 128 reads. A flood uses 120 MiB in a debug build, 3.6 KiB for a frame; this leaves room
/// for more than twice as many frames. A release build needs much less.
#[cfg(feature = "websocket")]
const WEBSOCKET_STACK: usize = match (cfg!(target_pointer_width = "64"), cfg!(debug_assertions)) {
    (true, true) => 1 << 30,
    (true, false) => 256 << 20,
    (false, true) => 128 << 20,
    (false, false) => 64 << 20,
};

/// The receive buffer of a WebSocket's socket, which bounds one read. Linux doubles the size asked for.
#[cfg(feature = "websocket")]
const RECEIVE_BUFFER: u32 = 32 << 10;

/// Adds the settings of the connection's socket.
pub(in crate::session) fn network(config: &Config, mut network: NetworkOptions) -> NetworkOptions {
    network.set_tcp_nodelay(true);
    #[cfg(feature = "websocket")]
    if config.endpoint().transport().is_websocket() {
        network.set_tcp_recv_buffer_size(RECEIVE_BUFFER);
    }
    #[cfg(not(feature = "websocket"))]
    let _ = config;
    network
}

/// Rounds up to whole seconds, so that no handshake ends before its caller's deadline, which names the stage.
pub(in crate::session) fn seconds(time: Duration) -> u64 {
    time.as_secs_f64().ceil() as u64
}

/// How long a write may take before the connection is given up: keep-alive does not run meanwhile.
pub(in crate::session) fn write_limit(config: &Config) -> Duration {
    config.timeout().min(config.keep_alive())
}

/// The part of a packet of this size that rumqttc counts against its limit: all but the fixed header.
pub(in crate::session) fn remaining(size: usize) -> usize {
    let header = match size {
        ..=129 => 2,
        130..=16_386 => 3,
        16_387..=2_097_155 => 4,
        _ => 5,
    };
    size - header.min(size)
}

/// Makes rumqttc's two halves. rumqttc panics when a lack of descriptors keeps it from making its runtime.
pub(in crate::session) fn make<T>(config: &Config, make: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(make)).map_err(|_| no_descriptors(config, None))
}

/// Checks that a connection can get its descriptors: three for the runtime, and one for the lookup and then the socket.
/// A process at its limit gets an error that says so; otherwise the runtime would panic, or the lookup would not find
/// the name.
pub(in crate::session) fn check_descriptors(config: &Config) -> Result<(), Failure> {
    let sockets: Result<Vec<_>, _> = (0..4).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))).collect();
    match sockets {
        Err(error) if system::no_descriptor(&error) => Err(no_descriptors(config, Some(error))),
        _ => Ok(()),
    }
}

fn no_descriptors(config: &Config, source: Option<std::io::Error>) -> Failure {
    let message = format!("cannot set up a connection to {}: too many open files", config.route());
    let error = Error::new(ErrorKind::Connect, message).with_hint(Hint::OpenFiles);
    let error = match source {
        Some(source) => error.with_source(source),
        None => error,
    };
    Failure { error, cause: Cause::Other }
}

/// The host as rumqttc expects it. For a WebSocket it is the whole URL, and rumqttc ignores the port beside it.
pub(in crate::session) fn host(config: &Config, target: &Target) -> String {
    let endpoint = config.endpoint();
    // A proxy resolves the name itself; the address is the proxy's.
    let address = target.address.filter(|_| config.proxy().is_none());
    #[cfg(feature = "websocket")]
    if endpoint.transport().is_websocket() {
        return match address {
            Some(address) => format!("{}://{address}{}", endpoint.transport().scheme(), endpoint.path()),
            None => endpoint.url(),
        };
    }
    let host = address.map_or_else(|| endpoint.host().to_string(), |address| address.ip().to_string());
    // A proxy expects the host as in a URL.
    if config.proxy().is_some() && host.contains(':') { format!("[{host}]") } else { host }
}

/// Puts the server's name back into the request for a WebSocket when one of its addresses was dialled; TLS takes the
/// name from there, too. rumqttc calls this after the connection is made.
#[cfg(feature = "websocket")]
pub(in crate::session) fn request(
    config: &Config,
    target: &Target,
) -> impl Fn(Request) -> std::future::Ready<Request> + use<> {
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
            // Without headers nothing is sent.
            request.headers_mut().clear();
        }
        std::future::ready(request)
    }
}

/// The proxy, as rumqttc expects it.
#[cfg(feature = "proxy")]
pub(in crate::session) fn proxy(config: &Config, target: &Target) -> Option<rumqttc::Proxy> {
    let proxy = config.proxy()?;
    let auth = match proxy.login() {
        None => rumqttc::ProxyAuth::None,
        Some((user, password)) => {
            rumqttc::ProxyAuth::Basic { username: user.to_string(), password: password.to_string() }
        }
    };
    let addr = match target.address {
        Some(SocketAddr::V6(address)) => format!("[{}]", address.ip()),
        Some(SocketAddr::V4(address)) => address.ip().to_string(),
        None => proxy.bracketed_host(),
    };
    Some(rumqttc::Proxy { ty: rumqttc::ProxyType::Http, auth, addr, port: proxy.port() })
}

/// The transport, as rumqttc expects it.
pub(in crate::session) fn transport(config: &Config, target: &Target) -> Transport {
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
        crate::endpoint::Transport::Ws => Transport::ws(),
        _ => Transport::tcp(),
    }
}

#[cfg(all(test, feature = "websocket"))]
mod tests {
    use super::*;

    /// The request that is sent.
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
