//! A TLS handshake that reports what it saw, even if it fails. The verifier records the certificates and then asks the
//! real one, so nothing is ever sent over a connection that was not verified.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
    StreamOwned,
};
use serde_json::{Value as Json, json};
use x509_parser::prelude::{FromDer as _, GeneralName, ParsedExtension, X509Certificate};

use super::cause::Cause;
use super::outcome::{Facts, Problem};
use super::tls_cause;
use crate::lang::{Phrase, phrase};
use crate::settings::{Key, Settings};
use crate::small_text;

/// Certificates that expire within fewer days get a warning.
const SOON: i64 = 14;

pub(super) type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// The trusted CAs and the client certificate, chosen as the library does.
#[derive(Clone)]
pub(super) struct Trust {
    roots: Arc<RootCertStore>,
    client: Option<Arc<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>>,
    /// A CA file is given.
    own_ca: bool,
}

/// The certificates and requests of a handshake, and how it ended.
pub(super) struct Handshake {
    chain: Vec<CertificateDer<'static>>,
    /// The server asked for a client certificate, but none is given.
    asked: bool,
    /// The certificates that were trusted.
    trust: Trust,
    pub(super) end: Result<Box<TlsStream>, HandshakeError>,
}

/// Why a handshake failed.
#[derive(Debug)]
pub(super) enum HandshakeError {
    Tls(TlsError),
    /// The other side closed the connection.
    Closed(String),
    Silent,
}

impl Trust {
    /// Reads the files that are set. The error says what is wrong with a file.
    pub(super) fn load(settings: &Settings) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(aliyun_mqtt::system_certificates().map(CertificateDer::from_slice));
        if let Some(path) = settings.path(Key::CaFile) {
            for certificate in certificates(path, settings.patience())? {
                let added = roots.add(certificate);
                added.map_err(|error| format!("{}: a CA certificate cannot be used: {error}", path.display()))?;
            }
        }
        let client = match (settings.path(Key::ClientCertFile), settings.path(Key::ClientKeyFile)) {
            (Some(chain), Some(path)) => {
                Some(Arc::new((certificates(chain, settings.patience())?, key(path, settings.patience())?)))
            }
            _ => None,
        };
        Ok(Trust { roots: Arc::new(roots), client, own_ca: settings.source(Key::CaFile).is_some() })
    }

    /// Performs a handshake, at most until the deadline.
    pub(super) fn handshake(&self, stream: TcpStream, host: &str, deadline: Instant) -> Handshake {
        let record = Arc::new(Record::default());
        let end = self.connection(&record, host).map_err(HandshakeError::Tls).and_then(|mut connection| {
            let mut stream = stream;
            drive(&mut connection, &mut stream, deadline)?;
            Ok(Box::new(StreamOwned::new(connection, stream)))
        });
        let chain = std::mem::take(&mut *record.chain.lock().unwrap_or_else(PoisonError::into_inner));
        let asked = *record.asked.lock().unwrap_or_else(PoisonError::into_inner);
        Handshake { chain, asked, trust: self.clone(), end }
    }

    fn connection(&self, record: &Arc<Record>, host: &str) -> Result<ClientConnection, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let real = WebPkiServerVerifier::builder_with_provider(Arc::clone(&self.roots), Arc::clone(&provider))
            .build()
            .map_err(|error| TlsError::General(error.to_string()))?;
        let verifier = Arc::new(RecordingVerifier { real, record: Arc::clone(record) });
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            // This verifier leaves every decision to the real one.
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match self.client.as_deref() {
            Some((chain, key)) => builder.with_client_auth_cert(chain.clone(), key.clone_key())?,
            None => builder.with_client_cert_resolver(Arc::new(NoCertificate(Arc::clone(record)))),
        };
        let name = ServerName::try_from(host.to_string()).map_err(|error| TlsError::General(error.to_string()))?;
        ClientConnection::new(Arc::new(config), name)
    }
}

fn certificates(path: &Path, patience: Duration) -> Result<Vec<CertificateDer<'static>>, String> {
    let named = path.display();
    let pem = small_text::pem(path, patience).map_err(|error| format!("{named}: {error}"))?;
    match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(format!("{named}: the file contains no certificate")),
        Err(_) => Err(format!("{named}: the file is not valid PEM")),
    }
}

fn key(path: &Path, patience: Duration) -> Result<PrivateKeyDer<'static>, String> {
    let pem = small_text::pem(path, patience).map_err(|error| format!("{}: {error}", path.display()))?;
    // The parser's error could quote the key.
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| format!("{}: no usable private key", path.display()))
}

fn drive(connection: &mut ClientConnection, stream: &mut TcpStream, deadline: Instant) -> Result<(), HandshakeError> {
    while connection.is_handshaking() || connection.wants_write() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(HandshakeError::Silent);
        }
        stream.set_read_timeout(Some(left)).and_then(|()| stream.set_write_timeout(Some(left))).map_err(broken)?;
        if connection.wants_write() {
            connection.write_tls(stream).map_err(broken)?;
        } else {
            if connection.read_tls(stream).map_err(broken)? == 0 {
                return Err(HandshakeError::Closed("end of the connection".to_string()));
            }
            if let Err(error) = connection.process_new_packets() {
                // Tries to send the alert that tells the server why.
                let _ = connection.write_tls(stream);
                return Err(HandshakeError::Tls(error));
            }
        }
    }
    Ok(())
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: io::Error) -> HandshakeError {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => HandshakeError::Silent,
        _ => HandshakeError::Closed(error.to_string()),
    }
}

