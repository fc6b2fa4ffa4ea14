//! `config`: shows the settings and where they come from, and writes a configuration file.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use aliyun_mqtt::ChainKey;
use clap::{Args, Subcommand};
use serde_json::{Map, Value as Json, json};

use crate::exit::{Exit, Failure, Result};
use crate::lang::{Phrase, phrase};
use crate::output::{MASKED, Out};
use crate::private_file::PrivateFile;
use crate::report;
use crate::settings::GlobalArgs;
use crate::settings::{self, Environment, Key, NoKey, Place, Row, Settings, Value, end_of, place_of};
use crate::time;

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print the path of the configuration file
    Path,
    /// Print every setting that has a value, where it comes from, and what is missing; secrets are masked
    ///
    /// Secrets are not read and the commands that print them are not run, so a secret may still turn out to be missing.
    /// Without an AccessKey, the places that Alibaba Cloud's SDKs look at are asked for one, some of them by the
    /// network, and its id is printed with the place it comes from and the time when it ends.
    Show {
        /// Print a JSON object, with lists of the settings that are missing
        #[arg(long)]
        json: bool,
    },
    /// Print the names of the profiles in the configuration file, one per line
    Profiles,
    /// Write a commented configuration file as a starting point
    Init {
        /// Overwrite an existing file
        #[arg(long)]
        force: bool,
    },
}

impl ConfigArgs {
    /// Returns true if something is to be printed on standard output.
    pub(crate) fn prints(&self) -> bool {
        !matches!(self.command, ConfigCommand::Init { .. })
    }
}

pub(crate) fn run(args: &ConfigArgs, global: &GlobalArgs) -> Result<Exit> {
    match args.command {
        ConfigCommand::Path => {
            let (mut out, path) = (Out::new(), path(global)?);
            // Byte for byte, so that a path that is not UTF-8 still names the file.
            out.bytes(path.as_os_str().as_encoded_bytes())?;
            out.line("")?;
        }
        ConfigCommand::Show { json } => show(&Settings::load(global)?, json)?,
        ConfigCommand::Profiles => {
            let settings = Settings::load(global)?;
            let selected = settings.file().and_then(|(_, profile)| profile);
            let mut names: Vec<&str> = settings.other_profiles().chain(selected).collect();
            names.sort_unstable();
            let mut out = Out::new();
            names.into_iter().try_for_each(|name| out.line(name))?;
        }
        ConfigCommand::Init { force } => init(&path(global)?, global.config.is_some(), force)?,
    }
    Ok(Exit::Ok)
}

fn path(global: &GlobalArgs) -> Result<PathBuf> {
    let environment = Environment::process();
    let asked = global.config.clone().or_else(|| environment.path(settings::CONFIG));
    asked.or_else(|| settings::default_path(&environment)).ok_or_else(|| {
        Failure::usage("the configuration file has no default path: neither XDG_CONFIG_HOME nor HOME is set")
    })
}

fn show(settings: &Settings, as_json: bool) -> Result<()> {
    let mut out = Out::new();
    let rows = settings.values().map(|(key, value, source)| {
        let text = match value {
            Value::Text(text) => shown(key, text),
            Value::Path(path) => path.to_string_lossy(),
            Value::Secret(_) => Cow::Borrowed(MASKED),
        };
        (key.row().name, text, source)
    });
    if as_json {
        let mut object: Map<String, Json> = rows
            .map(|(name, text, source)| (name.to_string(), json!({ "value": text, "source": source.to_string() })))
            .collect();
        let names = |keys: Vec<Key>| keys.into_iter().map(|key| key.row().name).collect::<Vec<_>>();
        let (mut to_log_in, mut for_the_api) = (settings.missing_to_log_in()?, settings.missing_for_the_api());
        if settings.uses_chain() {
            let key = settings.search();
            if key.is_err() {
                for_the_api.insert(0, Key::AccessKeyId);
                if settings.logs_in_by_chain() {
                    to_log_in.push(Key::AccessKeyId);
                }
            }
            object.insert("access_key_chain".to_string(), chain_as_json(key));
        }
        object.insert("missing_to_log_in".to_string(), json!(names(to_log_in)));
        object.insert("missing_for_the_api".to_string(), json!(names(for_the_api)));
        return Ok(out.json(&Json::Object(object))?);
    }
    if let Some((path, profile)) = settings.file() {
        let profile = profile.map_or(String::new(), |name| format!(", profile {name}"));
        out.line(&format!("# {}{profile}", path.display()))?;
        let others = settings.other_profiles().collect::<Vec<_>>().join(", ");
        if !others.is_empty() {
            comment(&mut out, &phrase!("profiles that are not selected: {others}", others))?;
        }
    }
    for (name, text, source) in rows {
        out.line(&format!("{name} = {text}    # {}", source.phrase().shown()))?;
    }
    let auth = settings.auth()?.name();
    if settings.uses_chain() {
        show_chain(&mut out, settings.search())?;
    }
    for Row { name, flag, variable, .. } in settings.missing_to_log_in()?.into_iter().map(Key::row) {
        let missing =
            phrase!("missing to log in (auth: {auth}): {name} ({flag} or {variable})", auth, name, flag, variable);
        comment(&mut out, &missing)?;
    }
    for Row { name, flag, variable, .. } in settings.missing_for_the_api().into_iter().map(Key::row) {
        let missing = phrase!("missing for the service's API: {name} ({flag} or {variable})", name, flag, variable);
        comment(&mut out, &missing)?;
    }
    Ok(())
}

