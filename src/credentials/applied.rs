//! Tokens that the library itself applies for (feature `openapi`).

use std::sync::Arc;

use super::{Applies, Credentials, Kind};
use crate::config::environment::{self, Variables};
use crate::error::{Error, Hint, Result};
use crate::openapi::{Api, ApiBuilder, TokenRequest};
use crate::token::{Token, TokenKind};

impl Credentials {
    /// Creates credentials for token mode, with tokens that the library itself applies for, one for each request; at
    /// most one of each kind.
    ///
    /// They are kept and renewed as with a [`token_provider`](Credentials::token_provider). Meant for your own servers,
    /// which hold the account's key: a program on a device gets its tokens from such a server. The API must be that of
    /// the client's instance. Each token takes at most the timeout of the API, all of them together at most that of the
    /// client. The API has a [`Network`](crate::Network) of its own, whatever the client's is.
    ///
    /// ```no_run
    /// use aliyun_mqtt::openapi::{Api, TokenRequest};
    /// use aliyun_mqtt::{Credentials, TokenKind};
    /// # fn main() -> aliyun_mqtt::Result<()> {
    /// let requests = [TokenRequest::new(TokenKind::ReadWrite, ["demo/#"])];
    /// let credentials = Credentials::apply_tokens(&Api::from_env()?, requests);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn apply_tokens(api: &Api, requests: impl IntoIterator<Item = TokenRequest>) -> Self {
        let requests: Arc<[_]> = requests.into_iter().collect();
        let applies = Applies {
            instance_id: api.instance_id().to_string(),
            fault: api.check_requests(&requests).err(),
            api: api.clone(),
            requests: Arc::clone(&requests),
        };
        let api = api.clone();
        let key_id = api.access_key_id().to_string();
        let provider = move || {
            let tokens: Result<Vec<Token>> = requests.iter().map(|request| api.apply_token(request)).collect();
            Ok(Credentials::tokens(api.access_key_id(), tokens?))
        };
        Credentials(Kind::TokenProvider { key_id, provider: Arc::new(provider), applies: Some(applies) })
    }
}

/// Creates credentials with tokens for everything below the parent topic, applied for with the account's key.
pub(super) fn read(variables: &Variables) -> Result<Credentials> {
    let hint = |error: Error| error.with_hint(Hint::TokenOrApply);
    let api = ApiBuilder::from_variables(variables).build().map_err(hint)?;
    let parent = environment::read_topic(variables).map_err(hint)?;
    // The documentation does not say if "demo/#" includes "demo" itself, as in MQTT.
    let topics = [parent.clone(), format!("{parent}/#")];
    Ok(Credentials::apply_tokens(&api, [TokenRequest::new(TokenKind::ReadWrite, topics)]))
}
