//! The rules for credentials. Errors never show a secret.

use super::{Credentials, Kind, TOKEN_LABEL};
use crate::error::{Error, Hint, Result};
use crate::key::{check_key, check_present};

impl Credentials {
    /// Checks the values, without calling a provider.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_as(self.labels())
    }

    /// Returns the names of the two values in messages.
    fn labels(&self) -> (&'static str, &'static str) {
        match self.0 {
            Kind::Signature { .. } => ("the AccessKey id", "the AccessKey secret"),
            Kind::Device { .. } => ("the device AccessKey id", "the device AccessKey secret"),
            Kind::Token { .. } | Kind::TokenProvider { .. } => ("the AccessKey id", TOKEN_LABEL),
            Kind::Plain { .. } => ("the user name", "the password"),
            Kind::Signed { .. } => ("the user name", "the uploaded secret"),
            #[cfg(feature = "openapi")]
            Kind::Chain { .. } => ("", ""),
            Kind::Provider(_) => ("", ""),
        }
    }

    pub(super) fn check_as(&self, (id_label, secret_label): (&str, &str)) -> Result<()> {
        match &self.0 {
            Kind::Signature { key_id, secret } | Kind::Device { key_id, secret } => {
                check_key_id(id_label, key_id)?;
                check_key(secret_label, secret)
            }
            Kind::Token { key_id, tokens } => {
                check_key_id(id_label, key_id)?;
                let tokens = tokens.as_ref().map_err(Clone::clone)?;
                if tokens.is_empty() {
                    return Err(Error::config(format!("{secret_label} is empty")));
                }
                for (position, token) in tokens.iter().enumerate() {
                    token.check(secret_label)?;
                    if tokens[..position].iter().any(|other| other.kind() == token.kind()) {
                        return Err(Error::config(format!("{secret_label} has two tokens of the same type")));
                    }
                }
                Ok(())
            }
            Kind::TokenProvider { key_id, applies, .. } => {
                key_id.as_ref().map_or(Ok(()), |key_id| check_key_id(id_label, key_id))?;
                applies.as_ref().and_then(|applies| applies.fault.clone()).map_or(Ok(()), Err)
            }
            Kind::Plain { user, secret } | Kind::Signed { user, secret } => {
                // Any text can be uploaded.
                check_present(id_label, user)?;
                if user.contains('\0') {
                    return Err(Error::config(format!("{id_label} contains a NUL character")));
                }
                check_present(secret_label, secret)
            }
            #[cfg(feature = "openapi")]
            Kind::Chain { tokens: super::ChainTokens::Apply(applies), .. } => applies.fault.clone().map_or(Ok(()), Err),
            #[cfg(feature = "openapi")]
            Kind::Chain { .. } => Ok(()),
            Kind::Provider(_) => Ok(()),
        }
    }
}

fn check_key_id(label: &str, value: &str) -> Result<()> {
    check_key(label, value)?;
    if value.contains('|') {
        let message = format!("{label} contains '|', which separates the parts of a user name");
        return Err(Error::config(message).with_hint(Hint::BareAccessKeyId));
    }
    Ok(())
}
