//! `sub`: receives messages and acknowledges each once it is processed.

use std::io::IsTerminal as _;

use aliyun_mqtt::{AckMode, Client, QoS, SubscribeOptions};
use clap::Args;

use crate::exit::{Exit, Result};
use crate::lang::{Phrase, phrase};
use crate::receive::{BoundArgs, Receiver, SessionArgs, SinkArgs};
use crate::report;
use crate::settings::GlobalArgs;
use crate::settings::Settings;
use crate::values::qos;

const HELP: &str = "\
A message is acknowledged when it has been printed and flushed, when its file has its final name, or when its command \
has exited with 0. The server sends unacknowledged messages again, but only in the same session: keep the session (-c, \
with a device id) if no message may be missed. After a lost connection or a crash a message may therefore arrive \
twice. Acknowledgements are sent in the order of receipt.

If a command of --exec fails, sub exits with 1 and acknowledges neither the message nor any later one; with \
--keep-going it skips the message instead. Commands run one at a time, in the order of receipt. Their environment has \
MQTT_TOPIC, MQTT_QOS, MQTT_RETAIN, MQTT_DUP, MQTT_TIME, MQTT_PAYLOAD_LEN and, if the message has them, \
MQTT_CONTENT_TYPE, MQTT_RESPONSE_TOPIC and MQTT_USER_PROPERTIES (pairs as JSON); variables that hold secrets are \
removed unless --pass-secrets is given. Quote \"$MQTT_TOPIC\": the publisher has chosen it. Environment variables \
cannot hold NUL characters or very long values: a NUL becomes U+FFFD, a value above 64 KB (1 KB if the system rejects \
their total size) is left out, and MQTT_INEXACT lists the variables concerned.

Fields of -F: %t topic, %p payload, %x %X payload in hex, %l length, %q QoS, %r retain, %I ISO 8601 time, %U Unix \
time, %j JSON, %J JSON with the payload as JSON; for MQTT 5 also %C content type, %D correlation data, %E expiry, %F \
text flag, %P user properties, %R response topic, %S subscription ids. Flags -, 0, width and .precision are those of \
printf. @ followed by a letter is a part of the time as in strftime, @N the nanoseconds; \\0 \\a \\e \\n \\r \\t \\v \
\\\\ are characters. Control characters in the topic and in properties are printed as escapes, also with -v, so that \
only a payload can start a new line; --json prints everything unchanged.

Examples:
  aliyun-mqtt sub -t 'demo/#' -v
  aliyun-mqtt sub -t demo/orders -c --device-id store-1 --output-dir incoming
  aliyun-mqtt sub -t demo/state -C 1 -W 10 -F '%I %t %p'
  aliyun-mqtt sub -t demo/jobs --exec 'jq -r .name'";

#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct SubArgs {
    /// Topic filter to subscribe to; may be repeated
    #[arg(long = "topic", short = 't', value_name = "FILTER",
        required_unless_present_any = ["unsubscribe", "no_subscribe"])]
    topics: Vec<String>,
    /// Maximum QoS of received messages
    #[arg(long, short = 'q', value_name = "QOS", value_parser = qos(), default_value = "1")]
    qos: QoS,
    #[command(flatten)]
    session: SessionArgs,
    /// Unsubscribe from this filter first; may be repeated
    #[arg(long, short = 'U', value_name = "FILTER")]
    unsubscribe: Vec<String>,
    /// Do not subscribe: receive P2P messages and those of a kept session
    #[arg(long, conflicts_with_all = ["topics", "qos", "no_local", "subscription_id"])]
    no_subscribe: bool,
    /// Do not receive messages published by this client (MQTT 5)
    #[arg(long, hide_short_help = true)]
    no_local: bool,
    /// Subscription id delivered with the messages, 1 to 268435455 (MQTT 5)
    #[arg(long, value_name = "ID", hide_short_help = true)]
    subscription_id: Option<u32>,
    /// Exit as soon as the subscriptions are made
    #[arg(long, short = 'E', conflicts_with_all = ["count", "duration", "filter_out", "exec", "output_dir", "json",
        "format", "verbose", "no_newline"])]
    exit_after_subscribing: bool,
    #[command(flatten)]
    bounds: BoundArgs,
    #[command(flatten)]
    sink: SinkArgs,
}

