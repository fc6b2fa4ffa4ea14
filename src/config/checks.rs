//! The rules for a [`Config`](crate::Config).

use std::time::Duration;

use super::builder::{ConfigBuilder, Given};
use super::endpoint::{Endpoint, Transport};
use super::environment;
use super::proxy::Proxy;
use super::settings::Settings;
use crate::credentials::{AuthMode, Credentials};
use crate::error::{Error, Hint, Result};
use crate::names::{self, ClientId};
use crate::tls::Tls;

/// The maximum of durations without a maximum of their own: 30 days, so that no deadline overflows the clock.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// The largest window.
const LARGEST_WINDOW: u16 = 10_000;

impl ConfigBuilder {
    pub(super) fn checked_endpoint(&self) -> Result<Endpoint> {
        let given = self.needed(&self.endpoint, "endpoint", environment::ENDPOINT)?;
        let endpoint = Endpoint::read(given.text.as_str()).map_err(|rule| given.refuse(&rule))?;
        let transport = endpoint.transport();
        if cfg!(not(feature = "websocket")) && transport.is_websocket() {
            return Err(given.refuse(&format!("{endpoint} is a WebSocket, but {}", disabled("websocket"))));
        }
        if cfg!(not(feature = "tls")) && transport.is_tls() {
            return Err(given.refuse(&format!("{endpoint} needs TLS, but {}", disabled("tls"))));
        }
        Ok(endpoint)
    }

    pub(super) fn checked_proxy(&self, endpoint: &Endpoint) -> Result<Option<Proxy>> {
        let setting = &self.network.proxy;
        if cfg!(not(feature = "proxy")) && setting.is_asked_for() {
            return Err(Error::config(format!("a proxy is set, but {}", disabled("proxy"))));
        }
        let proxy = setting.checked(endpoint.host(), endpoint.port())?;
        // rumqttc passes the same text as the host to the proxy, which needs brackets, and to TLS, which accepts none.
        if proxy.is_some() && endpoint.host().contains(':') && endpoint.transport() != Transport::Tcp {
            return Err(Error::config(format!("{endpoint} cannot be reached through a proxy by its IPv6 address"))
                .with_hint(Hint::UseHostName));
        }
        Ok(proxy)
    }

    /// Returns the TLS configuration. CA certificates are accepted for a plain endpoint: they may be meant for HTTPS.
    pub(super) fn checked_tls(&self, endpoint: &Endpoint, settings: &Settings) -> Result<Option<Tls>> {
        if !endpoint.transport().is_tls() {
            if self.network.client_certificate.is_some() {
                return Err(Error::config(format!("a client certificate is given, but {endpoint} is not encrypted"))
                    .with_hint(Hint::ClientCertificateNeedsTls));
            }
            return Ok(None);
        }
        Tls::new(endpoint.host(), &self.network, settings.timeout).map(Some)
    }

    pub(super) fn checked_instance_id(&self) -> Result<String> {
        // Only custom authentication allows a whole client id, as `checked_client_id` checks, and its user name has no
        // instance.
        if self.instance_id.is_none() && self.client_id.is_some() {
            return Ok(String::new());
        }
        let given = self.needed(&self.instance_id, "instance_id", environment::INSTANCE_ID)?;
        names::check_instance(&given.text).map_err(|rule| given.refuse(&rule))?;
        Ok(given.text.clone())
    }

    pub(super) fn checked_credentials(&self) -> Result<Credentials> {
        match (&self.credentials, &self.variables) {
            (Some(credentials), _) => {
                credentials.check()?;
                Ok(credentials.clone())
            }
            (None, Some(variables)) => {
                // A missing variable that is always required is reported before those of the credentials.
                if self.client_id.is_none() {
                    self.checked_group_id()?;
                }
                Credentials::read(AuthMode::read(variables)?, variables)
            }
            (None, None) => Err(Error::config("no credentials are given")
                .with_missing("credentials")
                .with_hint(Hint::SetCredentials)),
        }
    }

    pub(super) fn checked_group_id(&self) -> Result<&Given> {
        let given = self.needed(&self.group_id, "group_id", environment::GROUP_ID)?;
        names::check_group(&given.text, &self.settings.limits).map_err(|rule| given.refuse(&rule))?;
        Ok(given)
    }

