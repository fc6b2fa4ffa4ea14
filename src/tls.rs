//! One rustls configuration: ring as the only provider, TLS 1.2 and 1.3, certificates always verified.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
    WebPkiServerVerifier,
};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, DigitallySignedStruct, NamedGroup, RootCertStore, SignatureScheme};
use zeroize::Zeroizing;

use crate::config::endpoint::{Endpoint, Transport};
use crate::error::{Error, Result};
use crate::session::Watch;

mod chain;
mod explain;
mod pem_file;

pub(crate) use explain::explain;

/// Whom to trust, and who the client is. There is no switch that turns verification off.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    roots: Vec<Pem>,
    system_roots: bool,
    client: Option<(Pem, Pem)>,
    /// How long one file may take to be read.
    patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options { roots: Vec::new(), system_roots: true, client: None, patience: Duration::from_secs(30) }
    }
}

/// PEM text, at hand or in a file. It may hold a key, so `Debug` shows the file's name at most.
#[derive(Clone)]
enum Pem {
    File(PathBuf),
    Bytes(Arc<Zeroizing<Vec<u8>>>),
}

impl Options {
    pub(crate) fn add_ca_file(&mut self, path: PathBuf) {
        self.roots.push(Pem::File(path));
    }

    pub(crate) fn add_ca_pem(&mut self, pem: Vec<u8>) {
        self.roots.push(Pem::bytes(pem));
    }

    pub(crate) fn set_system_roots(&mut self, trust: bool) {
        self.system_roots = trust;
    }

    pub(crate) fn set_client_files(&mut self, certificate: PathBuf, key: PathBuf) {
        self.client = Some((Pem::File(certificate), Pem::File(key)));
    }

    pub(crate) fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    pub(crate) fn set_client_pem(&mut self, certificate: Vec<u8>, key: Vec<u8>) {
        self.client = Some((Pem::bytes(certificate), Pem::bytes(key)));
    }
}

/// The configuration for this endpoint; `None` if it is plain.
///
/// # Errors
/// `Config`: as [`Tls::new`]; or a client certificate is given for a plain endpoint, or no certificate could ever
/// be valid for the host's name. CA certificates are allowed there: they may be meant for HTTPS.
pub(crate) fn for_endpoint(endpoint: &Endpoint, options: &Options) -> Result<Option<Tls>> {
    if !endpoint.transport().is_tls() {
        if options.client.is_some() {
            return Err(Error::config(format!("a client certificate is given, but {endpoint} is not encrypted"))
                .with_hint(format!("client certificates need TLS: {}://", Transport::Tls.scheme())));
        }
        return Ok(None);
    }
    let name = ServerName::try_from(endpoint.host().to_string()).map_err(|error| {
        let message = format!("the host {:?} is no name that a certificate can have", endpoint.host());
        Error::config(message).with_source(error)
    })?;
    Tls::new(name, options).map(Some)
}

/// TLS with the endpoint, whether it is dialled by its name or by one of its addresses.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    sessions: Arc<ClientSessionMemoryCache>,
}

impl Tls {
    /// The configuration for a server of this name.
    ///
    /// # Errors
    /// `Config`, naming the file: it cannot be read, holds no certificate or key, holds a bad one, or key and certificate
    /// do not belong together; or there is nothing to trust.
    fn new(name: ServerName<'static>, options: &Options) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = Arc::new(roots(options)?.store);
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
            .build()
            .map_err(|error| Error::internal("certificates cannot be verified").with_source(error))?;
        let named = Arc::new(Named { verifier, name });
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| Error::internal("TLS 1.2 and 1.3 are not available").with_source(error))?
            // Dangerous is what it could be; it verifies all that rustls' own does, for one name.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(chain::Explaining::new(named, roots)));
        let config = match &options.client {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => builder
                .with_client_auth_cert(
                    certificate.certificates("client certificate", options.patience)?,
                    key.private_key(options.patience)?,
                )
                .map_err(|error| unusable_pair(certificate, key, error))?,
        };
        Ok(Tls { config: Arc::new(config), sessions: Arc::new(ClientSessionMemoryCache::new(SESSIONS)) })
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// The same for one connection, whose handshake tells that it begins, and fails if the dial was given up.
    pub(crate) fn watched(&self, watch: &Arc<Watch>) -> Arc<ClientConfig> {
        let mut config = ClientConfig::clone(&self.config);
        let sessions = Arc::clone(&self.sessions);
        config.resumption = Resumption::store(Arc::new(Watched { sessions, watch: Arc::clone(watch) }));
        config.time_provider = Arc::new(WhileWanted(Arc::clone(watch)));
        Arc::new(config)
    }
}

