//! Probes what a port speaks: sends a request in MQTT, in HTTP and in TLS, each on a new connection. No request
//! contains a name or a secret.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use aliyun_mqtt::{Endpoint, Transport};
use jiff::Timestamp;

use super::cause::Cause;
use super::tls::{ReadWrite, Trust};

/// The longest time for one request.
const LIMIT: Duration = Duration::from_secs(2);

/// A CONNECT of MQTT 3.1.1 without client id, user name and password. Any MQTT server answers it, or refuses it.
const CONNECT: &[u8] = &[0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 10, 0, 0];

/// The answer of the other side.
#[derive(Debug)]
pub(super) enum Answer {
    Mqtt,
    Tls,
    Http(HttpHead),
    Amqp,
    /// Nothing, although the connection stayed open.
    Silent,
    /// The connection was closed.
    Closed,
    /// Something unknown, with its first bytes.
    Other(Vec<u8>),
}

/// The head of an HTTP response.
#[derive(Debug)]
pub(super) struct HttpHead {
    pub(super) status: u16,
    pub(super) date: Option<Timestamp>,
    proxy: bool,
    /// The target of a redirect.
    location: Option<String>,
    /// The redirect stays on the same host.
    stays: bool,
    upgrade: Upgrade,
}

/// The answer to the request for a WebSocket.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Upgrade {
    /// `Upgrade`, `Connection` and `Sec-WebSocket-Accept` are valid.
    agreed: bool,
    mqtt: bool,
}

impl Answer {
    /// Describes the answer in a few words.
    pub(super) fn describe(&self) -> String {
        match self {
            Answer::Mqtt => "MQTT".to_string(),
            Answer::Tls => "TLS".to_string(),
            Answer::Http(head) => match &head.location {
                // Quoted, since the other side chooses it.
                Some(location) => format!("HTTP (status {}, to {location:?})", head.status),
                None => format!("HTTP (status {})", head.status),
            },
            Answer::Amqp => "AMQP".to_string(),
            Answer::Silent => "nothing".to_string(),
            Answer::Closed => "nothing: it closes the connection".to_string(),
            Answer::Other(bytes) => {
                format!("something else: {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(16)]))
            }
        }
    }

    /// Returns the cause for a client that uses MQTT over this transport, or `None` if the answer explains nothing.
    pub(super) fn cause(&self, transport: Transport) -> Option<Cause> {
        let websocket = matches!(transport, Transport::Ws | Transport::Wss);
        Some(match self {
            Answer::Mqtt if websocket => Cause::WebSocketToMqttPort,
            Answer::Mqtt => return None,
            Answer::Tls => Cause::PlainToTlsPort,
            Answer::Amqp => Cause::AmqpInsteadOfMqtt,
            Answer::Silent => Cause::ConnackSilent,
            Answer::Closed => Cause::ConnectionClosed,
            Answer::Other(_) => Cause::NotMqtt,
            Answer::Http(head) => match head.status {
                407 => Cause::HttpProxy,
                _ if head.proxy => Cause::HttpProxy,
                101 if websocket && !head.upgrade.agreed => Cause::WebSocketBroken,
                101 if websocket && !head.upgrade.mqtt => Cause::WebSocketWithoutMqtt,
                101 if websocket => return None,
                300..=399 if websocket && head.stays => Cause::WebSocketRedirected,
                300..=399 | 511 => Cause::CaptivePortal,
                101 | 426 if !websocket => Cause::PlainToWebSocketPort,
                status if websocket => no_websocket(status),
                _ => Cause::HttpInsteadOfMqtt,
            },
        })
    }
}

/// Finds the cause for an HTTP status other than 101 in response to the request for a WebSocket.
pub(super) fn no_websocket(status: u16) -> Cause {
    match status {
        407 => Cause::HttpProxy,
        200..=299 => Cause::HttpInsteadOfMqtt,
        300..=399 => Cause::WebSocketRedirected,
        401 | 403 => Cause::WebSocketNotAllowed,
        426 => Cause::WebSocketUpgradeLost,
        // Not supported, as opposed to temporarily unavailable.
        501 | 505 => Cause::WebSocketRefused,
        429 | 500..=599 => Cause::WebSocketNoServer,
        _ => Cause::WebSocketRefused,
    }
}

/// A port to probe.
pub(super) struct Probe<'a> {
    pub(super) address: SocketAddr,
    pub(super) endpoint: &'a Endpoint,
    /// The certificates to trust in TLS. Without them, nothing is sent over TLS.
    pub(super) trust: Option<&'a Trust>,
    pub(super) timeout: Duration,
}

