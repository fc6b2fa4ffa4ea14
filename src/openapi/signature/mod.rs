//! Signatures of requests: pure functions of what is sent.
//!
//! V3 (`ACS3-HMAC-SHA256`) signs the whole request and travels in headers (help.aliyun.com/document_detail/2593177.html);
//! V2 (the RPC signature, HMAC-SHA1) signs the parameters and is one of them (help.aliyun.com/document_detail/163046.html).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::AccessKey;
use crate::error::{Error, Result};

/// The API's version.
const VERSION: &str = "2020-04-20";

/// How a request is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Signing {
    /// ACS3-HMAC-SHA256: what the official SDK uses. A request is valid for 15 minutes around its time.
    #[default]
    V3,
    /// The RPC signature, HMAC-SHA1: what the product's own pages describe, declared discontinued. A request is valid
    /// for 31 minutes, and a temporary key's security token is part of the URL.
    V2,
}

/// A request that is not signed yet.
#[derive(Clone, Copy)]
pub(super) struct Unsigned<'a> {
    pub(super) method: &'static str,
    /// As the `Host` header has it: with the port, where that is not the scheme's own.
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

/// What is sent.
pub(super) struct Signed {
    /// The query, encoded.
    pub(super) query: Zeroizing<String>,
    /// Besides `Host` and those that HTTP itself needs.
    pub(super) headers: Vec<(&'static str, Zeroizing<String>)>,
    /// The form, encoded.
    pub(super) body: Zeroizing<String>,
    /// What was signed; a server that disagrees shows its own.
    pub(super) string_to_sign: Zeroizing<String>,
}

/// Signs a request.
pub(super) fn sign(signing: Signing, request: &Unsigned<'_>, key: &AccessKey) -> Result<Signed> {
    match signing {
        Signing::V3 => sign_v3(request, key, VERSION),
        Signing::V2 => sign_v2(request, key),
    }
}

fn sign_v3(request: &Unsigned<'_>, key: &AccessKey, version: &str) -> Result<Signed> {
    let plain = |text: &str| Zeroizing::new(text.to_string());
    let query = pairs(request.query);
    let body = pairs(request.form);
    let body_hash = hex(&Sha256::digest(body.as_bytes()));
    let mut headers = vec![
        ("x-acs-action", plain(request.action)),
        ("x-acs-content-sha256", plain(&body_hash)),
        ("x-acs-date", plain(request.time)),
        ("x-acs-signature-nonce", plain(request.nonce)),
        ("x-acs-version", plain(version)),
    ];
    if !body.is_empty() {
        headers.push(("content-type", plain(FORM)));
    }
    if let Some(token) = &key.security_token {
        headers.push(("x-acs-accesskey-id", plain(&key.id)));
        headers.push(("x-acs-security-token", plain(token)));
    }
    let mut signed: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    signed.push(("host", request.host));
    let (canonical, names) = canonical_v3(request.method, &query, &signed, &body_hash);
    let string_to_sign = Zeroizing::new(format!("ACS3-HMAC-SHA256\n{}", hex(&Sha256::digest(canonical.as_bytes()))));
    let mut mac = Hmac::<Sha256>::new_from_slice(key.secret.as_bytes()).map_err(|_| no_key())?;
    mac.update(string_to_sign.as_bytes());
    let signature = hex(&mac.finalize().into_bytes());
    let id = &key.id;
    let authorization = format!("ACS3-HMAC-SHA256 Credential={id},SignedHeaders={names},Signature={signature}");
    headers.push(("authorization", Zeroizing::new(authorization)));
    Ok(Signed { query, headers, body, string_to_sign })
}

/// The canonical request, and the names of the signed headers.
fn canonical_v3(method: &str, query: &str, headers: &[(&str, &str)], body_hash: &str) -> (Zeroizing<String>, String) {
    let mut headers = headers.to_vec();
    headers.sort_unstable();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let headers: Zeroizing<String> =
        Zeroizing::new(headers.iter().flat_map(|(name, value)| [name, ":", value.trim(), "\n"]).collect());
    let canonical = Zeroizing::new(format!("{method}\n/\n{query}\n{}\n{names}\n{body_hash}", *headers));
    (canonical, names)
}

fn sign_v2(request: &Unsigned<'_>, key: &AccessKey) -> Result<Signed> {
    let mut query = request.query.to_vec();
    query.extend([
        ("AccessKeyId", key.id.as_str()),
        ("Action", request.action),
        ("Format", "JSON"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureNonce", request.nonce),
        ("SignatureVersion", "1.0"),
        ("Timestamp", request.time),
        ("Version", VERSION),
    ]);
    if let Some(token) = &key.security_token {
        query.push(("SecurityToken", token));
    }
    let mut all = query.clone();
    all.extend_from_slice(request.form);
    let string_to_sign = string_to_sign_v2(request.method, &all);
    let signature = signature_v2(&string_to_sign, &key.secret)?;
    query.push(("Signature", &signature));
    let body = pairs(request.form);
    let headers = if body.is_empty() { Vec::new() } else { vec![("content-type", Zeroizing::new(FORM.to_string()))] };
    Ok(Signed { query: pairs(&query), headers, body, string_to_sign })
}

fn string_to_sign_v2(method: &str, parameters: &[(&str, &str)]) -> Zeroizing<String> {
    Zeroizing::new(format!("{method}&%2F&{}", &*encode(&pairs(parameters))))
}

fn signature_v2(string_to_sign: &str, secret: &str) -> Result<String> {
    let key = Zeroizing::new(format!("{secret}&"));
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).map_err(|_| no_key())?;
    mac.update(string_to_sign.as_bytes());
    Ok(STANDARD.encode(mac.finalize().into_bytes()))
}

/// The content type of a form.
const FORM: &str = "application/x-www-form-urlencoded";

/// What RFC 3986 leaves alone besides letters and digits.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Percent-encoding as RFC 3986 has it: a space is `%20`, and `*`, `+` and `/` are encoded, too.
pub(super) fn encode(text: &str) -> Zeroizing<String> {
    // As large as needed at once, so that growing leaves no copies behind.
    let mut encoded = Zeroizing::new(String::with_capacity(3 * text.len()));
    encoded.extend(utf8_percent_encode(text, ENCODED));
    encoded
}

/// Encoded names and values, in the order of the names' bytes, as `a=b&c=d`. It is both signed and sent.
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
    Error::internal("HMAC does not take this key")
}

#[cfg(test)]
mod tests;
