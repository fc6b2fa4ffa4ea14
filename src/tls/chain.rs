//! The reason why certificates were not accepted, read from the certificates themselves: rustls reports only that an
//! issuer is not trusted, or that a signature is invalid.
//!
//! The library has its own reader of DER: rustls-webpki, which is in the dependency tree, returns names and keys as
//! DER, too, and refuses to parse certificates of version 1.

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::{CertificateError, Error as Tls, OtherError, RootCertStore};

use crate::error::Hint;

/// RSA keys with fewer bits are not accepted by ring.
const MIN_RSA_BITS: usize = 2048;

/// The fault of a chain. Names are those in the certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    SelfSigned,
    /// The issuer is not trusted, and its certificate was not sent.
    NoIntermediate {
        issuer: String,
    },
    /// The last certificate of the chain is not trusted, or comes from an issuer that is not.
    UntrustedRoot {
        issuer: String,
    },
    /// The key that a certificate is signed with.
    WeakIssuer {
        issuer: String,
        bits: usize,
    },
    /// The server's own key.
    WeakKey {
        bits: usize,
    },
}

impl Finding {
    pub(super) fn hint(&self) -> Hint {
        match self {
            Finding::SelfSigned => Hint::SelfSigned,
            Finding::NoIntermediate { .. } => Hint::NoIntermediate,
            Finding::UntrustedRoot { .. } => Hint::UntrustedRoot,
            Finding::WeakIssuer { .. } => Hint::WeakIssuer,
            Finding::WeakKey { .. } => Hint::WeakKey,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::SelfSigned => f.write_str("the server's certificate is self-signed, and is not trusted"),
            Finding::NoIntermediate { issuer } => write!(
                f,
                "the server's certificate comes from an issuer that is not trusted, {issuer}, and the server sent no \
                 certificate of that issuer"
            ),
            Finding::UntrustedRoot { issuer } => {
                write!(f, "the server's certificate comes from an issuer that is not trusted, {issuer}")
            }
            Finding::WeakIssuer { issuer, bits } => write!(
                f,
                "a certificate of the server's is signed with an RSA key of {bits} bits, by {issuer}; fewer than \
                 {MIN_RSA_BITS} are not accepted"
            ),
            Finding::WeakKey { bits } => write!(
                f,
                "the server's certificate has an RSA key of {bits} bits; fewer than {MIN_RSA_BITS} are not accepted"
            ),
        }
    }
}

impl std::error::Error for Finding {}

/// Returns the error, with the finding in place of rustls' reason, if there is one.
pub(super) fn diagnose(
    error: Tls,
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    roots: &[TrustAnchor<'_>],
) -> Tls {
    let Some(leaf) = Certificate::parse(end_entity) else { return error };
    let others: Vec<_> = intermediates.iter().filter_map(|der| Certificate::parse(der)).collect();
    let found = match &error {
        Tls::InvalidCertificate(CertificateError::UnknownIssuer) if is_self_signed(end_entity) => {
            Some(Finding::SelfSigned)
        }
        Tls::InvalidCertificate(CertificateError::UnknownIssuer) => Some(untrusted(&leaf, &others)),
        Tls::InvalidCertificate(CertificateError::BadSignature) => weak(&leaf, &others, roots),
        _ => None,
    };
    found.map_or(error, |found| CertificateError::Other(OtherError(Arc::new(found))).into())
}

/// Returns true if its own key has signed it: it would be valid if it were trusted.
fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    let mut roots = RootCertStore::empty();
    let (Ok(()), Ok(name)) = (roots.add(certificate.clone().into_owned()), ServerName::try_from("any.invalid")) else {
        return false;
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let Ok(verifier) = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build() else {
        return false;
    };
    // A wrong name or an expired certificate does not depend on the signer.
    let verified = verifier.verify_server_cert(certificate, &[], &name, &[], UnixTime::now());
    !matches!(verified, Err(Tls::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)))
}

fn untrusted(leaf: &Certificate<'_>, others: &[Certificate<'_>]) -> Finding {
    let mut last = leaf;
    // At most as many steps as there are certificates, since a chain may be circular.
    for _ in others {
        match others.iter().find(|other| other.subject == last.issuer) {
            Some(next) if !std::ptr::eq(last, next) => last = next,
            _ => break,
        }
    }
    let issuer = name(last.issuer);
    if std::ptr::eq(last, leaf) { Finding::NoIntermediate { issuer } } else { Finding::UntrustedRoot { issuer } }
}

fn weak(leaf: &Certificate<'_>, others: &[Certificate<'_>], roots: &[TrustAnchor<'_>]) -> Option<Finding> {
    let is_weak = |key: &[u8]| rsa_bits(key).filter(|bits| *bits < MIN_RSA_BITS);
    if let Some(bits) = is_weak(leaf.key) {
        return Some(Finding::WeakKey { bits });
    }
    std::iter::once(leaf).chain(others).find_map(|certificate| {
        let sent = others.iter().filter(|other| other.subject == certificate.issuer).map(|other| other.key);
        let trusted = roots.iter().filter(|root| &*root.subject == certificate.issuer);
        let mut keys = sent.chain(trusted.map(|root| &*root.subject_public_key_info));
        keys.find_map(is_weak).map(|bits| Finding::WeakIssuer { issuer: name(certificate.issuer), bits })
    })
}

