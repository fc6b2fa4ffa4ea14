//! Translates rumqttc's errors into those of this library: the errors of MQTT 3.1.1, and those both versions share.

use std::io;
use std::ops::ControlFlow;

use rumqttc::mqttbytes::Error as CodecError;
use rumqttc::mqttbytes::v4::Packet;
use rumqttc::{ConnectReturnCode, ConnectionError, Event, StateError};

use crate::config::Protocol;
use crate::error::{Code, Error, ErrorKind, Hint, Stage};
use crate::session::wire::link::{Cause, Failure, broken};
use crate::session::wire::{secure, tunnel, upgrade};
use crate::system::{lookup_failed, no_descriptor};

/// Translates an error. `connected`: CONNACK had come. `last`: the last event of rumqttc, which is the packet it
/// rejects, if it rejects one. `server`: the endpoint, for the message.
pub(in crate::session) fn classify(
    error: ConnectionError,
    connected: bool,
    last: Option<&Event>,
    server: &str,
) -> Failure {
    if let ConnectionError::MqttState(error @ (StateError::Unsolicited(_) | StateError::WrongPacket)) = error {
        return match last.and_then(unexpected) {
            Some(what) => broken(&what, server),
            None => rule_broken(error, server),
        };
    }
    match error {
        ConnectionError::ConnectionRefused(code) => {
            let code = number(code);
            refused(code, code, Protocol::V311, server)
        }
        ConnectionError::NetworkTimeout => handshake_timeout(server),
        ConnectionError::FlushTimeout => stopped_reading(server),
        ConnectionError::Io(error) => input_output(error, connected, server),
        ConnectionError::MqttState(StateError::Io(error)) => input_output(error, connected, server),
        ConnectionError::MqttState(StateError::Deserialization(CodecError::Io(error))) => {
            input_output(error, connected, server)
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) if connected => {
            connection_lost(format!("{server} closed the connection"), Cause::Closed)
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => no_connack(server),
        ConnectionError::MqttState(StateError::AwaitPingResp) => no_ping(server),
        error @ (ConnectionError::MqttState(StateError::Deserialization(_)) | ConnectionError::NotConnAck(_))
            if !connected =>
        {
            foreign_connack(error, Protocol::V311, server)
        }
        ConnectionError::MqttState(StateError::Deserialization(CodecError::PayloadSizeLimitExceeded(size))) => {
            too_large(size, server)
        }
        ConnectionError::MqttState(error) => rule_broken(error, server),
        other => match of_transport(other, connected, server) {
            ControlFlow::Break(failure) => failure,
            ControlFlow::Continue(other) => {
                connection_lost(format!("the connection to {server} failed: {other}"), Cause::Other)
            }
        },
    }
}

/// Explains an error of TLS, a proxy or a WebSocket, or returns any other.
fn of_transport(error: ConnectionError, connected: bool, server: &str) -> ControlFlow<Failure, ConnectionError> {
    let error = secure::classify_v4(error, connected, server)?;
    let error = tunnel::classify_v4(error, server)?;
    upgrade::classify_v4(error, server)
}

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
    let message = format!("{server} sent a packet of {size} bytes, more than this connection takes");
    Failure { error: Error::new(ErrorKind::Protocol, message), cause: Cause::TooLarge(size) }
}

/// The fault of a packet that rumqttc did not expect.
fn unexpected(event: &Event) -> Option<String> {
    let Event::Incoming(packet) = event else { return None };
    Some(match packet {
        Packet::PubAck(ack) => not_in_use("PUBACK", ack.pkid),
        Packet::PubRec(ack) => not_in_use("PUBREC", ack.pkid),
        Packet::PubRel(ack) => not_in_use("PUBREL", ack.pkid),
        Packet::PubComp(ack) => not_in_use("PUBCOMP", ack.pkid),
        Packet::ConnAck(_) => SECOND_CONNACK.to_string(),
        Packet::Connect(_) => clients_only("CONNECT"),
        Packet::Subscribe(_) => clients_only("SUBSCRIBE"),
        Packet::Unsubscribe(_) => clients_only("UNSUBSCRIBE"),
        Packet::PingReq => clients_only("PINGREQ"),
        Packet::Disconnect => clients_only("DISCONNECT"),
        Packet::Publish(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp => return None,
    })
}

pub(in crate::session) const SECOND_CONNACK: &str = "it sent CONNACK a second time";

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

/// An error of a crate that this library is built on.
pub(in crate::session) trait Foreign: std::error::Error + Send + Sync + 'static {}

impl<E: std::error::Error + Send + Sync + 'static> Foreign for E {}

/// The code of MQTT 3.1.1 by which a server says that another connect may work later.
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

fn number(code: ConnectReturnCode) -> u8 {
    match code {
        ConnectReturnCode::Success => 0,
        ConnectReturnCode::RefusedProtocolVersion => 1,
        ConnectReturnCode::BadClientId => 2,
        ConnectReturnCode::ServiceUnavailable => 3,
        ConnectReturnCode::BadUserNamePassword => 4,
        ConnectReturnCode::NotAuthorized => 5,
    }
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

pub(in crate::session) fn input_output(error: io::Error, connected: bool, server: &str) -> Failure {
    if let Some(failure) = secure::within(&error, server) {
        return failure;
    }
    use io::ErrorKind as Io;
    let reset = matches!(
        error.kind(),
        Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::UnexpectedEof | Io::NotConnected
    );
    // The text of tokio-util when the connection ends within a packet.
    let reset = reset || (connected && error.to_string() == "bytes remaining on stream");
    if connected {
        let cause = if reset { Cause::Closed } else { Cause::Other };
        let what = if reset { "closed the connection" } else { "could not be reached any more" };
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
    // The connection ended within something that was no packet.
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
