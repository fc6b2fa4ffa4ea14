//! The AccessKey of the API.

use std::fmt;

use zeroize::Zeroizing;

/// The key that requests are signed with. `Debug` shows its id only.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AccessKey {
    pub(crate) id: String,
    pub(crate) secret: Zeroizing<String>,
    /// The security token of a temporary key.
    pub(crate) security_token: Option<Zeroizing<String>>,
}

// Written out, because not each version of `Zeroizing` hides its value.
impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_has_no_secret_whatever_zeroizing_shows() {
        let secret = || Zeroizing::new("geheim".to_string());
        let key = AccessKey { id: "a".to_string(), secret: secret(), security_token: Some(secret()) };
        assert_eq!(format!("{key:?}"), r#"AccessKey { id: "a", .. }"#);
    }
}
