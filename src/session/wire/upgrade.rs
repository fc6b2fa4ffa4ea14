//! Translates the errors of the upgrade to a WebSocket.
//!
//! rumqttc requests the subprotocol `mqtt`, as MQTT requires (MQTT 5, section 6), and insists on it. After the upgrade,
//! the errors of a WebSocket are those of any other stream.

use std::ops::ControlFlow;
use std::sync::Arc;

use async_tungstenite::tungstenite::Error as WsError;
use async_tungstenite::tungstenite::client::IntoClientRequest;
use async_tungstenite::tungstenite::error::ProtocolError;
use async_tungstenite::tungstenite::handshake::client::Request;
use rumqttc::Transport;

use crate::config::Config;
use crate::error::{Code, Error, ErrorKind, Hint, Stage};
use crate::session::wire::errors::Foreign;
use crate::session::wire::link::{Cause, Failure};
use crate::session::wire::secure::input_output;
use crate::session::wire::target::Target;

/// The transport of a WebSocket without TLS.
pub(super) fn transport() -> Transport {
    Transport::ws()
}

/// Sets the request for a WebSocket of MQTT 3.1.1.
pub(super) fn prepare_v4(options: &mut rumqttc::MqttOptions, config: &Config, target: &Target) {
    options.set_request_modifier(request(config, target));
}

/// Sets the request for a WebSocket of MQTT 5.
pub(super) fn prepare_v5(options: &mut rumqttc::v5::MqttOptions, config: &Config, target: &Target) {
    options.set_request_modifier(request(config, target));
}

/// Explains an error of MQTT 3.1.1, or returns it unless it is one of the WebSocket.
pub(super) fn classify_v4(
    error: rumqttc::ConnectionError,
    server: &str,
) -> ControlFlow<Failure, rumqttc::ConnectionError> {
    match error {
        rumqttc::ConnectionError::Websocket(error) => ControlFlow::Break(failed(error, server)),
        rumqttc::ConnectionError::ResponseValidation(error) => ControlFlow::Break(without_mqtt(error, server)),
        other => ControlFlow::Continue(other),
    }
}

/// Explains an error of MQTT 5, or returns it unless it is one of the WebSocket.
pub(super) fn classify_v5(
    error: rumqttc::v5::ConnectionError,
    server: &str,
) -> ControlFlow<Failure, rumqttc::v5::ConnectionError> {
    match error {
        rumqttc::v5::ConnectionError::Websocket(error) => ControlFlow::Break(failed(error, server)),
        rumqttc::v5::ConnectionError::ResponseValidation(error) => ControlFlow::Break(without_mqtt(error, server)),
        other => ControlFlow::Continue(other),
    }
}

/// Puts the server's name back into the request for a WebSocket when one of its addresses was dialled; TLS takes the
/// name from there, too. rumqttc calls this after the connection is made.
fn request(config: &Config, target: &Target) -> impl Fn(Request) -> std::future::Ready<Request> + use<> {
    let (url, watch) = (config.endpoint().url(), Arc::clone(&target.watch));
    let named = target.address.is_some() && config.proxy().is_none();
    move |mut request| {
        watch.begin();
        if let Some(by_name) = named.then(|| url.as_str().into_client_request().ok()).flatten() {
            if let Some(host) = by_name.headers().get("Host") {
                request.headers_mut().insert("Host", host.clone());
            }
            *request.uri_mut() = by_name.uri().clone();
        }
        if watch.is_given_up() {
            // Without headers nothing is sent.
            request.headers_mut().clear();
        }
        std::future::ready(request)
    }
}

/// Translates the error of an upgrade. `server`: the endpoint, for the message.
fn failed(error: WsError, server: &str) -> Failure {
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
        // Includes the errors of TLS.
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
fn without_mqtt(error: impl Foreign, server: &str) -> Failure {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::wire::dial::host;

    /// The request that is sent in the end.
    fn asked(config: &Config, target: &Target) -> Request {
        request(config, target)(host(config, target).as_str().into_client_request().unwrap()).into_inner()
    }

    #[test]
    fn the_request_for_a_websocket_has_the_name_and_is_taken_back_where_the_dial_was_given_up() {
        let credentials = crate::Credentials::signature("id", "secret");
        let config = Config::builder().endpoint("ws://broker.test:81/a").instance_id("post-cn-x").group_id("GID_demo");
        let config = config.credentials(credentials).build().unwrap();
        let target = Target { address: "127.0.0.2:81".parse().ok(), ..Target::default() };
        assert_eq!(host(&config, &target), "ws://127.0.0.2:81/a");
        assert_eq!(asked(&config, &target).headers()["Host"], "broker.test:81");
        assert!(target.watch.has_begun());
        target.watch.give_up();
        assert!(asked(&config, &target).headers().is_empty());
        target.watch.end();
    }
}
