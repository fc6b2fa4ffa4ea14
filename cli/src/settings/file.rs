//! The configuration file: TOML, with profiles.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::{Table, Value as Toml};

use super::key::Row;
use super::value::{Layer, Value, checked, plain_secret};
use super::{Environment, Key, Kind, Secret, Source};
use crate::child;
use crate::exit::{Failure, Result};
use crate::lang::{Phrase, phrase};
use crate::report;
use crate::small_text;

/// The key that names the default profile.
pub(super) const DEFAULT_PROFILE: &str = "default_profile";
/// The table of profiles.
const PROFILES: &str = "profile";

/// Returns the hint for users of other clients, whose -P is a password.
pub(super) fn not_a_password() -> Phrase {
    phrase!(
        "-P selects a profile; the password is computed from the AccessKey, \
         and that of custom authentication is read from --password-file"
    )
}

/// The contents of a configuration file.
pub(crate) struct Content {
    /// The settings above the profiles, and those of the selected profile.
    pub(crate) layers: Vec<Layer>,
    pub(crate) profile: Option<String>,
    /// The profiles that are not selected.
    pub(crate) others: Vec<Profile>,
}

/// A profile that is not selected, and its settings.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) name: String,
    keys: Vec<Key>,
}

impl Profile {
    pub(crate) fn has(&self, key: Key) -> bool {
        self.keys.contains(&key)
    }
}

/// Returns the default path of the file.
pub(crate) fn default_path(environment: &Environment<'_>) -> Option<PathBuf> {
    let xdg = environment.path("XDG_CONFIG_HOME").filter(|path| {
        if path.is_relative() {
            // The XDG Base Directory Specification demands this.
            report::warning(format!("XDG_CONFIG_HOME is ignored: {} is not an absolute path", path.display()));
        }
        path.is_absolute()
    });
    let home = || Some(environment.path("HOME").or_else(|| environment.path("USERPROFILE"))?.join(".config"));
    Some(xdg.or_else(home)?.join("aliyun-mqtt").join("config.toml"))
}

/// Reads a file with the given profile, or with its default profile. `profile` is the name, and where it comes from
/// unless it is from the command line. All profiles are checked.
pub(crate) fn read(path: &Path, profile: Option<(&str, &Option<Source>)>, patience: Duration) -> Result<Content> {
    let wrong = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let text = small_text::file(path, small_text::CONFIGURATION, patience).map_err(|error| {
        Failure::usage(format!("cannot read the configuration file {}: {error}", path.display()))
            .hint(phrase!("check the path and its permissions; --config FILE names another file"))
    })?;
    let mut table: Table = text.parse().map_err(|error: toml::de::Error| {
        // Without the display of the error, which quotes the line and thereby possibly a secret.
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        wrong(format!("line {line} is not valid TOML: {}", error.message().replace('\n', ", ")))
    })?;
    let named = match table.remove(DEFAULT_PROFILE) {
        None => None,
        Some(Toml::String(name)) => Some(name),
        Some(_) => return Err(wrong(format!("{DEFAULT_PROFILE} must be a string"))),
    };
    let profiles = match table.remove(PROFILES) {
        None => Table::new(),
        Some(Toml::Table(profiles)) => profiles,
        Some(_) => return Err(wrong(format!("{PROFILES} must be a table: [{PROFILES}.NAME]"))),
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let place = Place { path, folder, profile: None };
    let mut layers = vec![place.values(table)?];
    let names = profiles.keys().cloned().collect::<Vec<_>>().join(", ");
    let wanted = profile.map_or(named.as_deref(), |(name, _)| Some(name)).map(str::to_string);
    let mut others = Vec::new();
    for (name, table) in profiles {
        let Toml::Table(table) = table else { return Err(wrong(format!("{PROFILES}.{name} must be a table"))) };
        let values = Place { profile: Some(&name), ..place }.values(table)?;
        if wanted.as_ref() == Some(&name) {
            layers.push(values);
        } else {
            others.push(Profile { keys: values.into_iter().map(|(key, _)| key).collect(), name });
        }
    }
    if let (Some(name), 1) = (&wanted, layers.len()) {
        let known = if names.is_empty() { "it has none".to_string() } else { format!("it has {names}") };
        return Err(match profile {
            // Without the name, which may be a password that was typed after -P.
            Some((_, None)) => {
                wrong(format!("there is no profile with the given name; {known}")).hint(not_a_password())
            }
            Some((_, Some(source))) => wrong(format!("there is no profile {name:?} ({source}); {known}")),
            None => wrong(format!("there is no profile {name:?} ({DEFAULT_PROFILE}); {known}")),
        });
    }
    if layers.iter().flatten().any(|(_, (value, _))| matches!(value, Value::Secret(Secret::Text(_)))) {
        warn_if_open(path);
    }
    Ok(Content { layers, profile: wanted, others })
}

/// The part of a file that is being read.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a Path,
    folder: &'a Path,
    profile: Option<&'a str>,
}

