//! The credentials of a client: the five authentication modes of the service, and their logins.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::config::environment::Variables;
use crate::error::{Error, Result};
use crate::token::Token;

// Tokens that the library itself applies for.
#[cfg_attr(not(feature = "openapi"), path = "applied_disabled.rs")]
mod applied;
mod asking;
mod auth_mode;
#[cfg(feature = "openapi")]
mod chain;
#[cfg(feature = "openapi")]
mod chained;
mod check;
mod from_env;
mod login;
mod provider;

pub(crate) use asking::Asking;
pub use auth_mode::AuthMode;
#[cfg(feature = "openapi")]
pub use chain::{AccessKeyChain, ChainKey, PassedOver};
pub use login::Login;
pub(crate) use provider::{Provider, ask};

/// The name of a token in messages.
const TOKEN_LABEL: &str = "the token";

/// The credentials of a client.
///
/// For devices: [`device`](Credentials::device) where they can keep a secret, or else tokens
/// ([`token_provider`](Credentials::token_provider), [`tokens`](Credentials::tokens), [`token`](Credentials::token)).
/// For servers of your own account: [`signature`](Credentials::signature), or with the feature `openapi` `chain` and
/// `apply_tokens`; an account's key never belongs on a device. For Professional and Platinum instances with custom
/// authentication: [`custom_plain`](Credentials::custom_plain), [`custom_signed`](Credentials::custom_signed). Any of
/// these can be asked for at each connect: [`provider`](Credentials::provider).
///
/// Values are checked when the configuration is built, and those of a provider when it returns them. Secrets are wiped
/// from memory when the last clone is dropped, and are never part of `Debug`, of an error or of the log.
///
/// The current overview for V3.x instances lists only tokens and device credentials; it is not documented if a new
/// instance accepts signatures.
///
/// Sources: help pages "Signature" (help.aliyun.com/document_detail/48271.html), "Token" (54282.html), "Authentication
/// overview" and "Custom authentication".
///
/// The manual has more about [logging in](crate::manual::logging_in).
#[derive(Clone)]
pub struct Credentials(pub(crate) Kind);

pub(crate) type Secret = Arc<Zeroizing<String>>;

#[derive(Clone)]
pub(crate) enum Kind {
    Signature {
        key_id: String,
        secret: Secret,
    },
    Device {
        key_id: String,
        secret: Secret,
    },
    /// The error is that of parsing the text.
    Token {
        key_id: String,
        tokens: Result<Vec<Token>>,
    },
    Plain {
        user: String,
        secret: Secret,
    },
    Signed {
        user: String,
        secret: Secret,
    },
    Provider(Arc<Provider>),
    TokenProvider {
        /// `None` if it is known only to a chain of keys.
        key_id: Option<String>,
        provider: Arc<Provider>,
        applies: Option<Applies>,
    },
    #[cfg(feature = "openapi")]
    Chain {
        chain: AccessKeyChain,
        tokens: ChainTokens,
        provider: Arc<Provider>,
    },
}

/// The tokens that a temporary key of a chain applies for.
#[cfg(feature = "openapi")]
#[derive(Clone)]
pub(crate) enum ChainTokens {
    Apply(Applies),
    /// None can be applied for, for this reason.
    Unknown(Error),
    /// A login by signature is demanded.
    None,
}

#[cfg(feature = "openapi")]
impl ChainTokens {
    /// Returns true if both apply for the same tokens.
    fn same(&self, other: &ChainTokens) -> bool {
        match (self, other) {
            (ChainTokens::Apply(one), ChainTokens::Apply(other)) => one.same(other),
            (ChainTokens::Unknown(one), ChainTokens::Unknown(other)) => one.to_string() == other.to_string(),
            (ChainTokens::None, ChainTokens::None) => true,
            _ => false,
        }
    }
}

/// The properties of tokens that the library itself applies for.
#[derive(Clone)]
pub(crate) struct Applies {
    /// The instance they are for.
    pub(crate) instance_id: String,
    /// The first invalid request.
    pub(crate) fault: Option<Error>,
    #[cfg(feature = "openapi")]
    pub(crate) api: crate::openapi::Api,
    #[cfg(feature = "openapi")]
    pub(crate) requests: Arc<[crate::openapi::TokenRequest]>,
}

