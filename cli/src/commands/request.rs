//! `rr`: a request and its reply, on topics.

use aliyun_mqtt::{AckMode, QoS};
use clap::{Args, Subcommand};

use crate::exchange::{AnswerArgs, AskArgs};
use crate::exit::{Exit, Failure, Result};
use crate::receive::{Receiver, SessionArgs};
use crate::settings::GlobalArgs;
use crate::settings::Settings;

const HELP: &str = "\
The reply comes by P2P to this client, so nothing need be subscribed; --response-topic is for brokers without P2P. With MQTT 5 \
requests and replies carry Response Topic and Correlation Data, as the standard has it; with 3.1.1, which has no properties, \
an envelope of the library's own. `rr reply` answers both, each in its form; a client of MQTT 5 asks one of 3.1.1 with \
--envelope. Without a reply in time the exit code is 5.

Examples:
  aliyun-mqtt rr -t demo/time -m now -W 5
  aliyun-mqtt rr reply -t demo/time --exec date";

const REPLY_HELP: &str = "\
The reply is what the command prints, byte for byte. Its stdin and environment are as with `sub --exec`; \
MQTT_RESPONSE_TOPIC is where the reply goes. A request is acknowledged after its reply is. One that cannot be answered, for \
the command failed or its reply was refused, is reported and acknowledged, the next is taken, and the exit code at the end is \
1. As any message of QoS 1, a request may come twice.

Whoever may send requests chooses the topic the reply is published to, with the rights of this client.

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
    /// Answer requests, by a command or with a text
    #[command(after_long_help = REPLY_HELP)]
    Reply {
        /// Topic or filter of the requests; may be repeated
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
            Err(Failure::usage("the options of a request stand before `reply`")
                .hint("those of a reply stand behind it"))
        }
        Some(RrCommand::Reply { topics, session, answer }) => reply(topics, session, answer, global),
        None => args.ask.run(global, |_| {
            args.topic.clone().ok_or_else(|| Failure::usage("no topic is given").hint("use -t TOPIC"))
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
