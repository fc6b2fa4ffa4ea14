//! Reads files of certificates and keys as they occur in practice: with a byte order mark, in another encoding,
//! endless.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::whole_file::{self, Unread};

/// The maximum length of a file; the bundles of systems have some 250 KB.
const MOST: u64 = 16 * 1024 * 1024;

/// The byte order mark, which some editors put at the start of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a whole file. A pipe or a device that delivers nothing takes at most `timeout`.
///
/// # Errors
/// `Config`, with the name of the file: it cannot be read, takes too long, or is too long.
pub(super) fn read(path: &Path, timeout: Duration) -> Result<Zeroizing<Vec<u8>>> {
    whole_file::read(path, MOST, timeout).map_err(|why| {
        let error = Error::config(format!("the file {path:?} cannot be read: {why}"));
        match why {
            Unread::System(source) => error.with_source(source),
            _ => error,
        }
    })
}

/// Returns the encoding, if it can be recognized and is not one of PEM.
pub(super) fn encoding(bytes: &[u8]) -> Option<&'static str> {
    let nulls = bytes.iter().filter(|byte| **byte == 0).count();
    match bytes {
        // A sequence with its length in two bytes, as every certificate and nearly every key begins.
        [0x30, 0x82, ..] => Some("binary (DER)"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        // Without a mark, Latin letters show it: every second byte is 0.
        _ if nulls * 3 > bytes.len() => Some("UTF-16"),
        _ => None,
    }
}

/// Removes byte order marks, which joined files have in the middle, too. The parser ignores a line that begins with
/// one.
pub(super) fn without_marks(bytes: Arc<Zeroizing<Vec<u8>>>) -> Arc<Zeroizing<Vec<u8>>> {
    if !bytes.windows(MARK.len()).any(|window| window == MARK) {
        return bytes;
    }
    // At full capacity from the start, so that growing leaves no copy behind.
    let mut without = Zeroizing::new(Vec::with_capacity(bytes.len()));
    let mut rest = &bytes[..];
    while let Some((first, behind)) = rest.split_first() {
        match rest.strip_prefix(MARK) {
            Some(behind) => rest = behind,
            None => {
                without.push(*first);
                rest = behind;
            }
        }
    }
    Arc::new(without)
}

/// Returns how many certificates begin in this text, including forms that the parser does not read.
pub(super) fn certificates_in(pem: &[u8]) -> usize {
    let begins = |line: &&[u8]| {
        let kind = line.trim_ascii_start().strip_prefix(b"-----BEGIN ");
        // "TRUSTED CERTIFICATE" and "X509 CERTIFICATE" as well, but not "CERTIFICATE REQUEST".
        kind.is_some_and(|kind| kind.trim_ascii_end().ends_with(b"CERTIFICATE-----"))
    };
    pem.split(|byte| matches!(byte, b'\n' | b'\r')).filter(begins).count()
}
