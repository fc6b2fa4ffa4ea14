//! What can go wrong between the TCP or TLS handshake and CONNECT on a WebSocket, in the words of this library.
//!
//! rumqttc asks for the sub-protocol `mqtt`, as MQTT wants it (MQTT 5, section 6), and insists on it. Once the WebSocket
//! stands, its errors are those of any other stream.

use async_tungstenite::tungstenite::Error as WsError;
use async_tungstenite::tungstenite::error::ProtocolError;

use super::failure::{Foreign, input_output};
use super::line::{Cause, Failure};
use super::probe::OTHER_PORT;
use crate::error::{Code, Error, ErrorKind, Stage};

/// `server`: the endpoint, for the message.
pub(super) fn failed(error: WsError, server: &str) -> Failure {
    match error {
        WsError::Http(answer) => {
            let status = answer.status();
            let hint = match status.as_u16() {
                300..=399 => "redirects are not followed: give the address it points to as the endpoint",
                401 | 403 | 407 => "something in front of the MQTT server wants a login, or bars the way",
                500.. => "a gateway may have no MQTT server to pass this on to; try again later",
                _ => "is this the MQTT server's WebSocket port, and is the path right? The default is /mqtt",
            };
            let message = format!("{server} answered the request for a WebSocket with HTTP status {status}");
            with_code(not_websocket(&message, hint), Code::WebSocket(status.as_u16()))
        }
        WsError::Protocol(ProtocolError::SecWebSocketSubProtocolError(error)) => without_mqtt(error, server),
        WsError::Protocol(error @ ProtocolError::HandshakeIncomplete) => {
            let message = format!("{server} closed the connection without answering the request for a WebSocket");
            with_source(not_websocket(&message, OTHER_PORT), error)
        }
        // TLS has its errors here, too.
        WsError::Io(error) => input_output(error, false, server),
        WsError::Protocol(error @ ProtocolError::MissingConnectionUpgradeHeader) => {
            let message = format!(
                "{server} agreed to a WebSocket, but its header \"Connection\" is missing or is not the one word \"Upgrade\""
            );
            with_source(not_websocket(&message, UPGRADE_ALONE), error)
        }
        error => {
            let message = format!("{server} answered the request for a WebSocket with something else: {error}");
            let failure = with_source(not_websocket(&message, OTHER_PORT), error);
            Failure { cause: Cause::Foreign, ..failure }
        }
    }
}

/// The server agreed to a WebSocket, but not to MQTT on it.
pub(super) fn without_mqtt(error: impl Foreign, server: &str) -> Failure {
    let message = format!("{server} offers a WebSocket, but does not say that it speaks MQTT there: {error}");
    let failure = not_websocket(&message, "is the path right? The default is /mqtt");
    with_source(with_code(failure, Code::WebSocket(101)), error)
}

const UPGRADE_ALONE: &str = "a list with that word in it, such as \"keep-alive, Upgrade\", is right (RFC 6455, section 4.1), but the \
                             WebSocket library in use refuses it: have the gateway in front of the server send \"Connection: Upgrade\"";

/// Clear enough: no probe has to look into it.
fn not_websocket(message: &str, hint: &str) -> Failure {
    let error = Error::new(ErrorKind::Protocol, format!("{message} (stage: connack)"));
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
