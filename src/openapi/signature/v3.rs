//! Signature V3, `ACS3-HMAC-SHA256`: it signs the whole request, and is sent in headers
//! (help.aliyun.com/document_detail/2593177.html).

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{FORM, Signed, Unsigned, hex, no_key, pairs};
use crate::error::Result;
use crate::openapi::access_key::AccessKey;

pub(super) fn sign(request: &Unsigned<'_>, key: &AccessKey, version: &str) -> Result<Signed> {
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
    let (canonical, names) = canonical(request.method, &query, &signed, &body_hash);
    let string_to_sign = Zeroizing::new(format!("ACS3-HMAC-SHA256\n{}", hex(&Sha256::digest(canonical.as_bytes()))));
    let mut mac = Hmac::<Sha256>::new_from_slice(key.secret.as_bytes()).map_err(|_| no_key())?;
    mac.update(string_to_sign.as_bytes());
    let signature = hex(&mac.finalize().into_bytes());
    let id = &key.id;
    let authorization = format!("ACS3-HMAC-SHA256 Credential={id},SignedHeaders={names},Signature={signature}");
    headers.push(("authorization", Zeroizing::new(authorization)));
    Ok(Signed { query, headers, body, string_to_sign })
}

/// Returns the canonical request, and the names of the signed headers.
fn canonical(method: &str, query: &str, headers: &[(&str, &str)], body_hash: &str) -> (Zeroizing<String>, String) {
    let mut headers = headers.to_vec();
    headers.sort_unstable();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let headers: Zeroizing<String> =
        Zeroizing::new(headers.iter().flat_map(|(name, value)| [name, ":", value.trim(), "\n"]).collect());
    let canonical = Zeroizing::new(format!("{method}\n/\n{query}\n{}\n{names}\n{body_hash}", *headers));
    (canonical, names)
}
