//! The ways to log in.

use aliyun_mqtt::Credentials;

/// A way to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Auth {
    Signature,
    Token,
    Device,
    CustomPlain,
    CustomSigned,
}

impl Auth {
    pub(super) const NAMES: [(&'static str, Auth); 5] = [
        ("signature", Auth::Signature),
        ("token", Auth::Token),
        ("device", Auth::Device),
        ("custom-plain", Auth::CustomPlain),
        ("custom-signed", Auth::CustomSigned),
    ];

    /// As `auth` names it.
    pub(crate) fn name(self) -> &'static str {
        Auth::NAMES.iter().find(|(_, auth)| *auth == self).map_or("", |(name, _)| name)
    }

    pub(super) fn credentials(self, id: &str, secret: &str) -> Credentials {
        match self {
            Auth::Signature => Credentials::signature(id, secret),
            Auth::Token => Credentials::token(id, secret),
            Auth::Device => Credentials::device(id, secret),
            Auth::CustomPlain => Credentials::custom_plain(id, secret),
            Auth::CustomSigned => Credentials::custom_signed(id, secret),
        }
    }

    pub(crate) fn is_custom(self) -> bool {
        matches!(self, Auth::CustomPlain | Auth::CustomSigned)
    }
}
