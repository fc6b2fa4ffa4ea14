//! The options of `relay`.

use std::path::PathBuf;
use std::time::Duration;

use aliyun_mqtt::QoS;
use clap::Args;

use super::listen::Address;
use crate::values::{qos, seconds};

const HTTP: &str = "HTTP";
const SEND: &str = "Sending";
const RECEIVE: &str = "Receiving";

const HELP: &str = "\
Programs that cannot keep a connection send and receive through the relay, by plain HTTP:

  POST   /v1/messages?topic=T&qos=1     the body is the payload; answered when the fate of the message is known
  POST   /v1/p2p/CLIENT_ID              the same for a single client (--parent-topic)
  POST   /v1/requests?topic=T&timeout=5 sends a request and answers with the reply
  GET    /v1/messages?filter=F&max=100&wait=30
  DELETE /v1/messages/ID                acknowledges a received message
  GET    /v1/dead                       received messages that nobody could process; POST and DELETE /v1/dead/ID
  GET    /v1/events                     connection events and notices, as a stream (SSE)
  GET    /metrics, /healthz, /readyz

With `Prefer: respond-async` a message is answered with 202 once it is on disk, and so is one that is not \
acknowledged within its wait (wait=30). A repeated Idempotency-Key gets the answer of the first call for 24 h, also \
after a restart. The chapter \"The relay\" of the book has all of it, with examples for curl, Perl, Python, PHP \
and COBOL.

On a Unix socket, the permissions of the socket decide who may call (mode 0660, --group). On a loopback address every \
call needs the token of --bearer-token-file (`Authorization: Bearer ...`), except for /healthz. Other addresses are \
refused, and so are calls of web pages.

The first signal (Ctrl-C, SIGTERM) ends the relay in order: it accepts nothing more, settles what it has or leaves it \
in the store for the next run, and exits with 0. A second one ends it at once.

Examples:
  aliyun-mqtt relay --listen unix:/run/mqtt/relay.sock --group www-data --store /var/lib/mqtt
  aliyun-mqtt relay --listen 127.0.0.1:8125 --bearer-token-file token --store store --subscribe 'demo/#'
  curl --unix-socket /run/mqtt/relay.sock 'http://relay/v1/messages?topic=demo/a' -d Hello";

#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct RelayArgs {
    /// Listen here: unix:PATH or a loopback address such as 127.0.0.1:8125; may be repeated, and is not needed if
    /// systemd passes sockets on
    #[arg(long, short = 'l', value_name = "ADDRESS", value_parser = Address::parse, help_heading = HTTP)]
    pub(super) listen: Vec<Address>,
    /// Let this group use the Unix sockets
    #[arg(long, value_name = "GROUP", help_heading = HTTP)]
    pub(super) group: Option<String>,
    /// File with the bearer token that calls over a loopback address need; - is stdin
    #[arg(long, value_name = "FILE", help_heading = HTTP)]
    pub(super) bearer_token_file: Option<PathBuf>,
    /// Accept up to COUNT connections, as far as the limit on open files allows (ulimit -n)
    #[arg(long, value_name = "COUNT", default_value_t = 2_000, help_heading = HTTP)]
    pub(super) max_connections: usize,
    /// Let up to COUNT calls wait
    #[arg(long, value_name = "COUNT", default_value_t = 2_000, help_heading = HTTP)]
    pub(super) max_waiting: usize,
    /// How long a caller may take to send the head of a call, and its body, or read nothing of its answer, in seconds;
    /// connections that are idle for as long are closed
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "30", help_heading = HTTP)]
    pub(super) client_timeout: Duration,
    /// How long the relay drains before it exits, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "10", help_heading = HTTP)]
    pub(super) drain: Duration,

    /// Directory for the messages on disk, for one relay [default: the first of $STATE_DIRECTORY]
    #[arg(long, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
    /// Hold up to COUNT messages to send, as many received messages, and as many dead letters
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub(super) max_messages: usize,
    /// Hold up to BYTES of messages to send, as many of received messages, and as many of dead letters
    #[arg(long, value_name = "BYTES", default_value_t = 64 * 1024 * 1024)]
    pub(super) max_bytes: usize,

    /// Allow messages to topics that this filter matches only; may be repeated
    #[arg(long, value_name = "FILTER", help_heading = SEND)]
    pub(super) allow_publish: Vec<String>,
    /// Remember up to COUNT idempotency keys
    #[arg(long, value_name = "COUNT", default_value_t = 2_000_000, help_heading = SEND)]
    pub(super) max_remembered: u64,
    /// Send ordered messages, for RocketMQ consumers of an ordered parent topic
    #[arg(long, help_heading = SEND)]
    pub(super) order: bool,

    /// Receive what matches this filter; needs a device id; may be repeated
    #[arg(long, short = 's', value_name = "FILTER", help_heading = RECEIVE)]
    pub(super) subscribe: Vec<String>,
    /// Maximum QoS of received messages
    #[arg(long, short = 'q', value_name = "QOS", value_parser = qos(), default_value = "1", help_heading = RECEIVE)]
    pub(super) qos: QoS,
    /// Receive P2P messages; needs a device id
    #[arg(long, help_heading = RECEIVE)]
    pub(super) receive_p2p: bool,
    /// Allow callers to receive topics that this filter matches only; may be repeated
    #[arg(long, value_name = "FILTER", help_heading = RECEIVE)]
    pub(super) allow_subscribe: Vec<String>,
    /// How long a caller has for a received message before it is given to another, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "30", help_heading = RECEIVE)]
    pub(super) lease: Duration,
    /// After COUNT leases, a received message goes to the dead letters
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..),
        help_heading = RECEIVE)]
    pub(super) max_leases: u32,
}

impl RelayArgs {
    /// Returns true if the relay stores received messages.
    pub(super) fn receives(&self) -> bool {
        self.receive_p2p || !self.subscribe.is_empty()
    }
}
