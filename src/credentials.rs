//! How a client proves who it is: the five modes of the service, and what each makes of a login.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

use crate::config::environment::{self, Env};
use crate::error::{Error, Result};
use crate::identity::ClientId;
use crate::limits::MQTT_TEXT_LEN;
#[cfg(feature = "openapi")]
use crate::openapi::{Api, ApiBuilder, TokenRequest};
use crate::token::{Token, TokenKind, store};

mod provider;

pub(crate) use provider::{Provider, ask};

/// What tokens are called in messages.
const TOKEN_LABEL: &str = "the token";

/// How a client proves who it is.
///
/// | made by | for |
/// |---|---|
/// | [`device`](Credentials::device) | trusted devices: a key for one client id (一机一密) |
/// | [`token`](Credentials::token), [`tokens`](Credentials::tokens) | untrusted devices: temporary permission for some topics |
/// | [`token_provider`](Credentials::token_provider) | the same, with tokens fetched and renewed as needed |
/// | `apply_tokens` (feature `openapi`) | the same, with tokens that the library applies for itself |
/// | [`signature`](Credentials::signature) | servers of one's own: never give an account's key to a device |
/// | [`custom_plain`](Credentials::custom_plain), [`custom_signed`](Credentials::custom_signed) | identities uploaded by the account (Professional and Platinum instances) |
/// | [`provider`](Credentials::provider) | any of these, asked for at each connect |
///
/// Values are checked when the configuration is built, and a provider's when it gives them. Secrets are wiped from
/// memory when the last clone is dropped, and are never part of `Debug`, of an error or of the log.
///
/// The present overview for V3.x instances lists only token and device credential; whether a new instance takes
/// signatures is not documented.
///
/// Sources: help pages "Signature" (help.aliyun.com/document_detail/48271.html), "Token" (54282.html),
/// "Authentication overview" and "Custom authentication".
#[derive(Clone)]
pub struct Credentials(Kind);

type Secret = Arc<Zeroizing<String>>;

#[derive(Clone)]
enum Kind {
    Signature {
        key_id: String,
        secret: Secret,
    },
    Device {
        key_id: String,
        secret: Secret,
    },
    /// The error is what is wrong with the text they were given as.
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
        key_id: String,
        provider: Arc<Provider>,
        applies: Option<Applies>,
    },
}

/// What is known of tokens that the library applies for itself.
#[derive(Clone)]
struct Applies {
    /// The instance they are for.
    instance_id: String,
    /// What is wrong with the requests.
    fault: Option<Error>,
}

/// The modes that the environment can choose, by `ALIYUN_MQTT_AUTH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthMode {
    /// `signature`: `ALIBABA_CLOUD_ACCESS_KEY_ID` and `ALIBABA_CLOUD_ACCESS_KEY_SECRET`.
    Signature,
    /// `token`: `ALIBABA_CLOUD_ACCESS_KEY_ID` and `ALIYUN_MQTT_TOKEN`. Without that token, one for everything below
    /// `ALIYUN_MQTT_TOPIC` is applied for and renewed (feature `openapi`), which takes the variables at
    /// `openapi::Api::from_env`.
    Token,
    /// `device`: `ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID` and `ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET`.
    Device,
}

/// User name and password of a CONNECT packet. `Debug` hides the password.
#[derive(Clone)]
#[non_exhaustive]
pub struct Login {
    /// The user name, such as `Signature|{access key id}|{instance id}`.
    pub username: String,
    /// The password; wiped from memory when dropped.
    pub password: Zeroizing<String>,
}

impl Login {
    fn checked(username: String, password: Zeroizing<String>) -> Result<Self> {
        for (what, length) in [("user name", username.len()), ("password", password.len())] {
            if length > MQTT_TEXT_LEN {
                return Err(Error::config(format!("the {what} has {length} bytes; MQTT allows {MQTT_TEXT_LEN}")));
            }
        }
        Ok(Login { username, password })
    }

    /// The login with tokens that are kept elsewhere.
    pub(crate) fn with_tokens(key_id: &str, instance_id: &str, password: Zeroizing<String>) -> Result<Self> {
        Login::checked(token_username(key_id, instance_id), password)
    }
}

