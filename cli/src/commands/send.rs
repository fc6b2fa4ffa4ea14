//! `send`: one message by the service's API.

use aliyun_mqtt::Fate;
use clap::Args;
use serde_json::json;

use crate::exit::{Exit, Failure, Result};
use crate::output::Out;
use crate::payload::PayloadArgs;
use crate::settings::GlobalArgs;
use crate::settings::Settings;

/// The most bytes of a message; how many of them fit into the API's URL the library knows.
const MUCH: usize = 64 * 1024;

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
    payload: PayloadArgs,
    /// One JSON object in place of the bare id
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &SendArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = Settings::load(global)?;
    let payload = text(args.payload.read(&settings, MUCH)?)?;
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

fn text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::usage(format!("the message is no text: byte {at} is not UTF-8, and the API takes text only"))
            .hint("`aliyun-mqtt pub` sends any bytes")
    })
}
