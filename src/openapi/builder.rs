//! The builder of an [`Api`], and its rules.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::access_key::AccessKey;
use super::address::{Address, check_region};
use super::http::HttpClient;
use super::key_source::KeySource;
use super::{Api, Inner, Signing};
use crate::config::environment::{self, Variables};
use crate::config::network::Network;
use crate::credentials::AccessKeyChain;
use crate::error::{Error, Hint, Result};
use crate::key::check_key;
use crate::limits::Limits;
use crate::names;
use crate::tls::Trust;

/// Builds an [`Api`].
///
/// Required are a region or an endpoint, the instance id, and an AccessKey. [`build`](ApiBuilder::build) checks
/// everything. `Debug` hides secrets.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ApiBuilder {
    endpoint: Option<String>,
    region: Option<String>,
    vpc: bool,
    instance_id: Option<String>,
    key: Option<KeySource>,
    signing: Signing,
    timeout: Duration,
    backoff: (Duration, Duration),
    limits: Limits,
    network: Network,
    /// The builder came from the environment, so errors name variables.
    from_env: bool,
    /// The first invalid environment variable.
    fault: Option<Error>,
}

impl Default for ApiBuilder {
    fn default() -> Self {
        ApiBuilder {
            endpoint: None,
            region: None,
            vpc: false,
            instance_id: None,
            key: None,
            signing: Signing::default(),
            timeout: Duration::from_secs(30),
            backoff: (Duration::from_millis(500), Duration::from_secs(10)),
            limits: Limits::default(),
            network: Network::new(),
            from_env: false,
            fault: None,
        }
    }
}

impl ApiBuilder {
    /// Creates a builder from the environment variables of [`Api::from_env`], which are read now.
    /// [`build`](ApiBuilder::build) reports what is missing or invalid.
    pub fn from_env() -> Self {
        ApiBuilder::from_variables(&Variables::of_process())
    }

    /// Like [`from_env`](ApiBuilder::from_env), with variables from a function instead of those of the process.
    pub fn from_vars<V: Into<OsString>>(lookup: impl Fn(&str) -> Option<V>) -> Self {
        ApiBuilder::from_variables(&Variables::from_lookup(|name| lookup(name).map(Into::into)))
    }

    /// Sets the region of the instance, such as `cn-hangzhou`. It determines the address
    /// `onsmqtt.{region}.aliyuncs.com`, unless an [`endpoint`](ApiBuilder::endpoint) is set; the traces need it in any
    /// case.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Sets whether the region's address inside a VPC is used, `onsmqtt-vpc.{region}.aliyuncs.com`. Default `false`.
    pub fn vpc(mut self, vpc: bool) -> Self {
        self.vpc = vpc;
        self
    }

    /// Sets the endpoint of the API: `https://host` or `https://host:port`; `http://` for this machine only.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Sets the id of the instance. Required.
    pub fn instance_id(mut self, id: impl Into<String>) -> Self {
        self.instance_id = Some(id.into());
        self
    }

    /// Sets the AccessKey of an account or RAM user. Required, unless [`sts_key`](ApiBuilder::sts_key) or
    /// [`access_key_chain`](ApiBuilder::access_key_chain) is set. The secret itself is not sent.
    pub fn access_key(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        let key = AccessKey { id: id.into(), secret: Zeroizing::new(secret.into()), security_token: None };
        self.key = Some(KeySource::Given(key));
        self
    }

    /// Sets a temporary AccessKey (STS) with its security token. It works for the API only: MQTT logins have no field
    /// for the security token.
    pub fn sts_key(
        mut self,
        id: impl Into<String>,
        secret: impl Into<String>,
        security_token: impl Into<String>,
    ) -> Self {
        self.key = Some(KeySource::Given(AccessKey {
            id: id.into(),
            secret: Zeroizing::new(secret.into()),
            security_token: Some(Zeroizing::new(security_token.into())),
        }));
        self
    }

