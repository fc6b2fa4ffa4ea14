//! Replaces `tunnel.rs` in a build without the cargo feature `proxy`: no connection uses a proxy.

use std::io;
use std::ops::ControlFlow;
use std::time::Instant;

use crate::config::Config;
use crate::error::Error;
use crate::session::wire::link::Failure;
use crate::session::wire::target::Target;

pub(super) fn prepare_v4(_: &mut rumqttc::MqttOptions, _: &Config, _: &Target) {}

pub(super) fn prepare_v5(_: &mut rumqttc::v5::MqttOptions, _: &Config, _: &Target) {}

pub(super) fn classify_v4<E>(error: E, _server: &str) -> ControlFlow<Failure, E> {
    ControlFlow::Continue(error)
}

pub(super) fn classify_v5<E>(error: E, _server: &str) -> ControlFlow<Failure, E> {
    ControlFlow::Continue(error)
}

pub(super) fn open<S>(_: &mut S, _: &Config, _deadline: Instant) -> Option<()> {
    Some(())
}

pub(super) fn not_a_proxy(route: &str, _what: &str) -> Error {
    no_proxy(route)
}

pub(super) fn unreachable(_: &io::Error, route: &str) -> Error {
    no_proxy(route)
}

fn no_proxy(route: &str) -> Error {
    Error::internal(format!("{route}: a proxy is configured, which this build does not support"))
}
