//! `p2p`: sends messages to a single client, and receives those sent to this one.

use aliyun_mqtt::{AckMode, Outgoing, QoS, p2p_topic};
use clap::{Args, Subcommand};

use crate::exchange::{AnswerArgs, AskArgs};
use crate::exit::{Exit, Failure, Result};
use crate::lang::phrase;
use crate::payload::PayloadArgs;
use crate::receive::{BoundArgs, Ready, Receiver, SessionArgs, SinkArgs};
use crate::report;
use crate::settings::GlobalArgs;
use crate::settings::{Key, Settings};
use crate::values::qos;

const HELP: &str = "\
A P2P message is published to {parent topic}/p2p/{client id}; its receiver needs no subscription. The parent topic is \
given by --parent-topic or ALIYUN_MQTT_TOPIC. The sender does not learn that the receiver is offline: the message is \
delivered later only if it has QoS 1 and the sender keeps its session (-c, with a device id).

Examples:
  aliyun-mqtt p2p send GID_demo@@@0002 -m 'Hello'
  aliyun-mqtt p2p listen --device-id 0002 -v
  aliyun-mqtt p2p request GID_demo@@@0002 -m 'How are you?' -W 5
  aliyun-mqtt p2p reply --device-id 0002 --exec ./answer";

#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct P2pArgs {
    #[command(subcommand)]
    command: P2pCommand,
}

#[derive(Debug, Subcommand)]
enum P2pCommand {
    /// Send a message to a single client
    Send {
        /// The client, GroupID@@@DeviceID
        #[arg(value_name = "CLIENT_ID")]
        to: String,
        #[command(flatten)]
        payload: PayloadArgs,
        /// QoS
        #[arg(long, short = 'q', value_name = "QOS", default_value = "1", value_parser = qos(),
            help_heading = "Message")]
        qos: QoS,
        #[command(flatten)]
        session: SessionArgs,
    },
    /// Receive messages sent to this client, with the output of `sub`; needs a device id or client id
    Listen {
        #[command(flatten)]
        session: SessionArgs,
        #[command(flatten)]
        bounds: BoundArgs,
        #[command(flatten)]
        sink: Box<SinkArgs>,
    },
    /// Send a request to a single client and print the reply; exits with 5 if none arrives in time
    Request {
        /// The client, GroupID@@@DeviceID
        #[arg(value_name = "CLIENT_ID")]
        to: String,
        #[command(flatten)]
        ask: Box<AskArgs>,
    },
    /// Answer requests sent to this client, like `rr reply`; needs a device id or client id
    Reply {
        #[command(flatten)]
        session: SessionArgs,
        #[command(flatten)]
        answer: AnswerArgs,
    },
}

impl P2pArgs {
    /// Returns true if something is to be printed on standard output.
    pub(crate) fn prints(&self) -> bool {
        matches!(self.command, P2pCommand::Listen { .. } | P2pCommand::Request { .. })
    }
}

pub(crate) fn run(args: &P2pArgs, global: &GlobalArgs) -> Result<Exit> {
    match &args.command {
        P2pCommand::Send { to, payload, qos, session } => send(to, payload, *qos, session, global),
        P2pCommand::Listen { session, bounds, sink } => {
            sink.check()?;
            let receiver = listen(session, global)?;
            let end = sink.receive(&receiver, bounds.bounds(), &Ready::at_once())?;
            bounds.finish(end, receiver)
        }
        P2pCommand::Request { to, ask } => ask.run(global, |settings| topic(settings, to)),
        P2pCommand::Reply { session, answer } => {
            answer.check()?;
            answer.run(listen(session, global)?, &Ready::at_once())
        }
    }
}

fn send(to: &str, payload: &PayloadArgs, qos: QoS, session: &SessionArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = Settings::load(global)?;
    let topic = topic(&settings, to)?;
    let config = session.apply(settings.builder()?, &settings)?.build()?;
    let payload = payload.read(&settings, config.limits().payload_len)?;
    let receiver = Receiver::connect(config)?;
    receiver.call(|client| client.publish_message(Outgoing::new(topic, qos, payload)))?;
    receiver.finish()
}

/// Returns the topic of messages to this client. A message to an id that no client can have would be lost silently.
fn topic(settings: &Settings, to: &str) -> Result<String> {
    settings.check_login(&[Key::Topic])?;
    let topic = p2p_topic(settings.needed(Key::Topic)?, to)?;
    let has_parts = to.split_once("@@@").is_some_and(|(group, device)| !group.is_empty() && !device.is_empty());
    if !has_parts && !settings.auth()?.is_custom() {
        return Err(Failure::usage(format!(
            "{to:?} is not a client id: it must be GroupID@@@DeviceID, except with custom authentication"
        )));
    }
    Ok(topic)
}

/// Connects under a client id that others can know.
fn listen(session: &SessionArgs, global: &GlobalArgs) -> Result<Receiver> {
    let settings = Settings::load(global)?;
    if settings.text(Key::ClientId).is_none() {
        settings.check_login(&[Key::DeviceId])?;
    }
    let builder = session.apply(settings.builder()?.ack_mode(AckMode::Manual), &settings)?;
    let receiver = Receiver::connect(builder.build()?)?;
    let client_id = receiver.client().config().client_id();
    report::status(&phrase!("listening as {client_id}", client_id));
    Ok(receiver)
}
