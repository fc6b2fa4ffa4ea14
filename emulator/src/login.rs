//! The check of a login: signature, device credential, custom identity or tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use crate::account::{CustomIdentity, Directory, SignMode};
use crate::names;
use crate::tls::PeerCertificate;
use crate::token::{Held, TokenBook, parse_password};

/// The identity that a CONNECT claims.
pub(crate) struct Login<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) username: Option<&'a str>,
    pub(crate) password: Option<&'a [u8]>,
    /// The device certificate of the connection, which mutual TLS has verified.
    pub(crate) certificate: Option<&'a PeerCertificate>,
}

/// The permissions of a client that has logged in.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// All topics of the instance.
    Full(LoginMode),
    /// The topics that its tokens name.
    Tokens { access_key_id: String, held: Held },
}

/// The way in which a client has logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LoginMode {
    /// `Signature`: by an AccessKey.
    Signature,
    /// `Token`.
    Token,
    /// `DeviceCredential` (一机一密).
    DeviceCredential,
    /// A custom identity.
    Custom,
    /// A device certificate, without a user name.
    Certificate,
}

impl LoginMode {
    /// Returns the mode as user names spell it; `Custom` and `Certificate` for the modes without such a user name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signature => "Signature",
            Self::Token => "Token",
            Self::DeviceCredential => "DeviceCredential",
            Self::Custom => "Custom",
            Self::Certificate => "Certificate",
        }
    }
}

impl Identity {
    pub(crate) fn mode(&self) -> LoginMode {
        match self {
            Self::Full(mode) => *mode,
            Self::Tokens { .. } => LoginMode::Token,
        }
    }
}

/// A refused login: the CONNACK code of MQTT 3.1.1, and the reason as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: u8,
    pub(crate) reason: String,
}

const IDENTIFIER_REJECTED: u8 = 2;
const BAD_PASSWORD: u8 = 4;
const NOT_AUTHORIZED: u8 = 5;

impl Login<'_> {
    /// Checks the login against the accounts and tokens that exist.
    pub(crate) fn check(&self, directory: &Directory, tokens: &TokenBook) -> Result<Identity, Refusal> {
        names::check_length(self.client_id).map_err(|why| refuse(IDENTIFIER_REJECTED, why))?;
        let Some(username) = self.username else {
            if self.certificate.is_some() {
                return self.check_group(directory).map(|()| Identity::Full(LoginMode::Certificate));
            }
            return Err(refuse(BAD_PASSWORD, "no user name"));
        };
        let password = self
            .password
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .ok_or_else(|| refuse(BAD_PASSWORD, "no password, or it is not UTF-8"))?;
        // The user name of a custom identity is arbitrary, and its client id does not need the usual form.
        if let Some(identities) = directory.custom.get(username) {
            return self.check_custom(identities, password);
        }
        let mut parts = username.split('|');
        let (Some(mode), Some(key_id), Some(instance_id), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(refuse(BAD_PASSWORD, "the user name is not Mode|AccessKeyId|InstanceId"));
        };
        if instance_id != directory.instance_id {
            return Err(refuse(NOT_AUTHORIZED, "wrong instance id"));
        }
        self.check_group(directory)?;
        match mode {
            "Signature" => {
                let secret = secret_of(directory, key_id)?;
                check_signature(LoginMode::Signature, self.client_id, secret, password)
            }
            "DeviceCredential" => match directory.devices.get(self.client_id) {
                Some(device) if device.credential.access_key_id == key_id => {
                    let secret = &device.credential.access_key_secret;
                    check_signature(LoginMode::DeviceCredential, self.client_id, secret, password)
                }
                _ if directory.devices.values().any(|device| device.credential.access_key_id == key_id) => {
                    Err(refuse(NOT_AUTHORIZED, "the device credential belongs to another client id"))
                }
                _ => Err(refuse(NOT_AUTHORIZED, "unknown device credential")),
            },
            "Token" => {
                if !directory.sts_keys.contains_key(key_id) {
                    secret_of(directory, key_id)?;
                }
                let held = parse_password(password)
                    .ok_or_else(|| refuse(BAD_PASSWORD, "the password is not Type|Token, or several of them joined"))?;
                for (permission, token) in &held {
                    tokens
                        .check(key_id, *permission, token)
                        .map_err(|fault| refuse(BAD_PASSWORD, fault.to_string()))?;
                }
                Ok(Identity::Tokens { access_key_id: key_id.to_owned(), held })
            }
            _ => Err(refuse(BAD_PASSWORD, "the mode is not Signature, Token or DeviceCredential")),
        }
    }

    fn check_group(&self, directory: &Directory) -> Result<(), Refusal> {
        let group = names::group_of(self.client_id).map_err(|why| refuse(IDENTIFIER_REJECTED, why))?;
        if directory.knows_group(group) { Ok(()) } else { Err(refuse(NOT_AUTHORIZED, "unknown group id")) }
    }

    /// Checks the password of a custom identity; one of this client id takes precedence.
    fn check_custom(&self, identities: &[CustomIdentity], password: &str) -> Result<Identity, Refusal> {
        let of = |client_id| identities.iter().find(|identity| identity.client_id.as_deref() == client_id);
        let Some(identity) = of(Some(self.client_id)).or_else(|| of(None)) else {
            return Err(refuse(NOT_AUTHORIZED, "the custom identity belongs to another client id"));
        };
        let right = match identity.mode {
            SignMode::Origin => password == identity.secret,
            SignMode::Signed => password == signature(self.client_id, &identity.secret),
        };
        if right { Ok(Identity::Full(LoginMode::Custom)) } else { Err(refuse(BAD_PASSWORD, "wrong password")) }
    }
}

