//! Finds the stage in which a handshake hangs, and identifies another protocol that answers there.
//!
//! rumqttc has one timeout for resolving, dialling, the proxy, TLS and CONNACK together, and keeps nothing of an answer
//! that it does not understand. A probe therefore takes the same steps one by one. The error names the step in which it
//! hangs or fails as its stage, and quotes the first bytes of an answer that does not belong there.

use std::io::{self, Read, Write};
use std::net::ToSocketAddrs;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::detached::{self, Timed};
use crate::error::{Error, ErrorKind, Hint, Stage};
use crate::session::wire::race::{self, Tried};
use crate::session::wire::{secure, target, tunnel};
use crate::sync::lock;

/// The most bytes of an answer that are quoted.
const SAID: usize = 48;

/// How long a probe waits for more of an answer that has begun.
const MORE: Duration = Duration::from_millis(100);

/// The findings of a probe so far.
#[derive(Debug, Clone)]
pub(in crate::session) struct Findings {
    /// The stage it has reached.
    pub(in crate::session) stage: Stage,
    /// The addresses that did not answer.
    tried: Vec<Tried>,
    /// The first bytes the other side sent in this stage.
    said: Vec<u8>,
}

impl Findings {
    /// Returns findings with only the stage.
    pub(in crate::session) fn at(stage: Stage) -> Self {
        Findings { stage, tried: Vec::new(), said: Vec::new() }
    }

    /// Returns the findings when no address answers.
    pub(in crate::session) fn unreached(tried: &[Tried]) -> Self {
        Findings { tried: tried.to_vec(), ..Findings::at(Stage::Connect) }
    }

    fn reach(&mut self, stage: Stage) {
        self.stage = stage;
        self.said.clear();
    }

    /// The error of an answer that does not belong to this stage; `None` if there is no answer, or it belongs there.
    pub(in crate::session) fn foreign(&self, config: &Config) -> Option<Error> {
        let said = &self.said;
        let protocol = match &said[..] {
            [] => return None,
            // An alert or a handshake of any version.
            [0x15 | 0x16] | [0x15 | 0x16, 3, ..] => Some("TLS"),
            // Also the beginning of a name.
            _ => ["HTTP", "AMQP", "SSH"]
                .into_iter()
                .find(|name| name.bytes().zip(said).all(|(one, other)| one == *other)),
        };
        let route = config.route();
        let answer = format!("it sent \"{}\"", said.escape_ascii());
        match self.stage {
            Stage::Proxy if protocol != Some("HTTP") => {
                // The answer may repeat the login that it was sent.
                let secret = config.proxy().is_some_and(|proxy| proxy.user().is_some());
                let answer = if secret { String::new() } else { format!(": {answer}") };
                Some(tunnel::not_a_proxy(&route, &format!("does not speak HTTP{answer}")))
            }
            Stage::Tls if protocol != Some("TLS") => {
                let message = format!("TLS with {route} failed: the server does not speak TLS; {answer}");
                Some(Error::new(ErrorKind::Tls, message).with_hint(Hint::PlainPort))
            }
            Stage::ConnAck if config.endpoint().transport().is_websocket() => {
                let message = format!("{route} answered the request for a WebSocket with something else: {answer}");
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
                let error = Error::new(ErrorKind::Protocol, format!("{route} {what}: {answer}"));
                Some(error.with_stage(Stage::ConnAck).with_hint(hint))
            }
            _ => None,
        }
    }
}

/// A probe that is running.
pub(in crate::session) struct Probe {
    findings: Arc<Mutex<Findings>>,
    end: Option<Receiver<Option<()>>>,
}

/// Starts a probe on its own thread, for about `limit`.
pub(in crate::session) fn start(config: &Config, limit: Duration) -> Probe {
    let findings = Arc::new(Mutex::new(Findings::at(Stage::Resolve)));
    let (shared, config) = (Arc::clone(&findings), config.clone());
    let deadline = Instant::now() + limit;
    let end = detached::spawn(move || walk(&config, deadline, &shared));
    Probe { findings, end }
}

impl Probe {
    /// The findings so far.
    pub(in crate::session) fn findings(&self) -> Findings {
        lock(&self.findings).clone()
    }

    /// Waits for the end of the probe, at most until the deadline or until `leaving` returns true. Returns the
    /// findings.
    pub(in crate::session) fn finish(&self, deadline: Instant, leaving: impl Fn() -> bool) -> Findings {
        if let Some(end) = &self.end {
            let _ = detached::wait(end, deadline, leaving);
        }
        self.findings()
    }
}

/// The error of a handshake that timed out.
pub(in crate::session) fn timeout_error(config: &Config, findings: &Findings) -> Error {
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

/// Takes the steps of a connection, as far as they succeed, and records them.
fn walk(config: &Config, deadline: Instant, findings: &Mutex<Findings>) -> Option<()> {
    let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let reach = |stage| lock(findings).reach(stage);
    let addresses = race::in_turn(target::dialled(config).to_socket_addrs().ok()?);
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

/// Sends a request that an HTTP server answers, and an AMQP or MQTT server rejects. The answer is recorded.
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

/// A stream that records the first bytes read.
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
