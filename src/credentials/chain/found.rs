//! A key that the chain has found.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::openapi::access_key::AccessKey;

/// An AccessKey that an [`AccessKeyChain`](super::AccessKeyChain) has found. `Debug` shows no secret.
#[derive(Clone)]
pub struct ChainKey(Arc<Found>);

#[derive(Clone)]
struct Found {
    key: AccessKey,
    expires: Option<SystemTime>,
    provider: String,
    place: String,
    passed_over: Vec<String>,
}

impl ChainKey {
    pub(super) fn new(key: AccessKey, expires: Option<SystemTime>, provider: String, place: String) -> Self {
        ChainKey(Arc::new(Found { key, expires, provider, place, passed_over: Vec::new() }))
    }

    /// Returns the id of the key.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.0.key.id
    }

    /// Returns true for a temporary key, which has a security token: it can call APIs, but not sign a login.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.0.key.security_token.is_some()
    }

    /// Returns when the key ends; `None` for a permanent key, and for a temporary one whose end is not known.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        self.0.expires
    }

    /// Returns how the key was obtained, in the words of Alibaba Cloud's SDKs: `env`, `oidc_role_arn`,
    /// `cli_profile/static_ak`, `profile/ram_role_arn/static_ak`, `ecs_ram_role`, `credential_uri` and so on.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.0.provider
    }

    /// Returns where the key was found, for people: the path of a file and its profile, a role, a URI.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.0.place
    }

    /// Returns the places before it in the chain that have something, but no usable key, each with the reason.
    #[must_use]
    pub fn passed_over(&self) -> &[String] {
        &self.0.passed_over
    }

    pub(crate) fn key(&self) -> &AccessKey {
        &self.0.key
    }

    /// Returns the same key, obtained in this way.
    pub(super) fn named(self, provider: &str) -> Self {
        ChainKey(Arc::new(Found { provider: provider.to_string(), ..Arc::unwrap_or_clone(self.0) }))
    }

    /// Returns the same key, found within this file.
    pub(super) fn within(self, file: &str) -> Self {
        let provider = format!("{file}/{}", self.0.provider);
        self.named(&provider)
    }

    /// Returns the same key, found after these places were passed over.
    pub(super) fn after(self, passed_over: Vec<String>) -> Self {
        ChainKey(Arc::new(Found { passed_over, ..Arc::unwrap_or_clone(self.0) }))
    }
}

impl fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainKey")
            .field("access_key_id", &self.0.key.id)
            .field("place", &self.0.place)
            .field("expires", &self.0.expires)
            .finish_non_exhaustive()
    }
}
