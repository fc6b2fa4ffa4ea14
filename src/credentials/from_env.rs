//! Credentials from environment variables.

use std::sync::Arc;

#[cfg(feature = "openapi")]
use super::chained;
use super::{AuthMode, Credentials, Kind, applied};
use crate::config::environment::{self, Variables};
use crate::error::{Error, Hint, Result};
use crate::token::Token;

impl Credentials {
    pub(crate) fn read(mode: AuthMode, variables: &Variables) -> Result<Self> {
        let key_id = |name| variables.needed(name).map(str::to_string);
        let secret = |name| variables.secret(name).map(Arc::new);
        let (kind, labels) = match mode {
            AuthMode::Signature => {
                #[cfg(feature = "openapi")]
                if variables.first_set(&environment::KEY).is_none() {
                    return Ok(chained::read_for_signature(variables));
                }
                if variables.first_set(&[environment::SECURITY_TOKEN]).is_some() {
                    return Err(temporary());
                }
                let labels = (environment::ACCESS_KEY_ID, environment::ACCESS_KEY_SECRET);
                (Kind::Signature { key_id: key_id(labels.0)?, secret: secret(labels.1)? }, labels)
            }
            AuthMode::Device => {
                let labels = (environment::DEVICE_ACCESS_KEY_ID, environment::DEVICE_ACCESS_KEY_SECRET);
                (Kind::Device { key_id: key_id(labels.0)?, secret: secret(labels.1)? }, labels)
            }
            AuthMode::Token => {
                let labels = (environment::ACCESS_KEY_ID, environment::TOKEN);
                let Some(tokens) = variables.text(labels.1)? else { return applied::read(variables) };
                (Kind::Token { key_id: key_id(labels.0)?, tokens: Token::parse_list(labels.1, tokens) }, labels)
            }
            #[cfg(feature = "openapi")]
            AuthMode::Chain => return Ok(chained::read(variables)),
            #[cfg(not(feature = "openapi"))]
            AuthMode::Chain => return Err(AuthMode::no_chain()),
        };
        let credentials = Credentials(kind);
        credentials.check_as(labels)?;
        Ok(credentials)
    }
}

/// The error of a key that is not the whole of what a login needs.
fn temporary() -> Error {
    let message = format!(
        "{} is set: a temporary AccessKey cannot sign a login, and {} is signature",
        environment::SECURITY_TOKEN,
        environment::AUTH
    );
    Error::config(message).with_hint(Hint::PermanentKeyOnly)
}