/// The time, which a certificate cannot be verified without, nor a session be resumed. There is none for a dial that was
/// given up: a verifier of each dial's own would keep rustls from resuming sessions.
#[derive(Debug)]
struct WhileWanted(Arc<Watch>);

impl TimeProvider for WhileWanted {
    fn current_time(&self) -> Option<UnixTime> {
        (!self.0.is_given_up()).then(UnixTime::now)
    }
}

/// How many sessions are kept to be resumed: those of one server.
const SESSIONS: usize = 8;

/// Verifies certificates for the configured name, whatever name or address was dialled. The rest is rustls' own.
#[derive(Debug)]
struct Named {
    verifier: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _dialled: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verifier.verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Sessions to resume. They are looked for when a handshake begins, which nothing else tells of.
#[derive(Debug)]
struct Watched {
    sessions: Arc<ClientSessionMemoryCache>,
    watch: Arc<Watch>,
}

impl ClientSessionStore for Watched {
    fn set_kx_hint(&self, server: ServerName<'static>, group: NamedGroup) {
        self.sessions.set_kx_hint(server, group);
    }

    fn kx_hint(&self, server: &ServerName<'_>) -> Option<NamedGroup> {
        self.watch.begin();
        self.sessions.kx_hint(server)
    }

    fn set_tls12_session(&self, server: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.sessions.set_tls12_session(server, value);
    }

    fn tls12_session(&self, server: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.watch.begin();
        self.sessions.tls12_session(server)
    }

    fn remove_tls12_session(&self, server: &ServerName<'static>) {
        self.sessions.remove_tls12_session(server);
    }

    fn insert_tls13_ticket(&self, server: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.sessions.insert_tls13_ticket(server, value);
    }

    fn take_tls13_ticket(&self, server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.watch.begin();
        self.sessions.take_tls13_ticket(server)
    }
}

/// Whom to trust, in both forms: whole certificates for the HTTPS of the API, and what rustls makes of them.
#[derive(Clone)]
pub(crate) struct Roots {
    certificates: Vec<CertificateDer<'static>>,
    store: RootCertStore,
}

impl Roots {
    /// The certificates, each of which rustls can use.
    #[cfg(feature = "openapi")]
    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    fn empty() -> Self {
        Roots { certificates: Vec::new(), store: RootCertStore::empty() }
    }

    fn add(&mut self, certificate: CertificateDer<'static>) -> Result<(), rustls::Error> {
        self.store.add(certificate.clone())?;
        self.certificates.push(certificate);
        Ok(())
    }

