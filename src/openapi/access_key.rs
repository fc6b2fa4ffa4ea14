//! The AccessKey of the API.

use zeroize::Zeroizing;

/// The key that requests are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccessKey {
    pub(crate) id: String,
    pub(crate) secret: Zeroizing<String>,
    /// The security token of a temporary key.
    pub(crate) security_token: Option<Zeroizing<String>>,
}
