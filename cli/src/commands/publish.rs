//! `pub`: one message, or as many as the input has, with the fate of each.

mod feed;
mod input;
mod jsonl;
mod lines;
mod message;
mod report;
mod room;
mod settle;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, Config, QoS, Spool};
use clap::Args;

use crate::exit::{Exit, Failure, Result};
use crate::interrupt::Interrupt;
use crate::report as stderr;
use crate::settings::GlobalArgs;
use crate::settings::Settings;
use crate::threads;
use crate::values::{qos, rate, seconds};
use feed::Pace;
use input::Form;
use message::{Properties, Template, user_property};
use report::Report;
use room::Room;
use settle::{Rules, Settler};

const WHAT: &str = "Message";
const HOW: &str = "Sending";
const MQTT_5: &str = "Message properties (MQTT 5: --protocol 5)";

const EXAMPLES: &str = "\
Examples:
  aliyun-mqtt pub -t demo/hello -m 'Hello'
  aliyun-mqtt pub -t demo/photo -f photo.jpg -q 2
  tail -f app.log | aliyun-mqtt pub -t demo/log -l --rate 20
  aliyun-mqtt pub -t demo/a -l -f lines.txt --spool /var/lib/app/spool --timeout 600
  echo '{\"topic\":\"demo/a\",\"qos\":1,\"payload\":\"Hello\"}' | aliyun-mqtt pub --jsonl

JSON lines: an object per line with topic (else -t), qos (else -q), and payload (text) or payload_b64 (any bytes). With \
MQTT 5 also content_type, user_properties (an object, or pairs where keys repeat), message_expiry (seconds), \
response_topic, correlation_data or correlation_data_b64, and text (true). Blank lines are skipped. What `sub --json` \
prints besides is ignored; any other key is an error, and so is one that stands twice. A byte order mark before the \
first line is skipped.

Lines of -l go as they are, byte for byte: a file of Windows gives each message a carriage return at its end (`tr -d \
'\\r'` takes it away), and a byte order mark is a part of the first.

Failures: each is told with its line number, the first 10 in full. A line that breaks a rule is not sent, and the rest \
is. So is, with --jsonl, a message the broker refuses. Anything else concerns the lines that follow as well: time \
running out, a lost login, a refused topic without --jsonl. Then reading stops, what is under way is settled, and the \
line to go on from is named. A connection that breaks is made again meanwhile, and fails nothing by itself.

The exit code is that of what stopped it, else of the first failure; 130 after Ctrl-C, which stops reading and waits \
for what is under way.

With --spool, QoS 1 and 2 messages are on disk before they are sent, and removed when their fate is known. What is not \
acknowledged when time runs out (no acknowledgement for --timeout) or the process dies goes out with the next run on the \
same file, first and in order; a run without a message does just that. Exit codes 3, 5 and 130 may therefore leave \
messages in the spool (move it together with its .lock file): the summary counts them as spooled, not as failed, and they must not be given again. A first \
connection is needed: without one (3, 4, 5) nothing is read and nothing stored.";

