//! Tokens that the library itself applies for (feature `openapi`).

use std::sync::Arc;

use super::{AccessKeyChain, Applies, Credentials, Kind};
use crate::config::environment::{self, Variables};
use crate::error::{Error, Hint, Result};
use crate::openapi::access_key::AccessKey;
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
        let applies = Applies::new(api, requests.into_iter().collect());
        let key_id = Some(api.access_key_id()).filter(|_| api.key_chain().is_none()).map(str::to_string);
        let (api, requests) = (applies.api.clone(), Arc::clone(&applies.requests));
        let provider = move || Ok(apply(&api, &requests)?);
        Credentials(Kind::TokenProvider { key_id, provider: Arc::new(provider), applies: Some(applies) })
    }
}

impl Applies {
    pub(super) fn new(api: &Api, requests: Arc<[TokenRequest]>) -> Self {
        let fault = api.check_requests(&requests).err();
        Applies { instance_id: api.instance_id().to_string(), fault, api: api.clone(), requests }
    }
}

/// Applies for these tokens, all of them with the same key: that of a chain may change between two calls.
pub(super) fn apply(api: &Api, requests: &[TokenRequest]) -> Result<Credentials> {
    let key = api.key()?;
    match apply_with(api, &key, requests) {
        Err(error) if api.refused(&key, &error) => apply_with(api, &api.key()?, requests),
        answer => answer,
    }
}

fn apply_with(api: &Api, key: &AccessKey, requests: &[TokenRequest]) -> Result<Credentials> {
    let api = api.with_key(key);
    let tokens: Result<Vec<Token>> = requests.iter().map(|request| api.apply_token(request)).collect();
    Ok(Credentials::tokens(key.id.as_str(), tokens?))
}

/// Creates credentials with tokens for everything below the parent topic, applied for with the account's key.
pub(super) fn read(variables: &Variables) -> Result<Credentials> {
    let (api, requests) = requested(variables, None)?;
    Ok(Credentials::apply_tokens(&api, requests.iter().cloned()))
}

/// Returns the API, with the key of this chain if there is one, and the tokens for everything below the parent topic.
pub(super) fn requested(variables: &Variables, chain: Option<&AccessKeyChain>) -> Result<(Api, Arc<[TokenRequest]>)> {
    let hint = |error: Error| error.with_hint(Hint::TokenOrApply);
    let mut builder = ApiBuilder::from_variables(variables);
    if let Some(chain) = chain {
        builder = builder.access_key_chain(chain.clone());
    }
    let api = builder.build().map_err(hint)?;
    let parent = environment::read_topic(variables).map_err(hint)?;
    // The documentation does not say if "demo/#" includes "demo" itself, as in MQTT.
    let topics = [parent.clone(), format!("{parent}/#")];
    Ok((api, [TokenRequest::new(TokenKind::ReadWrite, topics)].into()))
}
