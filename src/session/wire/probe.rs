//! Where a handshake hangs, and what it is that answers there.
//!
//! rumqttc has one time-out for resolving, dialling, the proxy, TLS and CONNACK together, and keeps nothing of an answer that
//! it does not understand. So a probe of our own walks the same way step by step; the step it hangs in, or fails at, is the
//! stage that is named, and the first bytes of an answer that does not belong there are told.

use std::io::{self, Read, Write};
use std::net::ToSocketAddrs;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::detached::{self, Timed};
use crate::error::{Error, ErrorKind, Hint, Stage};
use crate::session::wire::race::{self, Tried};
use crate::session::wire::{route, secure, tunnel};
use crate::sync::lock;

/// How much of an answer is told.
const SAID: usize = 48;

/// How long a probe waits for more of an answer that has begun.
const MORE: Duration = Duration::from_millis(100);

/// What a walk has found out so far.
#[derive(Debug, Clone)]
pub(in crate::session) struct Findings {
    /// The stage it has come to.
    pub(in crate::session) stage: Stage,
    /// The addresses that did not answer.
    tried: Vec<Tried>,
    /// The first bytes that were said in this stage.
    said: Vec<u8>,
}

impl Findings {
    /// Nothing but the stage.
    pub(in crate::session) fn at(stage: Stage) -> Self {
        Findings { stage, tried: Vec::new(), said: Vec::new() }
    }

    /// No address answers.
    pub(in crate::session) fn unreached(tried: &[Tried]) -> Self {
        Findings { tried: tried.to_vec(), ..Findings::at(Stage::Connect) }
    }

    fn reach(&mut self, stage: Stage) {
        self.stage = stage;
        self.said.clear();
    }

    /// What is wrong with an answer that does not belong there; `None` where there is none, or nothing wrong with it.
    pub(in crate::session) fn foreign(&self, config: &Config) -> Option<Error> {
        let said = &self.said;
        let protocol = match &said[..] {
            [] => return None,
            // An alert or a handshake of any version.
            [0x15 | 0x16] | [0x15 | 0x16, 3, ..] => Some("TLS"),
            // Or the beginning of it.
            _ => ["HTTP", "AMQP", "SSH"]
                .into_iter()
                .find(|name| name.bytes().zip(said).all(|(one, other)| one == *other)),
        };
        let route = config.route();
        let told = format!("it said \"{}\"", said.escape_ascii());
        match self.stage {
            Stage::Proxy if protocol != Some("HTTP") => {
                // Whoever repeats what it was told must not make us repeat it.
                let secret = config.proxy().is_some_and(|proxy| proxy.user().is_some());
                let told = if secret { String::new() } else { format!(": {told}") };
                Some(tunnel::not_a_proxy(&route, &format!("does not speak HTTP{told}")))
            }
            Stage::Tls if protocol != Some("TLS") => {
                let message = format!("TLS with {route} failed: the server does not speak TLS; {told}");
                Some(Error::new(ErrorKind::Tls, message).with_hint(Hint::PlainPort))
            }
            Stage::ConnAck if config.endpoint().transport().is_websocket() => {
                let message = format!("{route} answered the request for a WebSocket with something else: {told}");
                let error = Error::new(ErrorKind::Protocol, message).with_stage(Stage::ConnAck);
                (protocol != Some("HTTP")).then(|| error.with_hint(Hint::WebSocketPorts))
            }
            // CONNACK or DISCONNECT.
            Stage::ConnAck if !matches!(said[0], 0x20 | 0xE0) => {
                let what =
                    protocol.map_or("does not speak MQTT".to_string(), |name| format!("speaks {name}, not MQTT"));
                let hint = match protocol {
                    Some("TLS") => Hint::TlsScheme,
                    _ => Hint::MqttPorts,
                };
                let error = Error::new(ErrorKind::Protocol, format!("{route} {what}: {told}"));
                Some(error.with_stage(Stage::ConnAck).with_hint(hint))
            }
            _ => None,
        }
    }
}

/// A walk that is under way.
pub(in crate::session) struct Probe {
    findings: Arc<Mutex<Findings>>,
    end: Option<Receiver<Option<()>>>,
}

/// Starts walking, on a thread of its own, for about `limit`.
pub(in crate::session) fn start(config: &Config, limit: Duration) -> Probe {
    let findings = Arc::new(Mutex::new(Findings::at(Stage::Resolve)));
    let (shared, config) = (Arc::clone(&findings), config.clone());
    let deadline = Instant::now() + limit;
    let end = detached::spawn(move || walk(&config, deadline, &shared));
    Probe { findings, end }
}

