//! The errors of a spool's file.

use std::path::Path;

use crate::error::{Error, ErrorKind, Hint};

/// The error about a spool's file.
pub(super) fn fault(path: &Path, what: &str) -> Error {
    Error::new(ErrorKind::Spool, format!("the spool {}: {what}", path.display()))
}

/// The error of a spool whose lock is held elsewhere.
pub(super) fn locked(path: &Path) -> Error {
    fault(path, "it is in use by another process, or by another client of this process").with_hint(Hint::SpoolInUse)
}
