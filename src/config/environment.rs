//! The environment variables of the library: their names, and their values when a builder read them.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// The endpoint.
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
pub(crate) const CA_FILE: &str = "ALIYUN_MQTT_CA_FILE";
/// The client's certificate, a PEM file; optional.
pub(crate) const CLIENT_CERT_FILE: &str = "ALIYUN_MQTT_CLIENT_CERT_FILE";
/// The key of the client's certificate, a PEM file; optional.
pub(crate) const CLIENT_KEY_FILE: &str = "ALIYUN_MQTT_CLIENT_KEY_FILE";
/// `true` (default) or `false`.
pub(crate) const CLEAN_SESSION: &str = "ALIYUN_MQTT_CLEAN_SESSION";
/// `3.1.1` (default) or `5`.
pub(crate) const PROTOCOL: &str = "ALIYUN_MQTT_PROTOCOL";
/// In seconds.
pub(crate) const TIMEOUT: &str = "ALIYUN_MQTT_TIMEOUT";
/// In bytes: [`Limits::payload_len`](crate::Limits::payload_len).
pub(crate) const MAX_PAYLOAD: &str = "ALIYUN_MQTT_MAX_PAYLOAD";
/// The URL of an HTTP proxy, or `env` for the [shared variables](HTTPS_PROXY); optional.
pub(crate) const PROXY: &str = "ALIYUN_MQTT_PROXY";
/// `signature`, `token`, `device` or `chain`.
pub(crate) const AUTH: &str = "ALIYUN_MQTT_AUTH";
/// `RW|...`, or several joined; for token mode. Without it, the library applies for a token.
pub(crate) const TOKEN: &str = "ALIYUN_MQTT_TOKEN";
/// For signature and token mode.
pub(crate) const ACCESS_KEY_ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
/// For signature mode, and for token mode to apply for a token.
pub(crate) const ACCESS_KEY_SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
/// The two parts of an AccessKey.
pub(crate) const KEY: [&str; 2] = [ACCESS_KEY_ID, ACCESS_KEY_SECRET];
/// The URL of the API; by default derived from the region.
pub(crate) const API_ENDPOINT: &str = "ALIYUN_MQTT_API_ENDPOINT";
/// The region, such as `cn-hangzhou`; the API needs it unless an endpoint is given.
pub(crate) const REGION_ID: &str = "ALIYUN_MQTT_REGION_ID";
/// Belongs to a temporary AccessKey (STS); for the API only.
pub(crate) const SECURITY_TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";
/// For device mode.
pub(crate) const DEVICE_ACCESS_KEY_ID: &str = "ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID";
/// For device mode.
pub(crate) const DEVICE_ACCESS_KEY_SECRET: &str = "ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET";

/// The URL of STS for the chain of keys; by default Alibaba Cloud's. Plain `http://` is for this machine only.
pub(crate) const STS_ENDPOINT: &str = "ALIYUN_MQTT_STS_ENDPOINT";
/// The URL of the metadata service for the chain of keys, by plain `http://`; by default that of an ECS instance.
pub(crate) const METADATA_ENDPOINT: &str = "ALIYUN_MQTT_METADATA_ENDPOINT";