impl Credentials {
    /// Signature mode: the AccessKey of an account or RAM user.
    ///
    /// The password is a signature of the client id; the secret itself is not sent. Meant for servers: whoever has the
    /// key can do all that it permits.
    #[must_use]
    pub fn signature(access_key_id: impl Into<String>, access_key_secret: impl Into<String>) -> Self {
        Credentials(Kind::Signature { key_id: access_key_id.into(), secret: secret(access_key_secret) })
    }

    /// Device mode (一机一密): a key made for one client id by the API operation `RegisterDeviceCredential`.
    ///
    /// It is valid for that client id only, so the device id must be given explicitly.
    #[must_use]
    pub fn device(device_access_key_id: impl Into<String>, device_access_key_secret: impl Into<String>) -> Self {
        Credentials(Kind::Device { key_id: device_access_key_id.into(), secret: secret(device_access_key_secret) })
    }

    /// Token mode: tokens from the API operation `ApplyToken`, with their types: `RW|{token}`, `R|{token}`,
    /// `W|{token}`, or one of each type joined, as in `R|{token}|W|{token}`.
    ///
    /// `access_key_id` is the key that applied for them. All tokens must be valid: the service refuses a login with a
    /// single bad one.
    #[must_use]
    pub fn token(access_key_id: impl Into<String>, tokens: impl Into<String>) -> Self {
        Credentials(Kind::Token { key_id: access_key_id.into(), tokens: parse_tokens(TOKEN_LABEL, &tokens.into()) })
    }

    /// Token mode, with bare tokens and their kinds; at most one of each kind.
    ///
    /// Nobody can be asked for new ones: before they end, give the client others with
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

