//! The trusted root certificates.

use std::sync::OnceLock;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::pem;
use crate::config::network::Network;
use crate::error::{Error, Hint, Result};

/// The trusted roots in both forms: whole certificates for the HTTPS of the API, and what rustls derives from them.
#[derive(Clone)]
pub(crate) struct Roots {
    certificates: Vec<CertificateDer<'static>>,
    store: RootCertStore,
}

impl Roots {
    /// Returns the certificates, each of which rustls can use.
    #[cfg(any(feature = "openapi", test))]
    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    pub(super) fn into_store(self) -> RootCertStore {
        self.store
    }

    fn empty() -> Self {
        Roots { certificates: Vec::new(), store: RootCertStore::empty() }
    }

    fn add(&mut self, certificate: CertificateDer<'static>) -> Result<(), rustls::Error> {
        self.store.add(certificate.clone())?;
        self.certificates.push(certificate);
        Ok(())
    }

    /// Adds the usable ones, and returns how many are not.
    fn add_usable(&mut self, certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> usize {
        certificates.into_iter().filter_map(|certificate| self.add(certificate).err()).count()
    }
}

/// Returns the roots that a network trusts. Reading one file may take up to `timeout`.
///
/// # Errors
/// `Config`: no CA certificate is trusted; or, with the name of the file, it cannot be read, or holds no certificate or
/// an invalid one.
pub(crate) fn roots(network: &Network, timeout: Duration) -> Result<Roots> {
    let mut roots = if network.system_roots { system_roots().clone() } else { Roots::empty() };
    for pem in &network.ca {
        for certificate in pem::certificates(pem, "CA certificate", timeout)? {
            roots.add(certificate).map_err(|error| {
                Error::config(format!("{pem} holds a CA certificate that cannot be used: {error}")).with_source(error)
            })?;
        }
    }
    if roots.store.is_empty() {
        return Err(Error::config("no CA certificate is trusted: system_roots is false, and none is given")
            .with_hint(Hint::NothingTrusted));
    }
    Ok(roots)
}

/// Returns the system's roots, or Mozilla's if the system has none; loaded once per process.
pub(super) fn system_roots() -> &'static Roots {
    static ROOTS: OnceLock<Roots> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let loaded = rustls_native_certs::load_native_certs();
        // If their place is set explicitly, missing certificates are worth a warning.
        let place = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().find(|name| std::env::var_os(name).is_some());
        for error in &loaded.errors {
            match place {
                Some(name) => log::warn!("the system's CA certificates ({name} is set): {error}"),
                None => log::debug!("the system's CA certificates: {error}"),
            }
        }
        let mut roots = Roots::empty();
        let ignored = roots.add_usable(loaded.certs);
        log::debug!("{} CA certificates from the system, {ignored} not usable", roots.certificates.len());
        if roots.store.is_empty() {
            log::info!("the system has no CA certificates; Mozilla's are used");
            roots.add_usable(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
        }
        roots
    })
}
