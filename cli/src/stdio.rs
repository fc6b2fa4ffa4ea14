//! The standard streams: which of them were closed when the program was started, and who reads the output.

use std::io;

use crate::exit::{Failure, Result};

/// One of the standard streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Input = 0,
    Output = 1,
}

impl Stream {
    /// Fails where the program was started with this stream closed (`<&-`, `>&-`): what is read there is not the end of
    /// the input, and what is written there is lost.
    pub(crate) fn check(self) -> Result<()> {
        self.open().map_err(|error| {
            let (what, hint) = match self {
                Stream::Input => ("cannot read", "`< /dev/null` gives an empty one"),
                Stream::Output => ("there is nowhere to print to", "`> /dev/null` discards the output"),
            };
            Failure::io(what, &error).hint(hint)
        })
    }

    /// The same, as the read or write would say it.
    pub(crate) fn open(self) -> io::Result<()> {
        match (started::closed(self), self) {
            (false, _) => Ok(()),
            (true, Stream::Input) => Err(io::Error::other("standard input is closed")),
            (true, Stream::Output) => Err(io::Error::other("standard output is closed")),
        }
    }
}

/// Waits until nobody reads the output any more: the other end of a pipe is closed, or a terminal has hung up. Returns
/// false where that cannot be known.
#[cfg(unix)]
pub(crate) fn reader_has_gone() -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let stdout = rustix::stdio::stdout();
    loop {
        // These two are reported without being asked for; nothing else ends the wait.
        let mut fds = [PollFd::from_borrowed_fd(stdout, PollFlags::empty())];
        match poll(&mut fds, None) {
            Ok(_) if fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) => return true,
            Err(rustix::io::Errno::INTR) => {}
            // A file, say, which some systems do not wait for.
            Ok(_) | Err(_) => return false,
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn reader_has_gone() -> bool {
    false
}

/// What the streams were before Rust's runtime started. It opens /dev/null for those that are closed, for reading and
/// writing, as Python's `DEVNULL` and node's `'ignore'` do: afterwards nobody can tell what was meant.
#[cfg(unix)]
mod started {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::Stream;

    /// A bit for each stream that was closed.
    static CLOSED: AtomicU8 = AtomicU8::new(0);

    ctor::declarative::ctor! {
        /// Runs before `main`, so it only makes system calls.
        #[ctor(unsafe)]
        fn look() {
            let streams = [(Stream::Input, rustix::stdio::stdin()), (Stream::Output, rustix::stdio::stdout())];
            for (stream, fd) in streams {
                if rustix::io::fcntl_getfd(fd) == Err(rustix::io::Errno::BADF) {
                    CLOSED.fetch_or(1 << stream as u8, Ordering::Relaxed);
                }
            }
        }
    }

    pub(super) fn closed(stream: Stream) -> bool {
        CLOSED.load(Ordering::Relaxed) & 1 << stream as u8 != 0
    }
}

/// A program of a window has no streams on some systems, and is not started from a shell that could close them.
#[cfg(not(unix))]
mod started {
    pub(super) fn closed(_stream: super::Stream) -> bool {
        false
    }
}
