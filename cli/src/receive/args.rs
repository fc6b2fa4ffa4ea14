//! The options of the commands that receive messages.

use std::path::PathBuf;
use std::time::Duration;

use aliyun_mqtt::ConfigBuilder;
use clap::Args;

use super::command::{Exec, PROCESSING};
use super::folder::Folder;
use super::print::OUTPUT;
use super::{Bounds, Command, CommandArgs, End, PrintArgs, Printer, Ready, Receiver, Sink, consume, filter};
use crate::exit::{Exit, Failure, Result};
use crate::settings::{Key, Settings};
use crate::values::seconds;

/// Keeps the session at the server.
#[derive(Debug, Default, Args)]
pub(crate) struct SessionArgs {
    /// Keep the session and its messages at the server while offline; needs a device id
    #[arg(long, short = 'c')]
    keep_session: bool,
}

impl SessionArgs {
    pub(crate) fn apply(&self, builder: ConfigBuilder, settings: &Settings) -> Result<ConfigBuilder> {
        if !self.keep_session {
            return Ok(builder);
        }
        match (settings.text(Key::CleanSession), settings.source(Key::CleanSession)) {
            (Some("true"), Some(source)) => {
                Err(Failure::usage(format!("--keep-session contradicts clean_session = true ({source})")))
            }
            _ => Ok(builder.clean_session(false)),
        }
    }
}

/// When to stop.
#[derive(Debug, Args)]
pub(crate) struct BoundArgs {
    /// Exit after COUNT messages
    #[arg(long, short = 'C', value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Exit after this many seconds [exit code 0, or 5 if fewer messages than -C have arrived]
    #[arg(long, short = 'W', value_name = "SECONDS", value_parser = seconds)]
    duration: Option<Duration>,
}

impl BoundArgs {
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds { count: self.count, duration: self.duration }
    }

    /// Disconnects and returns how the command ends.
    pub(crate) fn finish(&self, end: End, receiver: Receiver) -> Result<Exit> {
        let exit = receiver.finish()?;
        match (end, self.count) {
            (End::Time, Some(count)) => {
                let time = self.duration.unwrap_or_default().as_secs_f64();
                let what = if count == 1 { "no message".to_string() } else { format!("fewer than {count} messages") };
                Err(Failure::new(Exit::Timeout, format!("{what} arrived within {time} s")))
            }
            _ => Ok(exit),
        }
    }
}

/// Where messages go.
#[derive(Debug, Args)]
pub(crate) struct SinkArgs {
    #[command(flatten)]
    print: PrintArgs,
    /// Ignore messages whose topic matches this filter; may be repeated
    #[arg(long, short = 'T', value_name = "FILTER", value_parser = filter::parse)]
    filter_out: Vec<String>,
    /// Write each payload to a file of its own in this directory and print its path
    #[arg(long, value_name = "DIR", conflicts_with = "format", help_heading = OUTPUT)]
    output_dir: Option<PathBuf>,
    /// Sync each file to disk before acknowledging its message
    #[arg(long, requires = "output_dir", help_heading = OUTPUT)]
    fsync: bool,
    #[command(flatten)]
    command: CommandArgs,
    /// Continue after a failed command: report and acknowledge the message, and exit with 1 at the end
    #[arg(long, requires = "exec", help_heading = PROCESSING)]
    keep_going: bool,
}

impl SinkArgs {
    /// Refuses options that exclude each other, before anything is connected.
    pub(crate) fn check(&self) -> Result<()> {
        if self.command.exec.is_none() {
            return Ok(());
        }
        let print = &self.print;
        if print.verbose || print.no_newline || print.json || print.format.is_some() || self.output_dir.is_some() {
            return Err(Failure::usage(
                "--exec prints nothing itself, so it cannot be combined with -v, -N, -F, --json or --output-dir",
            ));
        }
        Ok(())
    }

    /// Receives until the bounds are reached. Their time starts when `ready` is set.
    pub(crate) fn receive(&self, receiver: &Receiver, bounds: Bounds, ready: &Ready) -> Result<End> {
        let printer = || Printer::new(&self.print);
        if self.command.exec.is_none() {
            receiver.watch_output()?;
        }
        match (&self.command.exec, &self.output_dir) {
            (Some(line), _) => {
                let command = Command::new(line, self.command.exec_timeout, receiver.interrupt());
                self.run(receiver, bounds, ready, &mut Exec::new(command, self.keep_going))
            }
            (None, Some(path)) => self.run(receiver, bounds, ready, &mut Folder::new(path, self.fsync, printer())?),
            (None, None) => self.run(receiver, bounds, ready, &mut printer()),
        }
    }

    fn run(&self, receiver: &Receiver, bounds: Bounds, ready: &Ready, sink: &mut impl Sink) -> Result<End> {
        let wanted = |topic: &str| !filter::any_matches(&self.filter_out, topic);
        consume(receiver, bounds, ready, wanted, sink)
    }
}
