//! The parts of making a connection that both versions of MQTT share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rumqttc::{NetworkOptions, Transport};

use crate::config::Config;
#[cfg(not(aliyun_mqtt_model))]
use crate::config::Protocol;
use crate::error::{Error, ErrorKind, Hint};
#[cfg(not(aliyun_mqtt_model))]
use crate::session::wire::link::IDS_PER_PLACE;
use crate::session::wire::link::{Cause, Failure, LinkPump, LinkSender};
use crate::session::wire::target::Target;
use crate::session::wire::{secure, upgrade};
use crate::system;

/// The capacity of the request channel, which is never reached: the session sends at most a window of requests, besides
/// acknowledgements, whose number is bounded by the server's own window. The channel allocates as it fills.
pub(in crate::session) const CHANNEL: usize = 1 << 20;

/// The highest packet id with which a connection starts. rumqttc's table of ids is most of a client's memory. A client
/// with a kept session has more ids: a process begins at any of them, and should not meet those of the last one.
#[cfg(not(aliyun_mqtt_model))]
pub(in crate::session) fn id_limit(config: &Config) -> u16 {
    let window = config.window();
    let ample = window.saturating_mul(IDS_PER_PLACE);
    match (config.protocol(), config.clean_session()) {
        (_, false) => ample.max(1024),
        // rumqttc counts some messages twice there, and sends nothing while it counts as many as there are ids.
        (Protocol::V5, true) => ample.max(400),
        // Those in use are passed over.
        (Protocol::V311, true) => window.saturating_add(window / 4).max(128),
    }
}

// The models have few ids, so that they wrap around.
#[cfg(aliyun_mqtt_model)]
pub(in crate::session) fn id_limit(config: &Config) -> u16 {
    aliyun_mqtt_model_ground::broker::id_limit(config.window())
}

/// Sets the options that both versions have in common: rumqttc has two types for them, with the same methods.
macro_rules! set_common {
    ($options:ident, $config:expr, $login:expr, $target:expr) => {
        $options
            .set_transport($crate::session::wire::dial::transport($config, $target))
            .set_credentials($login.username(), $login.password())
            .set_keep_alive($config.keep_alive())
            .set_manual_acks(true);
    };
}

pub(super) use set_common;

/// Lets a new state of rumqttc take over what the old one knows, for both versions: their types differ, and their
/// fields and methods do not. Needs a function `next_id`, which advances a state's counter.
macro_rules! take_over {
    ($state:ident, $old:ident) => {
        $state.await_pingresp = $old.await_pingresp;
        $state.collision_ping_count = $old.collision_ping_count;
        $state.collision = $old.collision.take();
        let events = std::mem::take(&mut $old.events);
        for _ in 1..next_id(&mut $old) {
            next_id($state);
        }
        for request in $old.clean() {
            let _ = $state.handle_outgoing_packet(request);
        }
        $state.events = events;
    };
}

pub(super) use take_over;

/// The two halves of a connection.
pub(in crate::session) type Link = (Box<dyn LinkSender>, Box<dyn LinkPump>);

/// The stack size of the thread that dials. The system reserves it, and provides only the part that is used.
pub(in crate::session) fn stack(config: &Config) -> Option<usize> {
    config.endpoint().transport().is_websocket().then_some(WEBSOCKET_STACK)
}

/// `ws_stream_tungstenite` 0.15 recurses for each control frame that it finds, so a server could overflow a small
/// stack. [`RECEIVE_BUFFER`] and tokio bound the number of frames in one call: tokio stops after a read that did not
/// fill its buffer, and after 128 reads. A flood uses 120 MiB in a debug build, 3.6 KiB for a frame; this leaves room
/// for more than twice as many frames. A release build needs much less.
const WEBSOCKET_STACK: usize = match (cfg!(target_pointer_width = "64"), cfg!(debug_assertions)) {
    (true, true) => 1 << 30,
    (true, false) => 256 << 20,
    (false, true) => 128 << 20,
    (false, false) => 64 << 20,
};

/// The receive buffer of a WebSocket's socket, which bounds one read. Linux doubles the size asked for.
const RECEIVE_BUFFER: u32 = 32 << 10;

/// Adds the settings of the connection's socket.
pub(in crate::session) fn network(config: &Config, mut network: NetworkOptions) -> NetworkOptions {
    network.set_tcp_nodelay(true);
    if config.endpoint().transport().is_websocket() {
        network.set_tcp_recv_buffer_size(RECEIVE_BUFFER);
    }
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
/// A process at its limit gets an error that says so; otherwise the runtime would panic or the lookup would fail.
pub(in crate::session) fn check_descriptors(config: &Config) -> Result<(), Failure> {
    match system::take_descriptors(4) {
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

/// The transport, as rumqttc expects it.
pub(in crate::session) fn transport(config: &Config, target: &Target) -> Transport {
    let websocket = config.endpoint().transport().is_websocket();
    match config.tls() {
        Some(tls) => secure::transport(tls, target, websocket),
        None if websocket => upgrade::transport(),
        None => Transport::tcp(),
    }
}
