//! The errors of the upgrade to a WebSocket, in the words of this library.
//!
//! rumqttc requests the subprotocol `mqtt`, as MQTT requires (MQTT 5, section 6), and insists on it. After the upgrade,
//! the errors of a WebSocket are those of any other stream.

use async_tungstenite::tungstenite::Error as WsError;
use async_tungstenite::tungstenite::error::ProtocolError;

use crate::error::{Code, Error, ErrorKind, Hint, Stage};
use crate::session::wire::errors::{Foreign, input_output};
use crate::session::wire::link::{Cause, Failure};

/// `server`: the endpoint, for the message.
pub(in crate::session) fn failed(error: WsError, server: &str) -> Failure {
    match error {
        WsError::Http(answer) => {
            let status = answer.status();
            let hint = match status.as_u16() {
                300..=399 => Hint::WebSocketRedirect,
                401 | 403 | 407 => Hint::WebSocketBarred,
                500.. => Hint::WebSocketGateway,
                _ => Hint::WebSocketPortAndPath,
            };
            let message = format!("{server} answered the request for a WebSocket with HTTP status {status}");
            with_code(not_websocket(&message, hint), Code::WebSocket(status.as_u16()))
        }
        WsError::Protocol(ProtocolError::SecWebSocketSubProtocolError(error)) => without_mqtt(error, server),
        WsError::Protocol(error @ ProtocolError::HandshakeIncomplete) => {
            let message = format!("{server} closed the connection without answering the request for a WebSocket");
            with_source(not_websocket(&message, Hint::WebSocketPorts), error)
        }
        // Errors of TLS come this way, too.
        WsError::Io(error) => input_output(error, false, server),
        WsError::Protocol(error @ ProtocolError::MissingConnectionUpgradeHeader) => {
            let message = format!(
                "{server} agreed to a WebSocket, but its header \"Connection\" is missing or is not the one word \
                 \"Upgrade\""
            );
            with_source(not_websocket(&message, Hint::WebSocketUpgrade), error)
        }
        error => {
            let message = format!("{server} answered the request for a WebSocket with something else: {error}");
            let failure = with_source(not_websocket(&message, Hint::WebSocketPorts), error);
            Failure { cause: Cause::Foreign, ..failure }
        }
    }
}

/// The failure of an upgrade where the server agreed to a WebSocket, but not to MQTT on it.
pub(in crate::session) fn without_mqtt(error: impl Foreign, server: &str) -> Failure {
    let message = format!("{server} offers a WebSocket, but does not say that it speaks MQTT there: {error}");
    let failure = not_websocket(&message, Hint::WebSocketPath);
    with_source(with_code(failure, Code::WebSocket(101)), error)
}

/// A failure that needs no probe to explain it.
fn not_websocket(message: &str, hint: Hint) -> Failure {
    let error = Error::new(ErrorKind::Protocol, message);
    Failure { error: error.with_stage(Stage::ConnAck).with_hint(hint), cause: Cause::Other }
}

fn with_code(mut failure: Failure, code: Code) -> Failure {
    failure.error = failure.error.with_code(code);
    failure
}

fn with_source(mut failure: Failure, source: impl Foreign) -> Failure {
    failure.error = failure.error.with_source(source);
    failure
}
