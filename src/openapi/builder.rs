//! How an [`Api`] is made, and every rule it is held to.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::address::{Address, check_region};
use super::http::Wire;
use super::{AccessKey, Api, Inner, Signing};
use crate::config::environment::{self, Env};
use crate::config::proxy;
use crate::credentials::check_key;
use crate::error::{Error, Result};
use crate::identity;
use crate::limits::Limits;
use crate::tls;

/// Makes an [`Api`].
///
/// Needed are a region or an endpoint, the instance id, and an AccessKey. Everything is checked by
/// [`build`](ApiBuilder::build). `Debug` hides secrets.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ApiBuilder {
    endpoint: Option<String>,
    region: Option<String>,
    vpc: bool,
    instance_id: Option<String>,
    key: Option<AccessKey>,
    signing: Signing,
    timeout: Duration,
    backoff: (Duration, Duration),
    limits: Limits,
    proxy: proxy::Setting,
    tls: tls::Options,
    /// Made by `from_env`, so that messages name variables.
    from_env: bool,
    /// The first fault of an environment variable.
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
            proxy: proxy::Setting::default(),
            tls: tls::Options::default(),
            from_env: false,
            fault: None,
        }
    }
}

impl ApiBuilder {
    /// A builder with everything from the environment, as at [`Api::from_env`].
    ///
    /// Faults are reported by [`build`](ApiBuilder::build).
    pub fn from_env() -> Self {
        ApiBuilder::read(&Env::process())
    }

    /// The region of the instance, such as `cn-hangzhou`. It gives the address `onsmqtt.{region}.aliyuncs.com`, unless
    /// there is an [`endpoint`](ApiBuilder::endpoint); the traces need it in any case.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Whether the region's address inside a VPC is used, `onsmqtt-vpc.{region}.aliyuncs.com`. Default `false`.
    pub fn vpc(mut self, vpc: bool) -> Self {
        self.vpc = vpc;
        self
    }

    /// Where the API is: `https://host` or `https://host:port`; `http://` for this machine only.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// The id of the instance. Required.
    pub fn instance_id(mut self, id: impl Into<String>) -> Self {
        self.instance_id = Some(id.into());
        self
    }

    /// The AccessKey of an account or RAM user. Required, or [`sts_key`](ApiBuilder::sts_key). The secret itself is not
    /// sent.
    pub fn access_key(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.key = Some(AccessKey { id: id.into(), secret: Zeroizing::new(secret.into()), security_token: None });
        self
    }

    /// A temporary AccessKey (STS) with its security token. It is good for the API only: MQTT logins have no place for
    /// the security token.
    pub fn sts_key(
        mut self,
        id: impl Into<String>,
        secret: impl Into<String>,
        security_token: impl Into<String>,
    ) -> Self {
        self.key = Some(AccessKey {
            id: id.into(),
            secret: Zeroizing::new(secret.into()),
            security_token: Some(Zeroizing::new(security_token.into())),
        });
        self
    }

    /// How requests are signed. Default [`Signing::V3`].
    pub fn signing(mut self, signing: Signing) -> Self {
        self.signing = signing;
        self
    }

    /// How long a call may take, with all its attempts: 1 s to 1 h. Default 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The bounds of the pause between attempts: 1 ms to 1 h each. Default 0.5 s and 10 s.
    ///
    /// The pause is random, up to a bound that doubles from `min` to `max`; where the service says how long to wait, it
    /// is at least that long.
    pub fn backoff(mut self, min: Duration, max: Duration) -> Self {
        self.backoff = (min, max);
        self
    }

