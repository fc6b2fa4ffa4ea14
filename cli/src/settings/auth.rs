//! The ways to log in.

use std::str::FromStr;

use aliyun_mqtt::Credentials;

use super::Key;

/// A way to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Auth {
    Signature,
    Token,
    Device,
    CustomPlain,
    CustomSigned,
    /// By the first key that the chain finds: a permanent one signs, a temporary one applies for a token.
    Chain,
}

impl Auth {
    /// All ways. The library's `AuthMode` has all but custom authentication, which a program can choose by
    /// the environment.
    pub(super) const ALL: [Auth; 6] =
        [Auth::Signature, Auth::Token, Auth::Device, Auth::Chain, Auth::CustomPlain, Auth::CustomSigned];

    /// As `auth` names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Auth::Signature => "signature",
            Auth::Token => "token",
            Auth::Device => "device",
            Auth::CustomPlain => "custom-plain",
            Auth::CustomSigned => "custom-signed",
            Auth::Chain => "chain",
        }
    }

    /// Returns the settings of the id and of the secret.
    pub(super) fn pair(self) -> (Key, Key) {
        match self {
            Auth::Signature | Auth::Chain => (Key::AccessKeyId, Key::AccessKeySecret),
            Auth::Token => (Key::AccessKeyId, Key::Token),
            Auth::Device => (Key::DeviceAccessKeyId, Key::DeviceAccessKeySecret),
            Auth::CustomPlain | Auth::CustomSigned => (Key::User, Key::Password),
        }
    }

    pub(super) fn credentials(self, id: &str, secret: &str) -> Credentials {
        match self {
            Auth::Signature | Auth::Chain => Credentials::signature(id, secret),
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

impl FromStr for Auth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Auth::ALL.into_iter().find(|auth| auth.name() == text);
        found.ok_or_else(|| format!("{text:?} is not one of {}", Auth::ALL.map(Auth::name).join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use aliyun_mqtt::AuthMode;

    use super::*;

    #[test]
    fn each_name_is_read_again_and_means_what_it_does_in_the_library() {
        for auth in Auth::ALL {
            assert_eq!(auth.name().parse(), Ok(auth));
        }
        for mode in [AuthMode::Signature, AuthMode::Token, AuthMode::Device, AuthMode::Chain] {
            let name = mode.to_string();
            assert_eq!(name.parse::<Auth>().unwrap().name(), name);
        }
        assert!("custom".parse::<Auth>().unwrap_err().contains("signature, token, device, chain, custom-plain"));
    }
}
