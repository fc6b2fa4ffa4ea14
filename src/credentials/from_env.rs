//! Credentials from environment variables.

use std::sync::Arc;

use super::{AuthMode, Credentials, Kind, applied};
use crate::config::environment::{self, Variables};
use crate::error::Result;
use crate::token::Token;

impl Credentials {
    pub(crate) fn read(mode: AuthMode, variables: &Variables) -> Result<Self> {
        let key_id = |name| variables.needed(name).map(str::to_string);
        let secret = |name| variables.secret(name).map(Arc::new);
        let (kind, labels) = match mode {
            AuthMode::Signature => {
                let labels = (environment::ACCESS_KEY_ID, environment::ACCESS_KEY_SECRET);
                (Kind::Signature { key_id: key_id(labels.0)?, secret: secret(labels.1)? }, labels)
            }
            AuthMode::Device => {
                let labels = (environment::DEVICE_ACCESS_KEY_ID, environment::DEVICE_ACCESS_KEY_SECRET);
                (Kind::Device { key_id: key_id(labels.0)?, secret: secret(labels.1)? }, labels)
            }
            AuthMode::Token => {
                let labels = (environment::ACCESS_KEY_ID, environment::TOKEN);
                let key_id = key_id(labels.0)?;
                let Some(tokens) = variables.text(labels.1)? else { return applied::read(variables) };
                (Kind::Token { key_id, tokens: Token::parse_list(labels.1, tokens) }, labels)
            }
        };
        let credentials = Credentials(kind);
        credentials.check_as(labels)?;
        Ok(credentials)
    }
}
