//! The AccessKey of the API.

use zeroize::Zeroizing;

/// The key that requests are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AccessKey {
    pub(super) id: String,
    pub(super) secret: Zeroizing<String>,
    /// The security token of a temporary key.
    pub(super) security_token: Option<Zeroizing<String>>,
}