impl Applies {
    /// Returns true if both apply for the same tokens in the same way.
    #[cfg(feature = "openapi")]
    fn same(&self, other: &Applies) -> bool {
        self.api.same_settings(&other.api) && self.requests == other.requests
    }

    #[cfg(not(feature = "openapi"))]
    fn same(&self, _: &Applies) -> bool {
        false
    }
}

impl Credentials {
    /// Creates credentials for signature mode: the AccessKey of an account or RAM user.
    ///
    /// The password is a signature of the client id; the secret itself is not sent. Meant for servers: anybody with the
    /// key can do everything that it permits.
    #[must_use]
    pub fn signature(access_key_id: impl Into<String>, access_key_secret: impl Into<String>) -> Self {
        Credentials(Kind::Signature { key_id: access_key_id.into(), secret: secret(access_key_secret) })
    }

    /// Creates credentials for device mode (一机一密): a key for one client id, created by the API operation
    /// `RegisterDeviceCredential`.
    ///
    /// The key is valid for that client id only, so the device id must be set explicitly.
    #[must_use]
    pub fn device(device_access_key_id: impl Into<String>, device_access_key_secret: impl Into<String>) -> Self {
        Credentials(Kind::Device { key_id: device_access_key_id.into(), secret: secret(device_access_key_secret) })
    }

    /// Creates credentials for token mode, from tokens of the API operation `ApplyToken` with their types:
    /// `RW|{token}`, `R|{token}`, `W|{token}`, or one of each type joined, as in `R|{token}|W|{token}`.
    ///
    /// `access_key_id` is the key that applied for them. All tokens must be valid: the service refuses a login with a
    /// single invalid one.
    #[must_use]
    pub fn token(access_key_id: impl Into<String>, tokens: impl Into<String>) -> Self {
        Credentials(Kind::Token {
            key_id: access_key_id.into(),
            tokens: Token::parse_list(TOKEN_LABEL, &tokens.into()),
        })
    }

    /// Creates credentials for token mode, from bare tokens and their kinds; at most one of each kind.
    ///
    /// They are not renewed: before they expire, replace them with
    /// [`Client::upload_token`](crate::Client::upload_token).
    ///
    /// ```
    /// use aliyun_mqtt::{Credentials, TokenKind};
    /// let credentials = Credentials::tokens("access key id", [(TokenKind::Read, "123"), (TokenKind::Write, "abcd")]);
    /// ```
    #[must_use]
    pub fn tokens<T: Into<Token>>(access_key_id: impl Into<String>, tokens: impl IntoIterator<Item = T>) -> Self {
        Credentials(Kind::Token {
            key_id: access_key_id.into(),
            tokens: Ok(tokens.into_iter().map(Into::into).collect()),
        })
    }

    /// Creates credentials for token mode, with a function that fetches the tokens: from your own application server,
    /// for devices that must not hold an account's secret.
    ///
    /// `access_key_id` is the key that applies for them. The function returns all tokens that the client is to hold, at
    /// most one of each kind, with their expiry if it is known. They are kept and used for each login until one of them
    /// must be renewed: after 80 % of its lifetime
    /// ([`ConfigBuilder::token_renewal`](crate::ConfigBuilder::token_renewal)), when the service announces its expiry,
    /// or when the service reports it as invalid. New tokens are uploaded without a new connection, and reported as an
    /// [`Event`](crate::Event).
    ///
    /// The function runs on a separate thread, never twice at a time, and may block up to the client's timeout. If it
    /// fails or panics at a login, the connect fails ([`Credentials`](crate::ErrorKind::Credentials)); at a renewal it
    /// is called again with growing pauses until the token expires. Its error appears in errors and logs, so keep
    /// secrets out of it.
    ///
    /// ```
    /// use aliyun_mqtt::{Credentials, Token, TokenKind};
    /// use std::time::Duration;
    /// # fn ask_my_server() -> std::io::Result<String> { Ok("text".to_string()) }
    /// let credentials = Credentials::token_provider("access key id", || {
    ///     let text = ask_my_server()?;
    ///     Ok(vec![Token::new(TokenKind::ReadWrite, text).expires_in(Duration::from_secs(3600))])
    /// });
    /// ```
    #[must_use]
    pub fn token_provider<F>(access_key_id: impl Into<String>, fetch: F) -> Self
    where
        F: Fn() -> Result<Vec<Token>, Box<dyn std::error::Error + Send + Sync>> + Send + Sync + 'static,
    {
        let key_id: String = access_key_id.into();
        let key = key_id.clone();
        let provider = move || Ok(Credentials::tokens(key.as_str(), fetch()?));
        Credentials(Kind::TokenProvider { key_id: Some(key_id), provider: Arc::new(provider), applies: None })
    }