/// The parts of a certificate that are examined: the contents of the fields.
struct Certificate<'a> {
    issuer: &'a [u8],
    subject: &'a [u8],
    key: &'a [u8],
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_ID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// The version, which comes first if it is present.
const VERSION: u8 = 0xA0;

impl<'a> Certificate<'a> {
    fn parse(der: &'a [u8]) -> Option<Self> {
        let mut fields = Der(Der(Der(der).of(SEQUENCE)?).of(SEQUENCE)?);
        if fields.0.first() == Some(&VERSION) {
            fields.next()?;
        }
        fields.of_kind(INTEGER)?;
        fields.of_kind(SEQUENCE)?;
        let issuer = fields.of_kind(SEQUENCE)?;
        fields.of_kind(SEQUENCE)?;
        let subject = fields.of_kind(SEQUENCE)?;
        let key = fields.of_kind(SEQUENCE)?;
        Some(Certificate { issuer, subject, key })
    }
}

/// Returns the length of an RSA key in bits; `None` for another kind of key.
fn rsa_bits(key: &[u8]) -> Option<usize> {
    const RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
    let mut fields = Der(key);
    if Der(fields.of_kind(SEQUENCE)?).of(OBJECT_ID)? != RSA {
        return None;
    }
    // A bit string begins with the number of unused bits at its end, which is 0.
    let inner = fields.of_kind(BIT_STRING)?.get(1..)?;
    let modulus = Der(Der(inner).of(SEQUENCE)?).of(INTEGER)?;
    let first = modulus.iter().position(|byte| *byte != 0)?;
    let bytes = modulus.len() - first;
    Some(bytes * 8 - modulus.get(first)?.leading_zeros() as usize)
}

/// Returns a name in quotes: the common name, or the organisation. Control characters are escaped.
fn name(fields: &[u8]) -> String {
    const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
    const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0A];
    let mut sets = Der(fields);
    let (mut common, mut organisation) = (None, None);
    while let Some((kind, set)) = sets.next() {
        let mut pair = Der(if kind == SET { Der(set).of(SEQUENCE).unwrap_or_default() } else { &[] });
        let (Some(which), Some((_, text))) = (pair.of_kind(OBJECT_ID), pair.next()) else { continue };
        let text = || String::from_utf8_lossy(text).into_owned();
        match which {
            COMMON_NAME => common = Some(text()),
            ORGANISATION => organisation = Some(text()),
            _ => {}
        }
    }
    common.or(organisation).map_or_else(|| "which has no name".to_string(), |name| format!("{name:?}"))
}

/// A reader of DER elements: tag, length, contents.
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&kind, rest) = self.0.split_first()?;
        let (&short, rest) = rest.split_first()?;
        let (length, rest) = if short < 0x80 {
            (usize::from(short), rest)
        } else {
            let (digits, rest) = rest.split_at_checked(usize::from(short & 0x7F))?;
            if digits.len() > size_of::<usize>() {
                return None;
            }
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((kind, contents))
    }

    /// Returns the contents of the next element, which must be of this kind.
    fn of_kind(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.next().and_then(|(kind, contents)| (kind == wanted).then_some(contents))
    }

    /// Returns the contents of the first element, which must be of this kind.
    fn of(mut self, wanted: u8) -> Option<&'a [u8]> {
        self.of_kind(wanted)
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject as _;

    use super::*;

    #[test]
    fn a_certificate_is_read_and_anything_else_is_not() {
        let weak = CertificateDer::from_pem_slice(include_bytes!("testdata/weak-ca.pem")).unwrap();
        let certificate = Certificate::parse(&weak).unwrap();
        assert_eq!((rsa_bits(certificate.key), name(certificate.subject)), (Some(1024), "\"Weak CA\"".to_string()));
        assert_eq!(certificate.issuer, certificate.subject);
        let old = CertificateDer::from_pem_slice(include_bytes!("testdata/version-1.pem")).unwrap();
        let certificate = Certificate::parse(&old).unwrap();
        assert_eq!((rsa_bits(certificate.key), name(certificate.issuer)), (None, "\"Old CA\"".to_string()));
        // Cut off anywhere, or with any byte changed, it is read or not; that is all.
        for length in 0..weak.len() {
            let cut = &weak[..length];
            assert!(Certificate::parse(cut).is_none());
            let mut bytes = weak.to_vec();
            bytes[length] ^= 0xFF;
            if let Some(certificate) = Certificate::parse(&bytes) {
                let _ = (rsa_bits(certificate.key), name(certificate.subject));
            }
        }
        // ESC in a name.
        assert_eq!(name(&[SET, 10, SEQUENCE, 8, 6, 3, 0x55, 4, 3, 12, 1, 0x1B]), "\"\\u{1b}\"");
        assert_eq!(name(&[]), "which has no name");
    }
}
