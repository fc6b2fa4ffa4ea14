//! Credentials from a chain of keys: a permanent key signs the login; with a temporary one, the client applies for
//! tokens.

use std::sync::Arc;

use super::applied::apply;
use super::chain::AccessKeyChain;
use super::{Applies, ChainTokens, Credentials, Kind};
use crate::config::environment::Variables;
use crate::error::{Error, ErrorKind, Fate, Hint, Result};
use crate::openapi::{Api, TokenRequest};

impl Credentials {
    /// Creates credentials from the chain of keys of an API ([`ApiBuilder::access_key_chain`]), which is asked at each
    /// login: a permanent key signs the login, as with [`signature`](Credentials::signature); with a temporary key, the
    /// client applies for these tokens and renews them, as with [`apply_tokens`](Credentials::apply_tokens), so a
    /// machine with a RAM role needs no key at all.
    ///
    /// To log in with tokens whatever the key, use [`apply_tokens`](Credentials::apply_tokens) with the same API.
    /// Without a chain, the key of the API is used in the same way.
    ///
    /// Tokens of a new temporary key cannot be uploaded on a connection of the old one: the client then sends what is
    /// under way, and logs in again.
    ///
    /// [`ApiBuilder::access_key_chain`]: crate::openapi::ApiBuilder::access_key_chain
    ///
    /// ```no_run
    /// use aliyun_mqtt::openapi::{Api, TokenRequest};
    /// use aliyun_mqtt::{AccessKeyChain, Credentials, TokenKind};
    ///
    /// # fn main() -> aliyun_mqtt::Result<()> {
    /// let api = Api::builder()
    ///     .region("cn-hangzhou")
    ///     .instance_id("post-cn-xxxx")
    ///     .access_key_chain(AccessKeyChain::from_env())
    ///     .build()?;
    /// let tokens = [TokenRequest::new(TokenKind::ReadWrite, ["demo/#"])];
    /// let credentials = Credentials::chain(&api, tokens);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn chain(api: &Api, tokens: impl IntoIterator<Item = TokenRequest>) -> Self {
        match api.key_chain() {
            Some(chain) => {
                let tokens = ChainTokens::Apply(Applies::new(api, tokens.into_iter().collect()));
                chained(chain.clone(), tokens)
            }
            None => match api.permanent_key() {
                Some(key) => Credentials::signature(key.id.as_str(), key.secret.as_str()),
                None => Credentials::apply_tokens(api, tokens),
            },
        }
    }
}

impl Credentials {
    /// Creates credentials for signature mode with the key of a chain, which is asked at each login. A temporary key is
    /// an error ([`Credentials`](crate::ErrorKind::Credentials)): it cannot sign a login, because the user name of a
    /// login has no field for its security token.
    #[must_use]
    pub fn chain_signature(chain: &AccessKeyChain) -> Self {
        chained(chain.clone(), ChainTokens::None)
    }
}

fn chained(chain: AccessKeyChain, tokens: ChainTokens) -> Credentials {
    let own = (chain.clone(), tokens.clone());
    let provider = Arc::new(move || Ok(credentials(&own.0, &own.1)?));
    Credentials(Kind::Chain { chain, tokens, provider })
}

/// Returns the credentials of the next login.
fn credentials(chain: &AccessKeyChain, tokens: &ChainTokens) -> Result<Credentials> {
    let found = chain.find()?;
    if !found.is_temporary() {
        let key = found.key();
        return Ok(Credentials::signature(key.id.as_str(), key.secret.as_str()));
    }
    let place = found.place();
    match tokens {
        ChainTokens::Apply(applies) => apply(&applies.api, &applies.requests),
        ChainTokens::Unknown(reason) => {
            let message = format!("the AccessKey of {place} is a temporary one, and no token can be applied for");
            Err(temporary(message).with_reason(reason.clone()))
        }
        ChainTokens::None => {
            let message = format!("the AccessKey of {place} is a temporary one, which cannot sign a login");
            Err(temporary(message).with_hint(Hint::PermanentKeyOnly))
        }
    }
}

fn temporary(message: String) -> Error {
    Error::new(ErrorKind::Credentials, message).with_fate(Fate::NotSent)
}

/// Returns the credentials of mode `chain`: the tokens are for everything below the parent topic.
pub(super) fn read(variables: &Variables) -> Credentials {
    let chain = AccessKeyChain::from_variables(variables);
    let tokens = match super::applied::requested(variables, Some(&chain)) {
        Ok((api, requests)) => ChainTokens::Apply(Applies::new(&api, requests)),
        Err(error) => ChainTokens::Unknown(error),
    };
    chained(chain, tokens)
}

/// Returns the credentials of mode `signature` without a key: that of the chain, which must not be a temporary one.
pub(super) fn read_for_signature(variables: &Variables) -> Credentials {
    Credentials::chain_signature(&AccessKeyChain::from_variables(variables))
}
