//! The source of a value.

use std::fmt;
use std::path::PathBuf;

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Flag(&'static str),
    Variable(&'static str),
    File { path: PathBuf, profile: Option<String>, key: String },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Flag(flag) => f.write_str(flag),
            Source::Variable(name) => write!(f, "environment variable {name}"),
            Source::File { path, profile: None, key } => write!(f, "{key} in {}", path.display()),
            Source::File { path, profile: Some(profile), key } => {
                write!(f, "{key} in [profile.{profile}] of {}", path.display())
            }
        }
    }
}