/// The ARN of the role that the chain of keys assumes.
pub(crate) const ROLE_ARN: &str = "ALIBABA_CLOUD_ROLE_ARN";
/// The ARN of the OIDC provider of that role.
pub(crate) const OIDC_PROVIDER_ARN: &str = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN";
/// The file with the OIDC token.
pub(crate) const OIDC_TOKEN_FILE: &str = "ALIBABA_CLOUD_OIDC_TOKEN_FILE";
/// The name of the session of that role; optional.
pub(crate) const ROLE_SESSION_NAME: &str = "ALIBABA_CLOUD_ROLE_SESSION_NAME";
/// The profile in the files of Alibaba Cloud's tools.
pub(crate) const CLOUD_PROFILE: &str = "ALIBABA_CLOUD_PROFILE";
/// `true`: the file of the `aliyun` command is not read.
pub(crate) const CLI_PROFILE_DISABLED: &str = "ALIBABA_CLOUD_CLI_PROFILE_DISABLED";
/// The file of Alibaba Cloud's SDKs, in place of the one in the home directory.
pub(crate) const CREDENTIALS_FILE: &str = "ALIBABA_CLOUD_CREDENTIALS_FILE";
/// The name of the RAM role of an ECS instance; by default the metadata service is asked for it.
pub(crate) const ECS_METADATA: &str = "ALIBABA_CLOUD_ECS_METADATA";
/// `true`: the metadata service is not asked.
pub(crate) const ECS_METADATA_DISABLED: &str = "ALIBABA_CLOUD_ECS_METADATA_DISABLED";
/// `true`: the metadata service is asked with its token only.
pub(crate) const IMDSV1_DISABLED: &str = "ALIBABA_CLOUD_IMDSV1_DISABLED";
/// A URL that answers with a key.
pub(crate) const CREDENTIALS_URI: &str = "ALIBABA_CLOUD_CREDENTIALS_URI";
/// The region of STS; by default its central endpoint.
pub(crate) const STS_REGION: &str = "ALIBABA_CLOUD_STS_REGION";
/// `true`: STS is reached inside a VPC.
pub(crate) const VPC_ENDPOINT_ENABLED: &str = "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED";
/// The home directories, in the order of precedence.
pub(crate) const HOMES: [&str; 2] = if cfg!(windows) { ["USERPROFILE", "HOME"] } else { ["HOME", "USERPROFILE"] };

/// The proxy variables that many programs share, in the order of precedence. `http_proxy` is not among them: it is
/// meant for connections without encryption.
pub(crate) const HTTPS_PROXY: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
/// The shared variables that list the hosts reached without a proxy, in the order of precedence.
pub(crate) const NO_PROXY: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// The prefix of the library's own variables.
const PREFIX: &str = "ALIYUN_MQTT_";

/// The library's own variables.
const OWN: [&str; 21] = [
    ENDPOINT,
    INSTANCE_ID,
    GROUP_ID,
    DEVICE_ID,
    TOPIC,
    CA_FILE,
    CLIENT_CERT_FILE,
    CLIENT_KEY_FILE,
    CLEAN_SESSION,
    PROTOCOL,
    TIMEOUT,
    MAX_PAYLOAD,
    PROXY,
    AUTH,
    TOKEN,
    API_ENDPOINT,
    REGION_ID,
    DEVICE_ACCESS_KEY_ID,
    DEVICE_ACCESS_KEY_SECRET,
    STS_ENDPOINT,
    METADATA_ENDPOINT,
];

/// The beginning of the variables with which whoever started an emulator, or tests with it, finds it again.
const EMULATORS: &str = "ALIYUN_MQTT_EMULATOR_";

/// Variables that other programs read, too.
const SHARED: [&str; 16] = [
    ACCESS_KEY_ID,
    ACCESS_KEY_SECRET,
    SECURITY_TOKEN,
    ROLE_ARN,
    OIDC_PROVIDER_ARN,
    OIDC_TOKEN_FILE,
    ROLE_SESSION_NAME,
    CLOUD_PROFILE,
    CLI_PROFILE_DISABLED,
    CREDENTIALS_FILE,
    ECS_METADATA,
    ECS_METADATA_DISABLED,
    IMDSV1_DISABLED,
    CREDENTIALS_URI,
    STS_REGION,
    VPC_ENDPOINT_ENABLED,
];

/// Returns the parent topic from `ALIYUN_MQTT_TOPIC`: the first level of topics, which is created in the console and
/// has at least 3 letters, digits, `-` and `_`.
#[cfg(any(feature = "openapi", test))]
pub(crate) fn read_topic(variables: &Variables) -> Result<String> {
    let topic = variables.needed(TOPIC)?;
    crate::names::check_parent(topic, &crate::limits::Limits::default())
        .map_err(|rule| Error::config(format!("{TOPIC}: {rule}")))?;
    Ok(topic.to_string())
}

/// Logs a warning for each variable of the process that looks like a setting but has no effect: it is misspelled,
/// belongs to the command line, or to a cargo feature that is not enabled.
pub(crate) fn warn_of_unread() {
    for name in unread(std::env::vars_os().map(|(name, _)| name)) {
        log::warn!("the environment variable {name} has no effect: Config::from_env does not read it");
    }
}