impl Place<'_> {
    fn values(&self, table: Table) -> Result<Layer> {
        let mut values = Layer::new();
        for (name, value) in table {
            let source =
                Source::File { path: self.path.to_path_buf(), profile: self.profile.map(str::to_string), key: name };
            let Source::File { key: name, .. } = &source else { continue };
            let Some((row, form)) = find(name) else {
                let unknown = Failure::usage(format!("{source}: there is no such setting"));
                return Err(unknown.hint(phrase!(
                    "`aliyun-mqtt config init` writes a file with the settings; profiles are [profile.NAME]"
                )));
            };
            if let Some((_, (_, other))) = values.iter().find(|(key, _)| *key == row.key) {
                return Err(Failure::usage(format!("{} is set twice: {other}, and {source}", row.what)));
            }
            let text = text_of(value).ok_or_else(|| Failure::usage(format!("{source}: it must be a string")))?;
            if text.is_empty() {
                return Err(
                    Failure::usage(format!("{source}: it is empty")).hint(phrase!("remove the line to leave it unset"))
                );
            }
            let value = match (form, row.kind) {
                (Form::Plain, Kind::Secret) => Value::Secret(plain_secret(text, &source)?),
                // Relative to the file, not to the current directory.
                (Form::Plain, Kind::Path) => Value::Path(self.folder.join(text)),
                (Form::Plain, Kind::Text) => Value::Text(checked(text, &source)?),
                (Form::File, _) => Value::Secret(Secret::at(text.into(), self.folder)?),
                (Form::Variable, _) => {
                    child::withhold([text.clone()]);
                    Value::Secret(Secret::Variable(text))
                }
                (Form::Command, _) => Value::Secret(Secret::Command(text)),
            };
            values.push((row.key, (value, source)));
        }
        Ok(values)
    }
}

/// The forms of a setting in the file.
enum Form {
    Plain,
    File,
    Variable,
    Command,
}

fn find(name: &str) -> Option<(&'static Row, Form)> {
    for row in Key::table() {
        if name == row.name || Some(name) == row.old_name {
            return Some((row, Form::Plain));
        }
        if row.kind == Kind::Secret {
            let form = match name.strip_prefix(row.name) {
                Some("_file") => Form::File,
                Some("_env") => Form::Variable,
                Some("_command") => Form::Command,
                _ => continue,
            };
            return Some((row, form));
        }
    }
    None
}

/// Returns a value as text; numbers and booleans need no quotes.
fn text_of(value: Toml) -> Option<String> {
    match value {
        Toml::String(text) => Some(text),
        Toml::Integer(number) => Some(number.to_string()),
        Toml::Float(number) => Some(number.to_string()),
        Toml::Boolean(yes) => Some(yes.to_string()),
        _ => None,
    }
}

fn warn_if_open(path: &Path) {
    if let Some(warning) = aliyun_mqtt::open_to_others(path) {
        report::warning(warning);
    }
}
