//! `rr`: requests and replies on topics.

use aliyun_mqtt::{AckMode, QoS};
use clap::{Args, Subcommand};

use crate::exchange::{AnswerArgs, AskArgs};
use crate::exit::{Exit, Failure, Result};
use crate::lang::phrase;
use crate::receive::{Receiver, SessionArgs};
use crate::settings::GlobalArgs;
use crate::settings::Settings;

const HELP: &str = "\
The reply is sent to this client by P2P, so no subscription is needed; --response-topic is for servers without P2P. \
With MQTT 5, requests and replies carry Response Topic and Correlation Data as the standard defines; with 3.1.1, which \
has no properties, they use an envelope defined by this library. `rr reply` answers both, each in its own form; an \
MQTT 5 client uses --envelope for a request to a 3.1.1 client. If no reply arrives in time the exit code is 5.

Examples:
  aliyun-mqtt rr -t demo/time -m now -W 5
  aliyun-mqtt rr reply -t demo/time --exec date";

const REPLY_HELP: &str = "\
The reply is the output of the command, byte for byte. Its stdin and environment are those of `sub --exec`; \
MQTT_RESPONSE_TOPIC is the topic of the reply. A request is acknowledged after its reply has been acknowledged. A \
request that cannot be answered, because the command failed or the reply was refused, is reported and acknowledged, \
and the exit code at the end is 1. Like any QoS 1 message, a request may arrive twice.

Anyone who can send requests chooses the topic of the reply, which is published with the permissions of this client.

Examples:
  aliyun-mqtt rr reply -t demo/time --exec date
  aliyun-mqtt rr reply -t demo/ping --echo -C 1";

#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct RrArgs {
    #[command(subcommand)]
    command: Option<RrCommand>,
    /// Topic of the request
    #[arg(long, short = 't', value_name = "TOPIC")]
    topic: Option<String>,
    #[command(flatten)]
    ask: AskArgs,
}

#[derive(Debug, Subcommand)]
enum RrCommand {
    /// Answer requests with the output of a command or a fixed text
    #[command(after_long_help = REPLY_HELP)]
    Reply {
        /// Topic filter of the requests; may be repeated
        #[arg(long = "topic", short = 't', value_name = "FILTER", required = true)]
        topics: Vec<String>,
        #[command(flatten)]
        session: SessionArgs,
        #[command(flatten)]
        answer: AnswerArgs,
    },
}

impl RrArgs {
    /// Returns true if something is to be printed on standard output.
    pub(crate) fn prints(&self) -> bool {
        self.command.is_none()
    }
}

pub(crate) fn run(args: &RrArgs, global: &GlobalArgs) -> Result<Exit> {
    match &args.command {
        Some(_) if args.topic.is_some() || args.ask != AskArgs::default() => {
            Err(Failure::usage("options of a request were given before `reply`")
                .hint(phrase!("options of a reply follow `reply`")))
        }
        Some(RrCommand::Reply { topics, session, answer }) => reply(topics, session, answer, global),
        None => args.ask.run(global, |_| {
            args.topic.clone().ok_or_else(|| Failure::usage("no topic is specified").hint(phrase!("use -t TOPIC")))
        }),
    }
}

fn reply(topics: &[String], session: &SessionArgs, answer: &AnswerArgs, global: &GlobalArgs) -> Result<Exit> {
    answer.check()?;
    let settings = Settings::load(global)?;
    let builder = session.apply(settings.builder()?.ack_mode(AckMode::Manual), &settings)?;
    let receiver = Receiver::connect(builder.build()?)?;
    let topics = topics.to_vec();
    let ready = receiver.beside(move |client| {
        let filters: Vec<_> = topics.iter().map(|topic| (topic.as_str(), QoS::AtLeastOnce)).collect();
        client.subscribe_many(&filters).map(drop)
    })?;
    answer.run(receiver, &ready)
}
