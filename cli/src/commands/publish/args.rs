//! The options of `pub`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use aliyun_mqtt::QoS;
use clap::Args;

use super::message::user_property;
use crate::values::{qos, rate, seconds, window};

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

JSON lines: one object per line with topic (default: -t), qos (default: -q), and either payload or payload_b64. A \
string is sent as its text, any other JSON as it is written, and payload_b64 may hold any bytes. With MQTT 5 also \
content_type, user_properties (an object, or an array of pairs if keys repeat), message_expiry (seconds), \
response_topic, correlation_data or correlation_data_b64, and text (true). Lines printed by `sub --json` can be sent \
as they are: the keys that describe their receipt are ignored. Any other key is an error, and so is a duplicate. Blank \
lines and a byte order mark at the start are skipped.

With -l each line is sent byte for byte: lines of a Windows file keep their carriage return (`tr -d '\\r'` removes \
it), and a byte order mark is part of the first message.

Failures: each one is reported with its line number, the first 10 in full. An invalid line is skipped; with --jsonl so \
is a message that the server refuses. Any other failure, such as a timeout, a refused login, or a refused topic \
without --jsonl, affects the following lines too: reading stops, messages in flight are completed, and the line to \
resume from is printed. A broken connection is reestablished and is not a failure by itself.

The exit code is that of the failure that stopped the run, or else of the first failure; 130 after Ctrl-C, which stops \
reading and waits for the messages in flight.

With --spool, QoS 1 and 2 messages are written to disk before they are sent, and removed when their outcome is known. \
Messages that are still unacknowledged after a timeout (no acknowledgement for --timeout) or a crash are sent first, \
in order, by the next run with the same file; a run without a message does nothing else. Exit codes 3, 5 and 130 may \
therefore leave messages in the spool (move it together with its .lock file): the summary counts them as spooled, not \
as failed, and they must not be given again. The first connection has to succeed: if it fails (3, 4, 5), nothing is \
read or stored.";

/// Publish messages: one, a file, standard input, a message per line, or JSON lines
///
/// Exits once the server has acknowledged every message (QoS 0: once it is written to the connection).
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct PubArgs {
    /// Topic; with --jsonl, the topic of lines without one
    #[arg(long, short = 't', value_name = "TOPIC", help_heading = WHAT)]
    pub(super) topic: Option<String>,
    /// QoS
    #[arg(long, short = 'q', value_name = "QOS", default_value = "1", value_parser = qos(), help_heading = WHAT)]
    pub(super) qos: QoS,
    /// Send this text
    #[arg(long, short = 'm', value_name = "TEXT", allow_hyphen_values = true, help_heading = WHAT)]
    pub(super) message: Option<OsString>,
    /// Send a file as one message, or read the lines of -l or --jsonl from it; - is stdin
    #[arg(long, short = 'f', value_name = "FILE", help_heading = WHAT)]
    pub(super) file: Option<PathBuf>,
    /// Send all of stdin as one message
    #[arg(long, short = 's', visible_alias = "stdin-file", help_heading = WHAT)]
    pub(super) stdin: bool,
    /// Send each line of stdin as a message, without its newline
    #[arg(long, short = 'l', visible_alias = "stdin-line", help_heading = WHAT)]
    pub(super) lines: bool,
    /// Send a message for each line of stdin, which is a JSON object (see --help)
    #[arg(long, help_heading = WHAT)]
    pub(super) jsonl: bool,
    /// Send an empty message
    #[arg(long, short = 'n', visible_alias = "null-message", help_heading = WHAT)]
    pub(super) empty: bool,

    /// Send the message COUNT times
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..), help_heading = HOW)]
    pub(super) repeat: Option<u64>,
    /// Pause between two repeats, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, conflicts_with = "rate", requires = "repeat",
        help_heading = HOW)]
    pub(super) repeat_delay: Option<Duration>,
    /// Maximum messages per second (the service advises 20 per client) [default: no limit]
    #[arg(long, value_name = "NUMBER", value_parser = rate, help_heading = HOW)]
    pub(super) rate: Option<f64>,
    /// Fix the maximum number of unacknowledged messages, 1 to 10000 [default: 100, growing up to --max-window]
    #[arg(long, value_name = "COUNT", value_parser = window(), conflicts_with = "max_window", help_heading = HOW)]
    pub(super) window: Option<u16>,
    /// Let the maximum number of unacknowledged messages grow up to COUNT on a long line, 1 to 10000 [default: 1000]
    #[arg(long, value_name = "COUNT", value_parser = window(), help_heading = HOW)]
    pub(super) max_window: Option<u16>,
    /// Send ordered messages, for RocketMQ consumers of an ordered parent topic
    #[arg(long, help_heading = HOW)]
    pub(super) order: bool,
    /// Store messages in this file until they are acknowledged, and send those in it first (see --help)
    #[arg(long, value_name = "FILE", help_heading = HOW)]
    pub(super) spool: Option<PathBuf>,
    /// Stop at the first failure of any kind
    #[arg(long, help_heading = HOW)]
    pub(super) fail_fast: bool,
    /// Print failures and the summary as JSON on stdout, one object per line
    #[arg(long, help_heading = HOW)]
    pub(super) json: bool,
    /// Print no summary, progress or notes; errors are still printed
    #[arg(long, help_heading = HOW)]
    pub(super) quiet: bool,

    /// Content type of the payload, such as application/json
    #[arg(long, value_name = "TYPE", hide_short_help = true, help_heading = MQTT_5)]
    pub(super) content_type: Option<String>,
    /// User property; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = user_property, hide_short_help = true, help_heading = MQTT_5)]
    pub(super) user_property: Vec<(String, String)>,
    /// The server discards the message after this many seconds
    #[arg(long, value_name = "SECONDS", hide_short_help = true, help_heading = MQTT_5)]
    pub(super) message_expiry: Option<u32>,
    /// Topic for the reply
    #[arg(long, value_name = "TOPIC", hide_short_help = true, help_heading = MQTT_5)]
    pub(super) response_topic: Option<String>,
    /// Data that the reply has to repeat
    #[arg(long, value_name = "TEXT", hide_short_help = true, help_heading = MQTT_5)]
    pub(super) correlation_data: Option<OsString>,
    /// Mark the payload as UTF-8 text
    #[arg(long, hide_short_help = true, help_heading = MQTT_5)]
    pub(super) text: bool,
}

impl PubArgs {
    /// Returns true if something is to be printed on standard output.
    pub(crate) fn prints(&self) -> bool {
        self.json
    }
}
