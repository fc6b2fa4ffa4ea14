//! `credential`: manages the keys of single devices (一机一密).

use std::path::{Path, PathBuf};

use aliyun_mqtt::ClientId;
use aliyun_mqtt::openapi::{Api, DeviceCredential};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::confirm::confirm;
use crate::exit::{Exit, Failure, Result};
use crate::lang::phrase;
use crate::output::{MASKED, Out};
use crate::private_file::PrivateFile;
use crate::report;
use crate::settings::GlobalArgs;
use crate::settings::{Key, Settings};
use crate::table::{self, NOTHING};
use crate::time::rfc3339;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aliyun-mqtt credential register GID_demo@@@0001 --output device.toml
  aliyun-mqtt sub -t 'demo/#' --config device.toml
  aliyun-mqtt credential list -g GID_demo")]
pub(crate) struct CredentialArgs {
    #[command(subcommand)]
    command: CredentialCommand,
}

#[derive(Debug, Subcommand)]
enum CredentialCommand {
    /// Create the credential of a client id, replacing an existing one
    Register(ShowArgs),
    /// Show the credential of a client id
    Get(ShowArgs),
    /// Replace the key of a client id; the old one becomes invalid
    Refresh(ShowArgs),
    /// Delete the credential of a client id
    Unregister {
        /// Client id, GroupID@@@DeviceID
        #[arg(id = "client", value_name = "CLIENT_ID")]
        client_id: String,
        /// Do not ask for confirmation; without a terminal there is none
        #[arg(long)]
        yes: bool,
    },
    /// List the client ids of the group (--group-id) that have a credential
    List {
        /// Print a JSON object for each client id
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// Client id, GroupID@@@DeviceID
    #[arg(id = "client", value_name = "CLIENT_ID")]
    client_id: String,
    /// Print the AccessKey secret
    #[arg(long)]
    reveal: bool,
    /// Write the settings of the device, including the secret, to a file that only its owner can read
    ///
    /// A name that ends in .toml makes it a configuration file for --config, any other name a file of environment
    /// variables. It has everything a device needs to log in: endpoint (if configured), instance id, client id and key.
    #[arg(long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

impl CredentialArgs {
    /// Returns true if something is to be printed on standard output.
    pub(crate) fn prints(&self) -> bool {
        !matches!(self.command, CredentialCommand::Unregister { .. })
    }
}

pub(crate) fn run(args: &CredentialArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = Settings::load(global)?;
    match &args.command {
        CredentialCommand::Register(args) => show(args, &settings, Api::register_device_credential)?,
        CredentialCommand::Get(args) => show(args, &settings, Api::device_credential)?,
        CredentialCommand::Refresh(args) => show(args, &settings, Api::refresh_device_credential)?,
        CredentialCommand::Unregister { client_id, yes } => {
            confirm(&format!("Delete the credential of {client_id}?"), *yes)?;
            settings.api()?.unregister_device_credential(client_id)?;
            report::status(&phrase!("deleted the credential of {client_id}", client_id));
        }
        CredentialCommand::List { json } => {
            settings.check_api(&[Key::GroupId])?;
            let group = settings.needed(Key::GroupId)?;
            let mut out = Out::new();
            for id in settings.api()?.list_device_credentials(group) {
                let id = id?;
                match json {
                    true => out.json(&json!({ "client_id": id }))?,
                    false => out.line(&id)?,
                }
            }
        }
    }
    Ok(Exit::Ok)
}

fn show(
    args: &ShowArgs,
    settings: &Settings,
    ask: impl Fn(&Api, &str) -> aliyun_mqtt::Result<DeviceCredential>,
) -> Result<()> {
    let file = args.output.as_deref().map(PrivateFile::at).transpose()?;
    let credential = ask(&settings.api()?, &args.client_id)?;
    if let Some(file) = &file {
        let text = file_text(file.path(), settings, &credential)?;
        file.write(&text).map_err(|failure| {
            failure.hint(phrase!("the credential exists nevertheless: `credential get` prints it"))
        })?;
        let path = file.path().display();
        report::status(&phrase!("wrote {path}", path));
    }
    print(args, &credential)
}

fn print(args: &ShowArgs, credential: &DeviceCredential) -> Result<()> {
    let mut out = Out::new();
    let (created, updated) = (credential.created().map(rfc3339), credential.updated().map(rfc3339));
    if args.json {
        let mut object = json!({
            "client_id": credential.client_id(),
            "access_key_id": credential.access_key_id(),
            "created": created,
            "updated": updated,
        });
        if args.reveal {
            object["access_key_secret"] = Value::from(credential.access_key_secret());
        }
        return Ok(out.json(&object)?);
    }
    let fields = [
        ("client_id", credential.client_id()),
        ("access_key_id", credential.access_key_id()),
        ("access_key_secret", if args.reveal { credential.access_key_secret() } else { MASKED }),
        ("created", created.as_deref().unwrap_or(NOTHING)),
        ("updated", updated.as_deref().unwrap_or(NOTHING)),
    ];
    Ok(table::fields(&mut out, &fields)?)
}

/// Returns the settings of the device as a configuration file or a file of environment variables.
fn file_text(path: &Path, settings: &Settings, credential: &DeviceCredential) -> Result<Zeroizing<String>> {
    let id = ClientId::custom(credential.client_id())?;
    let (Some(group), Some(device)) = (id.group(), id.device()) else {
        return Err(Failure::usage(format!(
            "{id} is not of the form GroupID@@@DeviceID, which device credentials need"
        )));
    };
    let toml = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("toml"));
    let values = [
        (Key::Endpoint, settings.text(Key::Endpoint)),
        (Key::InstanceId, settings.text(Key::InstanceId)),
        (Key::GroupId, Some(group)),
        (Key::DeviceId, Some(device)),
        (Key::Auth, Some("device")),
        (Key::DeviceAccessKeyId, Some(credential.access_key_id())),
        (Key::DeviceAccessKeySecret, Some(credential.access_key_secret())),
    ];
    let mut text = Zeroizing::new(format!("# The device {id}, by aliyun-mqtt credential.\n"));
    for (key, value) in values {
        let Some(value) = value else { continue };
        let row = key.row();
        let line = match toml {
            true => Zeroizing::new(format!("{} = {}\n", row.name, in_toml(value))),
            false => Zeroizing::new(format!("{}={}\n", row.variable, in_shell(value)?)),
        };
        text.push_str(&line);
    }
    Ok(text)
}

/// Returns a basic string; TOML has the escapes of JSON.
fn in_toml(value: &str) -> String {
    Value::from(value).to_string()
}

/// Returns a value that needs no quotes, or fails: shells, systemd and containers quote differently.
fn in_shell(value: &str) -> Result<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%_+=:,./-".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return Ok(value);
    }
    Err(Failure::usage("a value has characters that a file of environment variables cannot hold")
        .hint(phrase!("choose a name that ends in .toml to write a configuration file")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_so_that_they_are_read_again() {
        for value in ["plain", "with \"quotes\" and \\", "tab\there", "中文"] {
            let table: toml::Table = format!("a = {}", in_toml(value)).parse().unwrap();
            assert_eq!(table["a"].as_str(), Some(value));
        }
        assert_eq!(in_shell("DC.a+b/c=").unwrap(), "DC.a+b/c=");
        for value in ["", "a b", "$HOME", "a'b", "a\nb", "#a", "a;b"] {
            let failure = in_shell(value).unwrap_err();
            assert!(failure.hint.unwrap().english().contains(".toml"));
        }
    }
}
