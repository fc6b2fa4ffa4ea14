//! What is it that answers on a port? Asked in MQTT, in HTTP and in TLS, each on a connection of its own. Nothing that is
//! asked holds a name or a secret.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use aliyun_mqtt::{Endpoint, Transport};
use jiff::Timestamp;

use super::cause::Cause;
use super::tls::{ReadWrite, Trust};

/// How long one question may take at most.
const LIMIT: Duration = Duration::from_secs(2);

/// CONNECT of MQTT 3.1.1 without a client id, user name or password: any broker answers it, if only with a refusal.
const CONNECT: &[u8] = &[0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 10, 0, 0];

/// What was found.
#[derive(Debug)]
pub(super) enum Spoken {
    Mqtt,
    Tls,
    Http(Head),
    Amqp,
    /// Nothing, though the connection stood.
    Silent,
    /// The end of the connection.
    Closed,
    /// These bytes.
    Other(Vec<u8>),
}

/// The head of an HTTP answer.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) date: Option<Timestamp>,
    proxy: bool,
}

impl Spoken {
    /// In words.
    pub(super) fn describe(&self) -> String {
        match self {
            Spoken::Mqtt => "MQTT".to_string(),
            Spoken::Tls => "TLS".to_string(),
            Spoken::Http(head) => format!("HTTP (status {})", head.status),
            Spoken::Amqp => "AMQP".to_string(),
            Spoken::Silent => "nothing".to_string(),
            Spoken::Closed => "nothing: it closes the connection".to_string(),
            Spoken::Other(bytes) => {
                format!("something else: {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(16)]))
            }
        }
    }

    /// What that means for a client that wants MQTT by this transport; `None` where it explains nothing.
    pub(super) fn cause(&self, transport: Transport) -> Option<Cause> {
        let websocket = matches!(transport, Transport::Ws | Transport::Wss);
        Some(match self {
            Spoken::Mqtt if websocket => Cause::WebSocketToMqttPort,
            Spoken::Mqtt => return None,
            Spoken::Tls => Cause::PlainToTlsPort,
            Spoken::Amqp => Cause::AmqpInsteadOfMqtt,
            Spoken::Silent => Cause::ConnackSilent,
            Spoken::Closed => Cause::ConnectionClosed,
            Spoken::Other(_) => Cause::NotMqtt,
            Spoken::Http(head) => match head.status {
                407 => Cause::HttpProxy,
                _ if head.proxy => Cause::HttpProxy,
                300..=399 | 511 => Cause::CaptivePortal,
                101 if websocket => return None,
                101 | 426 => Cause::PlainToWebSocketPort,
                200..=299 => Cause::HttpInsteadOfMqtt,
                _ if websocket => Cause::WebSocketRefused,
                _ => Cause::HttpInsteadOfMqtt,
            },
        })
    }
}

/// Where to ask, and through what.
pub(super) struct Door<'a> {
    pub(super) address: SocketAddr,
    pub(super) endpoint: &'a Endpoint,
    /// Whom to trust within TLS; without it nothing is asked there.
    pub(super) trust: Option<&'a Trust>,
    pub(super) timeout: Duration,
}

impl Door<'_> {
    /// Asks without TLS.
    pub(super) fn plain(&self) -> Spoken {
        match self.ask(&|| self.dial().map(|stream| Box::new(stream) as Box<dyn ReadWrite>)) {
            found @ (Spoken::Closed | Spoken::Other(_) | Spoken::Silent) if self.answers_tls() => {
                drop(found);
                Spoken::Tls
            }
            found => found,
        }
    }

    /// Asks within TLS.
    pub(super) fn within_tls(&self) -> Spoken {
        self.ask(&|| {
            let trust = self.trust?;
            let shake = trust.shake(self.dial()?, self.endpoint.host(), Instant::now() + self.limit());
            let stream = shake.end.ok()?;
            stream.sock.set_read_timeout(Some(self.limit())).ok()?;
            Some(stream as Box<dyn ReadWrite>)
        })
    }

    fn limit(&self) -> Duration {
        LIMIT.min(self.timeout)
    }

    fn dial(&self) -> Option<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.address, self.limit()).ok()?;
        stream.set_read_timeout(Some(self.limit())).ok()?;
        stream.set_write_timeout(Some(self.limit())).ok()?;
        Some(stream)
    }

    fn answers_tls(&self) -> bool {
        let Some((trust, stream)) = self.trust.zip(self.dial()) else { return false };
        trust.shake(stream, self.endpoint.host(), Instant::now() + self.limit()).is_tls()
    }

    fn ask(&self, open: &dyn Fn() -> Option<Box<dyn ReadWrite>>) -> Spoken {
        let put = |question: &[u8]| match open() {
            Some(mut stream) => question_and_answer(&mut stream, question, self.limit()),
            None => Spoken::Closed,
        };
        let first = put(CONNECT);
        if matches!(first, Spoken::Mqtt | Spoken::Amqp | Spoken::Tls) {
            return first;
        }
        let path = if self.endpoint.path().is_empty() { "/mqtt" } else { self.endpoint.path() };
        match put(request(self.endpoint.host(), self.endpoint.port(), path, UPGRADE).as_bytes()) {
            second @ (Spoken::Http(_) | Spoken::Amqp | Spoken::Tls) => second,
            Spoken::Other(bytes) => Spoken::Other(bytes),
            _ => first,
        }
    }
}

