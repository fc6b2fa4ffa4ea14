//! The standard streams: which were closed at the start, and whether anybody still reads the output.

use std::io;

use crate::exit::{Failure, Result};
use crate::lang::phrase;

/// One of the standard streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Input = 0,
    Output = 1,
}

impl Stream {
    /// Fails if the program was started with this stream closed (`<&-`, `>&-`): reading would look like the end of the
    /// input, and output would be lost.
    pub(crate) fn check(self) -> Result<()> {
        self.open().map_err(|error| {
            let (what, hint) = match self {
                Stream::Input => ("cannot read", phrase!("`< /dev/null` gives an empty one")),
                Stream::Output => ("there is nowhere to print to", phrase!("`> /dev/null` discards the output")),
            };
            Failure::io(what, &error).hint(hint)
        })
    }

    /// Like [`check`](Stream::check), as an error of the read or write.
    pub(crate) fn open(self) -> io::Result<()> {
        match (started::closed(self), self) {
            (false, _) => Ok(()),
            (true, Stream::Input) => Err(io::Error::other("standard input is closed")),
            (true, Stream::Output) => Err(io::Error::other("standard output is closed")),
        }
    }
}

/// Waits until the other end of a pipe is closed or a terminal has hung up. Returns false if that cannot be detected.
#[cfg(unix)]
pub(crate) fn reader_has_gone() -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let stdout = rustix::stdio::stdout();
    loop {
        // The system always reports these two; nothing else ends the wait.
        let mut fds = [PollFd::from_borrowed_fd(stdout, PollFlags::empty())];
        match poll(&mut fds, None) {
            Ok(_) if fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) => return true,
            Err(rustix::io::Errno::INTR) => {}
            // Some systems do not support this for files, for instance.
            Ok(_) | Err(_) => return false,
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn reader_has_gone() -> bool {
    false
}

/// The state of the streams before Rust's runtime starts. The runtime opens /dev/null for closed ones, which afterwards
/// look like the `DEVNULL` of Python or the `'ignore'` of node.
#[cfg(unix)]
mod started {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::Stream;

    /// One bit for each stream that was closed.
    static CLOSED: AtomicU8 = AtomicU8::new(0);

    ctor::declarative::ctor! {
        /// Runs before `main`, so it makes nothing but system calls.
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

/// Elsewhere streams are missing for other reasons (a program with a window), and no shell closes them.
#[cfg(not(unix))]
mod started {
    pub(super) fn closed(_stream: super::Stream) -> bool {
        false
    }
}
