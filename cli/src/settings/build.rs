//! Turns settings into the library's configuration, credentials and API client.

use std::time::Duration;

use aliyun_mqtt::openapi::{Api, ApiBuilder, TokenRequest};
use aliyun_mqtt::{
    ClientId, Config, ConfigBuilder, Credentials, Endpoint, Error, Limits, Network, Protocol, Proxy, TokenKind,
};
use zeroize::Zeroizing;

use super::{Auth, Key, Settings, Source, Value};
use crate::exit::{Failure, Result};
use crate::lang::{Phrase, phrase};
use crate::report;
use crate::values;

/// The value of `proxy` that selects the proxy of the environment, as in the library.
const PROXY_FROM_ENV: &str = "env";

impl Settings {
    /// Returns a builder with all settings, to which a command adds its own.
    pub(crate) fn builder(&self) -> Result<ConfigBuilder> {
        self.check_login(&[])?;
        let builder = Config::builder().endpoint(self.needed(Key::Endpoint)?);
        let mut builder = self.identity(builder)?.credentials(self.credentials()?);
        if let Some(version) = self.text(Key::Protocol) {
            let version: Protocol = version.parse().map_err(|error: Error| {
                self.wrong(Key::Protocol, error.message())
                    .hint(phrase!("TLS and WebSocket are chosen by the endpoint: mqtts://HOST, ws://HOST, wss://HOST"))
            })?;
            builder = builder.protocol(version);
        }
        if let Some(clean) = self.text(Key::CleanSession) {
            let clean = clean.parse().map_err(|_| self.wrong(Key::CleanSession, "it must be true or false"))?;
            builder = builder.clean_session(clean);
        }
        if let Some(time) = self.seconds(Key::SessionExpiry)? {
            builder = builder.session_expiry(time);
        }
        if let Some(time) = self.seconds(Key::KeepAlive)? {
            builder = builder.keep_alive(time);
        }
        if let Some(time) = self.seconds(Key::Timeout)? {
            builder = builder.timeout(time);
        }
        let plain = self.endpoint().is_some_and(|endpoint| !endpoint.transport().is_tls());
        builder = builder.limits(self.limits()?).network(self.network(!plain));
        match (self.path(Key::ClientCertFile), self.path(Key::ClientKeyFile)) {
            (None, None) => {}
            (Some(certificate), Some(key)) => builder = builder.client_certificate_files(certificate, key),
            (None, Some(_)) => return Err(self.missing(Key::ClientCertFile)),
            (Some(_), None) => return Err(self.missing(Key::ClientKeyFile)),
        }
        Ok(builder)
    }

    /// Returns the limits of sent and received messages.
    pub(crate) fn limits(&self) -> Result<Limits> {
        let Some(text) = self.text(Key::MaxPayload) else { return Ok(Limits::default()) };
        let bytes =
            text.parse().map_err(|_| self.wrong(Key::MaxPayload, format!("{text:?} is not a number of bytes")))?;
        Ok(Limits::default().payload_len(bytes))
    }

    /// Returns the endpoint if it is set and valid.
    fn endpoint(&self) -> Option<Endpoint> {
        self.text(Key::Endpoint)?.parse().ok()
    }

    /// Returns the proxy and, with TLS, the CA file. Without TLS the file is not used, and its flag has no effect.
    pub(super) fn network(&self, tls: bool) -> Network {
        let mut network = match self.text(Key::Proxy) {
            None => Network::new(),
            Some(PROXY_FROM_ENV) => Network::new().proxy_from_env(),
            Some(url) => Network::new().proxy(url),
        };
        if tls && let Some(path) = self.path(Key::CaFile) {
            network = network.ca_file(path);
        }
        network
    }

    /// Returns the proxy on the way to the endpoint, if there is one. Reads no secret.
    pub(crate) fn proxy(&self) -> Result<Option<Proxy>> {
        // The login does not matter here.
        let nobody = Credentials::custom_plain("nobody", "nothing");
        let builder = Config::builder().endpoint(self.needed(Key::Endpoint)?).credentials(nobody);
        let builder = builder.instance_id("any").group_id("GID_any");
        Ok(builder.network(self.network(false)).build()?.proxy().cloned())
    }

    /// Returns a configuration from which a login can be computed without a network, and the secret in it.
    pub(crate) fn offline(&self) -> Result<(Config, Zeroizing<String>)> {
        self.check_offline()?;
        let auth = self.login()?;
        if matches!(auth, Auth::Signature | Auth::Chain) && self.uses_chain() {
            let why = "a login is computed with a key that is given; the keys of the chain are for connections";
            return Err(Failure { message: why.to_string(), ..self.missing(Key::AccessKeyId) });
        }
        let builder = self.identity(Config::builder().endpoint("mqtt://localhost"))?;
        let (id, secret) = self.pair(auth)?;
        Ok((builder.credentials(auth.credentials(id, &secret)).build()?, secret))
    }