/// Asks for a WebSocket with MQTT; the key is the example of RFC 6455.
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n";

fn request(host: &str, port: u16, path: &str, more: &str) -> String {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_string() };
    format!("GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{more}\r\n")
}

/// The head of what an HTTP server says to a request for its root.
pub(super) fn head(stream: &mut dyn ReadWrite, host: &str, port: u16, limit: Duration) -> Option<Head> {
    match question_and_answer(stream, request(host, port, "/", "Connection: close\r\n").as_bytes(), limit) {
        Spoken::Http(head) => Some(head),
        _ => None,
    }
}

fn question_and_answer(stream: &mut dyn ReadWrite, question: &[u8], limit: Duration) -> Spoken {
    if stream.write_all(question).and_then(|()| stream.flush()).is_err() {
        return Spoken::Closed;
    }
    let (bytes, silent) = answer(stream, Instant::now() + limit);
    match &bytes[..] {
        [] if silent => Spoken::Silent,
        [] => Spoken::Closed,
        // CONNACK has two bytes in MQTT 3.1.1.
        [0x20, 2, ..] => Spoken::Mqtt,
        // An alert or a handshake of any version of TLS.
        [0x15 | 0x16, 3, ..] => Spoken::Tls,
        _ if bytes.starts_with(b"AMQP") => Spoken::Amqp,
        _ if bytes.starts_with(b"HTTP/") => match parse(&bytes) {
            Some(head) => Spoken::Http(head),
            None => Spoken::Other(bytes),
        },
        _ => Spoken::Other(bytes),
    }
}

/// The beginning of the answer, and whether time ran out rather than the connection.
fn answer(stream: &mut dyn ReadWrite, deadline: Instant) -> (Vec<u8>, bool) {
    const MOST: usize = 16 * 1024;
    let (mut bytes, mut part) = (Vec::new(), [0; 1024]);
    while bytes.len() < MOST && Instant::now() < deadline {
        match Read::read(stream, &mut part) {
            Ok(0) => return (bytes, false),
            Ok(length) => bytes.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let silent = matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
                return (bytes, silent);
            }
        }
        let http = b"HTTP/".starts_with(&bytes[..bytes.len().min(5)]);
        let whole = bytes.windows(4).any(|end| end == b"\r\n\r\n");
        if if http { whole } else { bytes.len() >= 4 } {
            break;
        }
    }
    (bytes, true)
}

fn parse(bytes: &[u8]) -> Option<Head> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let (mut date, mut proxy) = (None, false);
    for line in lines.take_while(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("date") {
            date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value.trim()).ok();
        }
        proxy |= name.eq_ignore_ascii_case("proxy-authenticate");
    }
    Some(Head { status, date, proxy })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_an_answer_is_read() {
        let head = parse(b"HTTP/1.1 400 Bad Request\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nbody").unwrap();
        assert_eq!(head.status, 400);
        assert_eq!(head.date.map(Timestamp::as_second), Some(784_111_777));
        assert!(parse(b"HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\n\r\n").unwrap().proxy);
        assert!(parse(b"HTTP/1.1").is_none());
    }

    #[test]
    fn the_question_in_mqtt_is_a_whole_packet() {
        assert_eq!(usize::from(CONNECT[1]), CONNECT.len() - 2);
    }
}
