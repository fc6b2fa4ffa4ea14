//! The proxy setting of a [`Network`](crate::Network).

use zeroize::Zeroizing;

use super::environment::Environment;
use super::{BasicAuth, Proxy};
use crate::config::environment::{self, Variables};
use crate::error::{Error, Result};

/// The proxy to use, and its user name and password.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Setting {
    way: Way,
    /// Takes precedence over the URL's.
    auth: Option<Result<BasicAuth, String>>,
}

#[derive(Debug, Clone, Default)]
enum Way {
    #[default]
    Direct,
    /// Its name in messages, and the parsed proxy or its fault.
    Given(&'static str, Result<Proxy, String>),
    Environment(Result<Environment>),
}

/// Faults of the environment are never the same.
impl PartialEq for Way {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Way::Direct, Way::Direct) => true,
            (Way::Given(_, proxy), Way::Given(_, other)) => proxy == other,
            (Way::Environment(Ok(environment)), Way::Environment(Ok(other))) => environment == other,
            _ => false,
        }
    }
}

impl Setting {
    pub(crate) fn set(&mut self, url: String) {
        self.way = Way::Given("proxy", Proxy::read(&Zeroizing::new(url)));
    }

    pub(crate) fn set_auth(&mut self, user: String, password: String) {
        self.auth = Some(BasicAuth::checked(user, Zeroizing::new(password)));
    }

    pub(crate) fn set_environment(&mut self, variables: &Variables) {
        self.way = Way::Environment(Environment::read(variables));
    }

    /// Reads `ALIYUN_MQTT_PROXY`: a URL, or the word `env`.
    pub(crate) fn fill(&mut self, variables: &Variables) -> Result<()> {
        match variables.text(environment::PROXY)? {
            None => {}
            Some("env") => self.set_environment(variables),
            Some(url) => self.way = Way::Given(environment::PROXY, Proxy::read(url)),
        }
        Ok(())
    }

    /// Checks what is the same for all hosts.
    ///
    /// # Errors
    /// `Config`: a part of the setting is invalid. No secret is in the error.
    #[cfg(feature = "openapi")]
    pub(crate) fn check(&self) -> Result<()> {
        match &self.way {
            // The shared variables have exceptions, for which an invalid proxy does not matter.
            Way::Environment(Ok(_)) => Ok(()),
            _ => self.checked("", 0).map(drop),
        }
    }

    /// Returns true if a proxy was requested, even if the environment turns out to name none.
    pub(crate) fn is_asked_for(&self) -> bool {
        !matches!(self.way, Way::Direct)
    }

    /// Returns the proxy on the way to this host (without brackets) and port, if there is one.
    ///
    /// # Errors
    /// `Config`: a part of the setting is invalid. No secret is in the error.
    pub(crate) fn checked(&self, host: &str, port: u16) -> Result<Option<Proxy>> {
        let proxy = match &self.way {
            Way::Direct if self.auth.is_some() => {
                return Err(Error::config("proxy_credentials are given, but no proxy"));
            }
            Way::Direct => None,
            Way::Given(name, proxy) => Some(proxy.clone().map_err(|rule| Error::config(format!("{name}: {rule}")))?),
            Way::Environment(environment) => environment.as_ref().map_err(Clone::clone)?.proxy_for(host, port)?,
        };
        let auth = self.auth.clone().transpose();
        let auth = auth.map_err(|rule| Error::config(format!("proxy_credentials: {rule}")))?;
        Ok(match (proxy, auth) {
            (Some(proxy), Some(auth)) => Some(proxy.with_auth(auth)),
            (proxy, _) => proxy,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn filled(variables: &[(&str, &str)]) -> Setting {
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        let mut setting = Setting::default();
        setting.fill(&Variables::from_lookup(lookup)).unwrap();
        setting
    }

    fn shown(setting: &Setting) -> Option<String> {
        setting.checked("host", 1).unwrap().map(|proxy| proxy.to_string())
    }

    #[test]
    fn nothing_is_used_unless_asked_for() {
        let shared = ("https_proxy", "shared.example:1");
        let setting = filled(&[shared]);
        assert!(!setting.is_asked_for());
        assert_eq!(shown(&setting), None);
        let setting = filled(&[shared, (environment::PROXY, "env")]);
        assert!(setting.is_asked_for());
        assert_eq!(shown(&setting).as_deref(), Some("http://shared.example:1"));
        assert_eq!(shown(&filled(&[(environment::PROXY, "env")])), None);
        let own = filled(&[shared, ("no_proxy", "*"), (environment::PROXY, "http://user:geheim@own.example:2")]);
        assert_eq!(shown(&own).as_deref(), Some("http://own.example:2"));
        assert!(!format!("{own:?}").contains("geheim"), "{own:?}");
    }

    #[test]
    fn the_last_setting_counts_and_proxy_credentials_go_before_the_urls() {
        let mut setting = filled(&[(environment::PROXY, "http://user:geheim@own.example:2")]);
        setting.set("http://other:geheim@other.example:3".to_string());
        setting.set_auth("third".to_string(), "geheim".to_string());
        let proxy = setting.checked("host", 1).unwrap().unwrap();
        assert_eq!((proxy.to_string().as_str(), proxy.user()), ("http://other.example:3", Some("third")));
        let lookup = |name: &str| (name == "ALL_PROXY").then(|| OsString::from("fourth.example:4"));
        setting.set_environment(&Variables::from_lookup(lookup));
        let proxy = setting.checked("host", 1).unwrap().unwrap();
        assert_eq!((proxy.to_string().as_str(), proxy.user()), ("http://fourth.example:4", Some("third")));
        assert!(!format!("{setting:?}").contains("geheim"), "{setting:?}");
    }

    #[test]
    fn faults_name_what_they_are_about() {
        let mut setting = Setting::default();
        setting.set_auth("user".to_string(), "geheim".to_string());
        assert!(setting.checked("host", 1).unwrap_err().to_string().contains("but no proxy"));
        setting.set("ftp://geheim@x".to_string());
        assert!(setting.checked("host", 1).unwrap_err().to_string().starts_with("proxy: "));
        setting.set("http://x:1".to_string());
        setting.set_auth("us:er".to_string(), "geheim".to_string());
        assert!(setting.checked("host", 1).unwrap_err().to_string().starts_with("proxy_credentials: "));
        let error = filled(&[(environment::PROXY, "https://u:geheim@x")]).checked("host", 1).unwrap_err();
        assert!(error.to_string().starts_with(environment::PROXY) && !error.to_string().contains("geheim"), "{error}");
    }
}
