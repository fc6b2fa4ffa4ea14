//! The target of a connection: the name or address that is dialled.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::Config;
use crate::dial_watch::Watch;

/// The target of one connection.
#[derive(Debug, Default)]
pub(in crate::session) struct Target {
    /// The address to dial; `None`: the name.
    pub(in crate::session) address: Option<SocketAddr>,
    /// The progress of the dial.
    pub(in crate::session) watch: Arc<Watch>,
}

/// The host and port to dial: those of the proxy, or of the endpoint.
pub(in crate::session) fn dialled(config: &Config) -> (&str, u16) {
    match config.proxy() {
        Some(proxy) => (proxy.host(), proxy.port()),
        None => (config.endpoint().host(), config.endpoint().port()),
    }
}
