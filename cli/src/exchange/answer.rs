//! Answers requests.

use aliyun_mqtt::{Client, Error, Message, QoS};
use clap::Args;

use crate::exit::{Exit, Failure, Result};
use crate::lang::phrase;
use crate::message::View;
use crate::receive::{BoundArgs, Command, CommandArgs, Output, Ready, Receiver, Sink, consume};
use crate::report;

const ANSWER: &str = "Reply";

/// The options for answering requests.
#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    #[command(flatten)]
    command: CommandArgs,
    /// Reply with this text
    #[arg(long, short = 'm', value_name = "TEXT", allow_hyphen_values = true, help_heading = ANSWER)]
    message: Option<String>,
    /// Reply with the payload of the request
    #[arg(long, help_heading = ANSWER)]
    echo: bool,
    #[command(flatten)]
    bounds: BoundArgs,
}

impl AnswerArgs {
    /// Fails unless exactly one reply is specified.
    pub(crate) fn check(&self) -> Result<()> {
        match [self.command.exec.is_some(), self.message.is_some(), self.echo].iter().filter(|way| **way).count() {
            1 => Ok(()),
            0 => Err(Failure::usage("no reply is specified").hint(phrase!("give one of --exec, -m and --echo"))),
            _ => {
                Err(Failure::usage("more than one reply is specified")
                    .hint(phrase!("give one of --exec, -m and --echo")))
            }
        }
    }

    /// Answers requests until the bounds are reached. Their time starts when `ready` is set.
    pub(crate) fn run(&self, receiver: Receiver, ready: &Ready) -> Result<Exit> {
        let command = &self.command;
        let way = match (&command.exec, &self.message) {
            (Some(line), _) => Way::Command(Command::new(line, command.exec_timeout, receiver.interrupt())),
            (None, Some(text)) => Way::Text(text),
            (None, None) => Way::Echo,
        };
        let mut answerer = Answerer { client: receiver.client().clone(), way, failed: 0 };
        let end = consume(&receiver, self.bounds.bounds(), ready, |_| true, &mut answerer)?;
        drop(answerer);
        self.bounds.finish(end, receiver)
    }
}

enum Way<'a> {
    Command(Command),
    Text(&'a str),
    Echo,
}

/// Answers requests. A request that cannot be answered is reported and does not stop the others.
struct Answerer<'a> {
    client: Client,
    way: Way<'a>,
    failed: u64,
}

impl Answerer<'_> {
    /// Answers a request, or returns why it cannot be answered.
    fn answer(&self, message: &Message, view: &View<'_>) -> Result<(), String> {
        let request = message.request().ok_or("it has no response topic, so it is not a request")?;
        let asked = View { payload: request.payload(), response_topic: Some(request.response_topic()), ..*view };
        let reply = match &self.way {
            Way::Command(command) => {
                command.run(&asked, request.payload(), Output::Captured).map_err(|why| format!("the command {why}"))?
            }
            Way::Text(text) => text.as_bytes().to_vec(),
            Way::Echo => request.payload().to_vec(),
        };
        let reply = request.reply(QoS::AtLeastOnce, reply);
        self.client.publish_message(reply).map_err(|error: Error| error.to_string())
    }
}

impl Sink for Answerer<'_> {
    fn take(&mut self, message: &Message, view: &View<'_>) -> Result<()> {
        if let Err(why) = self.answer(message, view) {
            self.failed += 1;
            report::warning(format!("a message on topic {} was not answered: {why}", view.topic));
        }
        Ok(())
    }

    fn one_by_one(&self) -> bool {
        true
    }

    fn verdict(&self) -> Result<()> {
        match self.failed {
            0 => Ok(()),
            failed => Err(Failure::new(Exit::Failure, format!("{failed} messages were not answered"))),
        }
    }
}
