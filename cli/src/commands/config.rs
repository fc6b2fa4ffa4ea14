//! `config`: where settings come from, and a file to start with.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Map, Value as Json, json};

use crate::args::GlobalArgs;
use crate::exit::{Exit, Failure, Result};
use crate::output::Out;
use crate::report;
use crate::settings::{self, Settings, TEMPLATE, Value};

/// What stands in the place of a secret.
const MASKED: &str = "********";

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print the path of the configuration file
    Path,
    /// Print every setting that has a value, and where it comes from; secrets are masked
    Show {
        /// One JSON object
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
            Value::Text(text) => text.as_str(),
            Value::Secret(_) => MASKED,
        };
        (key.row().name, text, source.to_string())
    });
    if as_json {
        let object: Map<String, Json> =
            rows.map(|(name, text, source)| (name.to_string(), json!({ "value": text, "source": source }))).collect();
        return Ok(out.json(&Json::Object(object))?);
    }
    if let Some((path, profile)) = settings.file() {
        let profile = profile.map_or(String::new(), |name| format!(", profile {name}"));
        out.line(&format!("# {}{profile}", path.display()))?;
    }
    for (name, text, source) in rows {
        out.line(&format!("{name} = {text}    # {source}"))?;
    }
    Ok(())
}

fn init(path: &Path, force: bool) -> Result<()> {
    let cannot = |error: std::io::Error| Failure::io(format!("cannot write {}", path.display()), &error);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(cannot)?;
    }
    let mut options = OpenOptions::new();
    options.write(true);
    match force {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    // It may come to hold a secret.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = match options.open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Failure::new(Exit::Failure, format!("{} exists", path.display())).hint("--force overwrites it"));
        }
        other => other.map_err(cannot)?,
    };
    file.write_all(TEMPLATE.as_bytes()).map_err(cannot)?;
    report::note(format!("wrote {}", path.display()));
    Ok(())
}