    /// Token mode, with a function that gets the tokens: from your own application server, as devices do that must not
    /// hold an account's secret.
    ///
    /// `access_key_id` is the key that applies for them. The function gives all tokens the client is to hold, at most one
    /// of each kind, with their ends where they are known. What it gave is kept, and used for each login, until one of
    /// them has to be renewed: after 80 % of its life ([`ConfigBuilder::token_renewal`](crate::ConfigBuilder::token_renewal)),
    /// when the service announces its end, or when the service says that it is not good. New tokens are handed over
    /// without a new connection; [`Event`](crate::Event) tells of it.
    ///
    /// The function runs on a thread of its own, never twice at a time, and may block, for at most the client's time-out.
    /// A failure or a panic at a login is a failed connect ([`Credentials`](crate::ErrorKind::Credentials)); at a renewal it is
    /// tried again with growing pauses as long as the token lives. Its error is shown in errors and logs, so keep secrets
    /// out of it.
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
        Credentials(Kind::TokenProvider { key_id, provider: Arc::new(provider), applies: None })
    }

    /// Token mode, with tokens that the library applies for itself, one for each request; at most one of each kind.
    ///
    /// They are kept and renewed as with a [`token_provider`](Credentials::token_provider). For servers of your own, which
    /// hold the account's key: a program on a device gets its tokens from such a server. The API must be that of the
    /// client's instance. Each token takes at most the API's own time-out, all together at most the client's. The API has its
    /// own setting for a proxy (`ApiBuilder::proxy`), whatever the client's is.
    ///
    /// ```no_run
    /// use aliyun_mqtt::openapi::{Api, TokenRequest};
    /// use aliyun_mqtt::{Credentials, TokenKind};
    /// # fn main() -> aliyun_mqtt::Result<()> {
    /// let requests = [TokenRequest::new(TokenKind::ReadWrite, ["demo/#"])];
    /// let credentials = Credentials::apply_tokens(&Api::from_env()?, requests);
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "openapi")]
    #[must_use]
    pub fn apply_tokens(api: &Api, requests: impl IntoIterator<Item = TokenRequest>) -> Self {
        let requests: Vec<_> = requests.into_iter().collect();
        let applies =
            Applies { instance_id: api.instance_id().to_string(), fault: api.check_requests(&requests).err() };
        let api = api.clone();
        let key_id = api.access_key_id().to_string();
        let provider = move || {
            let tokens: Result<Vec<Token>> = requests.iter().map(|request| api.apply_token(request)).collect();
            Ok(Credentials::tokens(api.access_key_id(), tokens?))
        };
        Credentials(Kind::TokenProvider { key_id, provider: Arc::new(provider), applies: Some(applies) })
    }

    /// Custom authentication, sign mode `ORIGIN`: the uploaded user name and secret, sent as they are.
    #[must_use]
    pub fn custom_plain(user: impl Into<String>, password: impl Into<String>) -> Self {
        Credentials(Kind::Plain { user: user.into(), secret: secret(password) })
    }

    /// Custom authentication, sign mode `SIGNED`: the uploaded user name, and a signature of the client id made with
    /// the uploaded secret.
    #[must_use]
    pub fn custom_signed(user: impl Into<String>, uploaded_secret: impl Into<String>) -> Self {
        Credentials(Kind::Signed { user: user.into(), secret: secret(uploaded_secret) })
    }

    /// Asks this function for the credentials at each connect.
    ///
    /// It is called on a thread of its own, never twice at a time, and may block, for at most the client's time-out. A
    /// failure or a panic counts as a failed connect: [`Credentials`](crate::ErrorKind::Credentials). It must not give another
    /// provider. Where it gives device credentials, set the device id they were made for. Where it gives tokens, it is
    /// also asked when one has to be renewed, as with [`token_provider`](Credentials::token_provider), which spares the
    /// question at a connect while the tokens are good. Its error is shown in errors and logs, so keep secrets out of it.
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

    /// The credentials of this mode from the environment; the variables stand at the modes.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): a variable is missing or breaks a rule; it is named.
    pub fn from_env(mode: AuthMode) -> Result<Self> {
        Credentials::read(mode, &Env::process())
    }

    /// The user name and password for this client id in this instance.
    ///
    /// The password of the signing modes is base64(HMAC-SHA1(secret, client id)).
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): a value is empty or malformed, the mode needs a client id of the form
    /// `GroupID@@@DeviceID`, or these credentials are a provider, which must be asked first.
    pub fn login(&self, client_id: &ClientId, instance_id: &str) -> Result<Login> {
        self.check()?;
        if !self.is_custom() && client_id.group().is_none() {
            return Err(Error::config(format!(
                "client id \"{client_id}\" has no group: only custom authentication takes such an id"
            )));
        }
        let username = |word: &str, key_id: &str| format!("{word}|{key_id}|{instance_id}");
        let (username, password) = match &self.0 {
            Kind::Signature { key_id, secret } => (username("Signature", key_id), sign(secret, client_id)?),
            Kind::Device { key_id, secret } => (username("DeviceCredential", key_id), sign(secret, client_id)?),
            Kind::Token { key_id, tokens } => {
                (token_username(key_id, instance_id), store::join(tokens.as_ref().map_err(Clone::clone)?))
            }
            Kind::Plain { user, secret } => (user.clone(), Zeroizing::clone(secret)),
            Kind::Signed { user, secret } => (user.clone(), sign(secret, client_id)?),
            Kind::Provider(_) | Kind::TokenProvider { .. } => {
                return Err(Error::config("a credentials provider must be asked first"));
            }
        };
        Login::checked(username, password)
    }

    /// The function to ask, if these credentials are a provider. Run it with [`ask`], on a helper thread.
    pub(crate) fn as_provider(&self) -> Option<Arc<Provider>> {
        match &self.0 {
            Kind::Provider(provider) | Kind::TokenProvider { provider, .. } => Some(Arc::clone(provider)),
            _ => None,
        }
    }

    /// Whether what the provider gave is kept until it has to be renewed.
    pub(crate) fn keeps_tokens(&self) -> bool {
        matches!(self.0, Kind::TokenProvider { .. })
    }

    /// The AccessKey id and the tokens, if these are tokens.
    pub(crate) fn as_tokens(&self) -> Option<(&str, &[Token])> {
        match &self.0 {
            Kind::Token { key_id, tokens: Ok(tokens) } => Some((key_id, tokens)),
            _ => None,
        }
    }

    /// The instance that these credentials are for, where they are for one only.
    pub(crate) fn instance_id(&self) -> Option<&str> {
        match &self.0 {
            Kind::TokenProvider { applies, .. } => applies.as_ref().map(|applies| applies.instance_id.as_str()),
            _ => None,
        }
    }

    /// Valid for one client id only, so that a made-up device id makes no sense.
    pub(crate) fn is_device(&self) -> bool {
        matches!(self.0, Kind::Device { .. })
    }

    /// Custom authentication, or a provider that may turn out to be.
    pub(crate) fn may_have_whole_client_id(&self) -> bool {
        self.is_custom() || matches!(self.0, Kind::Provider(_))
    }

    /// Checks the values, without asking a provider.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_as(self.labels())
    }

    pub(crate) fn read(mode: AuthMode, env: &Env<'_>) -> Result<Self> {
        let (kind, labels) = match mode {
            AuthMode::Signature => {
                let (key_id, secret) =
                    (env.needed(environment::ACCESS_KEY_ID)?, env.secret(environment::ACCESS_KEY_SECRET)?);
                let labels = (environment::ACCESS_KEY_ID, environment::ACCESS_KEY_SECRET);
                (Kind::Signature { key_id, secret: Arc::new(secret) }, labels)
            }
            AuthMode::Device => {
                let key_id = env.needed(environment::DEVICE_ACCESS_KEY_ID)?;
                let secret = env.secret(environment::DEVICE_ACCESS_KEY_SECRET)?;
                let labels = (environment::DEVICE_ACCESS_KEY_ID, environment::DEVICE_ACCESS_KEY_SECRET);
                (Kind::Device { key_id, secret: Arc::new(secret) }, labels)
            }
            AuthMode::Token => {
                let key_id = env.needed(environment::ACCESS_KEY_ID)?;
                let Some(tokens) = env.text(environment::TOKEN)?.map(Zeroizing::new) else {
                    return Credentials::read_applying(env);
                };
                let tokens = parse_tokens(environment::TOKEN, &tokens);
                (Kind::Token { key_id, tokens }, (environment::ACCESS_KEY_ID, environment::TOKEN))
            }
        };
        let credentials = Credentials(kind);
        credentials.check_as(labels)?;
        Ok(credentials)
    }

    /// Tokens for everything below the parent topic, applied for with the account's key.
    #[cfg(feature = "openapi")]
    fn read_applying(env: &Env<'_>) -> Result<Self> {
        let hint = |error: Error| {
            let hint = format!(
                "token mode needs a token in {}, as RW|..., R|... or W|...; or what it takes to apply for one: {}, {} \
                 and either {} or {}",
                environment::TOKEN,
                environment::ACCESS_KEY_SECRET,
                environment::TOPIC,
                environment::REGION_ID,
                environment::API_ENDPOINT
            );
            error.with_hint(hint)
        };
        let api = ApiBuilder::read(env).build().map_err(hint)?;
        let parent = environment::read_topic(env).map_err(hint)?;
        // The documentation does not say whether "demo/#" takes in "demo" itself, as it does in MQTT.
        let topics = [parent.clone(), format!("{parent}/#")];
        Ok(Credentials::apply_tokens(&api, [TokenRequest::new(TokenKind::ReadWrite, topics)]))
    }

    #[cfg(not(feature = "openapi"))]
    fn read_applying(env: &Env<'_>) -> Result<Self> {
        let missing =
            env.needed(environment::TOKEN).err().unwrap_or_else(|| Error::internal("the environment has changed"));
        Err(missing.with_hint(
            "token mode needs a token, as RW|..., R|... or W|...; with the cargo feature `openapi` one is applied for",
        ))
    }

    fn is_custom(&self) -> bool {
        matches!(self.0, Kind::Plain { .. } | Kind::Signed { .. })
    }

    /// What the two values are called in messages.
    fn labels(&self) -> (&'static str, &'static str) {
        match self.0 {
            Kind::Signature { .. } => ("the AccessKey id", "the AccessKey secret"),
            Kind::Device { .. } => ("the device AccessKey id", "the device AccessKey secret"),
            Kind::Token { .. } | Kind::TokenProvider { .. } => ("the AccessKey id", TOKEN_LABEL),
            Kind::Plain { .. } => ("the user name", "the password"),
            Kind::Signed { .. } => ("the user name", "the uploaded secret"),
            Kind::Provider(_) => ("", ""),
        }
    }

    fn check_as(&self, (id_label, secret_label): (&str, &str)) -> Result<()> {
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
                check_key_id(id_label, key_id)?;
                applies.as_ref().and_then(|applies| applies.fault.clone()).map_or(Ok(()), Err)
            }
            Kind::Plain { user, secret } | Kind::Signed { user, secret } => {
                // What was uploaded may be any text.
                check_present(id_label, user)?;
                if user.contains('\0') {
                    return Err(Error::config(format!("{id_label} contains a NUL character")));
                }
                check_present(secret_label, secret)
            }
            Kind::Provider(_) => Ok(()),
        }
    }
}

