//! The configuration file: TOML, with profiles.

use std::path::{Path, PathBuf};

use toml::{Table, Value as Toml};
use zeroize::Zeroizing;

use super::key::Row;
use super::{Key, Layer, Secret, Source, Value};
use crate::exit::{Failure, Result};
use crate::report;

/// The key that names the profile to use where nothing else does.
const DEFAULT_PROFILE: &str = "default_profile";
/// The table of profiles.
const PROFILES: &str = "profile";

/// What a file says.
pub(crate) struct Content {
    /// What stands above the profiles, and the profile.
    pub(crate) layers: Vec<Layer>,
    pub(crate) profile: Option<String>,
}

/// What `config init` writes.
pub(crate) const TEMPLATE: &str = r#"# Settings of aliyun-mqtt. Flags win over the environment, the environment over this file.
# What stands above the first [profile.NAME] counts for all profiles.

# default_profile = "demo"          # the profile where neither --profile nor ALIYUN_MQTT_PROFILE names one

[profile.demo]
# endpoint = "post-cn-xxxx.mqtt.aliyuncs.com"     # TLS on 8883; or a URL: mqtt:// mqtts:// ws:// wss://
# instance_id = "post-cn-xxxx"
# group_id = "GID_demo"
# topic = "demo"                    # the parent topic, as created in the console
# device_id = "0001"                # needed for a kept session and for device credentials
# protocol = "3.1.1"                # or "5"
# region_id = "cn-hangzhou"         # for the service's API

# auth = "signature"                # or token, device, custom-plain, custom-signed
# access_key_id = "..."
# A secret is best kept elsewhere. One of:
# access_key_secret_command = "pass show aliyun/mqtt"
# access_key_secret_file = "secret"                # a path; a relative one counts from this file's folder
# access_key_secret_env = "MY_VARIABLE"
# access_key_secret = "..."                        # here; then let nobody else read this file: chmod 600
"#;

/// Where the file is, where nothing else is said.
pub(crate) fn default_path(variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    // A relative XDG_CONFIG_HOME is to be ignored (XDG base directory specification).
    let xdg = variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || Some(PathBuf::from(variable("HOME").or_else(|| variable("USERPROFILE"))?).join(".config"));
    Some(xdg.or_else(home)?.join("aliyun-mqtt").join("config.toml"))
}

/// Reads a file, and of its profiles this one, or the one it names itself.
pub(crate) fn read(path: &Path, profile: Option<&str>) -> Result<Content> {
    let wrong = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| Failure::usage(format!("cannot read the configuration file {}: {error}", path.display())))?;
    let mut table: Table = text.parse().map_err(|error: toml::de::Error| {
        // Not the error's own text: it quotes the line, which may hold a secret.
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        wrong(format!("line {line} is not valid TOML: {}", error.message().replace('\n', ", ")))
    })?;
    let named = match table.remove(DEFAULT_PROFILE) {
        None => None,
        Some(Toml::String(name)) => Some(name),
        Some(_) => return Err(wrong(format!("{DEFAULT_PROFILE} must be a text"))),
    };
    let mut profiles = match table.remove(PROFILES) {
        None => Table::new(),
        Some(Toml::Table(profiles)) => profiles,
        Some(_) => return Err(wrong(format!("{PROFILES} must be a table: [{PROFILES}.NAME]"))),
    };
    let profile = profile.map(str::to_string).or(named);
    let folder = path.parent().unwrap_or(Path::new(""));
    let place = Place { path, folder, profile: None };
    let mut layers = vec![place.values(table)?];
    if let Some(name) = &profile {
        let names = profiles.keys().cloned().collect::<Vec<_>>().join(", ");
        match profiles.remove(name) {
            Some(Toml::Table(table)) => layers.push(Place { profile: Some(name), ..place }.values(table)?),
            Some(_) => return Err(wrong(format!("{PROFILES}.{name} must be a table"))),
            None => {
                let known = if names.is_empty() { "it has none".to_string() } else { format!("it has {names}") };
                return Err(wrong(format!("there is no profile {name:?}; {known}")));
            }
        }
    }
    if layers.iter().flatten().any(|(_, (value, _))| matches!(value, Value::Secret(Secret::Text(_)))) {
        warn_if_open(path);
    }
    Ok(Content { layers, profile })
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
                return Err(unknown.hint(format!(
                    "`aliyun-mqtt config init` writes one with its settings; profiles are [{PROFILES}.NAME]"
                )));
            };
            if let Some((_, (_, other))) = values.iter().find(|(key, _)| *key == row.key) {
                return Err(Failure::usage(format!("{} stands twice: {other}, and {source}", row.what)));
            }
            let text = text_of(value).ok_or_else(|| Failure::usage(format!("{source}: it must be a text")))?;
            let value = match form {
                Form::Plain if row.secret => Value::Secret(Secret::Text(Zeroizing::new(text))),
                // Certificates beside the file are found from anywhere.
                Form::Plain if row.name.ends_with("_file") => Value::Text(self.folder.join(text).display().to_string()),
                Form::Plain => Value::Text(text),
                Form::File => Value::Secret(Secret::at(&text, self.folder)?),
                Form::Variable => Value::Secret(Secret::Variable(text)),
                Form::Command => Value::Secret(Secret::Command(text)),
            };
            values.push((row.key, (value, source)));
        }
        Ok(values)
    }
}

/// How a value stands in the file.
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
        if row.secret {
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

/// Numbers and truth values may stand without quotes.
fn text_of(value: Toml) -> Option<String> {
    match value {
        Toml::String(text) => Some(text),
        Toml::Integer(number) => Some(number.to_string()),
        Toml::Float(number) => Some(number.to_string()),
        Toml::Boolean(yes) => Some(yes.to_string()),
        _ => None,
    }
}

#[cfg(unix)]
fn warn_if_open(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    if std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 != 0) {
        report::warning(format!("{} holds a secret and others may read it: chmod 600 it", path.display()));
    }
}

#[cfg(not(unix))]
fn warn_if_open(_: &Path) {}
