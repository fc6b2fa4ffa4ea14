//! Keys in JSON, as STS, the metadata service and a credentials URI return them.

use std::time::SystemTime;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::fault::credentials;
use super::fetched::Fetched;
use crate::error::{Error, Result};
use crate::openapi::access_key::AccessKey;

/// Reads the answer of the metadata service or of a URI: `Code` is `Success`, and the key stands beside it.
pub(super) fn read_flat(whose: &str, body: &[u8]) -> Result<Fetched> {
    let mut object = object(whose, body)?;
    match object.get("Code").and_then(Value::as_str) {
        Some("Success") => key(whose, &mut object),
        _ => Err(credentials(format!("the answer of {whose} does not have the Code Success"))),
    }
}

/// Reads the answer of STS: the key is in `Credentials`.
pub(super) fn read_sts(whose: &str, body: &[u8]) -> Result<Fetched> {
    match object(whose, body)?.get_mut("Credentials") {
        Some(Value::Object(inner)) => key(whose, inner),
        _ => Err(missing(whose, "Credentials")),
    }
}

/// Returns a code or an id of an error, if it has the form of one.
pub(super) fn plain(body: &[u8], name: &str) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let text = value.get(name)?.as_str()?;
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (text.len() <= 80 && text.bytes().all(fine)).then(|| text.to_string())
}

fn object(whose: &str, body: &[u8]) -> Result<Map<String, Value>> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        // The error of the parser could show a part of a secret.
        _ => Err(credentials(format!("the answer of {whose} is not a JSON object"))),
    }
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
