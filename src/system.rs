//! Descriptors, and errors of the system that `std::io::ErrorKind` does not distinguish.

use std::io;

/// Takes this many file descriptors at a time, and gives them back.
///
/// # Errors
/// The system's, if it refuses one of them.
#[cfg(unix)]
pub(crate) fn take_descriptors(count: usize) -> io::Result<()> {
    use std::os::unix::net::UnixDatagram;
    // The cheapest socket there is; a copy of a descriptor costs even less.
    let first = UnixDatagram::unbound()?;
    (1..count).map(|_| first.try_clone()).collect::<io::Result<Vec<_>>>().map(drop)
}

/// Takes this many sockets at a time, and gives them back.
///
/// # Errors
/// The system's, if it refuses one of them.
#[cfg(not(unix))]
pub(crate) fn take_descriptors(count: usize) -> io::Result<()> {
    use std::net::{Ipv4Addr, UdpSocket};
    (0..count).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))).collect::<io::Result<Vec<_>>>().map(drop)
}

/// Returns true if the system refused another file descriptor: EMFILE, ENFILE (24 and 23 on Unix), or WSAEMFILE.
pub(crate) fn no_descriptor(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24 | 10024))
}

/// Returns true if the lookup of a host name failed. std has no kind for it, only these texts.
pub(crate) fn lookup_failed(error: &io::Error) -> bool {
    let text = error.to_string();
    text.starts_with("failed to lookup address") || text.starts_with("could not resolve")
}
