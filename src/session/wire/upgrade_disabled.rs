//! Replaces `upgrade.rs` in a build without the cargo feature `websocket`: no endpoint is a WebSocket.

use std::ops::ControlFlow;

use rumqttc::Transport;

use crate::config::Config;
use crate::session::wire::link::Failure;
use crate::session::wire::target::Target;

pub(super) fn transport() -> Transport {
    Transport::tcp()
}

pub(super) fn prepare_v4(_: &mut rumqttc::MqttOptions, _: &Config, _: &Target) {}

pub(super) fn prepare_v5(_: &mut rumqttc::v5::MqttOptions, _: &Config, _: &Target) {}

pub(super) fn classify_v4<E>(error: E, _server: &str) -> ControlFlow<Failure, E> {
    ControlFlow::Continue(error)
}

pub(super) fn classify_v5<E>(error: E, _server: &str) -> ControlFlow<Failure, E> {
    ControlFlow::Continue(error)
}
