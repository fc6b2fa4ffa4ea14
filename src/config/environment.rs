//! Settings from environment variables.

use std::ffi::OsString;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::identity;
use crate::limits::Limits;

/// The endpoint, the only way to say where to connect.
pub(crate) const ENDPOINT: &str = "ALIYUN_MQTT_ENDPOINT";
/// The instance id.
pub(crate) const INSTANCE_ID: &str = "ALIYUN_MQTT_INSTANCE_ID";
/// The group id.
pub(crate) const GROUP_ID: &str = "ALIYUN_MQTT_GROUP_ID";
/// The device id; optional.
pub(crate) const DEVICE_ID: &str = "ALIYUN_MQTT_DEVICE_ID";
/// The parent topic.
pub(crate) const TOPIC: &str = "ALIYUN_MQTT_TOPIC";
/// CA certificates, a PEM file; optional.
#[cfg(feature = "tls")]
pub(crate) const CA_FILE: &str = "ALIYUN_MQTT_CA_FILE";
/// The client's certificate, a PEM file; optional.
#[cfg(feature = "tls")]
pub(crate) const CLIENT_CERT_FILE: &str = "ALIYUN_MQTT_CLIENT_CERT_FILE";
/// Its key, a PEM file; optional.
#[cfg(feature = "tls")]
pub(crate) const CLIENT_KEY_FILE: &str = "ALIYUN_MQTT_CLIENT_KEY_FILE";
/// `true` (default) or `false`.
pub(crate) const CLEAN_SESSION: &str = "ALIYUN_MQTT_CLEAN_SESSION";
/// `3.1.1` (default) or `5`.
pub(crate) const PROTOCOL: &str = "ALIYUN_MQTT_PROTOCOL";
/// Seconds.
pub(crate) const TIMEOUT: &str = "ALIYUN_MQTT_TIMEOUT";
/// Bytes: [`Limits::payload_len`].
pub(crate) const MAX_PAYLOAD: &str = "ALIYUN_MQTT_MAX_PAYLOAD";
/// The URL of an HTTP proxy, or `env` for the variables that many programs share; optional.
pub(crate) const PROXY: &str = "ALIYUN_MQTT_PROXY";
/// `signature` (default), `token` or `device`.
pub(crate) const AUTH: &str = "ALIYUN_MQTT_AUTH";
/// `RW|...`, or several joined; in token mode. If it is absent, one is applied for.
pub(crate) const TOKEN: &str = "ALIYUN_MQTT_TOKEN";
/// In signature and token mode.
pub(crate) const ACCESS_KEY_ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
/// In signature mode; in token mode to apply for a token.
pub(crate) const ACCESS_KEY_SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
/// The URL of the API; by default made of the region.
#[cfg(feature = "openapi")]
pub(crate) const API_ENDPOINT: &str = "ALIYUN_MQTT_API_ENDPOINT";
/// The region, such as `cn-hangzhou`; needed for the API where no endpoint is given.
#[cfg(feature = "openapi")]
pub(crate) const REGION_ID: &str = "ALIYUN_MQTT_REGION_ID";
/// Goes with a temporary AccessKey (STS); for the API only.
#[cfg(feature = "openapi")]
pub(crate) const SECURITY_TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";
/// In device mode.
pub(crate) const DEVICE_ACCESS_KEY_ID: &str = "ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID";
/// In device mode.
pub(crate) const DEVICE_ACCESS_KEY_SECRET: &str = "ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET";

/// The parent topic from `ALIYUN_MQTT_TOPIC`: the first level of the topics the examples use.
///
/// It must have been created in the console, and has 3 or more letters, digits, `-` and `_`.
///
/// # Errors
/// [`Config`](crate::ErrorKind::Config): the variable is not set, or is no name of a parent topic.
pub fn topic_from_env() -> Result<String> {
    read_topic(&Env::process())
}

pub(crate) fn read_topic(env: &Env<'_>) -> Result<String> {
    let topic = env.needed(TOPIC)?;
    identity::check_parent(&topic, &Limits::default()).map_err(|rule| Error::config(format!("{TOPIC}: {rule}")))?;
    Ok(topic)
}

/// What the names of the client's own variables begin with.
const PREFIX: &str = "ALIYUN_MQTT_";

/// Those that something in the library reads.
const READ: &[&str] = &[
    ENDPOINT,
    INSTANCE_ID,
    GROUP_ID,
    DEVICE_ID,
    TOPIC,
    CLEAN_SESSION,
    PROTOCOL,
    TIMEOUT,
    MAX_PAYLOAD,
    PROXY,
    AUTH,
    TOKEN,
    DEVICE_ACCESS_KEY_ID,
    DEVICE_ACCESS_KEY_SECRET,
    #[cfg(feature = "tls")]
    CA_FILE,
    #[cfg(feature = "tls")]
    CLIENT_CERT_FILE,
    #[cfg(feature = "tls")]
    CLIENT_KEY_FILE,
    #[cfg(feature = "openapi")]
    API_ENDPOINT,
    #[cfg(feature = "openapi")]
    REGION_ID,
];

/// Logs a warning for each variable of the process that looks like a setting and is not read: misspelled, of the command
/// line only, or of a cargo feature that is not enabled.
pub(crate) fn warn_of_unread() {
    for name in unread(std::env::vars_os().map(|(name, _)| name)) {
        log::warn!("the environment variable {name} has no effect: Config::from_env does not read it");
    }
}

