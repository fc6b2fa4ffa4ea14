//! `send`: publishes one message through the service API.

use aliyun_mqtt::Fate;
use clap::Args;
use serde_json::json;

use crate::exit::{Exit, Failure, Result};
use crate::lang::phrase;
use crate::output::Out;
use crate::payload::PayloadArgs;
use crate::settings::GlobalArgs;
use crate::settings::Settings;

/// The largest message. The library checks that it fits into the URL of the API.
const MUCH: usize = 64 * 1024;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aliyun-mqtt send -t demo/hello -m Hello
  date | aliyun-mqtt send -t demo/time -s
  aliyun-mqtt send -t demo/p2p/GID_demo@@@0001 -m 'to one client'

Prints the id of the message, which `trace publish` and `trace subscribe` take.

The API accepts only UTF-8 text of at most 64 KB, and less if it has other characters than plain letters and digits: \
the text is sent in a URL of at most 65,534 bytes, in which most other characters take three bytes and a Chinese \
character nine. Use `pub` for anything else. The message is not forwarded to RocketMQ.")]
pub(crate) struct SendArgs {
    /// Topic to publish to
    #[arg(long, short = 't', value_name = "TOPIC")]
    topic: String,
    #[command(flatten)]
    payload: PayloadArgs,
    /// Print a JSON object instead of the bare id
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
            failure.message.push_str("; the message may have been sent nevertheless");
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
        Failure::usage(format!("the API accepts only text, and byte {at} of the message is not UTF-8"))
            .hint(phrase!("`aliyun-mqtt pub` sends any bytes"))
    })
}
