//! Endpoints: transport, host and port.

use std::fmt;
use std::str::FromStr;

use super::authority::{Authority, bracketed, is_loopback};
use crate::error::{Error, Result};

/// The address of a server: transport, host and port.
///
/// It is parsed from `host`, `host:port` or a URL. The scheme determines the transport and the default port (help page
/// "Quick start" for the ports):
///
/// | scheme | transport | port |
/// |---|---|---|
/// | `mqtt://`, `tcp://` | plain TCP | 1883 |
/// | `mqtts://`, `ssl://`, `tls://` | TLS | 8883 |
/// | `ws://` | WebSocket | 80 |
/// | `wss://` | WebSocket over TLS | 443 |
///
/// Without a scheme, no port means TLS on 8883, port 8883 means TLS, ports 80 and 443 are refused because they are
/// ambiguous, and any other port means plain TCP. `ws://` and `wss://` need the cargo feature `websocket`, `mqtts://`
/// and `wss://` the feature `tls`; [`ConfigBuilder::build`](crate::ConfigBuilder::build) refuses an endpoint that this
/// build does not support. Only WebSocket endpoints have a path. Its default is `/mqtt`, as in the official JavaScript
/// demo; the service documents no path. An IPv6 address is written in brackets. Use the domain name of the instance,
/// not its IP address: the service changes addresses without notice (help.aliyun.com/document_detail/63620.html).
///
/// A name may have several addresses of both families. They are tried in the system's order; if one has not connected
/// within 250 ms, the next is tried beside it (RFC 8305). The same holds for reconnects, and for the name of a proxy.
/// The certificate is always checked against the name. The server does not receive the name in the handshake (SNI) in
/// one case: with `mqtts://`, if the first address does not answer.
///
/// # WebSocket
///
/// * Each of the two threads that dial and read has a stack of 256 MiB (1 GiB in a debug build; 64 and 128 MiB on
///   32-bit systems). It is reserved but hardly used: the underlying library needs stack for each control frame (ping,
///   pong) that it finds at once. On Linux, a flood of them was measured to take 120 MiB in a debug build, and less in
///   a release build. Where such a stack cannot be reserved (`ulimit -v`), connecting fails with
///   [`ErrorKind::Internal`](crate::ErrorKind::Internal).
/// * The receive buffer of the socket is at most 32 KiB (64 KiB on Linux), which limits the throughput over a long
///   distance.
/// * A message in many fragments is held up to 64 MiB, whatever
///   [`Limits::packet_len`](crate::Limits::packet_len) is.
/// * The header `Connection` of the server's response must be the single word `Upgrade`.
///
/// # Example
///
/// ```
/// use aliyun_mqtt::{Endpoint, Transport};
/// # fn main() -> aliyun_mqtt::Result<()> {
/// let endpoint: Endpoint = "post-cn-xxxx.mqtt.aliyuncs.com".parse()?;
/// assert_eq!((endpoint.transport(), endpoint.port()), (Transport::Tls, 8883));
/// assert_eq!(endpoint.to_string(), "mqtts://post-cn-xxxx.mqtt.aliyuncs.com:8883");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    transport: Transport,
    host: String,
    port: u16,
    path: String,
}

/// The transport of an [`Endpoint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// Plain TCP: `mqtt://`.
    Tcp,
    /// TLS: `mqtts://`.
    Tls,
    /// WebSocket: `ws://`.
    Ws,
    /// WebSocket over TLS: `wss://`.
    Wss,
}

impl Transport {
    /// Returns the scheme in its canonical form: `mqtt`, `mqtts`, `ws` or `wss`.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Transport::Tcp => "mqtt",
            Transport::Tls => "mqtts",
            Transport::Ws => "ws",
            Transport::Wss => "wss",
        }
    }

    /// Returns true if the transport is encrypted.
    #[must_use]
    pub fn is_tls(self) -> bool {
        matches!(self, Transport::Tls | Transport::Wss)
    }

    fn from_scheme(scheme: &str) -> Option<Self> {
        Some(match scheme.to_ascii_lowercase().as_str() {
            "mqtt" | "tcp" => Transport::Tcp,
            "mqtts" | "ssl" | "tls" => Transport::Tls,
            "ws" => Transport::Ws,
            "wss" => Transport::Wss,
            _ => return None,
        })
    }

    fn default_port(self) -> u16 {
        match self {
            Transport::Tcp => 1883,
            Transport::Tls => 8883,
            Transport::Ws => 80,
            Transport::Wss => 443,
        }
    }

    /// Returns true for WebSocket, the only transport with a path.
    pub(crate) fn is_websocket(self) -> bool {
        matches!(self, Transport::Ws | Transport::Wss)
    }
}

