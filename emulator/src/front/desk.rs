//! The desk: what all its connections share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_rustls::TlsAcceptor;

use crate::broker::Broker;
use crate::service::Service;

/// How long a client may take to get through TLS, WebSocket and its CONNECT, each.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the two ends may take to close, after what was to be said is said, or after another login has taken over.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What all connections need.
pub(crate) struct Desk {
    pub(crate) service: Arc<Service>,
    pub(crate) broker: Arc<Broker>,
    pub(crate) acceptor: TlsAcceptor,
    numbers: AtomicU64,
}

impl Desk {
    pub(crate) fn new(service: Arc<Service>, broker: Arc<Broker>, acceptor: TlsAcceptor) -> Self {
        Self { service, broker, acceptor, numbers: AtomicU64::new(0) }
    }

    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}
