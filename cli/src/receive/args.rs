//! The options of commands that receive until they are told to end.

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

/// Whether the broker keeps the session.
#[derive(Debug, Default, Args)]
pub(crate) struct SessionArgs {
    /// Keep the session at the broker, with what comes meanwhile; needs a device id (as --clean-session=false)
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

/// When to end.
#[derive(Debug, Args)]
pub(crate) struct BoundArgs {
    /// End after this many messages
    #[arg(long, short = 'C', value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after this time [exit code 0; with -C 5, if the count was not reached]
    #[arg(long, short = 'W', value_name = "SECONDS", value_parser = seconds)]
    duration: Option<Duration>,
}

impl BoundArgs {
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds { count: self.count, duration: self.duration }
    }

    /// The end of a command whose loop has ended.
    pub(crate) fn finish(&self, end: End, receiver: Receiver) -> Result<Exit> {
        let exit = receiver.finish()?;
        match (end, self.count) {
            (End::Time, Some(count)) => {
                let time = self.duration.unwrap_or_default().as_secs_f64();
                Err(Failure::new(Exit::Timeout, format!("after {time} s, fewer than {count} messages had come")))
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
    /// Leave out messages whose topic matches this filter; they do not count; may be repeated
    #[arg(long, short = 'T', value_name = "FILTER", value_parser = filter::parse)]
    filter_out: Vec<String>,
    /// Write each payload into a file of its own in this folder, and print its path
    #[arg(long, value_name = "DIR", conflicts_with = "format", help_heading = OUTPUT)]
    output_dir: Option<PathBuf>,
    /// A file is on the disk before its message is acknowledged
    #[arg(long, requires = "output_dir", help_heading = OUTPUT)]
    fsync: bool,
    #[command(flatten)]
    command: CommandArgs,
    /// When a command fails, go on: the message is reported, acknowledged and lost, and the exit code will be 1
    #[arg(long, requires = "exec", help_heading = PROCESSING)]
    keep_going: bool,
}

impl SinkArgs {
    /// Refuses what does not fit together, before anything is connected.
    pub(crate) fn check(&self) -> Result<()> {
        if self.command.exec.is_none() {
            return Ok(());
        }
        let print = &self.print;
        if print.verbose || print.no_newline || print.json || print.format.is_some() || self.output_dir.is_some() {
            return Err(Failure::usage(
                "with --exec nothing is printed: -v, -N, -F, --json and --output-dir have no place",
            ));
        }
        Ok(())
    }

    /// Receives until the bounds are reached; their time runs from when it is `ready`.
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
        let wanted = |topic: &str| !self.filter_out.iter().any(|filter| filter::matches(filter, topic));
        consume(receiver, bounds, ready, wanted, sink)
    }
}