    /// Those that can be used; gives how many could not.
    fn add_usable(&mut self, certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> usize {
        certificates.into_iter().filter_map(|certificate| self.add(certificate).err()).count()
    }
}

/// The roots that these options name.
///
/// # Errors
/// `Config`, naming the file: it cannot be read, holds no certificate or a bad one; or there is nothing to trust.
pub(crate) fn roots(options: &Options) -> Result<Roots> {
    let mut roots = if options.system_roots { system_roots().clone() } else { Roots::empty() };
    for pem in &options.roots {
        for certificate in pem.certificates("CA certificate", options.patience)? {
            roots.add(certificate).map_err(|error| {
                Error::config(format!("{pem} holds a CA certificate that cannot be used: {error}")).with_source(error)
            })?;
        }
    }
    if roots.store.is_empty() {
        return Err(Error::config("no CA certificate is trusted: the system's are switched off and none is given")
            .with_hint("give one with the builder's ca_file or ca_pem"));
    }
    Ok(roots)
}

/// The system's roots, or Mozilla's where the system has none; loaded once per process.
fn system_roots() -> &'static Roots {
    static ROOTS: OnceLock<Roots> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let loaded = rustls_native_certs::load_native_certs();
        // Where somebody has said where they are, it matters that they are not there.
        let said = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().find(|name| std::env::var_os(name).is_some());
        for error in &loaded.errors {
            match said {
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

fn unusable_pair(certificate: &Pem, key: &Pem, error: rustls::Error) -> Error {
    let message = match error {
        rustls::Error::InconsistentKeys(_) => {
            format!("the key in {key} does not belong to the certificate in {certificate}")
        }
        _ => format!("the certificate in {certificate} and the key in {key} cannot be used: {error}"),
    };
    Error::config(message).with_source(error)
}

impl Pem {
    fn bytes(pem: Vec<u8>) -> Self {
        Pem::Bytes(Arc::new(Zeroizing::new(pem)))
    }

    fn read(&self, patience: Duration) -> Result<Arc<Zeroizing<Vec<u8>>>> {
        let bytes = match self {
            Pem::Bytes(bytes) => Arc::clone(bytes),
            Pem::File(path) => Arc::new(pem_file::read(path, patience)?),
        };
        match pem_file::encoding(&bytes) {
            None => Ok(pem_file::without_marks(bytes)),
            Some(encoding) => Err(Error::config(format!("{self} is {encoding}, not text in ASCII or UTF-8"))
                .with_hint("save it as UTF-8, or as PEM (Base64)")),
        }
    }

    fn certificates(&self, what: &str, patience: Duration) -> Result<Vec<CertificateDer<'static>>> {
        let pem = self.read(patience)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match certificates {
            Ok(certificates) => match pem_file::certificates_in(&pem) {
                0 => Err(Error::config(format!("{self} holds no {what}"))
                    .with_hint("a PEM file has lines like -----BEGIN CERTIFICATE-----")),
                // The parser passes over what is not to its liking.
                count if count != certificates.len() => Err(Error::config(format!(
                    "{self} holds {count} certificates, of which {} can be read",
                    certificates.len()
                ))
                .with_hint("each begins with a line that is -----BEGIN CERTIFICATE----- and nothing else")),
                _ => Ok(certificates),
            },
            Err(_) => Err(self.malformed()),
        }
    }

    fn private_key(&self, patience: Duration) -> Result<PrivateKeyDer<'static>> {
        const ENCRYPTED: &[u8] = b"ENCRYPTED";
        let pem = self.read(patience)?;
        // Both encrypted forms have this word in plain text; the rest is base64, which would hardly spell it.
        let encrypted = pem.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED);
        match PrivateKeyDer::from_pem_slice(&pem) {
            _ if encrypted => Err(Error::config(format!("the private key in {self} is encrypted"))
                .with_hint("decrypt it first, for example with: openssl pkey -in FILE -out NEW_FILE")),
            Ok(key) => Ok(key),
            Err(pem::Error::NoItemsFound) => Err(Error::config(format!("{self} holds no private key"))
                .with_hint("a PEM file has a line like -----BEGIN PRIVATE KEY-----")),
            Err(_) => Err(self.malformed()),
        }
    }

    /// The parser's own error is left out, because it may quote the text.
    fn malformed(&self) -> Error {
        Error::config(format!("{self} is no valid PEM")).with_hint("is the file complete and unchanged?")
    }
}

impl fmt::Display for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pem::File(path) => write!(f, "the file {path:?}"),
            Pem::Bytes(_) => f.write_str("the given PEM text"),
        }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
