//! What a command sends: the options that name one payload, and how it is read.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use clap::Args;

use crate::exit::{Failure, Result};
use crate::settings::Settings;

const WHAT: &str = "Message";

/// One payload.
#[derive(Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct PayloadArgs {
    /// Send this text
    #[arg(long, short = 'm', value_name = "TEXT", allow_hyphen_values = true, help_heading = WHAT)]
    message: Option<OsString>,
    /// Send a file; - is stdin
    #[arg(long, short = 'f', value_name = "FILE", help_heading = WHAT)]
    file: Option<PathBuf>,
    /// Send all of stdin
    #[arg(long, short = 's', help_heading = WHAT)]
    stdin: bool,
    /// Send an empty message
    #[arg(long, short = 'n', help_heading = WHAT)]
    empty: bool,
}

impl PayloadArgs {
    /// Reads it, up to one byte more than may be sent: the library refuses that, and says why.
    pub(crate) fn read(&self, settings: &Settings, most: usize) -> Result<Vec<u8>> {
        let ways = [self.message.is_some(), self.file.is_some(), self.stdin, self.empty];
        match ways.iter().filter(|way| **way).count() {
            1 => {}
            count => {
                let what = if count == 0 { "nothing to send is given" } else { "more than one thing to send is given" };
                return Err(Failure::usage(what).hint("give one of -m, -f, -s and -n"));
            }
        }
        match (&self.message, &self.file) {
            (Some(text), _) => Ok(text.as_encoded_bytes().to_vec()),
            (None, Some(path)) if path.as_os_str() != "-" => {
                let read = File::open(path).and_then(|file| whole(file, most));
                read.map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))
            }
            (None, None) if self.empty => Ok(Vec::new()),
            _ if settings.reads_stdin() => Err(Failure::usage("stdin cannot give both a secret and the message")),
            _ => whole(io::stdin(), most).map_err(|error| Failure::usage(format!("cannot read stdin: {error}"))),
        }
    }
}

fn whole(from: impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
