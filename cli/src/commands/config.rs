//! `config`: where settings come from, and a file to start with.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Map, Value as Json, json};

use crate::args::GlobalArgs;
use crate::exit::{Exit, Failure, Result};
use crate::output::{MASKED, Out};
use crate::private_file::PrivateFile;
use crate::report;
use crate::settings::{self, Key, Settings, TEMPLATE, Value};

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
    /// A secret is not read, and a command that would give it not run: it may still turn out to be missing.
    Show {
        /// One JSON object; what is missing stands in it as lists of names
        #[arg(long)]
        json: bool,
    },
    /// Write a commented configuration file to start with
    Init {
        /// Overwrite the file that is there
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
        ConfigCommand::Path => Out::new().line(&path(global)?.display().to_string())?,
        ConfigCommand::Show { json } => show(&Settings::load(global)?, json)?,
        ConfigCommand::Init { force } => init(&path(global)?, force)?,
    }
    Ok(Exit::Ok)
}

fn path(global: &GlobalArgs) -> Result<PathBuf> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let asked = global.config.clone().or_else(|| variable(settings::CONFIG).map(PathBuf::from));
    asked.or_else(|| settings::default_path(&variable)).ok_or_else(|| {
        Failure::usage("there is no place for a configuration file: neither XDG_CONFIG_HOME nor HOME is set")
    })
}

fn show(settings: &Settings, as_json: bool) -> Result<()> {
    let mut out = Out::new();
    let rows = settings.values().map(|(key, value, source)| {
        let text = match value {
            // Also without a scheme.
            Value::Text(text) if key == Key::Proxy && text.contains('@') => {
                Cow::Owned(format!("{MASKED}{}", &text[text.rfind('@').unwrap_or(0)..]))
            }
            Value::Text(text) => without_user_info(text),
            Value::Secret(_) => Cow::Borrowed(MASKED),
        };
        (key.row().name, text, source.to_string())
    });
    if as_json {
        let mut object: Map<String, Json> =
            rows.map(|(name, text, source)| (name.to_string(), json!({ "value": text, "source": source }))).collect();
        let names = |keys: Vec<Key>| keys.into_iter().map(|key| key.row().name).collect::<Vec<_>>();
        object.insert("missing_to_log_in".to_string(), json!(names(settings.missing_to_log_in()?)));
        object.insert("missing_for_the_api".to_string(), json!(names(settings.missing_for_the_api())));
        return Ok(out.json(&Json::Object(object))?);
    }
    if let Some((path, profile)) = settings.file() {
        let profile = profile.map_or(String::new(), |name| format!(", profile {name}"));
        out.line(&format!("# {}{profile}", path.display()))?;
    }
    for (name, text, source) in rows {
        out.line(&format!("{name} = {text}    # {source}"))?;
    }
    let auth = settings.auth()?.name();
    show_missing(&mut out, &format!("to log in (auth: {auth})"), &settings.missing_to_log_in()?)?;
    show_missing(&mut out, "for the service's API", &settings.missing_for_the_api())
}

/// As comments, so that the rest stays a list of settings.
fn show_missing(out: &mut Out, what_for: &str, keys: &[Key]) -> Result<()> {
    for key in keys {
        let row = key.row();
        out.line(&format!("# missing {what_for}: {} ({} or {})", row.name, row.flag, row.variable))?;
    }
    Ok(())
}

/// User information is refused in URLs, but somebody may have put a password there.
fn without_user_info(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else { return Cow::Borrowed(text) };
    let authority = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
    match authority.rfind('@') {
        Some(at) => Cow::Owned(format!("{scheme}://{MASKED}{}", &rest[at..])),
        None => Cow::Borrowed(text),
    }
}

fn init(path: &Path, force: bool) -> Result<()> {
    if let Some(folder) = path.parent() {
        let cannot =
            |error: std::io::Error| Failure::io(format!("cannot make the folder {}", folder.display()), &error);
        std::fs::create_dir_all(folder).map_err(cannot)?;
    }
    if path.exists() && !force {
        return Err(Failure::new(Exit::Failure, format!("{} exists", path.display())).hint("--force overwrites it"));
    }
    // It may come to hold a secret.
    PrivateFile::at(path)?.write(TEMPLATE)?;
    report::note(format!("wrote {}", path.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_masked() {
        for (given, shown) in [
            ("mqtt://user:not-a-secret@host:1883", "mqtt://********@host:1883"),
            ("https://a@b@host/x@y", "https://********@host/x@y"),
            ("wss://host/mqtt@x", "wss://host/mqtt@x"),
            ("GID_demo@@@0001", "GID_demo@@@0001"),
        ] {
            assert_eq!(without_user_info(given), shown);
        }
    }
}
