//! The trusted root certificates.

use std::sync::OnceLock;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::pem;
use crate::config::network::Network;
use crate::error::{Error, Hint, Result};

/// Trusted roots in both forms: whole certificates for the HTTPS of the API, and what rustls derives from them.
#[derive(Debug)]
pub(crate) struct Roots {
    certificates: Vec<CertificateDer<'static>>,
    store: RootCertStore,
}

/// The roots that a network trusts. The system's are read, once per process, when a server's certificate needs them: a
/// given CA usually suffices, and reading them takes longer than a handshake.
#[derive(Debug)]
pub(crate) enum Trust {
    System,
    Given(Roots),
    /// The given ones, and all as soon as these do not suffice.
    GivenAndSystem(Roots, OnceLock<Roots>),
}

impl Roots {
    /// Returns the certificates, each of which rustls can use.
    #[cfg(any(feature = "openapi", test))]
    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    pub(super) fn store(&self) -> &RootCertStore {
        &self.store
    }

    fn and(&self, others: &Roots) -> Roots {
        let certificates = self.certificates.iter().chain(&others.certificates).cloned().collect();
        let roots = self.store.roots.iter().chain(&others.store.roots).cloned().collect();
        Roots { certificates, store: RootCertStore { roots } }
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

impl Trust {
    /// Reads the given CA certificates. Reading one file may take up to `timeout`.
    ///
    /// # Errors
    /// `Config`: no CA certificate is trusted; or, with the name of the file, it cannot be read, or holds no
    /// certificate or an invalid one.
    pub(crate) fn of(network: &Network, timeout: Duration) -> Result<Self> {
        let mut given = Roots::empty();
        for pem in &network.ca {
            for certificate in pem::certificates(pem, "CA certificate", timeout)? {
                given.add(certificate).map_err(|error| {
                    let message = format!("{pem} holds a CA certificate that cannot be used: {error}");
                    Error::config(message).with_source(error)
                })?;
            }
        }
        match (given.certificates.is_empty(), network.system_roots) {
            (true, true) => Ok(Trust::System),
            (false, true) => Ok(Trust::GivenAndSystem(given, OnceLock::new())),
            (false, false) => Ok(Trust::Given(given)),
            (true, false) => {
                Err(Error::config("no CA certificate is trusted: system_roots is false, and none is given")
                    .with_hint(Hint::NothingTrusted))
            }
        }
    }

    /// Returns the roots to try first.
    pub(crate) fn first(&self) -> &Roots {
        match self {
            Trust::System => system_roots(),
            Trust::Given(given) | Trust::GivenAndSystem(given, _) => given,
        }
    }

    /// Returns all roots, if these are more than the [`first`](Trust::first).
    pub(crate) fn all(&self) -> Option<&Roots> {
        match self {
            Trust::System | Trust::Given(_) => None,
            Trust::GivenAndSystem(given, all) => Some(all.get_or_init(|| system_roots().and(given))),
        }
    }
}

/// Returns the certificates in DER that are trusted by default, for the command line: its `doctor` must trust what the
/// library trusts.
pub fn system_certificates() -> impl Iterator<Item = &'static [u8]> {
    system_roots().certificates.iter().map(|certificate| &**certificate)
}

/// Returns the system's roots, or Mozilla's if the system has none; loaded once per process.
pub(super) fn system_roots() -> &'static Roots {
    static ROOTS: OnceLock<Roots> = OnceLock::new();
    ROOTS.get_or_init(|| {
        // If their place is set explicitly, missing certificates are worth a warning.
        let place = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().find(|name| std::env::var_os(name).is_some());
        let loaded = match place {
            Some(_) => rustls_native_certs::load_native_certs(),
            None => bundle().unwrap_or_else(rustls_native_certs::load_native_certs),
        };
        for error in &loaded.errors {
            match place {
                Some(name) => log::warn!("the system's CA certificates ({name} is set): {error}"),
                None => log::debug!("the system's CA certificates: {error}"),
            }
        }
        let mut roots = Roots::empty();
        let ignored = roots.add_usable(loaded.certs);
        log::debug!("{} CA certificates from the system, {ignored} not usable", roots.certificates.len());
        if roots.certificates.is_empty() {
            log::info!("the system has no CA certificates; Mozilla's are used");
            roots.add_usable(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
        }
        roots
    })
}

/// The files in which systems keep all their roots, as OpenSSL has them: Debian and Ubuntu, Fedora and RHEL from 7 on,
/// RHEL 6, openSUSE, Alpine and OpenBSD, FreeBSD, NetBSD.
#[cfg(all(unix, not(target_os = "macos")))]
const BUNDLES: [&str; 7] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/etc/ssl/cert.pem",
    "/etc/openssl/certs/ca-certificates.crt",
];

/// Other systems have a store with an interface of its own.
#[cfg(not(all(unix, not(target_os = "macos"))))]
const BUNDLES: [&str; 0] = [];

/// Reads the system's bundle; `None` if there is none, or it holds no certificate. `rustls-native-certs` itself reads
/// the directory, too, which holds the same certificates once more, a file each.
fn bundle() -> Option<rustls_native_certs::CertificateResult> {
    BUNDLES
        .into_iter()
        .map(std::path::Path::new)
        .filter(|path| path.exists())
        .map(|path| rustls_native_certs::load_certs_from_paths(Some(path), None))
        .find(|loaded| !loaded.certs.is_empty())
}
