//! Errors of the system that `std::io::ErrorKind` does not distinguish.

use std::io;

/// Returns true if the system refused another file descriptor: EMFILE, ENFILE (24 and 23 on Unix), or WSAEMFILE.
pub(crate) fn no_descriptor(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24 | 10024))
}

/// Returns true if the lookup of a host name failed. std has no kind for it, only these texts.
pub(crate) fn lookup_failed(error: &io::Error) -> bool {
    let text = error.to_string();
    text.starts_with("failed to lookup address") || text.starts_with("could not resolve")
}