impl Probe<'_> {
    /// Probes without TLS.
    pub(super) fn plain(&self) -> Answer {
        match self.ask(&|| self.dial().map(|stream| Box::new(stream) as Box<dyn ReadWrite>)) {
            found @ (Answer::Closed | Answer::Other(_) | Answer::Silent) if self.answers_tls() => {
                drop(found);
                Answer::Tls
            }
            found => found,
        }
    }

    /// Probes within TLS.
    pub(super) fn within_tls(&self) -> Answer {
        self.ask(&|| {
            let trust = self.trust?;
            let handshake = trust.handshake(self.dial()?, self.endpoint.host(), Instant::now() + self.limit());
            let stream = handshake.end.ok()?;
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
        trust.handshake(stream, self.endpoint.host(), Instant::now() + self.limit()).is_tls()
    }

    fn ask(&self, open: &dyn Fn() -> Option<Box<dyn ReadWrite>>) -> Answer {
        let put = |question: &[u8]| match open() {
            Some(mut stream) => question_and_answer(&mut stream, question, self.limit()),
            None => Answer::Closed,
        };
        let first = put(CONNECT);
        if matches!(first, Answer::Mqtt | Answer::Amqp | Answer::Tls) {
            return first;
        }
        let path = if self.endpoint.path().is_empty() { "/mqtt" } else { self.endpoint.path() };
        match put(request(self.endpoint.host(), self.endpoint.port(), path, UPGRADE).as_bytes()) {
            Answer::Http(mut head) => {
                head.stays = head.location.as_deref().is_some_and(|to| is_on(to, self.endpoint.host()));
                Answer::Http(head)
            }
            second @ (Answer::Amqp | Answer::Tls) => second,
            Answer::Other(bytes) => Answer::Other(bytes),
            _ => first,
        }
    }
}

/// The most header lines of an answer that are read.
const HEADERS: usize = 64;

/// At most this many characters of a `Location` are kept.
const LOCATION: usize = 200;

/// The accept value for the key in [`UPGRADE`].
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Headers that request a WebSocket for MQTT. The key is the example in RFC 6455.
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n";

fn request(host: &str, port: u16, path: &str, more: &str) -> String {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_string() };
    format!("GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{more}\r\n")
}

/// Requests the root of an HTTP server, and returns the head of the response.
pub(super) fn head(stream: &mut dyn ReadWrite, host: &str, port: u16, limit: Duration) -> Option<HttpHead> {
    match question_and_answer(stream, request(host, port, "/", "Connection: close\r\n").as_bytes(), limit) {
        Answer::Http(head) => Some(head),
        _ => None,
    }
}

fn question_and_answer(stream: &mut dyn ReadWrite, question: &[u8], limit: Duration) -> Answer {
    if stream.write_all(question).and_then(|()| stream.flush()).is_err() {
        return Answer::Closed;
    }
    let (bytes, silent) = answer(stream, Instant::now() + limit);
    match &bytes[..] {
        [] if silent => Answer::Silent,
        [] => Answer::Closed,
        // CONNACK has two bytes in MQTT 3.1.1.
        [0x20, 2, ..] => Answer::Mqtt,
        // An alert or a handshake message, in any version of TLS.
        [0x15 | 0x16, 3, ..] => Answer::Tls,
        _ if bytes.starts_with(b"AMQP") => Answer::Amqp,
        _ if bytes.starts_with(b"HTTP/") => match parse(&bytes) {
            Some(head) => Answer::Http(head),
            None => Answer::Other(bytes),
        },
        _ => Answer::Other(bytes),
    }
}

/// Reads the beginning of the answer. Returns true with it if the time ran out before the connection was closed.
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

fn parse(bytes: &[u8]) -> Option<HttpHead> {
    // A head that was cut off ends where it was cut.
    let whole = [bytes, b"\r\n\r\n"].concat();
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let mut config = httparse::ParserConfig::default();
    config.ignore_invalid_headers_in_responses(true);
    config.parse_response(&mut response, &whole).ok()?;
    let status = response.code?;
    let (mut date, mut proxy, mut location) = (None, false, None);
    let (mut upgrades, mut connects, mut accepts, mut mqtt) = (false, false, false, false);
    for header in &*response.headers {
        let value = String::from_utf8_lossy(header.value);
        let value = value.trim();
        match header.name.to_ascii_lowercase().as_str() {
            "date" => date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok(),
            "proxy-authenticate" => proxy = true,
            "location" => location = Some(value.chars().take(LOCATION).collect()),
            "upgrade" => upgrades = value.eq_ignore_ascii_case("websocket"),
            // The WebSocket library accepts no list here.
            "connection" => connects = value.eq_ignore_ascii_case("upgrade"),
            "sec-websocket-accept" => accepts = value == ACCEPT,
            "sec-websocket-protocol" => mqtt = value == "mqtt",
            _ => {}
        }
    }
    let upgrade = Upgrade { agreed: upgrades && connects && accepts, mqtt };
    Some(HttpHead { status, date, proxy, location, stays: false, upgrade })
}

/// Returns true if a `Location` stays on this host: it is relative, or names the host.
fn is_on(location: &str, host: &str) -> bool {
    let Some((_, rest)) = location.split_once("://") else { return !location.starts_with("//") };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, authority)| authority);
    let named = match authority.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    named.eq_ignore_ascii_case(host)
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
        let odd = parse(b"HTTP/1.1 302 x\r\nno colon\r\nLocation: /a\r\nDate").unwrap();
        assert_eq!((odd.status, odd.location.as_deref()), (302, Some("/a")), "an odd line and a cut do no harm");
        let good = b"HTTP/1.1 101 x\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n\
                     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
        assert_eq!(parse(good).unwrap().upgrade, Upgrade { agreed: true, mqtt: true });
        assert_eq!(parse(b"HTTP/1.1 101 x\r\n\r\n").unwrap().upgrade, Upgrade::default());
    }

    #[test]
    fn a_location_is_on_the_same_host_or_not() {
        for here in ["/x", "x", "https://a.test/x", "http://A.test:80", "https://u@a.test", "wss://a.test?x"] {
            assert!(is_on(here, "a.test"), "{here}");
        }
        for elsewhere in ["https://b.test/a.test", "//b.test/", "http://a.test.b.test", "http://a.test@b.test/"] {
            assert!(!is_on(elsewhere, "a.test"), "{elsewhere}");
        }
        assert!(is_on("https://[::1]:443/", "::1"));
    }

    #[test]
    fn the_question_in_mqtt_is_a_whole_packet() {
        assert_eq!(usize::from(CONNECT[1]), CONNECT.len() - 2);
    }
}
