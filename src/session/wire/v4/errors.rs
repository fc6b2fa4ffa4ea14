//! Translates rumqttc's errors of MQTT 3.1.1 into those of this library.

use std::ops::ControlFlow;

use rumqttc::mqttbytes::Error as CodecError;
use rumqttc::mqttbytes::v4::Packet;
use rumqttc::{ConnectReturnCode, ConnectionError, Event, StateError};

use crate::config::Protocol;
use crate::session::wire::link::{self, Cause, Failure};
use crate::session::wire::{errors, secure, tunnel, upgrade};

/// Translates an error. `connected`: CONNACK had arrived. `last`: rumqttc's last event, which is the packet that it
/// rejects, if any. `server`: the endpoint, for the message.
pub(super) fn classify(error: ConnectionError, connected: bool, last: Option<&Event>, server: &str) -> Failure {
    if let ConnectionError::MqttState(error @ (StateError::Unsolicited(_) | StateError::WrongPacket)) = error {
        return match last.and_then(unexpected) {
            Some(what) => link::broken(&what, server),
            None => errors::rule_broken(error, server),
        };
    }
    match error {
        ConnectionError::ConnectionRefused(code) => {
            let code = number(code);
            errors::refused(code, code, Protocol::V311, server)
        }
        ConnectionError::NetworkTimeout => errors::handshake_timeout(server),
        ConnectionError::FlushTimeout => errors::stopped_reading(server),
        ConnectionError::Io(error) => secure::input_output(error, connected, server),
        ConnectionError::MqttState(StateError::Io(error)) => secure::input_output(error, connected, server),
        ConnectionError::MqttState(StateError::Deserialization(CodecError::Io(error))) => {
            secure::input_output(error, connected, server)
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) if connected => {
            errors::connection_lost(format!("{server} closed the connection"), Cause::Closed)
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => errors::no_connack(server),
        ConnectionError::MqttState(StateError::AwaitPingResp) => errors::no_ping(server),
        error @ (ConnectionError::MqttState(StateError::Deserialization(_)) | ConnectionError::NotConnAck(_))
            if !connected =>
        {
            errors::foreign_connack(error, Protocol::V311, server)
        }
        ConnectionError::MqttState(StateError::Deserialization(CodecError::PayloadSizeLimitExceeded(size))) => {
            errors::too_large(size, server)
        }
        ConnectionError::MqttState(error) => errors::rule_broken(error, server),
        other => match of_transport(other, connected, server) {
            ControlFlow::Break(failure) => failure,
            ControlFlow::Continue(other) => {
                errors::connection_lost(format!("the connection to {server} failed: {other}"), Cause::Other)
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

/// The fault of a packet that rumqttc did not expect.
fn unexpected(event: &Event) -> Option<String> {
    let Event::Incoming(packet) = event else { return None };
    Some(match packet {
        Packet::PubAck(ack) => errors::not_in_use("PUBACK", ack.pkid),
        Packet::PubRec(ack) => errors::not_in_use("PUBREC", ack.pkid),
        Packet::PubRel(ack) => errors::not_in_use("PUBREL", ack.pkid),
        Packet::PubComp(ack) => errors::not_in_use("PUBCOMP", ack.pkid),
        Packet::ConnAck(_) => errors::SECOND_CONNACK.to_string(),
        Packet::Connect(_) => errors::clients_only("CONNECT"),
        Packet::Subscribe(_) => errors::clients_only("SUBSCRIBE"),
        Packet::Unsubscribe(_) => errors::clients_only("UNSUBSCRIBE"),
        Packet::PingReq => errors::clients_only("PINGREQ"),
        Packet::Disconnect => errors::clients_only("DISCONNECT"),
        Packet::Publish(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp => return None,
    })
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