/// The messages of the server during the handshake.
#[derive(Debug, Default)]
struct Record {
    chain: Mutex<Vec<CertificateDer<'static>>>,
    asked: Mutex<bool>,
}

/// Records the certificates and lets the real verifier decide.
#[derive(Debug)]
struct RecordingVerifier {
    real: Arc<WebPkiServerVerifier>,
    record: Arc<Record>,
}

impl ServerCertVerifier for RecordingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        *self.record.chain.lock().unwrap_or_else(PoisonError::into_inner) =
            chain.map(|certificate| certificate.clone().into_owned()).collect();
        self.real.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.real.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.real.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.real.supported_verify_schemes()
    }
}

/// A client without a certificate, which records that the server asked for one.
#[derive(Debug)]
struct NoCertificate(Arc<Record>);

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.0.asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

impl Handshake {
    /// Returns true if the other side speaks TLS, even if the handshake failed.
    pub(super) fn is_tls(&self) -> bool {
        let foreign = matches!(
            self.end,
            Err(HandshakeError::Tls(TlsError::InvalidMessage(_)) | HandshakeError::Closed(_) | HandshakeError::Silent)
        );
        !self.chain.is_empty() || !foreign
    }

    /// Notes the TLS version, the cipher and the certificates.
    pub(super) fn tell(&self, facts: &mut Facts) {
        if let Ok(stream) = &self.end {
            facts.note(
                "version",
                stream.conn.protocol_version().map_or(Json::Null, |version| json!(format!("{version:?}"))),
            );
            let suite = stream.conn.negotiated_cipher_suite();
            facts.note("cipher", suite.map_or(Json::Null, |suite| json!(format!("{:?}", suite.suite()))));
        }
        if self.asked {
            facts.note("asks_for_client_certificate", true);
        }
        for (index, certificate) in self.chain.iter().enumerate() {
            let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { continue };
            if index > 0 {
                let text = format!("{}, issued by {}", certificate.subject(), certificate.issuer());
                facts.note("further_certificate", text);
                continue;
            }
            facts.note("subject", certificate.subject().to_string());
            facts.note("issuer", certificate.issuer().to_string());
            facts.note("names", names(&certificate));
            let validity = certificate.validity();
            for (name, time) in [("valid_from", validity.not_before), ("valid_until", validity.not_after)] {
                facts.note(
                    name,
                    Timestamp::from_second(time.timestamp()).map_or(Json::Null, |time| json!(time.to_string())),
                );
            }
            facts.note("days_left", days_left(&certificate));
        }
    }

    /// Returns the problem of a failed handshake.
    pub(super) fn problem(&self, server: &str) -> Option<Problem> {
        Some(match self.end.as_ref().err()? {
            HandshakeError::Silent => {
                Problem::new(Cause::TlsSilent, format!("{server} did not finish the TLS handshake in time"))
            }
            HandshakeError::Closed(why) => Problem::new(
                Cause::TlsClosed,
                format!("{server} closed the connection during the TLS handshake: {why}"),
            ),
            HandshakeError::Tls(error) => {
                let found = tls_cause::of_chain(error, &self.chain, &self.trust.roots, self.trust.own_ca);
                if let Some((cause, words)) = found {
                    return Some(Problem::new(cause, format!("TLS with {server} failed: {error}: {words}")));
                }
                let cause = match tls_cause::of_error(error) {
                    // Some servers send no better alert if the client certificate is missing.
                    Cause::TlsNoCommonVersion if self.asked => Cause::TlsClientCertificate,
                    cause => cause,
                };
                Problem::new(cause, format!("TLS with {server} failed: {error}"))
            }
        })
    }

    /// Describes a successful handshake: the TLS version and how long the certificate is valid.
    pub(super) fn fact(&self) -> Phrase {
        let version = self.end.as_ref().ok().and_then(|stream| stream.conn.protocol_version());
        let version = version.map_or("TLS".to_string(), |version| format!("{version:?}"));
        let first = self.chain.first().and_then(|der| Some(X509Certificate::from_der(der).ok()?.1));
        let days = first.map(|certificate| days_left(&certificate));
        match days {
            Some(days) => phrase!("{version}, the certificate is valid for {days} days", version, days),
            None => Phrase::untranslated(version),
        }
    }

    /// Returns a warning if the certificate expires soon.
    pub(super) fn warning(&self) -> Option<Problem> {
        let (_, certificate) = X509Certificate::from_der(self.chain.first()?).ok()?;
        let days = days_left(&certificate);
        (days < SOON).then(|| Problem::new(Cause::TlsExpiresSoon, format!("the certificate expires in {days} days")))
    }
}

/// Returns the names for which a certificate is valid.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extensions = certificate.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    extensions
        .flatten()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_string()),
            GeneralName::IPAddress(bytes) => match bytes.len() {
                4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv4Addr::from(bytes).to_string()),
                _ => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
            },
            _ => None,
        })
        .collect()
}

fn days_left(certificate: &X509Certificate<'_>) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let left = certificate.validity().not_after.timestamp() - i64::try_from(now).unwrap_or(i64::MAX);
    left.div_euclid(24 * 3600)
}

/// A stream with or without TLS.
pub(super) trait ReadWrite: Read + Write {}

impl<T: Read + Write> ReadWrite for T {}
