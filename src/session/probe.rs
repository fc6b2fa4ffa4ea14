//! Where a handshake hangs.
//!
//! rumqttc has one time-out for resolving, dialling, the proxy, TLS and CONNACK together. When it strikes, a probe of our own
//! walks the same way step by step; the step it hangs in, or fails at, is the stage that is named.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::error::{Error, ErrorKind, Stage};
use crate::helper;

/// The stages in the order of the walk; the probe's progress is an index into this.
const WALK: [Stage; 5] = [Stage::Resolve, Stage::Connect, Stage::Proxy, Stage::Tls, Stage::ConnAck];

/// A walk that is under way.
pub(super) struct Probe {
    progress: Arc<AtomicU8>,
    finding: Option<Receiver<Option<&'static str>>>,
}

/// Starts walking, on a thread of its own, for about `limit`.
pub(super) fn start(config: &Config, limit: Duration) -> Probe {
    let progress = Arc::new(AtomicU8::new(0));
    let (shared, config) = (Arc::clone(&progress), config.clone());
    let deadline = Instant::now() + limit;
    let finding = helper::spawn(move || walk(&config, deadline, &shared));
    Probe { progress, finding }
}

impl Probe {
    /// The stage it has come to.
    pub(super) fn stage(&self) -> Stage {
        WALK.get(usize::from(self.progress.load(Ordering::Relaxed))).copied().unwrap_or(Stage::ConnAck)
    }

    /// Waits for the walk's end, at most until the deadline or until `leaving` says so: which other protocol answers on
    /// that port, if one was recognised.
    pub(super) fn finish(&self, deadline: Instant, leaving: impl Fn() -> bool) -> Option<&'static str> {
        helper::wait(self.finding.as_ref()?, deadline, leaving).ok().flatten()
    }
}

/// The error of a handshake that took too long.
pub(super) fn time_out(config: &Config, stage: Stage) -> Error {
    let (what, hint) = match stage {
        Stage::Credentials => {
            ("the credentials provider did not answer", "it runs at every connect and must finish within the time-out")
        }
        Stage::Resolve if config.proxy().is_some() => {
            ("the host name of the proxy could not be resolved", "check this machine's DNS")
        }
        Stage::Connect if config.proxy().is_some() => {
            ("no TCP connection to the proxy could be made", "check host and port of the proxy, and any firewall")
        }
        Stage::Proxy => (
            "the proxy was reached, but did not answer",
            "is it an HTTP proxy? It may be trying in vain to reach the server: check the endpoint, too",
        ),
        Stage::Resolve => ("the host name could not be resolved", "check this machine's DNS"),
        Stage::Connect => (
            "no TCP connection could be made",
            "check host, port and firewall; a VPC endpoint is reachable only inside its VPC",
        ),
        Stage::Tls => ("the TLS handshake did not finish", "is this really a TLS port (8883)? 1883 is plain"),
        Stage::Ack => (
            "the connection was made, but $SYS/enableOrderMsg was not acknowledged",
            "does this instance support ordered messages?",
        ),
        _ if config.endpoint().transport().is_websocket() => (
            "the connection was made, but the request for a WebSocket, or CONNECT, was not answered",
            "is this really a WebSocket port (80, or 443 for TLS)?",
        ),
        _ => (
            "the connection was made, but CONNECT was not answered",
            "is this really an MQTT port (1883, or 8883 for TLS)?",
        ),
    };
    let message = format!("{}: {what} within {:?} (stage: {stage})", config.route(), config.timeout());
    Error::new(ErrorKind::Timeout(stage), message).with_hint(hint)
}

fn walk(config: &Config, deadline: Instant, progress: &AtomicU8) -> Option<&'static str> {
    let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let reach = |stage| {
        let index = WALK.iter().position(|known| *known == stage).unwrap_or(0);
        progress.store(u8::try_from(index).unwrap_or(0), Ordering::Relaxed);
    };
    let endpoint = config.endpoint();
    let (host, port) = match config.proxy() {
        Some(proxy) => (proxy.host(), proxy.port()),
        None => (endpoint.host(), endpoint.port()),
    };
    let addresses: Vec<_> = (host, port).to_socket_addrs().ok()?.collect();
    reach(Stage::Connect);
    let share = left() / u32::try_from(addresses.len()).ok()?.max(1);
    let mut stream = addresses.iter().find_map(|address| TcpStream::connect_timeout(address, share).ok())?;
    #[cfg(feature = "proxy")]
    if let Some(proxy) = config.proxy() {
        reach(Stage::Proxy);
        let status = crate::proxy::ask(&mut stream, proxy, endpoint.host(), endpoint.port(), deadline);
        status.filter(|status| *status == 200)?;
    }
    stream.set_read_timeout(Some(left())).ok()?;
    stream.set_write_timeout(Some(left())).ok()?;
    // Of a WebSocket server, an answer in HTTP would be no news.
    let asks = !endpoint.transport().is_websocket();
    #[cfg(feature = "tls")]
    if let Some(tls) = config.tls() {
        reach(Stage::Tls);
        let name = rustls::pki_types::ServerName::try_from(endpoint.host().to_string()).ok()?;
        let mut connection = rustls::ClientConnection::new(tls, name).ok()?;
        connection.complete_io(&mut stream).ok()?;
        reach(Stage::ConnAck);
        return asks.then(|| speaks(&mut rustls::Stream::new(&mut connection, &mut stream))).flatten();
    }
    reach(Stage::ConnAck);
    asks.then(|| speaks(&mut stream)).flatten()
}

/// Asks in a way that an HTTP server answers, and AMQP servers and MQTT brokers reject.
fn speaks(stream: &mut (impl Read + Write)) -> Option<&'static str> {
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    stream.flush().ok()?;
    let mut start = [0; 4];
    stream.read_exact(&mut start).ok()?;
    match &start {
        b"HTTP" => Some("HTTP"),
        b"AMQP" => Some("AMQP"),
        _ => None,
    }
}