impl AuthMode {
    /// The mode that the environment variable `ALIYUN_MQTT_AUTH` names (`signature`, `token` or `device`); signature mode
    /// if it is not set.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): it names another.
    pub fn from_env() -> Result<Self> {
        AuthMode::read(&Env::process())
    }

    pub(crate) fn read(env: &Env<'_>) -> Result<Self> {
        const OTHERS: [&str; 3] =
            [environment::TOKEN, environment::DEVICE_ACCESS_KEY_ID, environment::DEVICE_ACCESS_KEY_SECRET];
        match env.text(environment::AUTH)?.as_deref() {
            None => {
                if let Some(name) = env.first_set(&OTHERS) {
                    log::warn!(
                        "the environment variable {name} is not used: {} is not set, and the login is by signature",
                        environment::AUTH
                    );
                }
                Ok(AuthMode::Signature)
            }
            Some("signature") => Ok(AuthMode::Signature),
            Some("token") => Ok(AuthMode::Token),
            Some("device") => Ok(AuthMode::Device),
            Some(other) => Err(Error::config(format!(
                "the environment variable {} is {other:?}; it must be signature, token or device",
                environment::AUTH
            ))),
        }
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
            Kind::TokenProvider { key_id, .. } => ("TokenProvider", "access_key_id", key_id),
            Kind::Provider(_) => return f.write_str("Provider"),
        };
        f.debug_struct(name).field(label, value).finish_non_exhaustive()
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("username", &self.username).finish_non_exhaustive()
    }
}

