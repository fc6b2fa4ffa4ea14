//! Certificates and keys from PEM text.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::pem_file;
use crate::config::network::Pem;
use crate::error::{Error, Hint, Result};
use crate::printable::counted;

/// Returns all certificates. `what` names them in errors.
pub(super) fn certificates(pem: &Pem, what: &str, timeout: Duration) -> Result<Vec<CertificateDer<'static>>> {
    let text = read(pem, timeout)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.map_err(|_| malformed(pem))?;
    match pem_file::certificates_in(&text) {
        0 => Err(Error::config(format!("{pem} holds no {what}")).with_hint(Hint::PemCertificate)),
        // The parser skips what it does not recognize.
        count if count != certificates.len() => Err(Error::config(format!(
            "{pem} holds {}, of which {} can be read",
            counted(count, "certificate"),
            certificates.len()
        ))
        .with_hint(Hint::PemCertificateLine)),
        _ => Ok(certificates),
    }
}

pub(super) fn private_key(pem: &Pem, timeout: Duration) -> Result<PrivateKeyDer<'static>> {
    const ENCRYPTED: &[u8] = b"ENCRYPTED";
    let text = read(pem, timeout)?;
    // Both encrypted forms contain this word in plain text; the rest is base64, which hardly ever contains it.
    let encrypted = text.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED);
    match PrivateKeyDer::from_pem_slice(&text) {
        _ if encrypted => {
            Err(Error::config(format!("the private key in {pem} is encrypted")).with_hint(Hint::DecryptKey))
        }
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) => {
            Err(Error::config(format!("{pem} holds no private key")).with_hint(Hint::PemKey))
        }
        Err(_) => Err(malformed(pem)),
    }
}

fn read(pem: &Pem, timeout: Duration) -> Result<Arc<Zeroizing<Vec<u8>>>> {
    let bytes = match pem {
        Pem::Bytes(bytes) => Arc::clone(bytes),
        Pem::File(path) => Arc::new(pem_file::read(path, timeout)?),
    };
    match pem_file::encoding(&bytes) {
        None => Ok(pem_file::without_marks(bytes)),
        Some(encoding) => {
            Err(Error::config(format!("{pem} is {encoding}, not text in ASCII or UTF-8")).with_hint(Hint::SaveAsPem))
        }
    }
}

/// The parser's own error is omitted, because it may quote the text.
fn malformed(pem: &Pem) -> Error {
    Error::config(format!("{pem} is no valid PEM")).with_hint(Hint::PemDamaged)
}
