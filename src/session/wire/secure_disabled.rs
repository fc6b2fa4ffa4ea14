//! Replaces `secure.rs` in a build without the cargo feature `tls`: there is no [`Tls`].

use std::io;
use std::net::TcpStream;
use std::ops::ControlFlow;

use rumqttc::Transport;

use crate::config::Config;
use crate::session::wire::errors;
use crate::session::wire::link::Failure;
use crate::session::wire::target::Target;
use crate::tls::Tls;

/// Has no value.
pub(super) enum Connection {}

pub(super) fn transport(tls: &Tls, _: &Target, _websocket: bool) -> Transport {
    match *tls {}
}

pub(super) fn classify_v4<E>(error: E, _connected: bool, _server: &str) -> ControlFlow<Failure, E> {
    ControlFlow::Continue(error)
}

pub(super) fn classify_v5<E>(error: E, _connected: bool, _server: &str) -> ControlFlow<Failure, E> {
    ControlFlow::Continue(error)
}

pub(super) fn input_output(error: io::Error, connected: bool, server: &str) -> Failure {
    errors::input_output(error, connected, server)
}

pub(super) fn handshake<S>(tls: &Tls, _: &Config, _: &mut S) -> Option<Connection> {
    match *tls {}
}

impl Connection {
    pub(super) fn over(&mut self, _: &mut TcpStream) -> TcpStream {
        match *self {}
    }
}