/// Publish messages: one, a file, standard input, a message per line, or JSON lines
///
/// Ends when the broker has acknowledged every message (QoS 0: when it is written).
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct PubArgs {
    /// Topic; with --jsonl, for lines that name none
    #[arg(long, short = 't', value_name = "TOPIC", help_heading = WHAT)]
    topic: Option<String>,
    /// QoS, 0 to 2
    #[arg(long, short = 'q', value_name = "QOS", default_value = "1", value_parser = qos, help_heading = WHAT)]
    qos: QoS,
    /// Send this text
    #[arg(long, short = 'm', value_name = "TEXT", allow_hyphen_values = true, help_heading = WHAT)]
    message: Option<OsString>,
    /// Send a file as one message; with -l or --jsonl, read the lines from it; - is stdin
    #[arg(long, short = 'f', value_name = "FILE", help_heading = WHAT)]
    file: Option<PathBuf>,
    /// Send all of stdin as one message
    #[arg(long, short = 's', visible_alias = "stdin-file", help_heading = WHAT)]
    stdin: bool,
    /// Send each line of stdin as a message, without its newline; a carriage return before that is sent
    #[arg(long, short = 'l', visible_alias = "stdin-line", help_heading = WHAT)]
    lines: bool,
    /// Send a message for each JSON object of stdin, one a line (see --help)
    #[arg(long, help_heading = WHAT)]
    jsonl: bool,
    /// Send an empty message
    #[arg(long, short = 'n', visible_alias = "null-message", help_heading = WHAT)]
    empty: bool,

    /// Send the message so often
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..), help_heading = HOW)]
    repeat: Option<u64>,
    /// Pause between repeats, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, conflicts_with = "rate", requires = "repeat",
        help_heading = HOW)]
    repeat_delay: Option<Duration>,
    /// Most messages per second (the service advises 20 per client) [default: no limit]
    #[arg(long, value_name = "NUMBER", value_parser = rate, help_heading = HOW)]
    rate: Option<f64>,
    /// Most messages that may be unacknowledged, 1 to 1000
    #[arg(
        long,
        value_name = "COUNT",
        default_value = "100",
        value_parser = clap::value_parser!(u16).range(1..=1000),
        help_heading = HOW
    )]
    window: u16,
    /// Ordered messages, for RocketMQ consumers of an ordered parent topic
    #[arg(long, help_heading = HOW)]
    order: bool,
    /// Keep messages in this file until they are acknowledged; send what is in it first (see --help)
    #[arg(long, value_name = "FILE", help_heading = HOW)]
    spool: Option<PathBuf>,
    /// Stop at the first failure of any kind
    #[arg(long, help_heading = HOW)]
    fail_fast: bool,
    /// Failures and summary as JSON, one object a line, on stdout
    #[arg(long, help_heading = HOW)]
    json: bool,
    /// No summary, progress or notes; errors are still told
    #[arg(long, help_heading = HOW)]
    quiet: bool,

    /// What the payload is, such as application/json
    #[arg(long, value_name = "TYPE", hide_short_help = true, help_heading = MQTT_5)]
    content_type: Option<String>,
    /// User property; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = user_property, hide_short_help = true, help_heading = MQTT_5)]
    user_property: Vec<(String, String)>,
    /// How long the broker keeps trying to deliver it, in whole seconds
    #[arg(long, value_name = "SECONDS", hide_short_help = true, help_heading = MQTT_5)]
    message_expiry: Option<u32>,
    /// Where an answer should go
    #[arg(long, value_name = "TOPIC", hide_short_help = true, help_heading = MQTT_5)]
    response_topic: Option<String>,
    /// What an answer should repeat
    #[arg(long, value_name = "TEXT", hide_short_help = true, help_heading = MQTT_5)]
    correlation_data: Option<OsString>,
    /// Say that the payload is UTF-8 text
    #[arg(long, hide_short_help = true, help_heading = MQTT_5)]
    text: bool,
}

impl PubArgs {
    /// Returns true if something is to be printed on standard output.
    pub(crate) fn prints(&self) -> bool {
        self.json
    }
}

pub(crate) fn run(args: &PubArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = Settings::load(global)?;
    let form = Form::of(args)?;
    form.check(&settings)?;
    let config = config(args, &settings)?;
    let template = template(args, &config)?;
    // All that can be known to be wrong is told before anything is sent.
    let form = form.open(&template, &config, args.quiet)?;

    let started = Instant::now();
    let interrupt = Interrupt::listen()?;
    let client = Client::connect(config)?;
    interrupt.begin();
    let room = Arc::new(Room::new(args.window));
    {
        let (room, quiet) = (Arc::clone(&room), args.quiet);
        interrupt.on(move || {
            if !quiet {
                stderr::note("interrupted: waiting for what is under way (again to end at once)");
            }
            room.stop();
        });
    }
    let rules = Rules { fail_fast: args.fail_fast, one_topic: !args.jsonl };
    let report = Report { naming: form.naming(), length: form.length(), json: args.json, quiet: args.quiet, started };
    let (to, sent) = channel();
    let settler = Settler { client: client.clone(), rules, room: Arc::clone(&room), spools: args.spool.is_some() };
    let mut source = form.start(template, &room)?;
    let settling = threads::needed("settling", {
        let report = report.clone();
        move || settler.run(&sent, report.reporter())
    })?;
    let fed = feed::feed(&client, &mut source, Pace::of(args), rules, &room, &to);
    drop(to);
    let mut tally = settling.join().map_err(|_| Failure::new(Exit::Failure, "the counting of messages failed"))?;
    settle::leave(&client, &mut tally, args.spool.is_some(), &interrupt);
    report.conclude(tally, fed, interrupt.happened())
}

fn config(args: &PubArgs, settings: &Settings) -> Result<Config> {
    let mut limits = settings.limits()?;
    let mut builder = settings.builder()?.window(args.window).ordered(args.order);
    if let Some(path) = &args.spool {
        if args.qos == QoS::AtMostOnce && !args.jsonl {
            return Err(Failure::usage("--spool stores no QoS 0 messages").hint("use -q 1"));
        }
        // What an earlier run has left stands in memory as well, besides what is read here.
        limits = limits.outbox(usize::MAX, usize::MAX);
        builder = builder.spool(Spool::at(path));
    }
    Ok(builder.limits(limits).build()?)
}

fn template(args: &PubArgs, config: &Config) -> Result<Template> {
    let properties = Properties {
        content_type: args.content_type.clone(),
        user: args.user_property.clone(),
        expiry: args.message_expiry,
        response_topic: args.response_topic.clone(),
        correlation: args.correlation_data.as_ref().map(|data| data.as_encoded_bytes().to_vec()),
        text: args.text,
    };
    Template::new(args.topic.clone(), args.qos, properties, config)
}