fn token_username(key_id: &str, instance_id: &str) -> String {
    format!("Token|{key_id}|{instance_id}")
}

fn secret(text: impl Into<String>) -> Secret {
    Arc::new(Zeroizing::new(text.into()))
}

fn sign(secret: &str, client_id: &ClientId) -> Result<Zeroizing<String>> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes())
        .map_err(|_| Error::internal("HMAC-SHA1 does not take this key"))?;
    mac.update(client_id.as_str().as_bytes());
    Ok(Zeroizing::new(STANDARD.encode(mac.finalize().into_bytes())))
}

fn check_present(label: &str, value: &str) -> Result<()> {
    if value.is_empty() { Err(Error::config(format!("{label} is empty"))) } else { Ok(()) }
}

fn check_key_id(label: &str, value: &str) -> Result<()> {
    check_key(label, value)?;
    if value.contains('|') {
        let message = format!("{label} contains '|', which separates the parts of a user name");
        return Err(Error::config(message).with_hint("give the bare id; the library makes the user name"));
    }
    Ok(())
}

/// Keys and tokens are made by the service, and have neither spaces nor line breaks.
pub(crate) fn check_key(label: &str, value: &str) -> Result<()> {
    check_present(label, value)?;
    // A byte order mark, and what else has no width.
    let unseen = |c: char| matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}');
    if value.chars().any(|c| c.is_whitespace() || c.is_control() || unseen(c)) {
        let message = format!("{label} contains a space, line break, control character or byte order mark");
        return Err(Error::config(message).with_hint("was it copied with something around it?"));
    }
    Ok(())
}

/// Reads `R|{token}|W|{token}`; what is wrong is said without showing the text.
fn parse_tokens(label: &str, text: &str) -> Result<Vec<Token>> {
    const FORM: &str = "does not have the form RW|{token}, R|{token}, W|{token}, or several of these joined with '|'";
    check_key(label, text)?;
    let bad = |rule: &str| Error::config(format!("{label} {rule}"));
    let mut tokens = Vec::new();
    let mut parts = text.split('|');
    while let Some(word) = parts.next() {
        let kind = TokenKind::parse(word).ok_or_else(|| bad(FORM))?;
        match parts.next() {
            None => return Err(bad(FORM)),
            Some("") => return Err(bad("has an empty token behind its type")),
            Some(token) => tokens.push(Token::new(kind, token)),
        }
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests;
