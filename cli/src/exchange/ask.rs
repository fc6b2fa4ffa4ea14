//! Sends a request and prints the reply.

use std::time::Duration;

use aliyun_mqtt::{Outgoing, QoS, RequestOptions};
use clap::Args;

use crate::exit::{Exit, Result};
use crate::message::View;
use crate::payload::PayloadArgs;
use crate::receive::{PrintArgs, Printer, Receiver};
use crate::settings::GlobalArgs;
use crate::settings::Settings;
use crate::time::now;
use crate::values::seconds;

/// The options for a request and the printing of its reply.
#[derive(Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct AskArgs {
    #[command(flatten)]
    payload: PayloadArgs,
    /// Wait this many seconds for the reply, else exit with 5 [default: --timeout]
    #[arg(long, short = 'W', value_name = "SECONDS", value_parser = seconds)]
    wait: Option<Duration>,
    /// Topic of the reply, for servers without P2P; nobody else should read it [default: P2P to this client]
    #[arg(long, value_name = "TOPIC")]
    response_topic: Option<String>,
    /// Send the request in an envelope that clients of MQTT 3.1.1 can answer (always so with 3.1.1)
    #[arg(long, hide_short_help = true)]
    envelope: bool,
    #[command(flatten)]
    print: PrintArgs,
}

impl AskArgs {
    /// Sends the request to the topic and prints the reply.
    pub(crate) fn run(&self, global: &GlobalArgs, topic: impl FnOnce(&Settings) -> Result<String>) -> Result<Exit> {
        let settings = Settings::load(global)?;
        let topic = topic(&settings)?;
        let mut builder = settings.builder()?;
        if let Some(topic) = &self.response_topic {
            builder = builder.response_topic(topic);
        }
        let config = builder.build()?;
        let payload = self.payload.read(&settings, config.limits().payload_len)?;
        let options = RequestOptions::new(self.wait.unwrap_or_else(|| config.timeout())).envelope(self.envelope);
        let message = Outgoing::new(topic, QoS::AtLeastOnce, payload);
        let receiver = Receiver::connect(config)?;
        receiver.watch_output()?;
        if let Some(reply) = receiver.call(|client| client.request_message(message, options))? {
            let mut printer = Printer::new(&self.print);
            printer.print(&View::new(&reply, &now()))?;
            printer.flush()?;
        }
        receiver.finish()
    }
}
