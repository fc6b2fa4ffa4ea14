//! Prints messages to standard output.

use std::io;

use aliyun_mqtt::Message;
use clap::Args;

use super::Sink;
use crate::exit::Result;
use crate::format::{self, Format, Target};
use crate::message::{MessageJson, View};
use crate::output::Out;

pub(super) const OUTPUT: &str = "Output";

/// The options for printing messages.
#[derive(Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct PrintArgs {
    /// Print the topic before the payload, with control characters as escapes
    #[arg(long, short = 'v', help_heading = OUTPUT)]
    pub(crate) verbose: bool,
    /// Print no newline after each message
    #[arg(long, short = 'N', help_heading = OUTPUT)]
    pub(crate) no_newline: bool,
    /// Print in this format, as in mosquitto_sub: `%t %p`, `@H:@M`, `\t`
    #[arg(long, short = 'F', value_name = "FORMAT", value_parser = format::parse, conflicts_with = "verbose",
        help_heading = OUTPUT)]
    pub(crate) format: Option<Format>,
    /// Print one JSON object per message; a payload that is not UTF-8 as base64 in payload_b64
    #[arg(long, conflicts_with_all = ["verbose", "no_newline", "format"], help_heading = OUTPUT)]
    pub(crate) json: bool,
}

/// Prints messages.
pub(crate) struct Printer<'a> {
    out: Out,
    args: &'a PrintArgs,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(args: &'a PrintArgs) -> Self {
        Printer { out: Out::new(), args }
    }

    /// Prints a message, which appears after [`flush`](Printer::flush).
    pub(crate) fn print(&mut self, view: &View<'_>) -> io::Result<()> {
        if self.args.json {
            return self.out.json_line(&view.json().value());
        }
        match &self.args.format {
            Some(format) => format.write(view, &mut self.out)?,
            None => {
                self.topic(view)?;
                self.out.bytes(view.payload)?;
            }
        }
        if self.args.no_newline { Ok(()) } else { self.out.raw(b"\n") }
    }

    /// Prints the path of the file with the payload instead of the payload.
    pub(crate) fn print_path(&mut self, view: &View<'_>, path: &str) -> io::Result<()> {
        if self.args.json {
            let object = MessageJson { path: Some(path.to_string()), ..view.json_without_payload() };
            return self.out.json_line(&object.value());
        }
        self.topic(view)?;
        self.out.word(path)?;
        if self.args.no_newline { Ok(()) } else { self.out.raw(b"\n") }
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn topic(&mut self, view: &View<'_>) -> io::Result<()> {
        if self.args.verbose {
            self.out.word(view.topic)?;
            self.out.raw(b" ")?;
        }
        Ok(())
    }
}

impl Sink for Printer<'_> {
    fn take(&mut self, _message: &Message, view: &View<'_>) -> Result<()> {
        Ok(self.print(view)?)
    }

    fn settle(&mut self) -> Result<()> {
        Ok(self.flush()?)
    }
}

impl Target for Out {
    fn own(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.raw(bytes)
    }

    fn foreign(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes(bytes)
    }
}