    /// Returns true for custom authentication with a complete client id: its user name does not include the instance.
    pub(crate) fn needs_no_instance(&self) -> Result<bool> {
        Ok(self.auth()?.is_custom() && self.has(Key::ClientId))
    }

    /// Sets instance and client id.
    fn identity(&self, builder: ConfigBuilder) -> Result<ConfigBuilder> {
        let builder = match self.text(Key::InstanceId) {
            None if self.needs_no_instance()? => builder,
            _ => builder.instance_id(self.needed(Key::InstanceId)?),
        };
        let Some(whole) = self.text(Key::ClientId) else {
            let builder = builder.group_id(self.needed(Key::GroupId)?);
            return Ok(match self.text(Key::DeviceId) {
                Some(device) => builder.device_id(device),
                None => builder,
            });
        };
        if self.auth()?.is_custom() {
            return Ok(builder.client_id(whole));
        }
        let id = ClientId::parse(whole).map_err(|error| self.wrong(Key::ClientId, error))?;
        match (id.group(), id.device()) {
            (Some(group), Some(device)) => Ok(builder.group_id(group).device_id(device)),
            _ => Err(self.wrong(Key::ClientId, "it must be GroupID@@@DeviceID, except with custom authentication")),
        }
    }

    /// Returns how to log in.
    pub(crate) fn auth(&self) -> Result<Auth> {
        let Some(text) = self.text(Key::Auth) else { return Ok(self.usual_auth()) };
        text.parse().map_err(|error| self.wrong(Key::Auth, error))
    }

    /// Returns how to log in if nothing is said: as the library does.
    fn usual_auth(&self) -> Auth {
        let others = [Key::Token, Key::DeviceAccessKeyId, Key::DeviceAccessKeySecret, Key::User, Key::Password];
        match () {
            // A temporary key cannot sign a login.
            () if self.has_key() && self.has(Key::SecurityToken) => Auth::Token,
            () if self.has_key() || others.into_iter().any(|key| self.has(key)) => Auth::Signature,
            () => Auth::Chain,
        }
    }

    /// Returns how to log in, and fails or warns if settings of another way to log in are set but not used.
    pub(super) fn login(&self) -> Result<Auth> {
        let auth = self.auth()?;
        let others = [
            (Key::Token, &[Auth::Token][..]),
            (Key::DeviceAccessKeyId, &[Auth::Device]),
            (Key::DeviceAccessKeySecret, &[Auth::Device]),
            (Key::User, &[Auth::CustomPlain, Auth::CustomSigned]),
            (Key::Password, &[Auth::CustomPlain, Auth::CustomSigned]),
        ];
        if auth == Auth::Signature && self.source(Key::Auth).is_none() && !self.has_key() {
            let given = others.iter().find_map(|(key, ways)| Some((key, ways, self.source(*key)?)));
            // Nobody is to log in as somebody else by mistake: the chain has the key of another identity.
            if let Some((key, ways, source)) = given {
                let why = format!(
                    "{} ({source}) is given, but neither {} nor an AccessKey",
                    key.row().what,
                    Key::Auth.row().name
                );
                return Err(Failure::usage(why).hint(belongs(ways)));
            }
        }
        let told = self.login_told.replace(true);
        for (key, ways) in others {
            if ways.contains(&auth) {
                continue;
            }
            match self.source(key) {
                Some(Source::Flag(flag)) => {
                    let why = format!("{flag} is not used for a login by {}", auth.name());
                    return Err(Failure::usage(why).hint(belongs(ways)));
                }
                // With an explicit choice, settings for other ways may well stay configured.
                Some(source) if self.source(Key::Auth).is_none() && !told => report::warning(format!(
                    "{} ({source}) is not used: the login is by {}, and {} is not set; {}",
                    key.row().what,
                    auth.name(),
                    Key::Auth.row().name,
                    belongs(ways).english()
                )),
                _ => {}
            }
        }
        if auth == Auth::Signature
            && self.has_key()
            && let Some(source) = self.source(Key::SecurityToken)
        {
            let why = format!("a temporary key (STS) cannot sign a login, and there is a security token ({source})");
            return Err(Failure::usage(why).hint(phrase!(
                "the user name of a login has no field for it; use --auth token: the client then applies for tokens \
                 with this key, and renews them"
            )));
        }
        if auth == Auth::Chain {
            self.check_unused_key(told)?;
        }
        Ok(auth)
    }

