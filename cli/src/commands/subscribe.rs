//! `sub`: receives messages of topics, and acknowledges each once it is safe.

use std::io::IsTerminal as _;

use aliyun_mqtt::{AckMode, Client, QoS, SubscribeOptions};
use clap::Args;

use crate::exit::{Exit, Result};
use crate::receive::{BoundArgs, Receiver, SessionArgs, SinkArgs};
use crate::report;
use crate::settings::GlobalArgs;
use crate::settings::Settings;
use crate::values::qos;

const HELP: &str = "\
A message is acknowledged when it is printed and flushed, when its file has its final name, or when its command has ended \
with 0. What was not acknowledged comes again: in the same session, so keep one (-c, with a device id) where no message may \
be missed. A message may therefore come twice, after a lost connection or a killed program. Acknowledgements go in the order \
of receipt.

When a command of --exec fails, sub ends with 1 and the message is not acknowledged, nor is any after it; --keep-going skips \
it instead. Commands run one at a time, in the order of receipt. Their environment has MQTT_TOPIC, MQTT_QOS, MQTT_RETAIN, \
MQTT_DUP, MQTT_TIME, MQTT_PAYLOAD_LEN and, where the message has them, MQTT_CONTENT_TYPE, MQTT_RESPONSE_TOPIC and \
MQTT_USER_PROPERTIES (JSON pairs); the variables that hold secrets are taken out, unless --pass-secrets is given. Write \"$MQTT_TOPIC\" in quotes: \
others have chosen it. An environment cannot hold a NUL or an endless value: a NUL is U+FFFD there, a value of more than \
64 KB (1 KB, where the system does not take them together) is left out, and MQTT_INEXACT names these variables.

Formats of -F: %t topic, %p payload, %x %X payload in hex, %l length, %q QoS, %r retain, %I ISO 8601 time, %U Unix time, \
%j JSON, %J JSON with the payload as JSON, and of MQTT 5 %C content type, %D correlation data, %E expiry, %F text flag, \
%P user properties, %R response topic, %S subscription ids; with -, 0, width and .precision as in printf. @ and a letter is a \
part of the time as in strftime, @N the nanoseconds; \\0 \\a \\e \\n \\r \\t \\v \\\\ are characters. In the topic and in properties control \
characters are shown as escapes, with -v too, so that a message makes no line but by its payload; --json has all as it is.

Examples:
  aliyun-mqtt sub -t 'demo/#' -v
  aliyun-mqtt sub -t demo/orders -c --device-id store-1 --output-dir incoming
  aliyun-mqtt sub -t demo/state -C 1 -W 10 -F '%I %t %p'
  aliyun-mqtt sub -t demo/jobs --exec 'jq -r .name'";

#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct SubArgs {
    /// Topic or filter to subscribe to; may be repeated
    #[arg(long = "topic", short = 't', value_name = "FILTER",
        required_unless_present_any = ["unsubscribe", "no_subscribe"])]
    topics: Vec<String>,
    /// The highest QoS to receive with, 0 to 2
    #[arg(long, short = 'q', value_name = "QOS", value_parser = qos(), default_value = "1")]
    qos: QoS,
    #[command(flatten)]
    session: SessionArgs,
    /// Unsubscribe from this filter first; may be repeated
    #[arg(long, short = 'U', value_name = "FILTER")]
    unsubscribe: Vec<String>,
    /// Subscribe to nothing: receive P2P messages and those of a kept session
    #[arg(long, conflicts_with_all = ["topics", "qos", "no_local", "subscription_id"])]
    no_subscribe: bool,
    /// Do not receive what this client publishes (MQTT 5)
    #[arg(long, hide_short_help = true)]
    no_local: bool,
    /// Number that comes with the messages, 1 to 268435455 (MQTT 5)
    #[arg(long, value_name = "ID", hide_short_help = true)]
    subscription_id: Option<u32>,
    /// End when the subscriptions are made
    #[arg(long, short = 'E', conflicts_with_all = ["count", "duration", "filter_out", "exec", "output_dir", "json", "format",
        "verbose", "no_newline"])]
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
        report::warning("the service keeps no messages of QoS 2 for a client that is offline; QoS 1 is kept");
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

/// What is asked of the broker.
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
            topics => {
                topics.iter().map(|topic| client.subscribe_with(topic, self.options)).collect::<Result<_, _>>()?
            }
        };
        for (topic, granted) in self.make.iter().zip(&granted).filter(|(_, granted)| **granted < self.qos) {
            report::warning(format!("{topic}: the server grants only {granted}"));
        }
        if std::io::stderr().is_terminal() {
            let client_id = client.config().client_id().to_string();
            subscribed(&self.make, &granted, &client_id).into_iter().for_each(report::note);
        }
        Ok(())
    }
}

/// What a person at the terminal reads while nothing has come yet.
fn subscribed(filters: &[String], granted: &[QoS], client_id: &str) -> Vec<String> {
    if filters.is_empty() {
        return vec![format!("receiving as {client_id}, without a new subscription")];
    }
    let lines = filters.iter().zip(granted);
    lines.map(|(filter, granted)| format!("subscribed to {filter} with {granted}, as {client_id}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_filter_has_a_line_with_what_was_granted() {
        let filters = ["demo/#".to_string(), "demo/a".to_string()];
        assert_eq!(
            subscribed(&filters, &[QoS::AtLeastOnce, QoS::AtMostOnce], "GID_demo@@@1"),
            ["subscribed to demo/# with QoS 1, as GID_demo@@@1", "subscribed to demo/a with QoS 0, as GID_demo@@@1"]
        );
        assert_eq!(subscribed(&[], &[], "id"), ["receiving as id, without a new subscription"]);
    }
}
