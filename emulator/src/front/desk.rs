//! The state that all connections of the front desk share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_rustls::TlsAcceptor;

use crate::broker::Broker;
use crate::service::Service;

/// The timeout of the TLS handshake, of the WebSocket handshake, and of the CONNECT.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the two ends may take to close after the last packet, or after another login has replaced the client.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The front desk.
pub(crate) struct Desk {
    pub(crate) service: Arc<Service>,
    pub(crate) broker: Arc<Broker>,
    pub(crate) acceptor: TlsAcceptor,
    /// The acceptor of MQTT over TLS, which may demand device certificates.
    pub(crate) mutual: TlsAcceptor,
    numbers: AtomicU64,
}

impl Desk {
    pub(crate) fn new(service: Arc<Service>, broker: Arc<Broker>, acceptor: TlsAcceptor, mutual: TlsAcceptor) -> Self {
        Self { service, broker, acceptor, mutual, numbers: AtomicU64::new(0) }
    }

    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}