impl Probe {
    /// What it has found so far.
    pub(in crate::session) fn findings(&self) -> Findings {
        lock(&self.findings).clone()
    }

    /// Waits for the walk's end, at most until the deadline or until `leaving` says so: what it has found.
    pub(in crate::session) fn finish(&self, deadline: Instant, leaving: impl Fn() -> bool) -> Findings {
        if let Some(end) = &self.end {
            let _ = detached::wait(end, deadline, leaving);
        }
        self.findings()
    }
}

/// The error of a handshake that took too long, or longer than what answers needed to show what it is.
pub(in crate::session) fn time_out(config: &Config, findings: &Findings) -> Error {
    if let Some(error) = findings.foreign(config) {
        return error;
    }
    let stage = findings.stage;
    let (what, hint) = match stage {
        Stage::Credentials => ("the credentials provider did not answer", Hint::ProviderTime),
        Stage::Resolve if config.proxy().is_some() => ("the host name of the proxy could not be resolved", Hint::Dns),
        Stage::Connect if config.proxy().is_some() => {
            ("no TCP connection to the proxy could be made", Hint::ProxyFirewall)
        }
        Stage::Proxy => ("the proxy was reached, but did not answer", Hint::ProxySilent),
        Stage::Resolve => ("the host name could not be resolved", Hint::Dns),
        Stage::Connect => ("no TCP connection could be made", Hint::CheckHost),
        Stage::Tls => ("the TLS handshake did not finish", Hint::TlsPort),
        Stage::Ack => ("the connection was made, but $SYS/enableOrderMsg was not acknowledged", Hint::OrderedMessages),
        _ if config.endpoint().transport().is_websocket() => (
            "the connection was made, but the request for a WebSocket, or CONNECT, was not answered",
            Hint::WebSocketPort,
        ),
        _ => ("the connection was made, but CONNECT was not answered", Hint::MqttPort),
    };
    let tried = match (stage, &findings.tried[..]) {
        (Stage::Connect, tried @ [_, ..]) => format!(": {}", race::list(tried)),
        _ => String::new(),
    };
    let message = format!("{}: {what} within {:?}{tried}", config.route(), config.timeout());
    Error::new(ErrorKind::Timeout(stage), message).with_hint(hint)
}

/// Goes as far as it gets.
fn walk(config: &Config, deadline: Instant, findings: &Mutex<Findings>) -> Option<()> {
    let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let reach = |stage| lock(findings).reach(stage);
    let addresses = race::in_turn(route::dialled(config).to_socket_addrs().ok()?);
    reach(Stage::Connect);
    let reached =
        race::race(&addresses, deadline, |address, failure| race::note(&mut lock(findings).tried, address, failure));
    let mut stream = Recorder { stream: reached?.1, findings };
    if config.proxy().is_some() {
        reach(Stage::Proxy);
        tunnel::open(&mut stream, config, deadline)?;
    }
    stream.limit(left()).ok()?;
    if let Some(tls) = config.tls() {
        reach(Stage::Tls);
        let mut connection = secure::handshake(tls, config, &mut stream)?;
        reach(Stage::ConnAck);
        return question(Recorder { stream: connection.over(&mut stream.stream), findings }, left());
    }
    reach(Stage::ConnAck);
    question(stream, left())
}

/// Asks in a way that an HTTP server answers, and AMQP servers and MQTT brokers reject. The answer is recorded.
fn question(mut stream: impl Timed, limit: Duration) -> Option<()> {
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    stream.flush().ok()?;
    let (mut part, mut read) = ([0; SAID], 0);
    stream.limit(limit).ok()?;
    while read < SAID {
        read += Some(stream.read(&mut part).ok()?).filter(|read| *read > 0)?;
        stream.limit(MORE).ok()?;
    }
    Some(())
}

/// A stream whose first bytes are kept.
struct Recorder<'a, S> {
    stream: S,
    findings: &'a Mutex<Findings>,
}

impl<S: Read> Read for Recorder<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        let said = &mut lock(self.findings).said;
        let room = SAID.saturating_sub(said.len());
        said.extend(buffer.iter().take(read.min(room)));
        Ok(read)
    }
}

impl<S: Write> Write for Recorder<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl<S: Timed> Timed for Recorder<'_, S> {
    fn limit(&self, limit: Duration) -> io::Result<()> {
        self.stream.limit(limit)
    }
}
