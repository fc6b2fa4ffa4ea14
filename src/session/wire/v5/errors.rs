//! Translates rumqttc's errors of MQTT 5; [`crate::session::wire::errors`] makes those that both versions share.

use std::ops::ControlFlow;

use rumqttc::v5::mqttbytes::Error as CodecError;
use rumqttc::v5::mqttbytes::v5::{DisconnectReasonCode, Packet};
use rumqttc::v5::{ConnectionError, Event, StateError};

use super::reasons;
use crate::config::Protocol;
use crate::error::{Code, Error, ErrorKind, Hint};
use crate::printable::excerpt;
use crate::session::wire::errors as common;
use crate::session::wire::link::{self, Cause, Failure};
use crate::session::wire::{secure, tunnel, upgrade};

/// Translates an error. `connected`: CONNACK had arrived. `last`: rumqttc's last event, which is the packet that it
/// rejects, if any. `server`: the endpoint, for the message.
pub(super) fn classify(error: ConnectionError, connected: bool, last: Option<&Event>, server: &str) -> Failure {
    if let ConnectionError::MqttState(error @ (StateError::Unsolicited(_) | StateError::WrongPacket)) = error {
        return match last.and_then(unexpected) {
            Some(what) => link::broken(&what, server),
            None => common::rule_broken(error, server),
        };
    }
    match error {
        ConnectionError::ConnectionRefused(code) => {
            let code = reasons::connack(code);
            common::refused(code, reasons::plain(code), Protocol::V5, server)
        }
        ConnectionError::Timeout(_) => common::handshake_timeout(server),
        ConnectionError::Io(error)
        | ConnectionError::MqttState(StateError::Io(error) | StateError::Deserialization(CodecError::Io(error))) => {
            secure::input_output(error, connected, server)
        }
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, reason_string }) => {
            disconnected(reason_code, reason_string, server)
        }
        // A DISCONNECT without a code, which means a normal end, is an error to rumqttc.
        ConnectionError::MqttState(
            StateError::ConnectionAborted | StateError::Deserialization(CodecError::PayloadRequired),
        ) if connected => closed(server),
        // This is how an MQTT 3.1.1 server refuses this version. Mostly it omits the rest of a CONNACK of MQTT 5, so
        // that rumqttc waits until the server closes. rumqttc reports any other packet with this reason code in the
        // same way, so a client that was connected before does not give up because of it.
        ConnectionError::MqttState(StateError::Deserialization(CodecError::InvalidConnectReturnCode(1)))
            if !connected =>
        {
            Failure { cause: Cause::Other, ..common::refused(1, 1, Protocol::V5, server) }
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            let mut failure = common::no_connack(server);
            failure.error = failure.error.with_hint(Hint::MqttSchemeOrVersion);
            failure
        }
        ConnectionError::MqttState(StateError::AwaitPingResp) => common::no_ping(server),
        error @ (ConnectionError::MqttState(StateError::Deserialization(_)) | ConnectionError::NotConnAck(_))
            if !connected =>
        {
            common::foreign_connack(error, Protocol::V5, server)
        }
        ConnectionError::MqttState(StateError::Deserialization(CodecError::PayloadSizeLimitExceeded {
            pkt_size,
            ..
        })) => common::too_large(pkt_size, server),
        ConnectionError::MqttState(error) => common::rule_broken(error, server),
        other => match of_transport(other, connected, server) {
            ControlFlow::Break(failure) => failure,
            ControlFlow::Continue(other) => {
                common::connection_lost(format!("the connection to {server} failed: {other}"), Cause::Other)
            }
        },
    }
}

/// Explains an error of TLS, a proxy or a WebSocket, or returns any other.
fn of_transport(error: ConnectionError, connected: bool, server: &str) -> ControlFlow<Failure, ConnectionError> {
    let error = secure::classify_v5(error, connected, server)?;
    let error = tunnel::classify_v5(error, server)?;
    upgrade::classify_v5(error, server)
}

/// The fault of a packet that rumqttc did not expect.
fn unexpected(event: &Event) -> Option<String> {
    let Event::Incoming(packet) = event else { return None };
    Some(match packet {
        Packet::PubAck(ack) => common::not_in_use("PUBACK", ack.pkid),
        Packet::PubRec(ack) => common::not_in_use("PUBREC", ack.pkid),
        Packet::PubRel(ack) => common::not_in_use("PUBREL", ack.pkid),
        Packet::PubComp(ack) => common::not_in_use("PUBCOMP", ack.pkid),
        Packet::Connect(..) => common::clients_only("CONNECT"),
        Packet::Subscribe(_) => common::clients_only("SUBSCRIBE"),
        Packet::Unsubscribe(_) => common::clients_only("UNSUBSCRIBE"),
        Packet::PingReq(_) => common::clients_only("PINGREQ"),
        _ => return None,
    })
}

/// The failure of a connection that the server closed. A DISCONNECT with a reason, but without the length of its
/// properties, is legal (MQTT 5, section 3.14.2.2.1) and common, and rumqttc 0.25.1 discards it: so the server may have
/// given a reason.
fn closed(server: &str) -> Failure {
    let message = format!("{server} closed the connection (a reason it may have given could not be read)");
    common::connection_lost(message, Cause::Closed)
}

fn disconnected(reason: DisconnectReasonCode, said: Option<String>, server: &str) -> Failure {
    let code = Code::Disconnect(reason as u8);
    let said = said.map(|said| format!("; the server says: {}", excerpt(&said))).unwrap_or_default();
    let error = Error::new(ErrorKind::ConnectionLost, format!("{server} ended the connection: {code}{said}"));
    use DisconnectReasonCode as R;
    // `Closed`: the server may have objected to what was sent last.
    let cause = match reason {
        R::NormalDisconnection
        | R::ServerBusy
        | R::ServerShuttingDown
        | R::KeepAliveTimeout
        | R::SessionTakenOver
        | R::AdministrativeAction
        | R::UseAnotherServer
        | R::ServerMoved
        | R::ConnectionRateExceeded
        | R::MaximumConnectTime => Cause::Other,
        _ => Cause::Closed,
    };
    Failure { error: error.with_code(code).with_hint(code.cure()), cause }
}
