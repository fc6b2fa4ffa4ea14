//! What every protocol version needs to make a connection.

use std::net::{Ipv4Addr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rumqttc::{NetworkOptions, Transport};

use crate::config::{Config, Protocol};
use crate::credentials::Login;
use crate::error::{Error, ErrorKind, Hint};
use crate::session::wire::link::{Cause, Failure, LinkPump, LinkSender};
use crate::session::wire::route::Target;
use crate::session::wire::{secure, upgrade, v4, v5};
use crate::system;

/// More than will ever wait: the session hands over no more than a window of requests, besides acknowledgements,
/// whose number the broker's own window bounds. The channel allocates as it fills.
pub(in crate::session) const CHANNEL: usize = 1 << 20;

/// The highest packet id in use, for this window. Far above the window, so that an id is long settled before its turn
/// comes again.
#[cfg(not(aliyun_mqtt_model))]
pub(in crate::session) fn id_limit(window: u16) -> u16 {
    window.saturating_mul(4).max(1024)
}

// The models have few ids, so that they come round.
#[cfg(aliyun_mqtt_model)]
pub(in crate::session) use crate::session::wire::v4::id_limit;

/// The two halves of a connection.
pub(in crate::session) type Link = (Box<dyn LinkSender>, Box<dyn LinkPump>);

/// Prepares a connection of the configured protocol version; nothing is dialled before the pump's first `next`. The
/// handshake may take as long as `dial`, and a packet from the server have as many bytes as `longest`.
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

/// The stack of the connection's thread. It is reserved, and used only as far as it is needed.
pub(in crate::session) fn stack(config: &Config) -> Option<usize> {
    config.endpoint().transport().is_websocket().then_some(WEBSOCKET_STACK)
}

/// `ws_stream_tungstenite` 0.15 calls itself once more for each control frame, as long as it finds one, so that a server could
/// make any stack overflow. How many it finds in one call is bounded by [`RECEIVE_BUFFER`] and by tokio, which reads no more
/// after a read that was not filled, nor after 128 reads. Whatever the flood, 120 MiB are used in a debug build, 3.6 KiB for a
/// frame; so this leaves room for twice as many frames and more. Much less is needed in a release build.
const WEBSOCKET_STACK: usize = match (cfg!(target_pointer_width = "64"), cfg!(debug_assertions)) {
    (true, true) => 1 << 30,
    (true, false) => 256 << 20,
    (false, true) => 128 << 20,
    (false, false) => 64 << 20,
};

/// How much the system may keep of what a WebSocket server sends, as asked for; Linux doubles it. One read gets no more.
const RECEIVE_BUFFER: u32 = 32 << 10;

/// What the connection's socket is like.
pub(in crate::session) fn network(config: &Config, mut network: NetworkOptions) -> NetworkOptions {
    network.set_tcp_nodelay(true);
    if config.endpoint().transport().is_websocket() {
        network.set_tcp_recv_buffer_size(RECEIVE_BUFFER);
    }
    network
}

/// Seconds a handshake may take: whole ones, and never shorter than a caller's own deadline, which names the stage.
pub(in crate::session) fn seconds(time: Duration) -> u64 {
    time.as_secs_f64().ceil() as u64
}

/// How long a write may take before the line is given up: keep-alive does not run meanwhile.
pub(in crate::session) fn write_limit(config: &Config) -> Duration {
    config.timeout().min(config.keep_alive())
}

/// Of a packet of this size: what rumqttc counts against its limit, which is all but the fixed header.
pub(in crate::session) fn remaining(size: usize) -> usize {
    let header = match size {
        ..=129 => 2,
        130..=16_386 => 3,
        16_387..=2_097_155 => 4,
        _ => 5,
    };
    size - header.min(size)
}

/// Makes rumqttc's two halves. It panics where it cannot make its runtime, for want of a descriptor.
pub(in crate::session) fn make<T>(config: &Config, make: impl FnOnce() -> T) -> Result<T, Failure> {
    check_descriptors(config)?;
    catch_unwind(AssertUnwindSafe(make)).map_err(|_| no_descriptors(config, None))
}

/// Sees whether the descriptors of a connection can be had (three of the runtime, and one for the look-up and then the
/// socket), so that a process at its limit gets an error that says so: the runtime would panic, and a look-up would not
/// find the name.
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

/// What rumqttc takes for the host. With a WebSocket that is the whole URL, and the port besides it counts for nothing.
pub(in crate::session) fn host(config: &Config, target: &Target) -> String {
    let endpoint = config.endpoint();
    // A proxy looks the name up itself; the address is its own.
    let address = target.address.filter(|_| config.proxy().is_none());
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

/// How rumqttc is to connect.
pub(in crate::session) fn transport(config: &Config, target: &Target) -> Transport {
    let websocket = config.endpoint().transport().is_websocket();
    match config.tls() {
        Some(tls) => secure::transport(tls, target, websocket),
        None if websocket => upgrade::transport(),
        None => Transport::tcp(),
    }
}
