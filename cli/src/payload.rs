//! What a command sends: the options that name one payload, where it is read from, and how.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::exit::{Failure, Result};
use crate::report;
use crate::settings::Settings;
use crate::stdio::Stream;

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
    /// Reads it, before anything is connected; it must be no more than so many bytes.
    pub(crate) fn read(&self, settings: &Settings, most: usize) -> Result<Vec<u8>> {
        one_way(&[self.message.is_some(), self.file.is_some(), self.stdin, self.empty], "-m, -f, -s and -n")?;
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

/// Refuses what names nothing to send, or several things.
pub(crate) fn one_way(ways: &[bool], names: &str) -> Result<()> {
    let what = match ways.iter().filter(|way| **way).count() {
        0 => "nothing to send is given",
        1 => return Ok(()),
        _ => "more than one thing to send is given",
    };
    Err(Failure::usage(what).hint(format!("give one of {names}")))
}

/// Where to read.
pub(crate) enum Place {
    Stdin,
    File(PathBuf),
}

/// Something to read from.
pub(crate) struct Reader {
    pub(crate) from: Box<dyn Read + Send>,
    /// For messages.
    pub(crate) name: String,
    /// Bytes to come, if that is known.
    pub(crate) size: Option<u64>,
}

impl Place {
    /// `-` is standard input, and so is no file at all.
    pub(crate) fn of(file: Option<&Path>) -> Self {
        match file {
            Some(path) if path.as_os_str() != "-" => Place::File(path.to_path_buf()),
            _ => Place::Stdin,
        }
    }

    /// Refuses to read a message from where a secret comes from.
    pub(crate) fn check(&self, settings: &Settings) -> Result<()> {
        match self {
            Place::Stdin if settings.reads_stdin() => {
                Err(Failure::usage("a secret and the message cannot both come from standard input")
                    .hint("give the secret's file by its path or as fd:N, or the message by -f"))
            }
            _ => Ok(()),
        }
    }

    /// Opens it; where a person types, that is said unless `quiet`.
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
                    report::note("reading from the terminal; Ctrl-D ends the input");
                }
                let name = "standard input".to_string();
                Ok(Reader { size: rest_of_stdin(), from: Box::new(io::stdin()), name })
            }
        }
    }
}

/// How much there is to read, where standard input is a file.
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
    /// All of it, which must be no more than that.
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

/// The failure of what is longer than a payload may be.
pub(crate) fn too_long(what: &str, limit: usize) -> Failure {
    Failure::usage(format!("{what} is longer than {limit} bytes")).hint("the service takes payloads of up to 64 KB")
}
