//! The options of `pub`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use aliyun_mqtt::QoS;
use clap::Args;

use super::message::user_property;
use crate::values::{qos, rate, seconds};

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
    pub(super) topic: Option<String>,
    /// QoS, 0 to 2
    #[arg(long, short = 'q', value_name = "QOS", default_value = "1", value_parser = qos(), help_heading = WHAT)]
    pub(super) qos: QoS,
    /// Send this text
    #[arg(long, short = 'm', value_name = "TEXT", allow_hyphen_values = true, help_heading = WHAT)]
    pub(super) message: Option<OsString>,
    /// Send a file as one message; with -l or --jsonl, read the lines from it; - is stdin
    #[arg(long, short = 'f', value_name = "FILE", help_heading = WHAT)]
    pub(super) file: Option<PathBuf>,
    /// Send all of stdin as one message
    #[arg(long, short = 's', visible_alias = "stdin-file", help_heading = WHAT)]
    pub(super) stdin: bool,
    /// Send each line of stdin as a message, without its newline; a carriage return before that is sent
    #[arg(long, short = 'l', visible_alias = "stdin-line", help_heading = WHAT)]
    pub(super) lines: bool,
    /// Send a message for each JSON object of stdin, one a line (see --help)
    #[arg(long, help_heading = WHAT)]
    pub(super) jsonl: bool,
    /// Send an empty message
    #[arg(long, short = 'n', visible_alias = "null-message", help_heading = WHAT)]
    pub(super) empty: bool,

    /// Send the message so often
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..), help_heading = HOW)]
    pub(super) repeat: Option<u64>,
    /// Pause between repeats, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, conflicts_with = "rate", requires = "repeat",
        help_heading = HOW)]
    pub(super) repeat_delay: Option<Duration>,
    /// Most messages per second (the service advises 20 per client) [default: no limit]
    #[arg(long, value_name = "NUMBER", value_parser = rate, help_heading = HOW)]
    pub(super) rate: Option<f64>,
    /// Most messages that may be unacknowledged, 1 to 1000
    #[arg(
        long,
        value_name = "COUNT",
        default_value = "100",
        value_parser = clap::value_parser!(u16).range(1..=1000),
        help_heading = HOW
    )]
    pub(super) window: u16,
    /// Ordered messages, for RocketMQ consumers of an ordered parent topic
    #[arg(long, help_heading = HOW)]
    pub(super) order: bool,
    /// Keep messages in this file until they are acknowledged; send what is in it first (see --help)
    #[arg(long, value_name = "FILE", help_heading = HOW)]
    pub(super) spool: Option<PathBuf>,
    /// Stop at the first failure of any kind
    #[arg(long, help_heading = HOW)]
    pub(super) fail_fast: bool,
    /// Failures and summary as JSON, one object a line, on stdout
    #[arg(long, help_heading = HOW)]
    pub(super) json: bool,
    /// No summary, progress or notes; errors are still told
    #[arg(long, help_heading = HOW)]
    pub(super) quiet: bool,

    /// What the payload is, such as application/json
    #[arg(long, value_name = "TYPE", hide_short_help = true, help_heading = MQTT_5)]
    pub(super) content_type: Option<String>,
    /// User property; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = user_property, hide_short_help = true, help_heading = MQTT_5)]
    pub(super) user_property: Vec<(String, String)>,
    /// How long the broker keeps trying to deliver it, in whole seconds
    #[arg(long, value_name = "SECONDS", hide_short_help = true, help_heading = MQTT_5)]
    pub(super) message_expiry: Option<u32>,
    /// Where an answer should go
    #[arg(long, value_name = "TOPIC", hide_short_help = true, help_heading = MQTT_5)]
    pub(super) response_topic: Option<String>,
    /// What an answer should repeat
    #[arg(long, value_name = "TEXT", hide_short_help = true, help_heading = MQTT_5)]
    pub(super) correlation_data: Option<OsString>,
    /// Say that the payload is UTF-8 text
    #[arg(long, hide_short_help = true, help_heading = MQTT_5)]
    pub(super) text: bool,
}

impl PubArgs {
    /// Returns true if something is to be printed on standard output.
    pub(crate) fn prints(&self) -> bool {
        self.json
    }
}
