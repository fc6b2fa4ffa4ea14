//! What is configured: the settings by name, where each value comes from, and which one wins.

mod build;
mod file;
mod key;
mod needs;
mod secret;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::args::GlobalArgs;
use crate::exit::{Failure, Result};

pub(crate) use build::Auth;
pub(crate) use file::{TEMPLATE, default_path};
pub(crate) use key::Key;
pub(crate) use secret::{Secret, prompt};

/// The variable that names the configuration file, where no flag does.
pub(crate) const CONFIG: &str = "ALIYUN_MQTT_CONFIG";
/// The variable that names the profile.
pub(crate) const PROFILE: &str = "ALIYUN_MQTT_PROFILE";

/// Between group id and device id, in a client id.
const SEPARATOR: &str = "@@@";

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Flag(&'static str),
    Variable(&'static str),
    File { path: PathBuf, profile: Option<String>, key: String },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Flag(flag) => f.write_str(flag),
            Source::Variable(name) => write!(f, "environment variable {name}"),
            Source::File { path, profile: None, key } => write!(f, "{key} in {}", path.display()),
            Source::File { path, profile: Some(profile), key } => {
                write!(f, "{key} in [profile.{profile}] of {}", path.display())
            }
        }
    }
}

/// A configured value. A secret is known by where to get it; it is read when it is needed.
pub(crate) enum Value {
    Text(String),
    Secret(Secret),
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A proxy's URL may hold a password.
            Value::Text(text) if text.contains('@') => f.write_str("Text(..)"),
            Value::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Value::Secret(secret) => f.debug_tuple("Secret").field(secret).finish(),
        }
    }
}

/// What one place says: the flags, the environment, a part of the file.
type Layer = Vec<(Key, (Value, Source))>;

/// All that is configured, flags before the environment before the file.
#[derive(Debug)]
pub(crate) struct Settings {
    values: BTreeMap<Key, (Value, Source)>,
    /// Secrets that were read or asked for: what comes from stdin or a person comes once.
    known: RefCell<BTreeMap<Key, Secret>>,
    /// The file that was read.
    file: Option<PathBuf>,
    profile: Option<String>,
}

impl Settings {
    /// Reads file, environment and flags. Secrets are not read yet.
    pub(crate) fn load(global: &GlobalArgs) -> Result<Self> {
        Settings::read(global, &|name| std::env::var(name).ok())
    }

    fn read(global: &GlobalArgs, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        // An empty variable counts as not set, as in the library.
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let asked = global.config.clone().or_else(|| variable(CONFIG).map(PathBuf::from));
        let profile = global.profile.clone().or_else(|| variable(PROFILE));
        let mut settings = Settings { values: BTreeMap::new(), known: RefCell::default(), file: None, profile: None };

        let path = asked.clone().or_else(|| default_path(&variable));
        if let Some(path) = path.filter(|path| asked.is_some() || path.exists()) {
            let content = file::read(&path, profile.as_deref())?;
            for layer in content.layers {
                settings.add(layer)?;
            }
            settings.profile = content.profile;
            settings.file = Some(path);
        } else if let Some(profile) = profile {
            return Err(Failure::usage(format!("there is no configuration file to take the profile {profile:?} from"))
                .hint("make one with `aliyun-mqtt config init`"));
        }
        let mut layer = Layer::new();
        for row in Key::table() {
            if let Some(text) = variable(row.variable) {
                let value = match row.secret {
                    true => Value::Secret(Secret::Text(Zeroizing::new(text))),
                    false => Value::Text(text),
                };
                layer.push((row.key, (value, Source::Variable(row.variable))));
            }
        }
        settings.add(std::mem::take(&mut layer))?;
        for (key, text) in global.settings.given() {
            let row = key.row();
            if key == Key::Proxy && text.contains('@') {
                return Err(Failure::usage("--proxy takes no user name and password, which others could see")
                    .hint("give the whole URL by ALIYUN_MQTT_PROXY or in the configuration file"));
            }
            let value = match row.secret {
                true => Value::Secret(Secret::at(text, Path::new(""))?),
                false => Value::Text(text.to_string()),
            };
            layer.push((key, (value, Source::Flag(row.flag))));
        }
        settings.add(layer)?;
        Ok(settings)
    }

