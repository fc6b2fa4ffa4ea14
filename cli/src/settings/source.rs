//! The source of a value.

use std::fmt;
use std::path::PathBuf;

use crate::lang::{Phrase, phrase};

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Flag(&'static str),
    Variable(&'static str),
    File { path: PathBuf, profile: Option<String>, key: String },
}

impl Source {
    pub(crate) fn phrase(&self) -> Phrase {
        match self {
            Source::Flag(flag) => Phrase::untranslated(*flag),
            Source::Variable(name) => phrase!("environment variable {name}", name),
            Source::File { path, profile, key } => {
                let path = path.display();
                match profile {
                    None => phrase!("{key} in {path}", key, path),
                    Some(profile) => phrase!("{key} in [profile.{profile}] of {path}", key, profile, path),
                }
            }
        }
    }
}

/// In English, for errors and JSON.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.phrase().english())
    }
}
