//! The settings: their values, where each comes from, and which has precedence.

mod auth;
#[cfg(test)]
mod book;
mod build;
mod chain;
mod environment;
mod file;
mod flags;
mod key;
mod load;
mod needs;
mod places;
mod secret;
mod source;
mod template;
mod used;
mod value;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aliyun_mqtt::AccessKeyChain;
use zeroize::Zeroizing;

use crate::exit::{Failure, Result};
use crate::lang::{Phrase, phrase};

pub(crate) use auth::Auth;
pub(crate) use chain::{NoKey, end_of};
#[cfg(feature = "emulator")]
pub(crate) use environment::EMULATOR_PID;
pub(crate) use environment::{CONFIG, Environment, secret_variables};
pub(crate) use file::{Profile, default_path};
#[cfg(feature = "emulator")]
pub(crate) use flags::some_settings;
pub(crate) use flags::{GlobalArgs, all_settings, without_chain};
pub(crate) use key::{Key, Kind, Row};
pub(crate) use places::{Place, place_of};
pub(crate) use secret::{PATIENCE, Secret, prompt};
pub(crate) use source::Source;
pub(crate) use template::template;
pub(crate) use used::Used;
pub(crate) use value::Value;

use secret::piped;

/// All settings, with the precedence of flags, environment and file applied.
#[derive(Debug)]
pub(crate) struct Settings {
    values: BTreeMap<Key, (Value, Source)>,
    /// Secrets that were read already: stdin and a prompt yield them only once.
    known: RefCell<BTreeMap<Key, Secret>>,
    /// The file that was read.
    file: Option<PathBuf>,
    profile: Option<String>,
    /// The other profiles of the file.
    other_profiles: Vec<Profile>,
    /// The timeout for reading a secret.
    patience: Duration,
    /// Which settings were used.
    used: Used,
    /// The warning about settings that the login does not use was printed.
    login_told: Cell<bool>,
    chain: OnceCell<AccessKeyChain>,
    /// Why the chain has no key. It is kept, so that nobody waits for the same failure twice.
    no_key: OnceCell<NoKey>,
}

impl Settings {
    /// The timeout for reading a secret.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// Returns the names of the profiles that are not selected.
    pub(crate) fn other_profiles(&self) -> impl Iterator<Item = &str> {
        self.other_profiles.iter().map(|profile| profile.name.as_str())
    }

    /// Returns the file that was read, and the selected profile.
    pub(crate) fn file(&self) -> Option<(&Path, Option<&str>)> {
        Some((self.file.as_deref()?, self.profile.as_deref()))
    }

    /// Returns every setting that has a value, in the order of the table.
    pub(crate) fn values(&self) -> impl Iterator<Item = (Key, &Value, &Source)> {
        self.values.iter().map(|(key, (value, source))| {
            self.used.mark(*key);
            (*key, value, source)
        })
    }

    /// Returns a value that is text.
    pub(crate) fn text(&self, key: Key) -> Option<&str> {
        match self.value(key)? {
            (Value::Text(text), _) => Some(text),
            _ => None,
        }
    }

    /// Returns a path, byte for byte as it was given.
    pub(crate) fn path(&self, key: Key) -> Option<&Path> {
        match self.value(key)? {
            (Value::Path(path), _) => Some(path),
            _ => None,
        }
    }

    /// Returns a value and marks the setting as used.
    fn value(&self, key: Key) -> Option<&(Value, Source)> {
        self.used.mark(key);
        self.values.get(&key)
    }

    /// Returns a value that is text, for a hint: the setting does not count as used.
    pub(crate) fn peek(&self, key: Key) -> Option<&str> {
        match self.values.get(&key)? {
            (Value::Text(text), _) => Some(text),
            _ => None,
        }
    }

    /// Returns a value that is text, or a failure that names all ways to set it.
    pub(crate) fn needed(&self, key: Key) -> Result<&str> {
        self.text(key).ok_or_else(|| self.missing(key))
    }

    /// Returns where a value comes from.
    pub(crate) fn source(&self, key: Key) -> Option<&Source> {
        Some(&self.values.get(&key)?.1)
    }

    /// Reads a secret, or prompts for it on a terminal if it is not configured.
    pub(crate) fn secret(&self, key: Key) -> Result<Zeroizing<String>> {
        match self.optional_secret(key)? {
            Some(secret) => Ok(secret),
            None => Ok(self.keep(key, prompt(key.row().what).unwrap_or_else(|| Err(self.missing(key)))?)),
        }
    }