    /// The service's limits; those on names and on the payload are used here.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The HTTP proxy that every call goes through: `http://host:port`, or `http://user:password@host:port`. By default there
    /// is none, whatever the environment says. The same as
    /// [`ConfigBuilder::proxy`](crate::ConfigBuilder::proxy), but the cargo feature `proxy` is not needed, and IPv6 addresses
    /// do no harm.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy.set(url.into());
        self
    }

    /// User name and password for the proxy; the same as
    /// [`ConfigBuilder::proxy_credentials`](crate::ConfigBuilder::proxy_credentials).
    pub fn proxy_credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.proxy.set_credentials(user.into(), password.into());
        self
    }

    /// Takes the proxy that the environment names, if it names one; the same, with the same variables, as
    /// [`ConfigBuilder::proxy_from_env`](crate::ConfigBuilder::proxy_from_env).
    pub fn proxy_from_env(mut self) -> Self {
        self.proxy.set_environment(&Env::process());
        self
    }

    /// Trusts the CA certificates of this PEM file, besides the system's. Can be called more than once.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.add_ca_file(path.into());
        self
    }

    /// Trusts these CA certificates in PEM form, besides the system's. Can be called more than once.
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.add_ca_pem(pem.into());
        self
    }

    /// Whether the system's CA certificates are trusted; the same as
    /// [`ConfigBuilder::system_roots`](crate::ConfigBuilder::system_roots). Default `true`.
    pub fn system_roots(mut self, trust: bool) -> Self {
        self.tls.set_system_roots(trust);
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
        let mut trust = self.tls.clone();
        trust.set_patience(self.timeout);
        let roots = if address.is_tls() { Some(tls::roots(&trust)?) } else { None };
        let proxy = self.proxy.checked(address.host(), address.port())?;
        let wire = Wire::new(address, roots.as_ref(), proxy)?;
        let (signing, backoff) = (self.signing, self.backoff);
        let process = std::process::id();
        let inner = Inner { wire, key, instance_id, region, signing, backoff, limits, process };
        Ok(Api { inner: Arc::new(inner), timeout: self.timeout })
    }

    pub(crate) fn read(env: &Env<'_>) -> Self {
        let mut builder = ApiBuilder { from_env: true, ..ApiBuilder::default() };
        if let Err(fault) = builder.fill(env) {
            builder.fault = Some(fault);
        }
        builder
    }

    fn fill(&mut self, env: &Env<'_>) -> Result<()> {
        self.endpoint = env.text(environment::API_ENDPOINT)?;
        self.region = env.text(environment::REGION_ID)?;
        self.instance_id = env.text(environment::INSTANCE_ID)?;
        if let Some(path) = env.path(environment::CA_FILE) {
            self.tls.add_ca_file(path);
        }
        if let Some(timeout) = env.timeout()? {
            self.timeout = timeout;
        }
        self.proxy.fill(env)?;
        // What is needed in any case is asked for first.
        self.checked_address()?;
        self.checked_instance_id()?;
        let (id, secret) = (env.needed(environment::ACCESS_KEY_ID)?, env.secret(environment::ACCESS_KEY_SECRET)?);
        let security_token = env.text(environment::SECURITY_TOKEN)?.map(Zeroizing::new);
        self.key = Some(AccessKey { id, secret, security_token });
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
            (Some(_), _) if self.vpc => Err(Error::config("vpc is switched on, but an endpoint is given")
                .with_hint("vpc chooses between the addresses of a region; leave one of the two out")),
            (Some(url), _) => Address::read(url).map_err(|rule| refuse("endpoint", environment::API_ENDPOINT, rule)),
            (None, Some(region)) => {
                Address::of_region(region, self.vpc).map_err(|rule| refuse("region", environment::REGION_ID, rule))
            }
            (None, None) if self.from_env => Err(Error::config(format!(
                "the environment variable {} is not set, nor is {}",
                environment::REGION_ID,
                environment::API_ENDPOINT
            ))
            .with_hint("the API needs the region of the instance, such as cn-hangzhou")),
            (None, None) => Err(Error::config("neither a region nor an endpoint is given")
                .with_hint("call ApiBuilder::region, such as cn-hangzhou")),
        }
    }

    fn checked_instance_id(&self) -> Result<String> {
        let name = if self.from_env { environment::INSTANCE_ID } else { "instance_id" };
        let id = self.instance_id.as_ref().ok_or_else(|| {
            if self.from_env {
                Error::config(format!("the environment variable {name} is not set"))
            } else {
                Error::config("no instance_id is given").with_hint("call ApiBuilder::instance_id")
            }
        })?;
        identity::check_instance(id).map_err(|rule| Error::config(format!("{name}: {rule}")))?;
        Ok(id.clone())
    }

    fn checked_key(&self) -> Result<AccessKey> {
        let key = self
            .key
            .as_ref()
            .ok_or_else(|| Error::config("no AccessKey is given").with_hint("call ApiBuilder::access_key"))?;
        let labels = if self.from_env {
            [environment::ACCESS_KEY_ID, environment::ACCESS_KEY_SECRET, environment::SECURITY_TOKEN]
        } else {
            ["the AccessKey id", "the AccessKey secret", "the security token"]
        };
        check_key(labels[0], &key.id)?;
        check_key(labels[1], &key.secret)?;
        // These two travel in headers, where the id ends at a comma.
        let token = key.security_token.as_ref();
        for (label, text) in [(labels[0], Some(&key.id)), (labels[2], token.map(|token| &**token))] {
            let Some(text) = text else { continue };
            check_key(label, text)?;
            if !text.is_ascii() || label == labels[0] && text.contains(',') {
                return Err(Error::config(format!("{label} contains a character that such a value never has"))
                    .with_hint("was it copied with something around it?"));
            }
        }
        Ok(key.clone())
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