/// Prints a comment, so that the output remains a list of settings.
fn comment(out: &mut Out, text: &Phrase) -> std::io::Result<()> {
    out.line(&format!("# {}", text.shown()))
}

/// Returns the key of the chain, without its secrets.
fn chain_as_json(key: Result<ChainKey, &NoKey>) -> Json {
    match key {
        Ok(key) => json!({
            "access_key_id": key.access_key_id(),
            "provider": key.provider(),
            "place": key.place(),
            "temporary": key.is_temporary(),
            "expires": key.expires().map(time::rfc3339),
            "passed_over": key.passed_over(),
        }),
        Err(no_key) => {
            let place = |place: &Place| {
                let (title, reason) = (place.title().english(), place.reason().english());
                json!({ "place": title, "reason": reason, "empty": place.is_empty })
            };
            json!({ "error": no_key.whole, "places": no_key.places.iter().map(place).collect::<Vec<_>>() })
        }
    }
}

/// Prints where the key of the chain comes from and when it ends, or why there is none.
fn show_chain(out: &mut Out, key: Result<ChainKey, &NoKey>) -> std::io::Result<()> {
    let key = match key {
        Ok(key) => key,
        Err(no_key) if no_key.places.is_empty() => return out.line(&format!("# {}", no_key.whole)),
        Err(no_key) => {
            comment(out, &phrase!("no AccessKey was found"))?;
            return no_key.places.iter().try_for_each(|place| out.line(&format!("#   {}", place.line().shown())));
        }
    };
    let (id, place, end) = (key.access_key_id(), place_of(key.place()), end_of(&key));
    let (place, end) = (place.shown(), end.shown());
    comment(out, &phrase!("AccessKey {id} of {place} ({end})", id, place, end))?;
    key.passed_over().iter().try_for_each(|place| comment(out, &phrase!("passed over: {place}", place)))
}

/// Masks what may be a user name and a password. Most of these settings do not take them, but may contain them by
/// mistake.
fn shown(key: Key, text: &str) -> Cow<'_, str> {
    if !matches!(key, Key::Endpoint | Key::Proxy | Key::ApiEndpoint) {
        return Cow::Borrowed(text);
    }
    let (scheme, rest) = match text.split_once("://") {
        // Otherwise it may be part of a password.
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            (&text[..scheme.len() + 3], rest)
        }
        _ => ("", text),
    };
    match rest.rfind('@') {
        // The end of the password is uncertain: it may have an unescaped / or @.
        Some(at) => Cow::Owned(format!("{scheme}{MASKED}{}", &rest[at..])),
        None if key == Key::Proxy && !is_place(rest) => Cow::Borrowed(MASKED),
        None => Cow::Borrowed(text),
    }
}

/// Returns true for a host and port, and false for `user:password` without a host.
fn is_place(text: &str) -> bool {
    let port = text.trim_end_matches('/').rsplit_once(':').map_or("0", |(_, port)| port.trim_end_matches(']'));
    port.chars().all(|c| c.is_ascii_hexdigit()) && port.len() <= 5
}

/// Writes a file to begin with. `is_named`: only with --config do other commands read it.
fn init(path: &Path, is_named: bool, force: bool) -> Result<()> {
    if let Some(folder) = path.parent() {
        let cannot =
            |error: std::io::Error| Failure::io(format!("cannot create the directory {}", folder.display()), &error);
        std::fs::create_dir_all(folder).map_err(cannot)?;
    }
    if path.exists() && !force {
        return Err(Failure::new(Exit::Failure, format!("{} exists already", path.display()))
            .hint(phrase!("edit it; --force replaces it, and what was written in it is lost")));
    }
    // The user may add a secret to it.
    PrivateFile::at(path)?.write(&settings::template())?;
    let path = path.display();
    let wrote = if is_named {
        phrase!("wrote {path}; fill it in, then run `aliyun-mqtt doctor --config {path}`", path)
    } else {
        phrase!("wrote {path}; fill it in, then run `aliyun-mqtt doctor`", path)
    };
    report::status(&wrote);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_masked() {
        for (key, given, text) in [
            (Key::Endpoint, "mqtt://user:not-a-secret@host:1883", "mqtt://********@host:1883"),
            (Key::Endpoint, "user:not-a-secret@host:1883", "********@host:1883"),
            (Key::Endpoint, "user:not/a#secret?@host", "********@host"),
            (Key::Endpoint, "mqtt:/user:not-a-secret@host", "********@host"),
            (Key::Endpoint, "user:not-a://secret@host", "********@host"),
            (Key::ApiEndpoint, "https://a@b@host/x", "https://********@host/x"),
            (Key::ApiEndpoint, "not-a-secret@host", "********@host"),
            (Key::Endpoint, "wss://host/mqtt", "wss://host/mqtt"),
            (Key::Proxy, "http://user:not-a-secret@host:3128", "http://********@host:3128"),
            (Key::Proxy, "user:not-a-secret@host:3128", "********@host:3128"),
            (Key::Proxy, "user:not-a-secret", "********"),
            (Key::Proxy, "http://user:not-a-secret", "********"),
            (Key::Proxy, "http://host:3128/", "http://host:3128/"),
            (Key::Proxy, "[::1]:3128", "[::1]:3128"),
            (Key::Proxy, "env", "env"),
            (Key::ClientId, "GID_demo@@@0001", "GID_demo@@@0001"),
        ] {
            assert_eq!(shown(key, given), text);
        }
    }
}