    pub(super) fn checked_client_id(&self, credentials: &Credentials, settings: &Settings) -> Result<ClientId> {
        let limits = &settings.limits;
        if let Some(whole) = &self.client_id {
            if !credentials.may_have_whole_client_id() {
                return Err(Error::config("a whole client_id is for custom authentication only")
                    .with_hint(Hint::GroupAndDevice));
            }
            if self.group_id.is_some() || self.device_id.is_some() {
                return Err(Error::config(
                    "client_id is set together with group_id or device_id; set one or the other",
                ));
            }
            return ClientId::custom_within(whole, limits).map_err(|rule| Error::config(format!("client_id: {rule}")));
        }
        let group = self.checked_group_id()?;
        let device = match &self.device_id {
            Some(device) => {
                names::check_device(&device.text, limits).map_err(|rule| device.refuse(&rule))?;
                device.text.clone()
            }
            None if credentials.is_device() => {
                return Err(Error::config(
                    "no device_id is given, but device credentials are valid for one client id only",
                )
                .with_missing("device_id")
                .with_hint(self.remedy("device_id", environment::DEVICE_ID)));
            }
            None if !settings.clean_session => {
                return Err(Error::config(
                    "no device_id is given, but a persistent session (clean_session false) needs one",
                )
                .with_missing("device_id")
                .with_hint(self.remedy("device_id", environment::DEVICE_ID)));
            }
            None => names::unique_device_id(&group.text),
        };
        ClientId::within(&group.text, &device, limits).map_err(|rule| {
            let error = group.refuse(&rule);
            if self.device_id.is_some() { error } else { error.with_hint(Hint::ShorterDeviceId) }
        })
    }

    fn needed<'a>(&self, field: &'a Option<Given>, method: &'static str, variable: &'static str) -> Result<&'a Given> {
        field.as_ref().ok_or_else(|| {
            if self.variables.is_some() {
                environment::not_set(variable)
            } else {
                let error = Error::config(format!("no {method} is given")).with_missing(method);
                error.with_hint(self.remedy(method, variable))
            }
        })
    }

    fn remedy(&self, method: &'static str, variable: &'static str) -> Hint {
        Hint::Set { name: if self.variables.is_some() { variable } else { method } }
    }
}

/// The end of an error about a cargo feature that is not enabled.
fn disabled(feature: &str) -> String {
    format!("this build does not support it; enable the cargo feature `{feature}`")
}

impl Given {
    fn refuse(&self, rule: &str) -> Error {
        Error::config(format!("{}: {rule}", self.name))
    }
}

pub(super) fn checked_settings(mut settings: Settings) -> Result<Settings> {
    let millis = Duration::from_millis;
    let secs = Duration::from_secs;
    let check = |name: &str, value: Duration, min: Duration, max: Duration| {
        if (min..=max).contains(&value) {
            Ok(())
        } else {
            Err(Error::config(format!("{name} is {value:?}; it must be from {min:?} to {max:?}")))
        }
    };
    check("keep_alive", settings.keep_alive, secs(5), secs(480))?;
    if settings.keep_alive.subsec_nanos() != 0 {
        return Err(Error::config(format!("keep_alive is {:?}; it must be whole seconds", settings.keep_alive)));
    }
    check("timeout", settings.timeout, secs(1), secs(3600))?;
    if let Some(age) = settings.message_age {
        check("message_age", age, millis(1), LONGEST)?;
    }
    check("refusal_patience", settings.refusal_patience, Duration::ZERO, LONGEST)?;
    check("refused_topic_pause", settings.refused_topic_pause, Duration::ZERO, LONGEST)?;
    check("backoff min", settings.backoff_min, millis(10), secs(3600))?;
    check("backoff max", settings.backoff_max, settings.backoff_min, secs(3600))?;
    for (name, value) in [("window", settings.window), ("max_window", settings.max_window)] {
        if let Some(value) = value.filter(|value| !(1..=LARGEST_WINDOW).contains(value)) {
            return Err(Error::config(format!("{name} is {value}; it must be from 1 to {LARGEST_WINDOW}")));
        }
    }
    if settings.window.is_some() && settings.max_window.is_some() {
        let message = "window and max_window are both set; set window to fix the window, or max_window to let it grow";
        return Err(Error::config(message));
    }
    if let Some(rate) = settings.max_publish_rate {
        // This also refuses NaN.
        if !(0.001..=1_000_000.0).contains(&rate) {
            let message = format!("max_publish_rate is {rate}; it must be from 0.001 to 1000000 messages per second");
            return Err(Error::config(message));
        }
    }
    // This also refuses NaN.
    if !(0.1..=0.95).contains(&settings.token_renewal) {
        let message = format!("token_renewal is {}; it must be from 0.1 to 0.95", settings.token_renewal);
        return Err(Error::config(message));
    }
    super::settings::check_version(&settings)?;
    settings.limits = settings.limits.checked()?;
    if let Some(topic) = &settings.response_topic {
        names::check_topic(topic, &settings.limits)
            .map_err(|error| Error::config("response_topic").with_reason(error))?;
        if topic.starts_with('$') {
            let rule = "it begins with \"$\", which is for the service's own topics";
            return Err(Error::config(format!("response_topic: {rule}")));
        }
    }
    if let Some(spool) = &settings.spool {
        spool.checked()?;
    }
    Ok(settings)
}