impl Endpoint {
    /// Returns the transport.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Returns the host name or address; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the path of a WebSocket endpoint, with its query if it has one; an empty string for the other
    /// transports.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns true if the host is this machine: `localhost`, a name below it, or a loopback address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// Returns the URL for a WebSocket request. As in browsers, it omits the default port, and so does the `Host`
    /// header derived from it: gateways may compare that header with their domains.
    pub(crate) fn url(&self) -> String {
        let shown = self.to_string();
        match format!(":{}{}", self.port, self.path) {
            tail if self.port == self.transport.default_port() => {
                format!("{}{}", shown.strip_suffix(&tail).unwrap_or(&shown), self.path)
            }
            _ => shown,
        }
    }

    /// Parses an endpoint. The error is the broken rule.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        // Before anything else, because no part of such a text may be shown: user info contains a password.
        if text.contains('@') {
            return Err("the endpoint contains '@'; user name and password go into the credentials".to_string());
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, text),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.is_empty() {
            return Err(format!("the endpoint {text:?} has no host"));
        }
        if let Some(bad) = text.chars().find(|c| c.is_whitespace() || c.is_control()) {
            return Err(format!("the endpoint {text:?} contains {bad:?}"));
        }
        let Authority { host, port } = Authority::parse(authority)?;
        let transport = match scheme {
            Some(scheme) => Transport::from_scheme(scheme).ok_or_else(|| {
                format!(
                    "the endpoint {text:?} has the unknown scheme {scheme:?}; it must be mqtt or tcp (plain), mqtts, \
                     ssl or tls (TLS), ws or wss (WebSocket)"
                )
            })?,
            None => guess_transport(text, port)?,
        };
        let path = match path {
            _ if path.contains('#') => return Err(format!("the endpoint {text:?} contains '#'")),
            "" | "/" if !transport.is_websocket() => String::new(),
            _ if !transport.is_websocket() => {
                return Err(format!("the endpoint {text:?} has a path; only ws:// and wss:// URLs have one"));
            }
            "" => "/mqtt".to_string(),
            _ if path.starts_with('?') => format!("/mqtt{path}"),
            _ => path.to_string(),
        };
        check_path(&path)?;
        let port = port.unwrap_or(transport.default_port());
        Ok(Endpoint { transport, host, port, path })
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): the text has none of the forms above.
    fn from_str(text: &str) -> Result<Self> {
        Endpoint::read(text).map_err(Error::config)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}{}", self.transport.scheme(), bracketed(&self.host), self.port, self.path)
    }
}

fn guess_transport(text: &str, port: Option<u16>) -> Result<Transport, String> {
    match port {
        None | Some(8883) => Ok(Transport::Tls),
        Some(port @ (80 | 443)) => Err(format!(
            "the endpoint {text:?} does not say which protocol is on port {port}; add a scheme: {}",
            if port == 80 {
                "ws:// for WebSocket, mqtt:// for MQTT"
            } else {
                "wss:// for WebSocket, mqtts:// for MQTT"
            }
        )),
        Some(_) => Ok(Transport::Tcp),
    }
}

