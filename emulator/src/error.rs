//! The errors of the emulator itself.

use std::fmt;
use std::io;

/// An error of the emulator itself.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something, such as a port or a thread.
    Io {
        /// The operation that failed.
        what: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The certificates could not be created.
    Tls(String),
    /// A setting or an argument is invalid; the text says which and why.
    Invalid(String),
    /// The broker inside failed.
    Broker(String),
    /// The emulator is stopped.
    Stopped,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { what, source } => write!(f, "cannot {what}: {source}"),
            Self::Tls(why) => write!(f, "cannot create the certificates: {why}"),
            Self::Invalid(why) => f.write_str(why),
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
