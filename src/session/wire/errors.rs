//! The failures of a connection that both versions of MQTT share.

use std::io;

use crate::config::Protocol;
use crate::error::{Code, Error, ErrorKind, Hint, Stage};
use crate::session::wire::link::{self, Cause, Failure};
use crate::system::{lookup_failed, no_descriptor};

pub(in crate::session) fn handshake_timeout(server: &str) -> Failure {
    connection_lost(format!("{server} did not finish the handshake in time"), Cause::HandshakeTimeout)
}

pub(in crate::session) fn stopped_reading(server: &str) -> Failure {
    without(format!("{server} stopped reading"), Hint::Overloaded)
}

pub(in crate::session) fn no_ping(server: &str) -> Failure {
    without(format!("{server} did not answer the keep-alive ping"), Hint::CheckNetwork)
}

/// The failure of a connection that the server did not close.
fn without(message: String, hint: Hint) -> Failure {
    let Failure { error, cause } = connection_lost(message, Cause::Other);
    Failure { error: error.with_hint(hint), cause }
}

pub(in crate::session) fn no_connack(server: &str) -> Failure {
    not_mqtt(format!("{server} closed the connection without answering CONNECT"))
}

pub(in crate::session) fn foreign_connack(error: impl Foreign, protocol: Protocol, server: &str) -> Failure {
    let mut failure = not_mqtt(format!("{server} answered CONNECT with something that is not {protocol}"));
    failure.error = failure.error.with_source(error);
    Failure { cause: Cause::Foreign, ..failure }
}

/// The text of the innermost cause.
pub(in crate::session) fn root(error: &Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

pub(in crate::session) fn too_large(size: usize, server: &str) -> Failure {
    let message = format!("{server} sent a packet of {size} bytes, more than this connection accepts");
    Failure { error: Error::new(ErrorKind::Protocol, message), cause: Cause::TooLarge(size) }
}

pub(in crate::session) const SECOND_CONNACK: &str = "it sent CONNACK a second time";

pub(in crate::session) fn not_connack(server: &str) -> Failure {
    link::broken("it sent another packet before CONNACK", server)
}

pub(in crate::session) fn not_in_use(packet: &str, id: u16) -> String {
    format!("it sent {packet} for packet id {id}, which is not in use")
}

pub(in crate::session) fn clients_only(packet: &str) -> String {
    format!("it sent {packet}, which only a client sends")
}

pub(in crate::session) fn rule_broken(error: impl Foreign, server: &str) -> Failure {
    let message = format!("{server} broke a rule of MQTT: {error}");
    Failure { error: Error::new(ErrorKind::Protocol, message).with_source(error), cause: Cause::Other }
}

/// An error of a dependency.
pub(in crate::session) trait Foreign: std::error::Error + Send + Sync + 'static {}

impl<E: std::error::Error + Send + Sync + 'static> Foreign for E {}

/// The code of MQTT 3.1.1 for a server that is temporarily unavailable.
const LATER: u8 = 3;

/// The failure of a login that CONNACK refused, with the usual cause in this service. `plain`: the code's counterpart
/// in MQTT 3.1.1.
///
/// The service does not document which code goes with which cause; 5 has been seen for a wrong instance id.
pub(in crate::session) fn refused(code: u8, plain: u8, protocol: Protocol, server: &str) -> Failure {
    let code_text = Code::ConnAck(code);
    let hint = match plain {
        1 if protocol == Protocol::V5 => Hint::NoMqtt5,
        1 => Hint::NoMqtt311,
        2 => Hint::ClientIdRefused,
        LATER => Hint::TryLater,
        4 => Hint::WrongSecret,
        5 => Hint::NotAuthorized,
        _ if protocol == Protocol::V5 => Hint::OtherCode,
        _ => Hint::UndefinedCode,
    };
    // Nothing is wrong with the login.
    let what = if plain == LATER { "cannot take the connection now" } else { "refused the connection" };
    let error =
        Error::new(ErrorKind::Refused, format!("{server} {what}: {code_text}")).with_code(code_text).with_hint(hint);
    Failure { error, cause: Cause::Refused(plain) }
}

pub(in crate::session) fn channel_closed() -> Failure {
    connection_lost("the connection's request channel closed".to_string(), Cause::Other)
}

pub(in crate::session) fn connection_lost(message: String, cause: Cause) -> Failure {
    Failure { error: Error::new(ErrorKind::ConnectionLost, message), cause }
}

pub(in crate::session) fn not_mqtt(message: String) -> Failure {
    let error = Error::new(ErrorKind::Protocol, message).with_stage(Stage::ConnAck).with_hint(Hint::MqttScheme);
    Failure { error, cause: Cause::NoConnAck }
}

/// The failure of a socket. Does not look for an error of TLS inside: see `secure::input_output`.
pub(in crate::session) fn input_output(error: io::Error, connected: bool, server: &str) -> Failure {
    use io::ErrorKind as Io;
    let reset = matches!(
        error.kind(),
        Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::UnexpectedEof | Io::NotConnected
    );
    // The text of tokio-util when the connection ends within a packet.
    let reset = reset || (connected && error.to_string() == "bytes remaining on stream");
    if connected {
        let cause = if reset { Cause::Closed } else { Cause::Other };
        let what = if reset { "closed the connection" } else { "could no longer be reached" };
        let shown = Error::new(ErrorKind::ConnectionLost, format!("{server} {what}: {error}")).with_source(error);
        let shown = shown.with_hint((!reset).then_some(Hint::CheckNetwork));
        return Failure { error: shown, cause };
    }
    let text = error.to_string();
    if lookup_failed(&error) {
        let error = Error::new(ErrorKind::Resolve, format!("cannot resolve the host name of {server}: {text}"))
            .with_hint(Hint::HostName)
            .with_source(error);
        return Failure { error, cause: Cause::Other };
    }
    // The text of tokio-rustls when the other side closes instead of answering.
    if text == "tls handshake eof" {
        let message = format!("{server} closed the connection during the TLS handshake");
        let error = Error::new(ErrorKind::Tls, message).with_hint(Hint::PlainPort).with_source(error);
        return Failure { error, cause: Cause::Other };
    }
    // The connection ended within something that was not a packet.
    let within = text == "bytes remaining on stream";
    if reset || error.kind() == Io::Other {
        let mut failure = not_mqtt(format!("{server} closed the connection without answering CONNECT: {text}"));
        failure.error = failure.error.with_source(error);
        failure.cause = if within { Cause::Foreign } else { failure.cause };
        return failure;
    }
    let hint = match error.kind() {
        Io::ConnectionRefused => Hint::NothingListens,
        _ if no_descriptor(&error) => Hint::OpenFiles,
        _ => Hint::CheckEndpoint,
    };
    let error = Error::new(ErrorKind::Connect, format!("cannot connect to {server}: {text}"))
        .with_hint(hint)
        .with_source(error);
    Failure { error, cause: Cause::Other }
}
