//! The invariants for any responses and URLs. Not part of ordinary builds.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;
use zeroize::Zeroizing;

use super::address::Address;
use super::http::Response;
use super::json::Fields;
use super::response::{CallContext, read};
use crate::error::ErrorKind;

/// The texts that must not appear in errors: a secret of the call, and one that only the request contains.
const SECRET: &str = "\u{2603}geheim+/=";

/// An answer: two bytes for the status, one for a header, and the body.
pub(crate) fn answer(data: &[u8]) {
    let Some(([high, low, header], body)) = data.split_first_chunk() else { return };
    let status = 100 + u16::from_be_bytes([*high, *low]) % 500;
    // Each answer may repeat what was asked.
    let mut echo = body.to_vec();
    if let Ok(text) = std::str::from_utf8(body) {
        echo = text.replace("SECRET", SECRET).into_bytes();
    }
    let response = Response {
        status,
        body: Zeroizing::new(echo),
        date: (header & 1 != 0).then(|| UNIX_EPOCH + Duration::from_secs(u64::from(*header) * 100_000)),
        retry_after: None,
        redirect: (header & 2 != 0).then(|| "elsewhere".to_string()),
    };
    let now = UNIX_EPOCH + Duration::from_secs(10_000_000);
    let context = CallContext { action: "ApplyToken", secrets: vec![SECRET], string_to_sign: "POST&%2F&own", now };
    match read(&response, &context) {
        Ok(object) => {
            assert!((200..300).contains(&status));
            let fields = Fields::new("X", &object);
            for (name, value) in &object {
                let texts = [fields.text(name).err(), fields.boolean(name).err(), fields.objects(name).err()];
                for error in texts.into_iter().flatten() {
                    // Nothing of the answer but the field that was asked for.
                    assert!(name.contains(SECRET) || !error.to_string().contains(SECRET));
                }
                assert!(fields.maybe_number(name).is_none() || matches!(value, Value::Number(_) | Value::String(_)));
            }
        }
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::Api | ErrorKind::Protocol), "{error}");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(SECRET) && shown.len() < 10_000, "{shown}");
            assert!(!error.to_string().chars().any(char::is_control), "{error:?}");
            if let Some(fault) = error.api() {
                assert_eq!(fault.http_status(), status);
            }
        }
    }
}

/// A URL of the API. What is understood is shown in a form that is understood alike.
pub(crate) fn url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Address::read(text) {
        Ok(address) => {
            let shown = address.to_string();
            assert_eq!(Address::read(&shown).ok().as_ref(), Some(&address), "{shown}");
            assert!(!address.host().is_empty() && !shown.contains('@'));
        }
        // It may hold a password.
        Err(rule) => assert!(!text.contains('@') || rule == "the URL contains '@'; keys go into access_key"),
    }
}