    /// Puts a layer above what is known.
    ///
    /// A client id is a group id and a device id in one: what stands above wins over a part of it, too.
    fn add(&mut self, layer: Layer) -> Result<()> {
        let find = |key| layer.iter().find(|(known, _)| *known == key).map(|(_, (value, source))| (value, source));
        let halves = [Key::GroupId, Key::DeviceId];
        match find(Key::ClientId) {
            Some((Value::Text(whole), source)) => {
                let Some((group, device)) = whole.split_once(SEPARATOR) else {
                    self.values.extend(layer);
                    return Ok(());
                };
                for (key, own) in halves.into_iter().zip([group, device]) {
                    if let Some((Value::Text(text), other)) = find(key)
                        && text != own
                    {
                        return Err(Failure::usage(format!(
                            "{source} is {whole:?}, and {other} is {text:?}: they contradict each other"
                        ))
                        .hint("give the client id alone, or group id and device id"));
                    }
                }
            }
            _ if halves.into_iter().any(|key| find(key).is_some()) => self.split_client_id(),
            _ => {}
        }
        self.values.extend(layer);
        Ok(())
    }

    /// Puts the halves of the client id in its place. One of custom authentication may have none: it stays.
    fn split_client_id(&mut self) {
        let Some((Value::Text(whole), source)) = self.values.get(&Key::ClientId) else { return };
        let Some((group, device)) = whole.split_once(SEPARATOR) else { return };
        let halves = [(Key::GroupId, group), (Key::DeviceId, device)]
            .map(|(key, text)| (key, (Value::Text(text.to_string()), source.clone())));
        self.values.remove(&Key::ClientId);
        self.values.extend(halves);
    }

    /// The file that was read, and the profile taken from it.
    pub(crate) fn file(&self) -> Option<(&Path, Option<&str>)> {
        Some((self.file.as_deref()?, self.profile.as_deref()))
    }

    /// Everything that has a value, in the order of the table.
    pub(crate) fn values(&self) -> impl Iterator<Item = (Key, &Value, &Source)> {
        self.values.iter().map(|(key, (value, source))| (*key, value, source))
    }

    /// A value that is no secret.
    pub(crate) fn text(&self, key: Key) -> Option<&str> {
        match self.values.get(&key)? {
            (Value::Text(text), _) => Some(text),
            (Value::Secret(_), _) => None,
        }
    }

    /// As [`text`](Settings::text), or a failure that names all ways to give it.
    pub(crate) fn needed(&self, key: Key) -> Result<&str> {
        self.text(key).ok_or_else(|| missing(key))
    }

    /// Where a value comes from.
    pub(crate) fn source(&self, key: Key) -> Option<&Source> {
        Some(&self.values.get(&key)?.1)
    }

    /// A secret, read now; where there is none, asked for on a terminal.
    pub(crate) fn secret(&self, key: Key) -> Result<Zeroizing<String>> {
        match self.optional_secret(key)? {
            Some(secret) => Ok(secret),
            None => Ok(self.keep(key, prompt(key.row().what).unwrap_or_else(|| Err(missing(key)))?)),
        }
    }

    /// A secret, read now, if one is configured.
    pub(crate) fn optional_secret(&self, key: Key) -> Result<Option<Zeroizing<String>>> {
        if let Some(Secret::Text(secret)) = self.known.borrow().get(&key) {
            return Ok(Some(secret.clone()));
        }
        match self.values.get(&key) {
            Some((Value::Secret(secret), source)) => Ok(Some(self.keep(key, secret.read(key, source)?))),
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

    /// A failure about the value of a setting, naming where it comes from.
    fn wrong(&self, key: Key, why: impl fmt::Display) -> Failure {
        match self.source(key) {
            Some(source) => Failure::usage(format!("{} ({source}): {why}", key.row().name)),
            None => Failure::usage(format!("{}: {why}", key.row().name)),
        }
    }
}

/// A failure that names all ways to give it.
pub(crate) fn missing(key: Key) -> Failure {
    let row = key.row();
    Failure::usage(format!("{} is not given", row.what)).hint(format!(
        "use {}, set {}, or write {} in the configuration file (`aliyun-mqtt config init` makes one)",
        row.flag, row.variable, row.name
    ))
}

#[cfg(test)]
mod tests;
