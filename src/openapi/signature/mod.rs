//! The signatures of requests.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::openapi::access_key::AccessKey;

mod v2;
mod v3;

/// The version of the API.
const VERSION: &str = "2020-04-20";

/// The method by which requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Signing {
    /// ACS3-HMAC-SHA256, as in the official SDK. A request is valid for 15 minutes around its time.
    #[default]
    V3,
    /// The RPC signature, HMAC-SHA1, which the product's own pages describe, although it is declared discontinued. A
    /// request is valid for 31 minutes, and the security token of a temporary key is part of the URL.
    V2,
}

/// A request that is not signed yet.
#[derive(Clone, Copy)]
pub(super) struct Unsigned<'a> {
    pub(super) method: &'static str,
    /// As in the `Host` header: with the port, if it is not the default of the scheme.
    pub(super) host: &'a str,
    pub(super) action: &'a str,
    /// Names and values that go into the URL.
    pub(super) query: &'a [(&'a str, &'a str)],
    /// Names and values that go into the body.
    pub(super) form: &'a [(&'a str, &'a str)],
    /// Unique to this request.
    pub(super) nonce: &'a str,
    /// UTC, as `2016-02-23T12:46:24Z`.
    pub(super) time: &'a str,
}

/// A signed request.
pub(super) struct Signed {
    /// The query, encoded.
    pub(super) query: Zeroizing<String>,
    /// The headers besides `Host` and those that HTTP itself needs.
    pub(super) headers: Vec<(&'static str, Zeroizing<String>)>,
    /// The form, encoded.
    pub(super) body: Zeroizing<String>,
    /// The text that was signed; a server that refuses the signature shows its own.
    pub(super) string_to_sign: Zeroizing<String>,
}

/// Signs a request.
pub(super) fn sign(signing: Signing, request: &Unsigned<'_>, key: &AccessKey) -> Result<Signed> {
    match signing {
        Signing::V3 => v3::sign(request, key, VERSION),
        Signing::V2 => v2::sign(request, key, VERSION),
    }
}

/// Signs a call of another service, of which this is the version, by the RPC signature.
pub(in crate::openapi) fn sign_rpc(request: &Unsigned<'_>, key: &AccessKey, version: &str) -> Result<Signed> {
    v2::sign(request, key, version)
}

/// Returns a call of another service that is not signed: `query` and `form` are all there is.
pub(in crate::openapi) fn unsigned(query: &[(&str, &str)], form: &[(&str, &str)]) -> Signed {
    let body = pairs(form);
    let headers = if body.is_empty() { Vec::new() } else { vec![("content-type", Zeroizing::new(FORM.to_string()))] };
    Signed { query: pairs(query), headers, body, string_to_sign: Zeroizing::default() }
}

/// The content type of a form.
const FORM: &str = "application/x-www-form-urlencoded";

/// RFC 3986 leaves letters, digits and these characters as they are.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Percent-encodes a text as in RFC 3986: a space is `%20`, and `*`, `+` and `/` are encoded, too.
pub(super) fn encode(text: &str) -> Zeroizing<String> {
    // At full capacity from the start, so that growing leaves no copy behind.
    let mut encoded = Zeroizing::new(String::with_capacity(3 * text.len()));
    encoded.extend(utf8_percent_encode(text, ENCODED));
    encoded
}

/// Returns the encoded names and values, sorted by the bytes of the names, as `a=b&c=d`. It is both signed and sent.
fn pairs(parameters: &[(&str, &str)]) -> Zeroizing<String> {
    let mut sorted = parameters.to_vec();
    sorted.sort_unstable();
    let size = sorted.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let mut text = Zeroizing::new(String::with_capacity(size));
    for (name, value) in sorted {
        if !text.is_empty() {
            text.push('&');
        }
        text.extend(utf8_percent_encode(name, ENCODED));
        text.push('=');
        text.extend(utf8_percent_encode(value, ENCODED));
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

fn no_key() -> Error {
    Error::internal("HMAC does not accept this key")
}

#[cfg(test)]
mod tests;