fn secret_of<'a>(directory: &'a Directory, key_id: &str) -> Result<&'a str, Refusal> {
    directory
        .access_keys
        .iter()
        .find(|(known, _)| known == key_id)
        .map(|(_, secret)| secret.as_str())
        .ok_or_else(|| refuse(NOT_AUTHORIZED, "unknown access key id"))
}

/// Returns `base64(HMAC-SHA1(key = secret, message = client id))`.
fn signature(client_id: &str, secret: &str) -> String {
    // Cannot fail: HMAC accepts keys of any length. An empty text never equals a signature.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(client_id.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn check_signature(mode: LoginMode, client_id: &str, secret: &str, password: &str) -> Result<Identity, Refusal> {
    let right = signature(client_id, secret);
    if !right.is_empty() && right == password {
        Ok(Identity::Full(mode))
    } else {
        Err(refuse(BAD_PASSWORD, "wrong signature"))
    }
}

fn refuse(code: u8, reason: impl Into<String>) -> Refusal {
    Refusal { code, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::account::{CustomIdentity, DeviceCredential, Group};
    use crate::token::Permission;

    #[test]
    fn signatures_match_the_vectors() {
        for (client_id, secret, expected) in [
            ("GID_Test@@@0001", "XXXXX", "vI009IZJZVGRwBwZvnbwjfuXxVM="),
            ("GID_Test@@@0001", "testsecret", "2o53J4IhwPZouH+0Qu6KWaZ6foc="),
            ("GID_test@@@test", "DC.secret", "xvOd7Q0nJnNjBZpp6lz7YToKd8M="),
        ] {
            assert_eq!(signature(client_id, secret), expected);
        }
    }

    fn directory() -> Directory {
        Directory {
            instance_id: "mqtt-xxxxx".into(),
            groups: vec![Group::new("GID_Test")],
            access_keys: vec![("YYYYY".into(), "XXXXX".into())],
            ..Directory::default()
        }
    }

    fn code(directory: &Directory, client_id: &str, username: &str, password: &str) -> u8 {
        let login =
            Login { client_id, username: Some(username), password: Some(password.as_bytes()), certificate: None };
        login.check(directory, &TokenBook::default()).map_or_else(|refusal| refusal.code, |_| 0)
    }

    #[test]
    fn signature_mode() {
        let directory = directory();
        let id = "GID_Test@@@0001";
        let good = "vI009IZJZVGRwBwZvnbwjfuXxVM=";
        assert_eq!(code(&directory, id, "Signature|YYYYY|mqtt-xxxxx", good), 0);
        assert_eq!(code(&directory, id, "Signature|YYYYY|mqtt-xxxxx", "2o53J4IhwPZouH+0Qu6KWaZ6foc="), 4);
        assert_eq!(code(&directory, id, "Signature|YYYYY|mqtt-other", good), 5);
        assert_eq!(code(&directory, id, "Signature|ZZZZZ|mqtt-xxxxx", good), 5);
        assert_eq!(code(&directory, id, "signature|YYYYY|mqtt-xxxxx", good), 4);
        assert_eq!(code(&directory, id, "Signature|YYYYY", good), 4);
        assert_eq!(code(&directory, "GID_Test:0001", "Signature|YYYYY|mqtt-xxxxx", good), 2);
        let elsewhere = "GID_Elsewhere@@@0001";
        assert_eq!(code(&directory, elsewhere, "Signature|YYYYY|mqtt-xxxxx", &signature(elsewhere, "XXXXX")), 5);
        let long = format!("GID_Test@@@{}", "x".repeat(54));
        assert_eq!(code(&directory, &long, "Signature|YYYYY|mqtt-xxxxx", &signature(&long, "XXXXX")), 2);
        let nameless = Login { client_id: id, username: None, password: None, certificate: None };
        assert_eq!(nameless.check(&directory, &TokenBook::default()).map_err(|r| r.code).err(), Some(4));
    }

    #[test]
    fn a_device_credential_is_bound_and_replaced() {
        let mut directory = directory();
        let (id, other) = ("GID_Test@@@0001", "GID_Test@@@0002");
        let first = directory.register_device(id);
        assert!(first.access_key_id.starts_with("DC.") && first.access_key_secret.starts_with("DC."));
        assert!(!format!("{first:?}").contains(&first.access_key_secret));
        let user = |credential: &DeviceCredential| format!("DeviceCredential|{}|mqtt-xxxxx", credential.access_key_id);
        let sign = |id, credential: &DeviceCredential| signature(id, &credential.access_key_secret);
        assert_eq!(code(&directory, id, &user(&first), &sign(id, &first)), 0);
        assert_eq!(code(&directory, other, &user(&first), &sign(other, &first)), 5);
        assert_eq!(code(&directory, id, &user(&first), "wrong"), 4);
        let second = directory.register_device(id);
        assert_eq!(code(&directory, id, &user(&first), &sign(id, &first)), 5);
        assert_eq!(code(&directory, id, &user(&second), &sign(id, &second)), 0);
        assert!(directory.unregister_device(id) && !directory.unregister_device(id));
        assert_eq!(code(&directory, id, &user(&second), &sign(id, &second)), 5);
    }

    #[test]
    fn custom_identities() {
        let mut directory = directory();
        let add = |directory: &mut Directory, name: &str, mode| {
            directory.set_custom(name, CustomIdentity { client_id: None, secret: "s3cret".into(), mode });
        };
        add(&mut directory, "plain", SignMode::Origin);
        add(&mut directory, "signed", SignMode::Signed);
        assert_eq!(code(&directory, "any-form", "plain", "s3cret"), 0);
        assert_eq!(code(&directory, "any-form", "plain", "other"), 4);
        assert_eq!(code(&directory, "any-form", "signed", &signature("any-form", "s3cret")), 0);
        assert_eq!(code(&directory, "any-form", "signed", "s3cret"), 4);
        // Of the type CLIENT, each client id has a secret of its own.
        for (name, client_id, secret) in
            [("bound", "one", "first"), ("bound", "two", "second"), ("plain", "one", "own")]
        {
            let client_id = Some(client_id.to_owned());
            directory.set_custom(name, CustomIdentity { client_id, secret: secret.into(), mode: SignMode::Origin });
        }
        for (client_id, name, password, expected) in [
            ("one", "bound", "first", 0),
            ("two", "bound", "second", 0),
            ("one", "bound", "second", 4),
            ("three", "bound", "first", 5),
            ("one", "plain", "own", 0),
            ("one", "plain", "s3cret", 4),
            ("two", "plain", "s3cret", 0),
        ] {
            assert_eq!(code(&directory, client_id, name, password), expected, "{client_id} {name} {password}");
        }
    }

    #[test]
    fn one_bad_token_spoils_the_login() {
        let directory = directory();
        let mut tokens = TokenBook::default();
        let hour = Duration::from_secs(3600);
        let read = tokens.issue("YYYYY", Permission::Read, &["demo/#"], hour);
        let write = tokens.issue("YYYYY", Permission::Write, &["demo/#"], hour);
        let check = |tokens: &TokenBook, password: String| {
            let login = Login {
                client_id: "GID_Test@@@0001",
                username: Some("Token|YYYYY|mqtt-xxxxx"),
                password: Some(password.as_bytes()),
                certificate: None,
            };
            login.check(&directory, tokens).map_or_else(|refusal| refusal.code, |_| 0)
        };
        assert_eq!(check(&tokens, format!("R|{read}")), 0);
        assert_eq!(check(&tokens, format!("W|{write}|R|{read}")), 0);
        assert_eq!(check(&tokens, format!("R|{read}|W|forged")), 4);
        assert_eq!(check(&tokens, format!("W|{read}")), 4);
        tokens.revoke(&write);
        assert_eq!(check(&tokens, format!("W|{write}|R|{read}")), 4);
        assert_eq!(check(&tokens, format!("R|{read}")), 0);
    }
}