    /// Reads a secret. If it is not configured, takes it from standard input, or prompts for it on a terminal.
    pub(crate) fn secret_or_stdin(&self, key: Key) -> Result<Zeroizing<String>> {
        if let Some(secret) = self.optional_secret(key)? {
            return Ok(secret);
        }
        if !self.reads_stdin() {
            let piped = piped(self.patience).map_err(|why| {
                let message = format!("cannot get {} (standard input): {why}", key.row().what);
                Failure { message, ..self.missing(key) }
            })?;
            if let Some(secret) = piped {
                return Ok(self.keep(key, secret));
            }
        }
        self.secret(key)
    }

    /// Reads a secret if it is configured.
    pub(crate) fn optional_secret(&self, key: Key) -> Result<Option<Zeroizing<String>>> {
        if let Some(Secret::Text(secret)) = self.known.borrow().get(&key) {
            return Ok(Some(secret.clone()));
        }
        match self.value(key) {
            Some((Value::Secret(secret), source)) => Ok(Some(self.keep(key, secret.read(key, source, self.patience)?))),
            _ => Ok(None),
        }
    }

    fn keep(&self, key: Key, secret: Zeroizing<String>) -> Zeroizing<String> {
        self.known.borrow_mut().insert(key, Secret::Text(secret.clone()));
        secret
    }

    /// Returns true if a secret is read from standard input, so that nothing else can be.
    pub(crate) fn reads_stdin(&self) -> bool {
        self.values.values().any(|(value, _)| matches!(value, Value::Secret(Secret::Stdin)))
    }

    /// Returns a failure that names all ways to set a value, and other profiles that have it.
    pub(crate) fn missing(&self, key: Key) -> Failure {
        self.missing_all(&[key])
    }

    /// Returns a failure that names all of these settings, with the ways to set them, and other profiles that have
    /// them.
    pub(crate) fn missing_all(&self, keys: &[Key]) -> Failure {
        let names: Vec<_> = keys.iter().map(|key| key.row().what).collect();
        let mut failure = Failure::usage(match &names[..] {
            [first @ .., last] if !first.is_empty() => format!("{} and {last} are not given", first.join(", ")),
            names => format!("{} is not given", names.concat()),
        });
        failure.missing = keys.iter().map(|key| key.row().name.to_string()).collect();
        failure.hint(match self.in_other_profiles(keys) {
            Some(elsewhere) => elsewhere.and(&Key::other_ways(keys)),
            None => Key::ways(keys),
        })
    }

    /// Returns how to select another profile, if there is one that has all of these settings.
    fn in_other_profiles(&self, keys: &[Key]) -> Option<Phrase> {
        let having = self.other_profiles.iter().filter(|profile| keys.iter().all(|key| profile.has(*key)));
        let having: Vec<&str> = having.map(|profile| profile.name.as_str()).collect();
        let (path, [first, ..]) = (self.file.as_ref()?.display(), &having[..]) else { return None };
        let profiles = having.join(", ");
        let elsewhere = match (&self.profile, keys) {
            (Some(selected), [_]) => phrase!(
                "{path} has it in the profile {profiles}, but the profile {selected} is selected",
                path,
                profiles,
                selected
            ),
            (Some(selected), _) => phrase!(
                "{path} has them in the profile {profiles}, but the profile {selected} is selected",
                path,
                profiles,
                selected
            ),
            (None, [_]) => {
                phrase!("{path} has it in the profile {profiles}, but no profile is selected", path, profiles)
            }
            (None, _) => {
                phrase!("{path} has them in the profile {profiles}, but no profile is selected", path, profiles)
            }
        };
        Some(elsewhere.and(&phrase!(
            "use --profile {first}, set ALIYUN_MQTT_PROFILE, or write default_profile = \"{first}\" at the top of the \
             file",
            first
        )))
    }

    /// Returns a failure about the value of a setting that names its source.
    fn wrong(&self, key: Key, why: impl fmt::Display) -> Failure {
        match self.source(key) {
            Some(source) => Failure::usage(format!("{} ({source}): {why}", key.row().name)),
            None => Failure::usage(format!("{}: {why}", key.row().name)),
        }
    }
}

#[cfg(test)]
mod tests;