/// Checks a path with its query against the rules for requests (RFC 3986).
fn check_path(path: &str) -> Result<(), String> {
    const LEN: usize = 4096;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:/?%".contains(c);
    match path.chars().find(|c| !fits(*c)) {
        Some(bad) => Err(format!("the path {path:?} of the endpoint contains {bad:?}; write it as %XX, byte by byte")),
        None if path.len() > LEN => Err(format!("the path of the endpoint has {} bytes; at most {LEN}", path.len())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn shown(text: &str) -> String {
        text.parse::<Endpoint>().unwrap().to_string()
    }

    fn refused(text: &str) -> String {
        let error = text.parse::<Endpoint>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    }

    #[test]
    fn schemes_and_default_ports() {
        for (text, expected) in [
            ("mqtt://host", "mqtt://host:1883"),
            ("tcp://host", "mqtt://host:1883"),
            ("mqtts://host", "mqtts://host:8883"),
            ("ssl://host", "mqtts://host:8883"),
            ("tls://host:443", "mqtts://host:443"),
            ("MQTTS://Host.example", "mqtts://Host.example:8883"),
            ("mqtt://host:8883", "mqtt://host:8883"),
            ("mqtt://host/", "mqtt://host:1883"),
            ("ws://host", "ws://host:80/mqtt"),
            ("wss://host", "wss://host:443/mqtt"),
            ("wss://host:8443/a/b?c=d", "wss://host:8443/a/b?c=d"),
            ("wss://host?c=d", "wss://host:443/mqtt?c=d"),
            ("ws://host/", "ws://host:80/"),
        ] {
            assert_eq!(shown(text), expected);
            assert_eq!(shown(expected), expected);
        }
    }

    #[test]
    fn without_a_scheme_the_port_decides() {
        for (text, expected) in [
            ("post-cn-xxxx.mqtt.aliyuncs.com", "mqtts://post-cn-xxxx.mqtt.aliyuncs.com:8883"),
            ("host:8883", "mqtts://host:8883"),
            ("host:1883", "mqtt://host:1883"),
            ("127.0.0.1:41234", "mqtt://127.0.0.1:41234"),
            ("host_1.", "mqtts://host_1.:8883"),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert!(refused("host:80").ends_with("ws:// for WebSocket, mqtt:// for MQTT"));
        assert!(refused("host:443").ends_with("wss:// for WebSocket, mqtts:// for MQTT"));
    }

    #[test]
    fn ipv6_stands_in_brackets() {
        let endpoint: Endpoint = "[::1]:1883".parse().unwrap();
        assert_eq!((endpoint.host(), endpoint.port()), ("::1", 1883));
        assert_eq!(endpoint.to_string(), "mqtt://[::1]:1883");
        assert_eq!(shown("mqtts://[2001:db8::1]"), "mqtts://[2001:db8::1]:8883");
        assert_eq!(shown("[::1]"), "mqtts://[::1]:8883");
        for bad in ["::1", "2001:db8::1:1883", "mqtt://::1", "host:1:2"] {
            assert!(refused(bad).contains("brackets"), "{bad}");
        }
        for bad in ["[::1", "[host]:1883", "[::1]x", "[::1]1883", "[]:1"] {
            refused(bad);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in [
            "",
            "mqtt://",
            "://host",
            "http://host",
            "host:",
            "host:0",
            "host:65536",
            "host:+1",
            "host:x",
            "host/x",
            "mqtt://host/x",
            "mqtt://host?x",
            "ws://host/#x",
            "ws://host/a\"b",
            "ws://host/{x}",
            "ws://host/<x>",
            "ws://host/\u{f6}",
            ":1883",
            "a..b",
            ".",
            "ho st",
            " host",
            "host\n",
            "h\u{f6}st",
            "mqtt:/host",
            "a,b",
        ] {
            refused(bad);
        }
    }

    #[test]
    fn a_websocket_is_asked_for_as_browsers_do() {
        let url = |text: &str| text.parse::<Endpoint>().unwrap().url();
        for (text, expected) in [
            ("ws://host", "ws://host/mqtt"),
            ("wss://host:443", "wss://host/mqtt"),
            ("wss://host:80/x?a=%20", "wss://host:80/x?a=%20"),
            ("ws://[::1]", "ws://[::1]/mqtt"),
            ("ws://[::1]:8083/", "ws://[::1]:8083/"),
        ] {
            assert_eq!(url(text), expected);
        }
    }

    #[test]
    fn a_long_path_is_refused() {
        assert!(refused(&format!("ws://host/{}", "x".repeat(4096))).contains("4096"));
    }

    #[test]
    fn user_info_is_refused_and_not_shown() {
        for bad in
            ["mqtt://user:geheim@host", "user:geheim@host:1883", "foo://u:geheim@host", "mqtt://u:ge/geheim@host"]
        {
            let text = refused(bad);
            assert!(text.contains("credentials") && !text.contains("geheim"), "{text}");
        }
    }

    #[test]
    fn loopback_is_known() {
        for (text, expected) in [
            ("localhost", true),
            ("LocalHost.", true),
            ("a.localhost:1883", true),
            ("127.0.0.1:1883", true),
            ("127.9.9.9:1883", true),
            ("[::1]:1883", true),
            ("[::ffff:127.0.0.1]:1883", true),
            ("10.0.0.1:1883", false),
            ("localhost.example.com", false),
            ("notlocalhost", false),
            ("[::2]:1883", false),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().is_loopback(), expected, "{text}");
        }
    }
}