    /// Fails or warns if an AccessKey is given that the chain does not see: it knows the environment only.
    fn check_unused_key(&self, told: bool) -> Result<()> {
        for key in [Key::AccessKeyId, Key::AccessKeySecret, Key::SecurityToken] {
            match self.source(key) {
                Some(Source::Flag(flag)) => {
                    let why = format!("{flag} is not used for a login by chain");
                    return Err(Failure::usage(why).hint(phrase!("it belongs to --auth signature or --auth token")));
                }
                Some(source @ Source::File { .. }) if !told => {
                    report::warning(format!("{} ({source}) is not used: the login is by chain", key.row().what));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns the credentials. Reads secrets, and may prompt for one.
    pub(crate) fn credentials(&self) -> Result<Credentials> {
        match self.login()? {
            Auth::Token => self.token_credentials(),
            Auth::Chain if self.chain_key()?.is_temporary() => self.applied_token(),
            Auth::Signature | Auth::Chain if self.uses_chain() => {
                self.chain_key()?;
                Ok(Credentials::chain_signature(self.chain()))
            }
            auth => {
                let (id, secret) = self.pair(auth)?;
                Ok(auth.credentials(id, &secret))
            }
        }
    }

    /// Returns the id and the secret, which is read now.
    fn pair(&self, auth: Auth) -> Result<(&str, Zeroizing<String>)> {
        let (id, secret) = auth.pair();
        Ok((self.needed(id)?, self.secret(secret)?))
    }

    /// Returns the credentials of token mode. A token from a file or a command is read again at each connect, except
    /// from a pipe, which yields it only once; without a token the library applies for one.
    fn token_credentials(&self) -> Result<Credentials> {
        match self.value(Key::Token) {
            None => self.applied_token(),
            Some((Value::Secret(secret), source)) if secret.comes_again() => {
                let id = self.needed(Key::AccessKeyId)?.to_string();
                let (secret, source, patience) = (secret.clone(), source.clone(), self.patience());
                Ok(Credentials::provider(move || match secret.read(Key::Token, &source, patience) {
                    Ok(token) => Ok(Credentials::token(id.as_str(), token.as_str())),
                    Err(failure) => Err(failure.message.into()),
                }))
            }
            Some(_) => {
                let (id, token) = self.pair(Auth::Token)?;
                Ok(Auth::Token.credentials(id, &token))
            }
        }
    }

    /// Returns the credentials of a login with a token that the library applies for.
    fn applied_token(&self) -> Result<Credentials> {
        let topic = self.needed(Key::Topic)?;
        let request = TokenRequest::new(TokenKind::ReadWrite, [format!("{topic}/#")]);
        Ok(Credentials::apply_tokens(&self.api()?, [request]))
    }

    /// Returns a client of the service API.
    pub(crate) fn api(&self) -> Result<Api> {
        Ok(self.api_builder()?.build()?)
    }

    /// Returns a builder of the API client, to which a command adds its own.
    pub(crate) fn api_builder(&self) -> Result<ApiBuilder> {
        self.check_api(&[])?;
        let mut builder = Api::builder().instance_id(self.needed(Key::InstanceId)?);
        builder = match (self.text(Key::ApiEndpoint), self.text(Key::RegionId)) {
            (Some(url), region) => {
                let builder = builder.endpoint(url);
                match region {
                    Some(region) => builder.region(region),
                    None => builder,
                }
            }
            (None, Some(region)) => builder.region(region),
            (None, None) => return Err(self.missing(Key::RegionId)),
        };
        if let Some(time) = self.seconds(Key::Timeout)? {
            builder = builder.timeout(time);
        }
        builder = builder.network(self.network(true));
        if self.uses_chain() {
            // Now, so that the failure names the settings.
            self.chain_key()?;
            return Ok(builder.access_key_chain(self.chain().clone()));
        }
        let id = self.needed(Key::AccessKeyId)?;
        let secret = self.secret(Key::AccessKeySecret)?;
        builder = match self.optional_secret(Key::SecurityToken)? {
            Some(token) => builder.sts_key(id, secret.as_str(), token.as_str()),
            None => builder.access_key(id, secret.as_str()),
        };
        Ok(builder)
    }

    /// Returns a setting in seconds.
    pub(crate) fn seconds(&self, key: Key) -> Result<Option<Duration>> {
        let Some(text) = self.text(key) else { return Ok(None) };
        if key == Key::Timeout {
            return values::timeout(text).map(Some).map_err(|why| self.wrong(key, format!("{text:?}: {why}")));
        }
        values::seconds(text).map(Some).map_err(|_| self.wrong(key, format!("{text:?} is not a number of seconds")))
    }
}

/// Returns the hint for a setting that only these ways to log in use.
fn belongs(ways: &[Auth]) -> Phrase {
    let names: Vec<_> = ways.iter().map(|way| way.name()).collect();
    match names[..] {
        [way] => phrase!("it belongs to --auth {way}", way),
        [way, other] => phrase!("it belongs to --auth {way} or --auth {other}", way, other),
        _ => unreachable!("a setting of one or two ways to log in"),
    }
}
