//! Opens a connection of the configured version of MQTT.

use std::time::Duration;

use crate::config::{Config, Protocol};
use crate::credentials::Login;
use crate::session::wire::dial::Link;
use crate::session::wire::link::Failure;
use crate::session::wire::target::Target;
use crate::session::wire::{v4, v5};

/// Prepares a connection of the configured protocol version. The pump's first `next` dials. The handshake may take
/// `dial`, and a packet from the server may have `longest` bytes. Call
/// [`check_descriptors`](super::dial::check_descriptors) first.
pub(in crate::session) fn open(
    config: &Config,
    login: &Login,
    dial: Duration,
    longest: usize,
    target: &Target,
) -> Result<Link, Failure> {
    match config.protocol() {
        Protocol::V311 => v4::open(config, login, dial, longest, target),
        Protocol::V5 => v5::open(config, login, dial, longest, target),
    }
}
