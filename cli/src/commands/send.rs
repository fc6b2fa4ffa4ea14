//! `send`: one message by the service's API.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aliyun_mqtt::Fate;
use clap::Args;
use serde_json::json;

use crate::args::GlobalArgs;
use crate::exit::{Exit, Failure, Result};
use crate::output::Out;
use crate::settings::Settings;

/// Far above what a message may have; more is not read to be refused.
const MUCH: u64 = 1024 * 1024;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aliyun-mqtt send -t demo/hello -m Hello
  date | aliyun-mqtt send -t demo/time -s
  aliyun-mqtt send -t demo/p2p/GID_demo@@@0001 -m 'to one client'

Prints the id of the message, for `trace publish` and `trace subscribe`.

The API takes text only (UTF-8), at most 64 KB, and less than that where it is not plain letters and digits: \
it travels in a URL of at most 65,534 bytes, in which most other characters take three bytes and a Chinese one \
nine. For anything else use `pub`. The message is not handed on to RocketMQ.")]
pub(crate) struct SendArgs {
    /// Topic to publish to
    #[arg(long, short = 't', value_name = "TOPIC")]
    topic: String,
    #[command(flatten)]
    payload: Payload,
    /// One JSON object in place of the bare id
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Payload {
    /// The message
    #[arg(long, short = 'm', value_name = "TEXT")]
    message: Option<String>,
    /// Send what this file holds
    #[arg(long, short = 'f', value_name = "PATH")]
    file: Option<PathBuf>,
    /// Send all of standard input as one message
    #[arg(long, short = 's')]
    stdin: bool,
}

pub(crate) fn run(args: &SendArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = Settings::load(global)?;
    let payload = match &args.payload {
        Payload { message: Some(text), .. } => text.clone(),
        Payload { file: Some(path), .. } => from_file(path)?,
        _ if settings.reads_stdin() => {
            return Err(Failure::usage("a secret and the message cannot both come from stdin"));
        }
        _ => read("standard input", io::stdin().lock())?,
    };
    let id = settings.api()?.send_message(&args.topic, &payload).map_err(|error| {
        let unknown = error.fate() == Some(Fate::Unknown);
        let mut failure = Failure::from(error);
        if unknown {
            failure.message.push_str("; the message may have been sent all the same");
        }
        failure
    })?;
    let mut out = Out::new();
    match args.json {
        true => out.json(&json!({ "topic": args.topic, "message_id": id }))?,
        false => out.line(&id)?,
    }
    Ok(Exit::Ok)
}

fn from_file(path: &Path) -> Result<String> {
    let file = File::open(path).map_err(|error| Failure::usage(format!("cannot open {}: {error}", path.display())))?;
    read(&path.display().to_string(), file)
}

fn read(name: &str, from: impl Read) -> Result<String> {
    let mut bytes = Vec::new();
    from.take(MUCH + 1).read_to_end(&mut bytes).map_err(|error| Failure::io(format!("cannot read {name}"), &error))?;
    if bytes.len() as u64 > MUCH {
        return Err(Failure::usage(format!("{name} is longer than {MUCH} bytes; a message has at most 64 KB")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::usage(format!("{name} is no text: byte {at} is not UTF-8, and the API takes text only"))
            .hint("`aliyun-mqtt pub` sends any bytes")
    })
}
