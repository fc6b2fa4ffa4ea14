//! The claims of a signed call, the same for both signatures.

use std::time::Duration;

use crate::api::response::ApiError;

/// The claims of a call, which its signature has to prove.
pub(in crate::api) struct Claim<'a> {
    pub(in crate::api) access_key_id: &'a str,
    pub(in crate::api) security_token: Option<&'a str>,
    pub(in crate::api) nonce: &'a str,
    pub(in crate::api) timestamp: &'a str,
    /// How far the timestamp may differ from the time, in either direction.
    pub(in crate::api) tolerance: Duration,
    /// The version of the OpenAPI.
    pub(in crate::api) version: &'a str,
    pub(in crate::api) string_to_sign: String,
    pub(super) signature: &'a str,
    pub(super) sign: fn(&str, &str) -> String,
}

impl Claim<'_> {
    /// Returns true if the call is signed with this secret.
    pub(in crate::api) fn is_signed_with(&self, secret: &str) -> bool {
        is_same(&(self.sign)(secret, &self.string_to_sign), self.signature)
    }
}

/// The error for a common parameter or header that every call needs.
pub(super) fn missing(name: &str) -> ApiError {
    ApiError::new(400, "MissingParameter", format!("the common parameter or header {name} is missing"))
}

/// Compares secrets in constant time. An empty one equals nothing.
pub(in crate::api) fn is_same(ours: &str, theirs: &str) -> bool {
    let difference = ours.bytes().zip(theirs.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    !ours.is_empty() && ours.len() == theirs.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparing() {
        assert!(is_same("abc", "abc"));
        assert!(!is_same("abc", "abd") && !is_same("abc", "ab") && !is_same("ab", "abc") && !is_same("", ""));
    }
}