    /// Creates credentials for custom authentication with sign mode `ORIGIN`: the uploaded user name and secret, sent
    /// as they are.
    #[must_use]
    pub fn custom_plain(user: impl Into<String>, password: impl Into<String>) -> Self {
        Credentials(Kind::Plain { user: user.into(), secret: secret(password) })
    }

    /// Creates credentials for custom authentication with sign mode `SIGNED`: the uploaded user name, and a signature
    /// of the client id with the uploaded secret.
    #[must_use]
    pub fn custom_signed(user: impl Into<String>, uploaded_secret: impl Into<String>) -> Self {
        Credentials(Kind::Signed { user: user.into(), secret: secret(uploaded_secret) })
    }

    /// Creates credentials that are requested from this function at each connect.
    ///
    /// The function runs on a separate thread, never twice at a time, and may block up to the client's timeout. If it
    /// fails or panics, the connect fails: [`Credentials`](crate::ErrorKind::Credentials). It must not return another
    /// provider. If it returns device credentials, set the device id they were created for. If it returns tokens, it is
    /// also called when one must be renewed, as with [`token_provider`](Credentials::token_provider), which saves the
    /// call at a connect while the tokens are valid. Its error appears in errors and logs, so keep secrets out of it.
    ///
    /// ```
    /// use aliyun_mqtt::Credentials;
    /// let credentials = Credentials::provider(|| {
    ///     let token = std::fs::read_to_string("/run/secrets/mqtt-token")?;
    ///     Ok(Credentials::token("access key id", token.trim()))
    /// });
    /// ```
    #[must_use]
    pub fn provider<F>(ask: F) -> Self
    where
        F: Fn() -> Result<Credentials, Box<dyn std::error::Error + Send + Sync>> + Send + Sync + 'static,
    {
        Credentials(Kind::Provider(Arc::new(ask)))
    }

    /// Reads the credentials of this mode from the environment; [`AuthMode`] lists the variables.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): a variable is missing or breaks a rule; it is named.
    pub fn from_env(mode: AuthMode) -> Result<Self> {
        Credentials::read(mode, &Variables::of_process())
    }

    /// Returns true if both have the same values, secrets included. Functions are the same if they are clones.
    pub(crate) fn same(&self, other: &Credentials) -> bool {
        match (&self.0, &other.0) {
            (Kind::Signature { key_id, secret }, Kind::Signature { key_id: id, secret: other })
            | (Kind::Device { key_id, secret }, Kind::Device { key_id: id, secret: other })
            | (Kind::Plain { user: key_id, secret }, Kind::Plain { user: id, secret: other })
            | (Kind::Signed { user: key_id, secret }, Kind::Signed { user: id, secret: other }) => {
                key_id == id && secret == other
            }
            (Kind::Token { key_id, tokens }, Kind::Token { key_id: id, tokens: other }) => {
                key_id == id && matches!((tokens, other), (Ok(tokens), Ok(other)) if tokens == other)
            }
            (Kind::Provider(provider), Kind::Provider(other)) => Arc::ptr_eq(provider, other),
            (
                Kind::TokenProvider { key_id, provider, applies },
                Kind::TokenProvider { key_id: id, provider: other, applies: others },
            ) => {
                let apply = matches!((applies, others), (Some(applies), Some(others)) if applies.same(others));
                key_id == id && (Arc::ptr_eq(provider, other) || apply)
            }
            #[cfg(feature = "openapi")]
            (Kind::Chain { chain, tokens, .. }, Kind::Chain { chain: other, tokens: others, .. }) => {
                chain.same(other) && tokens.same(others)
            }
            _ => false,
        }
    }

