//! `sign`: computes the user name and password of a login without a network, checks them, or writes them for other
//! clients.

mod clients;
mod mistakes;

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use aliyun_mqtt::{Config, Login};
use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use self::clients::Client;
use crate::exit::{Exit, Failure, Result};
use crate::lang::phrase;
use crate::output::{MASKED, Out};
use crate::settings::GlobalArgs;
use crate::settings::{self, Secret, Settings};
use crate::table;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aliyun-mqtt sign -i GID_demo@@@0001 --reveal
  aliyun-mqtt sign -i GID_demo@@@0001 --reveal --for mosquitto
  aliyun-mqtt sign -i GID_demo@@@0001 --check
  aliyun-mqtt sign -i GID_demo@@@0001 --check-file password.txt --check-user 'Signature|LTAI|post-cn-xxxx'

Computes the login from the settings: --auth, --instance-id, --client-id (or --group-id and --device-id), and the \
AccessKey or token. Sends nothing. The password of the signing modes is base64(HMAC-SHA1(secret, client id)).

--for also needs the endpoint, and the parent topic for mosquitto and paho. It prints two commands for a POSIX shell, \
a file for MQTTX to import, or a program in Python.

With a --check option, the exit code is 0 if the login is right. Otherwise the probable mistake is printed, and the \
exit code is 1.")]
pub(crate) struct SignArgs {
    /// Show the password
    #[arg(long, conflicts_with_all = ["check", "check_file", "check_user"])]
    reveal: bool,
    /// Print the login in the form that another client takes
    #[arg(long = "for", value_name = "CLIENT", conflicts_with_all = ["check", "check_file", "check_user", "json"])]
    client: Option<Client>,
    /// Prompt for a password and check it
    #[arg(long)]
    check: bool,
    /// Check the password in a file; - is stdin, fd:N an open file
    #[arg(long, value_name = "PATH", conflicts_with = "check")]
    check_file: Option<OsString>,
    /// Check this user name
    #[arg(long, value_name = "NAME")]
    check_user: Option<String>,
    /// Another client id that may have been signed by mistake; may be repeated
    #[arg(long, value_name = "ID")]
    other_id: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &SignArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = Settings::load(global)?;
    if args.check_file.as_deref().is_some_and(|place| place == "-") && settings.reads_stdin() {
        return Err(Failure::usage("a secret and the password to check cannot both come from stdin"));
    }
    let auth = settings.auth()?;
    let (config, secret) = settings.offline()?;
    let login = config.credentials().login(config.client_id(), config.instance_id())?;
    if let Some(client) = args.client {
        clients::print(client, &settings, &login, args.reveal)?;
        return Ok(Exit::Ok);
    }
    let given = given(args, settings.patience())?;
    if given.is_none() && args.check_user.is_none() {
        show(args, &config, &login)?;
        return Ok(Exit::Ok);
    }
    let mut causes: Vec<String> = Vec::new();
    if let Some(user) = &args.check_user {
        causes.extend(mistakes::of_user(user, login.username()));
    }
    if let Some(given) = &given {
        let right = mistakes::Right { config: &config, login: &login, secret: &secret, others: &args.other_id };
        causes.extend(right.mistake_of(auth, given));
    }
    verdict(args, &config, &login, &causes)
}

/// Reads the password to check, if one is to be checked.
fn given(args: &SignArgs, patience: Duration) -> Result<Option<Zeroizing<String>>> {
    const WHAT: &str = "the password to check";
    if let Some(place) = &args.check_file {
        return Secret::at(place.clone(), Path::new(""))?.get(WHAT, &"--check-file", patience).map(Some);
    }
    if !args.check {
        return Ok(None);
    }
    let no_terminal =
        || Failure::usage("--check prompts on a terminal, and there is none").hint(phrase!("use --check-file"));
    settings::prompt(WHAT).unwrap_or_else(|| Err(no_terminal())).map(Some)
}

/// Prints the login.
fn show(args: &SignArgs, config: &Config, login: &Login) -> Result<()> {
    let mut out = Out::new();
    let client_id = config.client_id().as_str();
    if args.json {
        let mut object = json!({ "client_id": client_id, "username": login.username() });
        if args.reveal {
            object["password"] = Value::from(login.password());
        }
        return Ok(out.json(&object)?);
    }
    let password = if args.reveal { login.password() } else { MASKED };
    table::fields(&mut out, &[("client_id", client_id), ("username", login.username()), ("password", password)])?;
    Ok(())
}

/// Prints the result of a check.
fn verdict(args: &SignArgs, config: &Config, login: &Login, causes: &[String]) -> Result<Exit> {
    let mut out = Out::new();
    let fits = causes.is_empty();
    if args.json {
        let client_id = config.client_id().as_str();
        out.json(&json!({ "match": fits, "causes": causes, "client_id": client_id, "username": login.username() }))?;
    } else if fits {
        out.line("match")?;
    } else {
        for cause in causes {
            out.line(&format!("no match: {cause}"))?;
        }
    }
    Ok(if fits { Exit::Ok } else { Exit::Failure })
}