fn unread(names: impl Iterator<Item = OsString>) -> Vec<String> {
    let read = |name: &str| match name {
        API_ENDPOINT | REGION_ID | STS_ENDPOINT | METADATA_ENDPOINT => cfg!(feature = "openapi"),
        CA_FILE | CLIENT_CERT_FILE | CLIENT_KEY_FILE => cfg!(feature = "tls"),
        _ => OWN.contains(&name) || name.starts_with(EMULATORS),
    };
    // On Windows, the case of a name does not matter.
    let known = |name: &str| read(name) || cfg!(windows) && read(&name.to_ascii_uppercase());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    let own = names.filter(|name| name.to_ascii_uppercase().starts_with(PREFIX));
    let mut unread: Vec<String> = own.filter(|name| !known(name)).collect();
    unread.sort();
    unread
}

/// Returns true for a variable of this library only.
#[cfg(feature = "openapi")]
pub(crate) fn is_own(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// The error for a required variable that is not set.
pub(crate) fn not_set(name: &str) -> Error {
    Error::config(format!("the environment variable {name} is not set")).with_missing(setting(name))
}

/// Returns the setting of a variable: its name without the prefix, in lower case.
pub(crate) fn setting(variable: &str) -> String {
    let prefixes = [PREFIX, "ALIBABA_CLOUD_"];
    prefixes.iter().find_map(|prefix| variable.strip_prefix(prefix)).unwrap_or(variable).to_ascii_lowercase()
}

/// The values of the variables at the time of reading: those of the process, or of a lookup function. `Debug` shows no
/// value.
#[derive(Clone, PartialEq)]
pub(crate) struct Variables {
    values: Arc<HashMap<&'static str, Value>>,
    /// They are those of the process, whose user has a home directory.
    of_process: bool,
}

/// A variable that is set and not empty.
#[derive(PartialEq)]
enum Value {
    Text(Zeroizing<String>),
    /// Not UTF-8, which is accepted only for a path.
    Raw(OsString),
}

impl Variables {
    pub(crate) fn of_process() -> Self {
        Variables { of_process: true, ..Variables::from_lookup(|name| std::env::var_os(name)) }
    }

    pub(crate) fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let value = |name| {
            let mut value = lookup(name)?;
            if value.is_empty() && cfg!(unix) && name == HOMES[0] {
                // As Python's `expanduser` has it, and so Alibaba Cloud's SDK.
                value = "/".into();
            }
            let value = Some(value).filter(|value| !value.is_empty())?;
            Some(value.into_string().map_or_else(Value::Raw, |text| Value::Text(Zeroizing::new(text))))
        };
        let values = Arc::new(all().filter_map(|name| Some((name, value(name)?))).collect());
        Variables { values, of_process: false }
    }

    /// Returns the text of a variable; `None` if it is not set or empty.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Raw(_)) => Err(Error::config(format!("the environment variable {name} is not valid UTF-8"))),
        }
    }

    /// Returns the text of a variable, or an error that names it if it is not set or empty.
    pub(crate) fn needed(&self, name: &str) -> Result<&str> {
        self.text(name)?.ok_or_else(|| not_set(name))
    }

    /// Like [`needed`](Variables::needed), for a secret.
    pub(crate) fn secret(&self, name: &str) -> Result<Zeroizing<String>> {
        self.needed(name).map(|text| Zeroizing::new(text.to_string()))
    }

    /// Parses a variable; `None` if it is not set or empty. `accepted` names the values that `parse` takes.
    pub(crate) fn parsed<T>(&self, name: &str, accepted: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let bad = || Error::config(format!("the environment variable {name} is {text:?}; it must be {accepted}"));
        parse(text).map(Some).ok_or_else(bad)
    }

    /// Returns the first of these variables that is set and not empty.
    pub(crate) fn first_set(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| self.value(name).is_some())
    }

    /// Returns true if a variable is `true`, in any case.
    #[cfg(feature = "openapi")]
    pub(crate) fn is_true(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Text(text)) if text.eq_ignore_ascii_case("true"))
    }

    /// Returns the timeout, from 1 s to 1 h; `None` if the variable is not set or empty.
    pub(crate) fn timeout(&self) -> Result<Option<Duration>> {
        self.parsed(TIMEOUT, "a number of seconds from 1 to 3600", |text| {
            let seconds = text.parse().ok().filter(|seconds| (1.0..=3600.0).contains(seconds))?;
            Duration::try_from_secs_f64(seconds).ok()
        })
    }

    /// Returns a variable as a path; `None` if it is not set or empty.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.value(name).map(|value| match value {
            Value::Text(text) => PathBuf::from(text.as_str()),
            Value::Raw(raw) => PathBuf::from(raw),
        })
    }

    /// Returns the home directory: `HOME`, or else `USERPROFILE`, or else what the system knows of the user, if these
    /// are the variables of the process. The error is the reason why there is none.
    #[cfg(feature = "openapi")]
    pub(crate) fn home(&self) -> Result<PathBuf, &'static str> {
        if let Some(home) = HOMES.iter().find_map(|name| self.path(name)) {
            return Ok(home);
        }
        if !self.of_process {
            return Err("HOME is not set");
        }
        #[allow(deprecated, reason = "before Rust 1.87, for the place of HOME on Windows, which is read above")]
        std::env::home_dir().ok_or("HOME is not set, and the system knows no home directory of this user")
    }

    fn value(&self, name: &str) -> Option<&Value> {
        debug_assert!(all().any(|known| known == name), "{name} is read, but never looked up");
        self.values.get(name)
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

fn all() -> impl Iterator<Item = &'static str> {
    OWN.into_iter().chain(SHARED).chain(HOMES).chain(HTTPS_PROXY).chain(NO_PROXY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_missing_variable_is_named() {
        let variables = Variables::from_lookup(|name| (name == TOPIC).then(OsString::new));
        for name in [TOPIC, INSTANCE_ID] {
            let error = variables.needed(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(name) && error.to_string().contains("not set"), "{error}");
            assert!(variables.text(name).unwrap().is_none());
        }
        assert_eq!(variables.first_set(&[TOPIC, TOKEN]), None, "an empty one is not set");
        let variables = Variables::from_lookup(|name| (name == TOKEN).then(|| OsString::from("RW|x")));
        assert_eq!(variables.first_set(&[TOPIC, TOKEN]), Some(TOKEN));
        assert!(!format!("{variables:?}").contains("RW|x"));
    }

    #[cfg(all(unix, feature = "openapi"))]
    #[test]
    fn the_home_of_the_user_is_only_for_the_variables_of_the_process() {
        let unset = Variables::from_lookup(|_| None::<OsString>);
        assert_eq!(unset.home(), Err("HOME is not set"));
        let of_process = Variables { of_process: true, ..unset };
        // Whatever the system knows of the user of this test.
        assert_ne!(of_process.home(), Err("HOME is not set"));
        let empty = Variables::from_lookup(|name| (name == "HOME").then(OsString::new));
        assert_eq!(empty.home(), Ok(PathBuf::from("/")));
        let given = Variables::from_lookup(|name| (name == "USERPROFILE").then(|| OsString::from("/x")));
        assert_eq!(given.home(), Ok(PathBuf::from("/x")));
    }

    #[cfg(unix)]
    #[test]
    fn text_must_be_utf8_but_paths_need_not() {
        use std::os::unix::ffi::OsStringExt;
        let variables = Variables::from_lookup(|_| Some(OsString::from_vec(vec![b'a', 0xff])));
        assert!(variables.text(TOKEN).unwrap_err().to_string().contains(TOKEN));
        assert!(variables.path(CA_FILE).is_some());
    }

    #[test]
    fn what_looks_like_a_setting_and_is_not_read_is_found() {
        let names = [
            "PATH",
            TOPIC,
            MAX_PAYLOAD,
            "ALIYUN_MQTT_ENDPIONT",
            "ALIYUN_MQTT_KEEP_ALIVE",
            "ALIYUN_MQTT_EMULATOR_CONTROL_URL",
        ];
        let found = unread(names.into_iter().map(OsString::from));
        assert_eq!(found, ["ALIYUN_MQTT_ENDPIONT", "ALIYUN_MQTT_KEEP_ALIVE"]);
    }

    #[test]
    fn the_parent_topic_is_one_level() {
        for (value, good) in [("demo", true), ("demo/a", false), ("de mo", false), ("#", false), ("", false)] {
            let result = read_topic(&Variables::from_lookup(|_| Some(OsString::from(value))));
            assert_eq!(result.is_ok(), good, "{value}");
            if let Err(error) = result {
                assert!(error.to_string().contains(TOPIC), "{error}");
            }
        }
    }
}