    /// Returns the function of a provider. Run it with [`ask`], on a detached thread.
    pub(crate) fn as_provider(&self) -> Option<Arc<Provider>> {
        match &self.0 {
            Kind::Provider(provider) | Kind::TokenProvider { provider, .. } => Some(Arc::clone(provider)),
            #[cfg(feature = "openapi")]
            Kind::Chain { provider, .. } => Some(Arc::clone(provider)),
            _ => None,
        }
    }

    /// Notes that the service refused the login with these credentials, for which a key of a chain may be the reason.
    /// Returns true if the chain may have another.
    pub(crate) fn login_refused(&self) -> bool {
        match &self.0 {
            #[cfg(feature = "openapi")]
            Kind::Chain { chain, .. } => chain.doubted(),
            _ => false,
        }
    }

    /// Returns true if the tokens of the provider are kept until one must be renewed.
    pub(crate) fn keeps_tokens(&self) -> bool {
        match self.0 {
            Kind::TokenProvider { .. } => true,
            #[cfg(feature = "openapi")]
            Kind::Chain { .. } => true,
            _ => false,
        }
    }

    /// Returns the AccessKey id and the tokens, if these are tokens.
    pub(crate) fn as_tokens(&self) -> Option<(&str, &[Token])> {
        match &self.0 {
            Kind::Token { key_id, tokens: Ok(tokens) } => Some((key_id, tokens)),
            _ => None,
        }
    }

    /// Returns the instance that these credentials are for, if they are for one only.
    pub(crate) fn instance_id(&self) -> Option<&str> {
        match &self.0 {
            Kind::TokenProvider { applies, .. } => applies.as_ref().map(|applies| applies.instance_id.as_str()),
            #[cfg(feature = "openapi")]
            Kind::Chain { tokens: ChainTokens::Apply(applies), .. } => Some(&applies.instance_id),
            _ => None,
        }
    }

    /// Returns true if the credentials are valid for one client id only, so that a generated device id is useless.
    pub(crate) fn is_device(&self) -> bool {
        matches!(self.0, Kind::Device { .. })
    }

    /// Returns true for custom authentication, and for a provider that may return it.
    pub(crate) fn may_have_whole_client_id(&self) -> bool {
        self.is_custom() || matches!(self.0, Kind::Provider(_))
    }

    pub(crate) fn is_custom(&self) -> bool {
        matches!(self.0, Kind::Plain { .. } | Kind::Signed { .. })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, label, value) = match &self.0 {
            Kind::Signature { key_id, .. } => ("Signature", "access_key_id", key_id),
            Kind::Device { key_id, .. } => ("Device", "access_key_id", key_id),
            Kind::Token { key_id, .. } => ("Token", "access_key_id", key_id),
            Kind::Plain { user, .. } => ("CustomPlain", "user", user),
            Kind::Signed { user, .. } => ("CustomSigned", "user", user),
            Kind::TokenProvider { key_id: Some(key_id), .. } => ("TokenProvider", "access_key_id", key_id),
            Kind::TokenProvider { key_id: None, .. } => return f.write_str("TokenProvider"),
            #[cfg(feature = "openapi")]
            Kind::Chain { .. } => return f.write_str("Chain"),
            Kind::Provider(_) => return f.write_str("Provider"),
        };
        f.debug_struct(name).field(label, value).finish_non_exhaustive()
    }
}

fn secret(text: impl Into<String>) -> Secret {
    Arc::new(Zeroizing::new(text.into()))
}

#[cfg(test)]
mod tests;
