//! What can go wrong with the emulator itself.

use std::fmt;
use std::io;

/// Why the emulator could not do what was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A port could not be bound, a thread not started, or the like.
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The certificates could not be made.
    Tls(String),
    /// A setting or an argument is not usable.
    Invalid(String),
    /// The broker inside did not do its part.
    Broker(String),
    /// The emulator is stopped.
    Stopped,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { what, source } => write!(f, "cannot {what}: {source}"),
            Self::Tls(why) => write!(f, "cannot make the certificates: {why}"),
            Self::Invalid(why) => write!(f, "not usable: {why}"),
            Self::Broker(why) => write!(f, "the broker inside failed: {why}"),
            Self::Stopped => f.write_str("the emulator is stopped"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl Error {
    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }
}
