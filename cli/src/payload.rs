//! The payload a command sends: its options, and where it is read from.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::exit::{Failure, Result};
use crate::lang::{Phrase, phrase};
use crate::report;
use crate::settings::Settings;
use crate::stdio::Stream;

const WHAT: &str = "Message";

/// The options that specify the payload.
#[derive(Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct PayloadArgs {
    /// Send this text
    #[arg(long, short = 'm', value_name = "TEXT", allow_hyphen_values = true, help_heading = WHAT)]
    message: Option<OsString>,
    /// Send a file as one message; - is stdin
    #[arg(long, short = 'f', value_name = "FILE", help_heading = WHAT)]
    file: Option<PathBuf>,
    /// Send all of stdin as one message
    #[arg(long, short = 's', help_heading = WHAT)]
    stdin: bool,
    /// Send an empty message
    #[arg(long, short = 'n', help_heading = WHAT)]
    empty: bool,
}

impl PayloadArgs {
    /// Reads the payload before anything is connected, or fails if it is longer than `most` bytes.
    pub(crate) fn read(&self, settings: &Settings, most: usize) -> Result<Vec<u8>> {
        one_way(&[self.message.is_some(), self.file.is_some(), self.stdin, self.empty], || {
            phrase!("give one of -m, -f, -s and -n")
        })?;
        let bytes = match (&self.message, &self.file) {
            (Some(text), _) => text.as_encoded_bytes().to_vec(),
            _ if self.empty => Vec::new(),
            (None, path) => {
                let place = Place::of(path.as_deref());
                place.check(settings)?;
                place.open(false)?.whole(most)?
            }
        };
        if bytes.len() > most { Err(too_long("the message", most)) } else { Ok(bytes) }
    }
}

/// Fails unless exactly one payload is specified.
pub(crate) fn one_way(ways: &[bool], hint: impl FnOnce() -> Phrase) -> Result<()> {
    let what = match ways.iter().filter(|way| **way).count() {
        0 => "no payload is specified",
        1 => return Ok(()),
        _ => "more than one payload is specified",
    };
    Err(Failure::usage(what).hint(hint()))
}

/// A place to read from.
pub(crate) enum Place {
    Stdin,
    File(PathBuf),
}

/// An open place to read from.
pub(crate) struct Reader {
    pub(crate) from: Box<dyn Read + Send>,
    /// The name in messages.
    pub(crate) name: String,
    /// The number of bytes to read, if known.
    pub(crate) size: Option<u64>,
}

impl Place {
    /// Returns the place of a file; `-` and no file are standard input.
    pub(crate) fn of(file: Option<&Path>) -> Self {
        match file {
            Some(path) if path.as_os_str() != "-" => Place::File(path.to_path_buf()),
            _ => Place::Stdin,
        }
    }

    /// Fails if a secret is read from the same place.
    pub(crate) fn check(&self, settings: &Settings) -> Result<()> {
        match self {
            Place::Stdin if settings.reads_stdin() => {
                Err(Failure::usage("a secret and the message cannot both come from standard input")
                    .hint(phrase!("give the secret's file by its path or as fd:N, or the message by -f")))
            }
            _ => Ok(()),
        }
    }

    /// Opens the place. Unless `quiet`, a person at the terminal is told that the program reads from it.
    pub(crate) fn open(self, quiet: bool) -> Result<Reader> {
        match self {
            Place::File(path) => {
                let name = path.display().to_string();
                let cannot = |error: io::Error| Failure::usage(format!("cannot read {name}: {error}"));
                let file = File::open(&path).map_err(cannot)?;
                let data = file.metadata().map_err(cannot)?;
                if data.is_dir() {
                    return Err(cannot(io::ErrorKind::IsADirectory.into()));
                }
                Ok(Reader { from: Box::new(file), size: data.is_file().then_some(data.len()), name })
            }
            Place::Stdin => {
                Stream::Input.check()?;
                if !quiet && io::stdin().is_terminal() && io::stderr().is_terminal() {
                    report::status(&phrase!("reading from the terminal; press Ctrl-D to end the input"));
                }
                let name = "standard input".to_string();
                Ok(Reader { size: rest_of_stdin(), from: Box::new(io::stdin()), name })
            }
        }
    }
}

/// Returns how many bytes are left to read if standard input is a file.
#[cfg(unix)]
fn rest_of_stdin() -> Option<u64> {
    use std::io::Seek as _;
    use std::os::fd::AsFd as _;
    let mut file = File::from(io::stdin().as_fd().try_clone_to_owned().ok()?);
    let data = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    data.len().checked_sub(file.stream_position().ok()?)
}

#[cfg(not(unix))]
fn rest_of_stdin() -> Option<u64> {
    None
}

impl Reader {
    /// Reads to the end, or fails above the limit.
    pub(crate) fn whole(self, limit: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.from.take((limit as u64).saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| Failure::io(format!("cannot read {}", self.name), &error))?;
        if bytes.len() > limit {
            return Err(too_long(&self.name, limit));
        }
        Ok(bytes)
    }
}

/// Returns the failure for a payload above the limit.
pub(crate) fn too_long(what: &str, limit: usize) -> Failure {
    Failure::usage(format!("{what} is longer than {limit} bytes"))
        .hint(phrase!("the service takes payloads of up to 64 KB"))
}