impl SubArgs {
    /// Returns true if something is to be printed on standard output.
    pub(crate) fn prints(&self) -> bool {
        !self.exit_after_subscribing
    }
}

pub(crate) fn run(args: &SubArgs, global: &GlobalArgs) -> Result<Exit> {
    args.sink.check()?;
    let settings = Settings::load(global)?;
    let builder = settings.builder()?.ack_mode(AckMode::Manual);
    let config = args.session.apply(builder, &settings)?.build()?;
    if !config.clean_session() && args.qos == QoS::ExactlyOnce {
        report::warning("the service keeps QoS 1 messages for a client that is offline, but no QoS 2 messages");
    }
    let receiver = Receiver::connect(config)?;
    let asked = Subscriptions::of(args);
    if args.exit_after_subscribing {
        receiver.call(|client| asked.make(client))?;
        return receiver.finish();
    }
    let ready = receiver.beside(move |client| asked.make(client))?;
    let end = args.sink.receive(&receiver, args.bounds.bounds(), &ready)?;
    args.bounds.finish(end, receiver)
}

/// The subscriptions to make, and those to remove first.
struct Subscriptions {
    take_back: Vec<String>,
    make: Vec<String>,
    options: SubscribeOptions,
    qos: QoS,
}

impl Subscriptions {
    fn of(args: &SubArgs) -> Self {
        let mut options = SubscribeOptions::new(args.qos).no_local(args.no_local);
        if let Some(id) = args.subscription_id {
            options = options.identifier(id);
        }
        Subscriptions { take_back: args.unsubscribe.clone(), make: args.topics.clone(), options, qos: args.qos }
    }

    fn make(&self, client: &Client) -> aliyun_mqtt::Result<()> {
        for filter in &self.take_back {
            client.unsubscribe(filter)?;
        }
        let granted = match &self.make[..] {
            [] => Vec::new(),
            topics if self.options == self.qos.into() => {
                client.subscribe_many(&topics.iter().map(|topic| (topic.as_str(), self.qos)).collect::<Vec<_>>())?
            }
            topics => topics.iter().map(|topic| client.subscribe(topic, self.options)).collect::<Result<_, _>>()?,
        };
        for (topic, granted) in self.make.iter().zip(&granted).filter(|(_, granted)| **granted < self.qos) {
            report::warning(format!("{topic}: the server grants only {granted}"));
        }
        if std::io::stderr().is_terminal() {
            let client_id = client.config().client_id().to_string();
            subscribed(&self.make, &granted, &client_id).iter().for_each(report::status);
        }
        Ok(())
    }
}

/// The lines for a person at the terminal, who otherwise sees nothing until the first message.
fn subscribed(filters: &[String], granted: &[QoS], client_id: &str) -> Vec<Phrase> {
    if filters.is_empty() {
        return vec![phrase!("receiving as {client_id}, without a new subscription", client_id)];
    }
    let lines = filters.iter().zip(granted);
    let line = |(filter, granted): (&String, &QoS)| {
        phrase!("subscribed to {filter} with {granted}, as {client_id}", filter, granted, client_id)
    };
    lines.map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_filter_has_a_line_with_what_was_granted() {
        let filters = ["demo/#".to_string(), "demo/a".to_string()];
        let subscribed = |filters: &[String], granted: &[QoS], id| {
            let lines = subscribed(filters, granted, id);
            lines.iter().map(|line| line.english().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            subscribed(&filters, &[QoS::AtLeastOnce, QoS::AtMostOnce], "GID_demo@@@1"),
            ["subscribed to demo/# with QoS 1, as GID_demo@@@1", "subscribed to demo/a with QoS 0, as GID_demo@@@1"]
        );
        assert_eq!(subscribed(&[], &[], "id"), ["receiving as id, without a new subscription"]);
    }
}
