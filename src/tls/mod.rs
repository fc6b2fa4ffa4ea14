//! One rustls configuration: ring as the only provider, TLS 1.2 and 1.3, certificates always verified.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::pki_types::ServerName;

use crate::config::network::{CertificatePair, Network};
use crate::dial_watch::Watch;
use crate::error::{Error, Result};
use verifier::Verifier;
use watched::{WatchedSessions, WatchedTime};

mod chain;
mod explain;
mod pem;
mod pem_file;
mod roots;
mod verifier;
mod watched;

pub(crate) use explain::explain;
pub(crate) use roots::Trust;
pub use roots::system_certificates;

/// The number of sessions that are kept to be resumed: those of one server.
const SESSIONS: usize = 8;

/// TLS with one server, dialled by its name or by one of its addresses.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    sessions: Arc<ClientSessionMemoryCache>,
}

impl Tls {
    /// Creates the configuration for a host, given by its name or its address without brackets. Reading one file may
    /// take up to `timeout`.
    ///
    /// # Errors
    /// `Config`: no certificate can be valid for the host; no CA certificate is trusted; or, with the name of the file,
    /// it cannot be read, holds no certificate or key, holds an invalid one, or key and certificate do not match.
    pub(crate) fn new(host: &str, network: &Network, timeout: Duration) -> Result<Self> {
        let name = ServerName::try_from(host.to_string()).map_err(|error| {
            Error::config(format!("the host {host:?} is no name that a certificate can have")).with_source(error)
        })?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let verifier = Verifier { trust: Trust::of(network, timeout)?, algorithms, name };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| Error::internal("TLS 1.2 and 1.3 are not available").with_source(error))?
            // The name of the method warns that a custom verifier could skip checks. This verifier makes all of rustls'
            // own.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let config = match &network.client_certificate {
            None => builder.with_no_client_auth(),
            Some(pair) => builder
                .with_client_auth_cert(
                    pem::certificates(&pair.certificate, "client certificate", timeout)?,
                    pem::private_key(&pair.key, timeout)?,
                )
                .map_err(|error| unusable_pair(pair, error))?,
        };
        Ok(Tls { config: Arc::new(config), sessions: Arc::new(ClientSessionMemoryCache::new(SESSIONS)) })
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// Returns the configuration for one connection, whose handshake reports its beginning to `watch`, and fails if the
    /// dial was given up.
    pub(crate) fn watched(&self, watch: &Arc<Watch>) -> Arc<ClientConfig> {
        let mut config = ClientConfig::clone(&self.config);
        config.resumption = Resumption::store(Arc::new(WatchedSessions::new(&self.sessions, watch)));
        config.time_provider = Arc::new(WatchedTime::new(watch));
        Arc::new(config)
    }
}

fn unusable_pair(CertificatePair { certificate, key }: &CertificatePair, error: rustls::Error) -> Error {
    let message = match error {
        rustls::Error::InconsistentKeys(_) => {
            format!("the key in {key} does not belong to the certificate in {certificate}")
        }
        _ => format!("the certificate in {certificate} and the key in {key} cannot be used: {error}"),
    };
    Error::config(message).with_source(error)
}

#[cfg(test)]
mod tests;