fn unread(names: impl Iterator<Item = OsString>) -> Vec<String> {
    // It is for the shell that started an emulator.
    const PID: &str = "ALIYUN_MQTT_EMULATOR_PID";
    let names = names.map(|name| name.to_string_lossy().into_owned());
    let ours = names.filter(|name| name.to_ascii_uppercase().starts_with(PREFIX) && name != PID);
    // Where they have one name in any case, the system says so.
    let known = |name: &str| READ.contains(&name) || cfg!(windows) && READ.contains(&&*name.to_ascii_uppercase());
    let mut unread: Vec<String> = ours.filter(|name| !known(name)).collect();
    unread.sort();
    unread
}

/// The environment: of the process, or made up by a test.
pub(crate) struct Env<'a> {
    lookup: &'a dyn Fn(&str) -> Option<OsString>,
}

impl<'a> Env<'a> {
    /// Of the process.
    pub(crate) fn process() -> Env<'static> {
        Env { lookup: &|name| std::env::var_os(name) }
    }

    /// What this function says.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn from_lookup(lookup: &'a dyn Fn(&str) -> Option<OsString>) -> Self {
        Env { lookup }
    }

    /// A variable's text; `None` if it is not set or empty.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>> {
        match self.set(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(Error::config(format!("the environment variable {name} is not valid UTF-8"))),
        }
    }

    /// A variable's text; an error naming it if it is not set or empty.
    pub(crate) fn needed(&self, name: &str) -> Result<String> {
        self.text(name)?.ok_or_else(|| Error::config(format!("the environment variable {name} is not set")))
    }

    /// As [`needed`](Env::needed), for a secret.
    pub(crate) fn secret(&self, name: &str) -> Result<Zeroizing<String>> {
        self.needed(name).map(Zeroizing::new)
    }

    /// The first of these that is set.
    pub(crate) fn first_set(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| self.set(name).is_some())
    }

    /// The time-out, of 1 s to 1 h; `None` if the variable is not set or empty.
    pub(crate) fn timeout(&self) -> Result<Option<Duration>> {
        let Some(text) = self.text(TIMEOUT)? else { return Ok(None) };
        let seconds = text.parse::<f64>().ok().filter(|seconds| (1.0..=3600.0).contains(seconds));
        match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
            Some(timeout) => Ok(Some(timeout)),
            None => Err(Error::config(format!("{TIMEOUT} is {text:?}; it must be a number of seconds from 1 to 3600"))),
        }
    }

    /// A variable's path; `None` if it is not set or empty.
    #[cfg(feature = "tls")]
    pub(crate) fn path(&self, name: &str) -> Option<std::path::PathBuf> {
        self.set(name).map(Into::into)
    }

    fn set(&self, name: &str) -> Option<OsString> {
        #[cfg(test)]
        assert!(!name.starts_with(PREFIX) || READ.contains(&name), "{name} is read, and would be called unread");
        (self.lookup)(name).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_missing_variable_is_named() {
        let lookup = |name: &str| (name == TOPIC).then(OsString::new);
        let env = Env::from_lookup(&lookup);
        for name in [TOPIC, INSTANCE_ID] {
            let error = env.needed(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(name) && error.to_string().contains("not set"), "{error}");
            assert!(env.text(name).unwrap().is_none());
        }
        assert_eq!(env.first_set(&[TOPIC, TOKEN]), None, "an empty one is not set");
        let lookup = |name: &str| (name == TOKEN).then(|| OsString::from("RW|x"));
        assert_eq!(Env::from_lookup(&lookup).first_set(&[TOPIC, TOKEN]), Some(TOKEN));
    }

    #[cfg(unix)]
    #[test]
    fn text_must_be_utf8_but_paths_need_not() {
        use std::os::unix::ffi::OsStringExt;
        let lookup = |_: &str| Some(OsString::from_vec(vec![b'a', 0xff]));
        let env = Env::from_lookup(&lookup);
        assert!(env.text(TOKEN).unwrap_err().to_string().contains(TOKEN));
        #[cfg(feature = "tls")]
        assert!(env.path(CA_FILE).is_some());
    }

    #[test]
    fn what_looks_like_a_setting_and_is_not_read_is_found() {
        let names =
            ["PATH", TOPIC, MAX_PAYLOAD, "ALIYUN_MQTT_ENDPIONT", "ALIYUN_MQTT_KEEP_ALIVE", "ALIYUN_MQTT_EMULATOR_PID"];
        let found = unread(names.into_iter().map(OsString::from));
        assert_eq!(found, ["ALIYUN_MQTT_ENDPIONT", "ALIYUN_MQTT_KEEP_ALIVE"]);
    }

    #[test]
    fn the_parent_topic_is_one_level() {
        for (value, good) in [("demo", true), ("demo/a", false), ("de mo", false), ("#", false), ("", false)] {
            let lookup = |_: &str| Some(OsString::from(value));
            let result = read_topic(&Env::from_lookup(&lookup));
            assert_eq!(result.is_ok(), good, "{value}");
            if let Err(error) = result {
                assert!(error.to_string().contains(TOPIC), "{error}");
            }
        }
    }
}
