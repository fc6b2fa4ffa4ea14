//! What is configured: the settings by name, where each value comes from, and which one wins.

mod auth;
mod build;
mod environment;
mod file;
mod flags;
mod key;
mod load;
mod needs;
mod secret;
mod source;
mod used;
mod value;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::exit::{Failure, Result};

pub(crate) use auth::Auth;
pub(crate) use environment::{CONFIG, Environment, PROFILE, secret_variables};
pub(crate) use file::{Profile, TEMPLATE, default_path};
pub(crate) use flags::{GlobalArgs, all_settings, some_settings};
pub(crate) use key::{Key, Kind};
pub(crate) use secret::{PATIENCE, Secret, prompt};
pub(crate) use source::Source;
pub(crate) use used::Used;
pub(crate) use value::Value;

/// All that is configured, flags before the environment before the file.
#[derive(Debug)]
pub(crate) struct Settings {
    values: BTreeMap<Key, (Value, Source)>,
    /// Secrets that were read or asked for: what comes from stdin or a person comes once.
    known: RefCell<BTreeMap<Key, Secret>>,
    /// The file that was read.
    file: Option<PathBuf>,
    profile: Option<String>,
    /// What else the file has.
    other_profiles: Vec<Profile>,
    /// How long a secret may take to come.
    patience: Duration,
    /// Which settings had a part in what was done.
    used: Used,
    /// What a login leaves unused is told once.
    login_told: Cell<bool>,
}

impl Settings {
    /// How long a secret may take to come.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// The profiles of the file that were not taken.
    pub(crate) fn other_profiles(&self) -> impl Iterator<Item = &str> {
        self.other_profiles.iter().map(|profile| profile.name.as_str())
    }

    /// The file that was read, and the profile taken from it.
    pub(crate) fn file(&self) -> Option<(&Path, Option<&str>)> {
        Some((self.file.as_deref()?, self.profile.as_deref()))
    }

    /// Everything that has a value, in the order of the table.
    pub(crate) fn values(&self) -> impl Iterator<Item = (Key, &Value, &Source)> {
        self.values.iter().map(|(key, (value, source))| {
            self.used.mark(*key);
            (*key, value, source)
        })
    }

    /// A value that is no secret.
    pub(crate) fn text(&self, key: Key) -> Option<&str> {
        match self.value(key)? {
            (Value::Text(text), _) => Some(text),
            _ => None,
        }
    }

    /// A path, byte for byte as it was given.
    pub(crate) fn path(&self, key: Key) -> Option<&Path> {
        match self.value(key)? {
            (Value::Path(path), _) => Some(path),
            _ => None,
        }
    }

    /// A value that has a part in what is done.
    fn value(&self, key: Key) -> Option<&(Value, Source)> {
        self.used.mark(key);
        self.values.get(&key)
    }

    /// As [`text`](Settings::text), or a failure that names all ways to give it.
    pub(crate) fn needed(&self, key: Key) -> Result<&str> {
        self.text(key).ok_or_else(|| self.missing(key))
    }

    /// Where a value comes from.
    pub(crate) fn source(&self, key: Key) -> Option<&Source> {
        Some(&self.values.get(&key)?.1)
    }

    /// A secret, read now; where there is none, asked for on a terminal.
    pub(crate) fn secret(&self, key: Key) -> Result<Zeroizing<String>> {
        match self.optional_secret(key)? {
            Some(secret) => Ok(secret),
            None => Ok(self.keep(key, prompt(key.row().what).unwrap_or_else(|| Err(self.missing(key)))?)),
        }
    }

    /// A secret, read now, if one is configured.
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

    /// Whether a secret comes from standard input, so that nothing else can.
    pub(crate) fn reads_stdin(&self) -> bool {
        self.values.values().any(|(value, _)| matches!(value, Value::Secret(Secret::Stdin)))
    }

    /// A failure that names all ways to give it, and where it stands without being taken.
    pub(crate) fn missing(&self, key: Key) -> Failure {
        let row = key.row();
        let failure = Failure::usage(format!("{} is not given", row.what));
        let ways = format!("use {}, set {}, or write {} in the configuration file", row.flag, row.variable, row.name);
        let having: Vec<&str> = self
            .other_profiles
            .iter()
            .filter(|profile| profile.has(key))
            .map(|profile| profile.name.as_str())
            .collect();
        let (Some(path), [first, ..]) = (&self.file, &having[..]) else {
            return failure.hint(format!("{ways} (`aliyun-mqtt config init` makes one)"));
        };
        let instead = match &self.profile {
            Some(profile) => format!("the profile {profile} is"),
            None => "no profile is".to_string(),
        };
        failure.hint(format!(
            "{} has it in the profile {}, but {instead} selected: use --profile {first}, set {PROFILE}, or write \
             {} = {first:?} at the top of the file; or {ways}",
            path.display(),
            having.join(" and "),
            file::DEFAULT_PROFILE,
        ))
    }

    /// A failure about the value of a setting, naming where it comes from.
    fn wrong(&self, key: Key, why: impl fmt::Display) -> Failure {
        match self.source(key) {
            Some(source) => Failure::usage(format!("{} ({source}): {why}", key.row().name)),
            None => Failure::usage(format!("{}: {why}", key.row().name)),
        }
    }
}

#[cfg(test)]
mod tests;
