//! Environment variables: their values, unknown ones, and those that hold secrets.

use std::ffi::OsString;
use std::path::PathBuf;

use super::value::{checked, text_of};
use super::{Key, Kind, Source};
use crate::exit::Result;
use crate::lang;
use crate::report;

/// The variable that names the configuration file, unless a flag does.
pub(crate) const CONFIG: &str = "ALIYUN_MQTT_CONFIG";
/// The variable that names the profile.
pub(crate) const PROFILE: &str = "ALIYUN_MQTT_PROFILE";

/// The prefix of our variables.
const PREFIX: &str = "ALIYUN_MQTT_";

/// The URL of STS, which the library's chain of keys reads.
pub(super) const STS_ENDPOINT: &str = "ALIYUN_MQTT_STS_ENDPOINT";
/// The URL of the metadata service, which the library's chain of keys reads.
pub(super) const METADATA_ENDPOINT: &str = "ALIYUN_MQTT_METADATA_ENDPOINT";
/// The process that `emulator --env` has started, for `kill`.
pub(crate) const EMULATOR_PID: &str = "ALIYUN_MQTT_EMULATOR_PID";

/// Our variables that are not settings.
pub(super) const OTHERS: [&str; 6] = [CONFIG, PROFILE, lang::VARIABLE, STS_ENDPOINT, METADATA_ENDPOINT, EMULATOR_PID];

/// The environment of the process, or that of a test. An empty variable counts as unset, as in the library.
pub(crate) struct Environment<'a> {
    lookup: &'a dyn Fn(&str) -> Option<OsString>,
}

impl<'a> Environment<'a> {
    pub(crate) fn process() -> Environment<'static> {
        Environment { lookup: &|name| std::env::var_os(name) }
    }

    #[cfg(test)]
    pub(super) fn of(lookup: &'a dyn Fn(&str) -> Option<OsString>) -> Self {
        Environment { lookup }
    }

    /// Returns the value of a variable, unchecked.
    pub(super) fn set(&self, name: &str) -> Option<OsString> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.set(name).map(PathBuf::from)
    }

    pub(super) fn text(&self, name: &'static str) -> Result<Option<String>> {
        let source = Source::Variable(name);
        self.set(name).map(|value| checked(text_of(value, &source)?, &source)).transpose()
    }
}

/// The URL from which the chain of keys may have one: it may hold a token.
const CREDENTIALS_URI: &str = "ALIBABA_CLOUD_CREDENTIALS_URI";

/// The beginning of the variables with which whoever started an emulator, or tests with it, finds it again.
const EMULATORS: &str = "ALIYUN_MQTT_EMULATOR_";

/// The key of an emulator's control API.
const CONTROL_TOKEN: &str = "ALIYUN_MQTT_EMULATOR_CONTROL_TOKEN";

/// Returns the variables that hold secrets: those of the table, that of the proxy if it has a password, the URL that
/// hands out keys, and the key of an emulator. The configuration file may name others.
pub(crate) fn secret_variables() -> Vec<String> {
    let rows = Key::table().iter().filter(|row| match row.key {
        Key::Proxy => std::env::var_os(row.variable).is_some_and(|url| url.as_encoded_bytes().contains(&b'@')),
        _ => row.kind == Kind::Secret,
    });
    rows.map(|row| row.variable).chain([CREDENTIALS_URI, CONTROL_TOKEN]).map(str::to_string).collect()
}

/// Warns about variables that look like ours but are not.
pub(super) fn warn_of_unknown(names: impl Iterator<Item = OsString>) {
    for name in unknown(names) {
        report::warning(format!("the environment variable {name} has no effect: there is no such setting"));
    }
}

fn unknown(names: impl Iterator<Item = OsString>) -> Vec<String> {
    let listed = |name: &str| {
        OTHERS.contains(&name) || name.starts_with(EMULATORS) || Key::table().iter().any(|row| row.variable == name)
    };
    // Where they have one name in any case, the system says so.
    let known = |name: &str| listed(name) || cfg!(windows) && listed(&name.to_ascii_uppercase());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    let ours = names.filter(|name| name.to_ascii_uppercase().starts_with(PREFIX));
    let mut unknown: Vec<String> = ours.filter(|name| !known(name)).collect();
    unknown.sort();
    unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_setting_and_is_none_is_found() {
        let names = [
            "PATH",
            "ALIYUN_MQTT_TOPIC",
            "ALIYUN_MQTT_ENDPIONT",
            "ALIYUN_MQTT_CONFIG",
            "ALIYUN_MQTT_EMULATOR_CONTROL_URL",
        ];
        assert_eq!(unknown(names.into_iter().map(OsString::from)), ["ALIYUN_MQTT_ENDPIONT"]);
        #[cfg(not(windows))]
        assert_eq!(unknown([OsString::from("aliyun_mqtt_token")].into_iter()), ["aliyun_mqtt_token"]);
    }

    #[test]
    fn every_variable_with_a_secret_is_known() {
        let names = secret_variables();
        for row in Key::table().iter().filter(|row| row.kind == Kind::Secret) {
            assert!(names.iter().any(|name| name == row.variable), "{}", row.variable);
        }
        assert!(names.iter().any(|name| name == "ALIBABA_CLOUD_CREDENTIALS_URI"));
    }
}
