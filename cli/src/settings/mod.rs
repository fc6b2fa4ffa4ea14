//! What is configured: the settings by name, where each value comes from, and which one wins.

mod build;
mod environment;
mod file;
mod flags;
mod key;
mod needs;
mod secret;
mod used;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::exit::{Failure, Result};
use crate::report;
use crate::small_text;
use crate::values;

pub(crate) use build::Auth;
pub(crate) use environment::{Environment, secret_variables};
pub(crate) use file::{Profile, TEMPLATE, default_path};
pub(crate) use flags::GlobalArgs;
pub(crate) use key::{Key, Kind};
pub(crate) use secret::{PATIENCE, Secret, prompt};
pub(crate) use used::Used;

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
    Path(PathBuf),
    Secret(Secret),
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A proxy's URL may hold a password.
            Value::Text(text) if text.contains('@') => f.write_str("Text(..)"),
            Value::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Value::Path(path) => f.debug_tuple("Path").field(path).finish(),
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
    /// Reads file, environment and flags. Secrets are not read yet.
    pub(crate) fn load(global: &GlobalArgs) -> Result<Self> {
        environment::warn_of_unknown(std::env::vars_os().map(|(name, _)| name));
        Settings::read(global, &Environment::process())
    }

    fn read(global: &GlobalArgs, environment: &Environment<'_>) -> Result<Self> {
        let used = global.settings.used().clone();
        used.set_loaded();
        let asked = global.config.clone().or_else(|| environment.path(CONFIG));
        let profile = match &global.profile {
            Some(name) => Some((name.clone(), None)),
            None => environment.text(PROFILE)?.map(|name| (name, Some(Source::Variable(PROFILE)))),
        };
        let mut settings = Settings {
            values: BTreeMap::new(),
            known: RefCell::default(),
            file: None,
            profile: None,
            other_profiles: Vec::new(),
            patience: PATIENCE,
            used,
            login_told: Cell::new(false),
        };
        let mut flags = Layer::new();
        for (key, given) in global.settings.given() {
            let row = key.row();
            let source = Source::Flag(row.flag);
            let value = value_of(key, given.to_os_string(), &source, |place| Secret::at(place, Path::new("")))?;
            if let (Key::Proxy, Value::Text(text)) = (key, &value)
                && text.contains('@')
            {
                return Err(Failure::usage("--proxy takes no user name and password, which others could see")
                    .hint("give the whole URL by ALIYUN_MQTT_PROXY or in the configuration file"));
            }
            flags.push((key, (value, source)));
        }
        let mut variables = Layer::new();
        for row in Key::table() {
            let Some(given) = environment.set(row.variable) else { continue };
            let source = Source::Variable(row.variable);
            let value = value_of(row.key, given, &source, |text| plain_secret(text_of(text, &source)?, &source))?;
            variables.push((row.key, (value, source)));
        }

        // How long the file itself may take to come.
        let patience = patience(&[&flags, &variables]);
        if let Some(path) = place_of_file(asked, environment) {
            let content = file::read(&path, profile.as_ref().map(|(name, source)| (name.as_str(), source)), patience)?;
            for layer in content.layers {
                settings.add(layer)?;
            }
            settings.profile = content.profile;
            settings.other_profiles = content.others;
            settings.file = Some(path);
        } else if profile.is_some() {
            return Err(Failure::usage("a profile is asked for, and there is no configuration file to take it from")
                .hint(format!("make one with `aliyun-mqtt config init`; {}", file::NOT_A_PASSWORD)));
        }
        settings.add(variables)?;
        settings.add(flags)?;
        settings.patience = settings.seconds(Key::Timeout).ok().flatten().map_or(PATIENCE, within);
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

/// What a flag or a variable says: checked as far as all values are alike. `secret` makes a secret of it.
fn value_of(
    key: Key,
    given: OsString,
    source: &Source,
    secret: impl FnOnce(OsString) -> Result<Secret>,
) -> Result<Value> {
    if given.is_empty() {
        return Err(Failure::usage(format!("{source}: it is empty")));
    }
    Ok(match key.row().kind {
        Kind::Path => Value::Path(given.into()),
        Kind::Text => Value::Text(checked(text_of(given, source)?, source)?),
        Kind::Secret => Value::Secret(secret(given)?),
    })
}

fn text_of(given: OsString, source: &Source) -> Result<String> {
    // Not the value: it may be a secret.
    given.into_string().map_err(|_| Failure::usage(format!("{source}: it is not valid UTF-8")))
}

/// Refuses what nobody means to be a part of a value, and what cannot be seen.
fn checked(text: String, source: &Source) -> Result<String> {
    let wrong = |why: &str| Err(Failure::usage(format!("{source}: {why}")));
    if text.is_empty() {
        return wrong("it is empty");
    }
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        return wrong("it begins or ends with a space or a line end");
    }
    if text.contains(|c: char| c.is_control() || c == small_text::BYTE_ORDER_MARK) {
        return wrong("it contains a control character or a byte order mark");
    }
    Ok(text)
}

/// A secret that stands where it is given, with what a file it was copied from may have around it.
fn plain_secret(text: String, source: &Source) -> Result<Secret> {
    let text = Zeroizing::new(text);
    match small_text::value(&text) {
        "" => Err(Failure::usage(format!("{source}: it is empty"))),
        secret => Ok(Secret::Text(Zeroizing::new(secret.to_string()))),
    }
}

/// How long one thing may take by the first of these layers that says so.
fn patience(layers: &[&Layer]) -> Duration {
    let values = layers.iter().flat_map(|layer| layer.iter());
    let times = values.filter_map(|(key, (value, _))| match value {
        Value::Text(text) if *key == Key::Timeout => values::seconds(text).ok(),
        _ => None,
    });
    times.map(within).next().unwrap_or(PATIENCE)
}

/// As the library takes it.
fn within(time: Duration) -> Duration {
    time.clamp(Duration::from_secs(1), Duration::from_secs(3600))
}

/// The configuration file to read: one that is asked for, or the usual one, if it is there.
fn place_of_file(asked: Option<PathBuf>, environment: &Environment<'_>) -> Option<PathBuf> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    if asked.is_some() {
        return asked;
    }
    let usual = default_path(environment)?;
    match std::fs::metadata(&usual) {
        Ok(_) => Some(usual),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => None,
        Err(error) => {
            report::warning(format!("{} is not read: {error}", usual.display()));
            None
        }
    }
}

#[cfg(test)]
mod tests;