    /// Takes the AccessKey from a chain of places, which is asked before each call: nobody has to type a key, and a
    /// temporary one is renewed before it ends.
    pub fn access_key_chain(mut self, chain: AccessKeyChain) -> Self {
        self.key = Some(KeySource::Chain(chain));
        self
    }

    /// Sets how requests are signed. Default [`Signing::V3`].
    pub fn signing(mut self, signing: Signing) -> Self {
        self.signing = signing;
        self
    }

    /// Sets the timeout of a call with all its attempts: 1 s to 1 h. Default 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the bounds of the pause between attempts: 1 ms to 1 h each. Default 0.5 s and 10 s.
    ///
    /// The pause is random, up to a bound that doubles from `min` to `max`; if the service says how long to wait, it is
    /// at least that long.
    pub fn backoff(mut self, min: Duration, max: Duration) -> Self {
        self.backoff = (min, max);
        self
    }

    /// Sets the service's limits; those of names and of the payload are used here.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets proxy and CA certificates, in place of all earlier settings; the same value serves the client's builder.
    /// The cargo feature `proxy` is not needed, an IPv6 address is allowed as the endpoint with a proxy, and a client
    /// certificate is not used.
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Changes the proxy of the network: see [`Network::proxy`].
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.network = self.network.proxy(url);
        self
    }

    /// Changes the user name and password for the proxy: see [`Network::proxy_credentials`].
    pub fn proxy_credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.network = self.network.proxy_credentials(user, password);
        self
    }

    /// Uses the proxy that the environment names: see [`Network::proxy_from_env`].
    pub fn proxy_from_env(mut self) -> Self {
        self.network = self.network.proxy_from_env();
        self
    }

    /// Adds trusted CA certificates from a PEM file: see [`Network::ca_file`].
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.network = self.network.ca_file(path);
        self
    }

    /// Adds trusted CA certificates in PEM form: see [`Network::ca_pem`].
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.network = self.network.ca_pem(pem);
        self
    }

    /// Sets whether the system's CA certificates are trusted: see [`Network::system_roots`].
    pub fn system_roots(mut self, trust: bool) -> Self {
        self.network = self.network.system_roots(trust);
        self
    }

    /// Checks everything and reads the certificate files; nothing is sent.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): a value is missing or breaks a rule, or a certificate file cannot be used.
    pub fn build(self) -> Result<Api> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let address = self.checked_address()?;
        let region = self.region.clone().or_else(|| address.region().map(str::to_string));
        let instance_id = self.checked_instance_id()?;
        let key = self.checked_key()?;
        check_duration("timeout", self.timeout, Duration::from_secs(1))?;
        check_duration("backoff min", self.backoff.0, Duration::from_millis(1))?;
        check_duration("backoff max", self.backoff.1, self.backoff.0)?;
        let limits = self.limits.clone().checked()?;
        let trust = if address.is_tls() { Some(Trust::of(&self.network, self.timeout)?) } else { None };
        let proxy = self.network.proxy.checked(address.host(), address.port())?;
        let http = HttpClient::new(address, trust.as_ref(), proxy)?;
        let (signing, backoff) = (self.signing, self.backoff);
        let process = std::process::id();
        let network = self.network;
        let inner = Inner { http, key, instance_id, region, signing, backoff, limits, network, process };
        Ok(Api { inner: Arc::new(inner), timeout: self.timeout })
    }

    pub(crate) fn from_variables(variables: &Variables) -> Self {
        let mut builder = ApiBuilder { from_env: true, ..ApiBuilder::default() };
        builder.fault = builder.fill(variables).err();
        builder
    }

    fn fill(&mut self, variables: &Variables) -> Result<()> {
        let text = |name| Ok(variables.text(name)?.map(str::to_string));
        self.endpoint = text(environment::API_ENDPOINT)?;
        self.region = text(environment::REGION_ID)?;
        self.instance_id = text(environment::INSTANCE_ID)?;
        if let Some(timeout) = variables.timeout()? {
            self.timeout = timeout;
        }
        self.network = Network::from_variables(variables)?;
        // A missing variable that is always required is reported first.
        self.checked_address()?;
        self.checked_instance_id()?;
        if variables.first_set(&environment::KEY).is_none() {
            self.key = Some(KeySource::Chain(AccessKeyChain::from_variables(variables)));
            return Ok(());
        }
        self.key = Some(KeySource::Given(AccessKey {
            id: variables.needed(environment::ACCESS_KEY_ID)?.to_string(),
            secret: variables.secret(environment::ACCESS_KEY_SECRET)?,
            security_token: text(environment::SECURITY_TOKEN)?.map(Zeroizing::new),
        }));
        Ok(())
    }

    fn checked_address(&self) -> Result<Address> {
        let refuse = |name: &str, variable: &str, rule: String| {
            Error::config(format!("{}: {rule}", if self.from_env { variable } else { name }))
        };
        if let Some(region) = &self.region {
            check_region(region).map_err(|rule| refuse("region", environment::REGION_ID, rule))?;
        }
        match (&self.endpoint, &self.region) {
            (Some(_), _) if self.vpc => {
                Err(Error::config("vpc is set, but an endpoint is given").with_hint(Hint::ApiVpc))
            }
            (Some(url), _) => Address::read(url).map_err(|rule| refuse("endpoint", environment::API_ENDPOINT, rule)),
            (None, Some(region)) => {
                Address::of_region(region, self.vpc).map_err(|rule| refuse("region", environment::REGION_ID, rule))
            }
            (None, None) if self.from_env => Err(Error::config(format!(
                "the environment variable {} is not set, nor is {}",
                environment::REGION_ID,
                environment::API_ENDPOINT
            ))
            .with_missing(environment::setting(environment::REGION_ID))
            .with_hint(Hint::Set { name: environment::REGION_ID })),
            (None, None) => Err(Error::config("neither a region nor an endpoint is given")
                .with_missing(environment::setting(environment::REGION_ID))
                .with_hint(Hint::ApiRegion)),
        }
    }

    fn checked_instance_id(&self) -> Result<String> {
        let name = if self.from_env { environment::INSTANCE_ID } else { "instance_id" };
        let id = self.instance_id.as_ref().ok_or_else(|| {
            if self.from_env {
                environment::not_set(name)
            } else {
                Error::config("no instance_id is given")
                    .with_missing("instance_id")
                    .with_hint(Hint::Set { name: "instance_id" })
            }
        })?;
        names::check_instance(id).map_err(|rule| Error::config(format!("{name}: {rule}")))?;
        Ok(id.clone())
    }

    fn checked_key(&self) -> Result<KeySource> {
        let source = self.key.as_ref().ok_or_else(|| {
            Error::config("no AccessKey is given")
                .with_missing("access_key")
                .with_hint(Hint::Set { name: "access_key" })
        })?;
        let KeySource::Given(key) = source else { return Ok(source.clone()) };
        let labels = if self.from_env {
            [environment::ACCESS_KEY_ID, environment::ACCESS_KEY_SECRET, environment::SECURITY_TOKEN]
        } else {
            ["the AccessKey id", "the AccessKey secret", "the security token"]
        };
        check_key(labels[0], &key.id)?;
        check_key(labels[1], &key.secret)?;
        // These two are sent in headers, where the id ends at a comma.
        let token = key.security_token.as_ref();
        for (label, text) in [(labels[0], Some(&key.id)), (labels[2], token.map(|token| &**token))] {
            let Some(text) = text else { continue };
            check_key(label, text)?;
            if !text.is_ascii() || label == labels[0] && text.contains(',') {
                return Err(Error::config(format!("{label} contains a character that such a value never has"))
                    .with_hint(Hint::CopiedWithMore));
            }
        }
        Ok(source.clone())
    }
}

fn check_duration(name: &str, value: Duration, min: Duration) -> Result<()> {
    const MAX: Duration = Duration::from_secs(3600);
    if (min..=MAX).contains(&value) {
        return Ok(());
    }
    Err(Error::config(format!("{name} is {value:?}; it must be from {min:?} to {MAX:?}")))
}

#[cfg(test)]
mod tests;
