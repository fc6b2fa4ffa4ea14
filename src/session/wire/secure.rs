//! TLS under rumqttc: its transport, its errors, and the handshake of a probe.

use std::io;
use std::net::TcpStream;
use std::ops::ControlFlow;
use std::time::Duration;

use rumqttc::{TlsConfiguration, TlsError, Transport};

use crate::config::Config;
use crate::detached::Timed;
use crate::error::{Error, ErrorKind};
use crate::session::wire::errors;
use crate::session::wire::link::{Cause, Failure};
use crate::session::wire::target::Target;
use crate::tls::Tls;

/// Returns the transport of TLS, with or without a WebSocket inside.
pub(super) fn transport(tls: &Tls, target: &Target, websocket: bool) -> Transport {
    let config = TlsConfiguration::Rustls(tls.watched(&target.watch));
    if websocket { over_websocket(config) } else { Transport::tls_with_config(config) }
}

#[cfg(feature = "websocket")]
fn over_websocket(config: TlsConfiguration) -> Transport {
    Transport::wss_with_config(config)
}

/// No endpoint is a WebSocket here.
#[cfg(not(feature = "websocket"))]
fn over_websocket(config: TlsConfiguration) -> Transport {
    Transport::tls_with_config(config)
}

/// Explains an error of MQTT 3.1.1, or returns it unless it is one of TLS.
pub(super) fn classify_v4(
    error: rumqttc::ConnectionError,
    connected: bool,
    server: &str,
) -> ControlFlow<Failure, rumqttc::ConnectionError> {
    match error {
        rumqttc::ConnectionError::Tls(TlsError::Io(error)) => {
            ControlFlow::Break(input_output(error, connected, server))
        }
        rumqttc::ConnectionError::Tls(TlsError::TLS(error)) => ControlFlow::Break(failed(error, server)),
        other => ControlFlow::Continue(other),
    }
}

/// Explains an error of MQTT 5, or returns it unless it is one of TLS.
pub(super) fn classify_v5(
    error: rumqttc::v5::ConnectionError,
    connected: bool,
    server: &str,
) -> ControlFlow<Failure, rumqttc::v5::ConnectionError> {
    match error {
        rumqttc::v5::ConnectionError::Tls(TlsError::Io(error)) => {
            ControlFlow::Break(input_output(error, connected, server))
        }
        rumqttc::v5::ConnectionError::Tls(TlsError::TLS(error)) => ControlFlow::Break(failed(error, server)),
        other => ControlFlow::Continue(other),
    }
}

/// The failure of the socket, or of the TLS inside it.
pub(super) fn input_output(error: io::Error, connected: bool, server: &str) -> Failure {
    within(&error, server).unwrap_or_else(|| errors::input_output(error, connected, server))
}

/// Explains the error of TLS inside an error of the socket, if there is one.
fn within(error: &io::Error, server: &str) -> Option<Failure> {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())?;
    Some(failed(inner.clone(), server))
}

/// A connection whose handshake is done.
pub(super) struct Connection(rustls::ClientConnection);

/// Makes the TLS handshake with the endpoint. Returns `None` if it fails.
pub(super) fn handshake(tls: &Tls, config: &Config, stream: &mut impl Timed) -> Option<Connection> {
    let name = rustls::pki_types::ServerName::try_from(config.endpoint().host().to_string()).ok()?;
    let mut connection = rustls::ClientConnection::new(tls.config(), name).ok()?;
    connection.complete_io(stream).ok()?;
    Some(Connection(connection))
}

impl Connection {
    /// Returns the stream of the contents, over this socket.
    pub(super) fn over<'a>(&'a mut self, socket: &'a mut TcpStream) -> impl Timed + use<'a> {
        rustls::Stream::new(&mut self.0, socket)
    }
}

impl Timed for rustls::Stream<'_, rustls::ClientConnection, TcpStream> {
    fn limit(&self, limit: Duration) -> io::Result<()> {
        self.sock.limit(limit)
    }
}

fn failed(error: rustls::Error, server: &str) -> Failure {
    let (what, hint) = crate::tls::explain(&error);
    let shown = Error::new(ErrorKind::Tls, format!("TLS with {server} failed: {what}")).with_hint(hint);
    let foreign = matches!(error, rustls::Error::InvalidMessage(_));
    Failure { error: shown.with_source(error), cause: if foreign { Cause::Foreign } else { Cause::Other } }
}
