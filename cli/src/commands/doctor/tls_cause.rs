//! Finds the causes of TLS errors: by the error, and by the certificates if the error alone is not specific enough.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError as Bad, Error as TlsError, RootCertStore};
use x509_parser::prelude::{FromDer as _, ParsedExtension, SubjectPublicKeyInfo, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::cause::Cause;

const MIN_RSA_BITS: usize = 2048;

/// Finds the cause of a TLS error.
pub(super) fn of_error(error: &TlsError) -> Cause {
    use AlertDescription as Alert;
    match error {
        TlsError::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer | Bad::BadSignature => Cause::TlsUntrustedIssuer,
            Bad::Expired | Bad::ExpiredContext { .. } => Cause::TlsExpired,
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => Cause::TlsNotYetValid,
            Bad::NotValidForNameContext { presented, .. } if presented.is_empty() => Cause::TlsNoNames,
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => Cause::TlsNameMismatch,
            Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => Cause::TlsWrongPurpose,
            Bad::UnsupportedSignatureAlgorithmContext { .. }
            | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => Cause::TlsOldSignature,
            Bad::Other(other) => unnamed(&other.to_string()),
            _ => Cause::TlsCertificateBad,
        },
        TlsError::InvalidMessage(_) | TlsError::InappropriateMessage { .. } => Cause::TlsToPlainPort,
        TlsError::AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::UnknownCA
            | Alert::DecryptError
            | Alert::AccessDenied,
        ) => Cause::TlsClientCertificate,
        TlsError::PeerIncompatible(_)
        | TlsError::AlertReceived(Alert::ProtocolVersion | Alert::HandshakeFailure | Alert::InsufficientSecurity) => {
            Cause::TlsNoCommonVersion
        }
        TlsError::AlertReceived(Alert::UnrecognisedName) => Cause::TlsNameMismatch,
        TlsError::NoCertificatesPresented => Cause::TlsCertificateBad,
        // The client's own certificate and key, before anything is sent.
        TlsError::InconsistentKeys(_) => Cause::CaFileUnusable,
        _ => Cause::Unexplained,
    }
}

/// Finds the cause of a certificate that the library has examined and refused, by the key of the error's hint.
pub(super) fn of_hint(key: &str) -> Option<Cause> {
    Some(match key {
        "self-signed" => Cause::TlsSelfSigned,
        "no-intermediate" | "untrusted-root" => Cause::TlsUntrustedIssuer,
        "weak-issuer" | "weak-key" => Cause::TlsWeakKey,
        _ => return None,
    })
}

/// Finds the cause of errors of the verifier for which rustls has no variant. They are only available as text.
fn unnamed(error: &str) -> Cause {
    match error {
        _ if error.contains("UnsupportedCertVersion") => Cause::TlsVersion1,
        _ if ["EndEntityUsedAsCa", "NameConstraintViolation", "PathLenConstraintViolated"]
            .iter()
            .any(|name| error.contains(name)) =>
        {
            Cause::TlsIssuerNotAllowed
        }
        _ => Cause::TlsCertificateBad,
    }
}

/// Finds the cause in the certificate chain, with a message, if the chain tells more than the error. `own_ca` is true
/// if a CA file is given.
pub(super) fn of_chain(
    error: &TlsError,
    chain: &[CertificateDer<'static>],
    roots: &RootCertStore,
    own_ca: bool,
) -> Option<(Cause, String)> {
    let (first, _) = chain.split_first()?;
    let parsed: Vec<X509Certificate<'_>> =
        chain.iter().filter_map(|der| Some(X509Certificate::from_der(der).ok()?.1)).collect();
    let leaf = parsed.first().filter(|_| parsed.len() == chain.len())?;
    match error {
        TlsError::InvalidCertificate(Bad::UnknownIssuer) => {
            let issuer = leaf.issuer();
            let sent = parsed.iter().skip(1).any(|other| other.subject() == issuer);
            if is_self_signed(first) {
                Some((Cause::TlsSelfSigned, "the certificate is signed with its own key".to_string()))
            } else if !sent && (own_ca || names_its_issuer(leaf)) {
                // With an unknown private CA, an intermediate certificate would not help.
                Some((Cause::TlsChainIncomplete, format!("the server sent no certificate of {issuer}")))
            } else if !sent {
                let message = format!("{issuer} is not trusted, and the server did not send its certificate");
                Some((Cause::TlsUntrustedIssuer, message))
            } else {
                None
            }
        }
        TlsError::InvalidCertificate(Bad::BadSignature) => weak_key(&parsed, roots),
        _ => None,
    }
}

/// Returns true if the certificate tells where to get its issuer's, as those of public CAs do.
fn names_its_issuer(certificate: &X509Certificate<'_>) -> bool {
    let is_access = |extension: &ParsedExtension<'_>| matches!(extension, ParsedExtension::AuthorityInfoAccess(_));
    certificate.extensions().iter().any(|extension| is_access(extension.parsed_extension()))
}

/// Returns true if the certificate verifies with its own key.
fn is_self_signed(certificate: &CertificateDer<'static>) -> bool {
    let mut roots = RootCertStore::empty();
    let (Ok(()), Ok(name)) = (roots.add(certificate.clone()), ServerName::try_from("any.invalid")) else {
        return false;
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let Ok(verifier) = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build() else {
        return false;
    };
    let verified = verifier.verify_server_cert(certificate, &[], &name, &[], UnixTime::now());
    !matches!(verified, Err(TlsError::InvalidCertificate(Bad::UnknownIssuer | Bad::BadSignature)))
}

/// Finds an RSA key that is too short, in the chain or in the root above it.
fn weak_key(chain: &[X509Certificate<'_>], roots: &RootCertStore) -> Option<(Cause, String)> {
    let sent = chain.iter().find_map(|certificate| {
        let bits = rsa_bits(certificate.public_key())?;
        (bits < MIN_RSA_BITS).then(|| (certificate.subject().to_string(), bits))
    });
    let trusted = || {
        chain.iter().find_map(|certificate| {
            let issuer = certificate.issuer();
            // The root store keeps fields without their DER header.
            let above = roots.roots.iter().filter(|root| issuer.as_raw().ends_with(&root.subject));
            above
                .filter_map(|root| key_of(&root.subject_public_key_info))
                .find_map(|bits| (bits < MIN_RSA_BITS).then(|| (issuer.to_string(), bits)))
        })
    };
    let (whose, bits) = sent.or_else(trusted)?;
    Some((Cause::TlsWeakKey, format!("the RSA key of {whose} has {bits} bits")))
}

fn key_of(contents: &[u8]) -> Option<usize> {
    let mut der = vec![0x30];
    match u16::try_from(contents.len()).ok()?.to_be_bytes() {
        [0, short @ ..0x80] => der.push(short),
        long => der.extend([&[0x82][..], &long].concat()),
    }
    der.extend_from_slice(contents);
    rsa_bits(&SubjectPublicKeyInfo::from_der(&der).ok()?.1)
}

fn rsa_bits(key: &SubjectPublicKeyInfo<'_>) -> Option<usize> {
    match key.parsed().ok()? {
        PublicKey::RSA(key) => Some(key.key_size()),
        _ => None,
    }
}
