//! Signature V2, the RPC signature with HMAC-SHA1: it signs the parameters, and is one of them
//! (help.aliyun.com/document_detail/163046.html).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::{FORM, Signed, Unsigned, encode, no_key, pairs};
use crate::error::Result;
use crate::openapi::access_key::AccessKey;

pub(super) fn sign(request: &Unsigned<'_>, key: &AccessKey, version: &str) -> Result<Signed> {
    let mut query = request.query.to_vec();
    query.extend([
        ("AccessKeyId", key.id.as_str()),
        ("Action", request.action),
        ("Format", "JSON"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureNonce", request.nonce),
        ("SignatureVersion", "1.0"),
        ("Timestamp", request.time),
        ("Version", version),
    ]);
    if let Some(token) = &key.security_token {
        query.push(("SecurityToken", token));
    }
    let mut all = query.clone();
    all.extend_from_slice(request.form);
    let string_to_sign = string_to_sign(request.method, &all);
    let signature = signature(&string_to_sign, &key.secret)?;
    query.push(("Signature", &signature));
    let body = pairs(request.form);
    let headers = if body.is_empty() { Vec::new() } else { vec![("content-type", Zeroizing::new(FORM.to_string()))] };
    Ok(Signed { query: pairs(&query), headers, body, string_to_sign })
}

pub(super) fn string_to_sign(method: &str, parameters: &[(&str, &str)]) -> Zeroizing<String> {
    Zeroizing::new(format!("{method}&%2F&{}", &*encode(&pairs(parameters))))
}

pub(super) fn signature(string_to_sign: &str, secret: &str) -> Result<String> {
    let key = Zeroizing::new(format!("{secret}&"));
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).map_err(|_| no_key())?;
    mac.update(string_to_sign.as_bytes());
    Ok(STANDARD.encode(mac.finalize().into_bytes()))
}
