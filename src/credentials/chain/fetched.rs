//! A key as a service or a file has it, and the check of its form.

use std::time::SystemTime;

use super::fault::credentials;
use crate::error::Result;
use crate::key::check_key;
use crate::openapi::access_key::AccessKey;

/// A key that was obtained.
pub(super) struct Fetched {
    pub(super) key: AccessKey,
    pub(super) expires: Option<SystemTime>,
    /// The form of its parts.
    pub(super) check: Result<()>,
}

impl Fetched {
    pub(super) fn new(key: AccessKey, expires: Option<SystemTime>) -> Self {
        let check = check(&key);
        Fetched { key, expires, check }
    }
}

/// Checks what goes into a header and a signature.
fn check(key: &AccessKey) -> Result<()> {
    let token = key.security_token.as_ref();
    for (label, text) in [
        ("the AccessKey id", Some(&key.id)),
        ("the AccessKey secret", Some(&*key.secret)),
        ("the security token", token.map(|token| &**token)),
    ] {
        let Some(text) = text else { continue };
        check_key(label, text)?;
        if !text.is_ascii() || label == "the AccessKey id" && text.contains([',', '|']) {
            return Err(credentials(format!("{label} contains a character that such a value never has")));
        }
    }
    Ok(())
}
