//! The certificates of an emulator: a CA of its own, and a server certificate for loopback names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{Error as RustlsError, RootCertStore, ServerConfig, ServerConnection};

use crate::error::Error;

/// The CA certificate as PEM, and the acceptors of TLS connections.
pub(crate) struct Certificates {
    pub(crate) ca_pem: String,
    pub(crate) acceptor: TlsAcceptor,
    /// The acceptor of MQTT over TLS: the same one, unless clients need a certificate.
    pub(crate) mutual: TlsAcceptor,
}

/// The certificate of a client, which TLS has verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PeerCertificate {
    /// In hexadecimal digits.
    pub(crate) serial_number: String,
    /// Empty if there is none.
    pub(crate) common_name: String,
}

impl PeerCertificate {
    /// Returns the certificate of the client of a TLS connection.
    pub(crate) fn of(connection: &ServerConnection) -> Option<Self> {
        let der = connection.peer_certificates()?.first()?;
        let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        let name = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        Some(Self {
            serial_number: format!("{:x}", certificate.serial),
            common_name: name.unwrap_or_default().to_owned(),
        })
    }
}

impl Certificates {
    /// Makes a CA and a certificate for loopback and for these names. With `client_ca`, the PEM certificates of CAs,
    /// MQTT over TLS demands a certificate that one of these has issued.
    pub(crate) fn make(names: &[String], client_ca: &str) -> Result<Self, Error> {
        let failed = |error: rcgen::Error| Error::Tls(error.to_string());

        let ca_key = KeyPair::generate().map_err(failed)?;
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "aliyun-mqtt-emulator CA");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_pem = ca.self_signed(&ca_key).map_err(failed)?.pem();
        let issuer = Issuer::new(ca, ca_key);

        let key = KeyPair::generate().map_err(failed)?;
        let names: Vec<_> = ["localhost".to_owned()].iter().chain(names).cloned().collect();
        let mut server = CertificateParams::new(names).map_err(failed)?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        server.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        server.subject_alt_names.push(SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        let certificate = server.signed_by(&key, &issuer).map_err(failed)?;

        let chain = vec![certificate.der().clone()];
        let key = key.serialize_der();
        let acceptor = acceptor(None, chain.clone(), &key)?;
        let mutual = match client_ca {
            "" => acceptor.clone(),
            pem => self::acceptor(Some(verifier(pem)?), chain, &key)?,
        };
        Ok(Self { ca_pem, acceptor, mutual })
    }
}

fn acceptor(
    verifier: Option<Arc<dyn ClientCertVerifier>>,
    chain: Vec<CertificateDer<'static>>,
    key: &[u8],
) -> Result<TlsAcceptor, Error> {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let config = match verifier {
        Some(verifier) => config.with_client_cert_verifier(verifier),
        None => config.with_no_client_auth(),
    };
    let key = PrivatePkcs8KeyDer::from(key.to_vec()).into();
    let config = config.with_single_cert(chain, key).map_err(failed)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Returns the check of device certificates against these CAs.
fn verifier(pem: &str) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let bad = |why: &dyn std::fmt::Display| Error::Invalid(format!("the client CA is not usable: {why}"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| bad(&error))?;
        roots.add(certificate).map_err(|error| bad(&error))?;
    }
    if roots.is_empty() {
        return Err(bad(&"there is no certificate in it"));
    }
    let provider = Arc::new(ring::default_provider());
    let built = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    built.map_err(|error| bad(&error))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: RustlsError) -> Error {
    Error::Tls(error.to_string())
}
