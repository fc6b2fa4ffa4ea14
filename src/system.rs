//! What the system's errors mean, where `std::io::ErrorKind` has no word for it.

use std::io;

/// Whether the system refused another descriptor: EMFILE, ENFILE (24 and 23 on Unix), or WSAEMFILE.
pub(crate) fn no_descriptor(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24 | 10024))
}

/// Whether a look-up of a host name failed; std gives that no kind of its own, only this text.
pub(crate) fn look_up_failed(error: &io::Error) -> bool {
    let text = error.to_string();
    text.starts_with("failed to lookup address") || text.starts_with("could not resolve")
}
