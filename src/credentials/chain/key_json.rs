//! Keys in JSON, as STS, the metadata service and a credentials URI return them.

use std::time::SystemTime;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::fault::credentials;
use super::fetched::Fetched;
use super::wiped::Wiped;
use crate::error::{Error, Result};
use crate::openapi::access_key::AccessKey;

/// Reads the answer of the metadata service or of a URI: `Code` is `Success`, and the key stands beside it.
pub(super) fn read_flat(whose: &str, body: &[u8]) -> Result<Fetched> {
    let mut document = object(whose, body)?;
    let succeeded = document.0.get("Code").and_then(Value::as_str) == Some("Success");
    match document.0.as_object_mut() {
        Some(object) if succeeded => key(whose, object),
        _ => Err(credentials(format!("the answer of {whose} does not have the Code Success"))),
    }
}

/// Reads the answer of STS: the key is in `Credentials`.
pub(super) fn read_sts(whose: &str, body: &[u8]) -> Result<Fetched> {
    match object(whose, body)?.0.get_mut("Credentials").and_then(Value::as_object_mut) {
        Some(inner) => key(whose, inner),
        None => Err(missing(whose, "Credentials")),
    }
}

/// Returns a code or an id of an error, if it has the form of one.
pub(super) fn plain(body: &[u8], name: &str) -> Option<String> {
    let value = Wiped(serde_json::from_slice(body).ok()?);
    let text = value.0.get(name)?.as_str()?;
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (text.len() <= 80 && text.bytes().all(fine)).then(|| text.to_string())
}

fn object(whose: &str, body: &[u8]) -> Result<Wiped> {
    // The error of the parser could show a part of a secret.
    let document = serde_json::from_slice(body).ok().map(Wiped).filter(|document| document.0.is_object());
    document.ok_or_else(|| credentials(format!("the answer of {whose} is not a JSON object")))
}

fn key(whose: &str, object: &mut Map<String, Value>) -> Result<Fetched> {
    // Moved out, not copied.
    let mut text = |name: &str| match object.get_mut(name).map(Value::take) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        _ => Err(missing(whose, name)),
    };
    let key = AccessKey {
        id: text("AccessKeyId")?,
        secret: Zeroizing::new(text("AccessKeySecret")?),
        security_token: Some(Zeroizing::new(text("SecurityToken")?)),
    };
    let expires: SystemTime =
        humantime::parse_rfc3339(&text("Expiration")?).map_err(|_| missing(whose, "Expiration"))?;
    Ok(Fetched::new(key, Some(expires)))
}

fn missing(whose: &str, name: &str) -> Error {
    credentials(format!("the answer of {whose} has no valid {name}"))
}
