//! Reads whole files that the user names: also a pipe or a device that delivers nothing, or never ends.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::detached;
use crate::sync::lock;

/// The files whose reading was given up and has not ended, each on a thread of its own.
static STUCK: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// The reason why a file was not read.
#[derive(Debug)]
pub(crate) enum Unread {
    System(io::Error),
    /// It has more than this many bytes.
    TooLong(u64),
    /// It has not ended within this time.
    TooSlow(Duration),
    /// An earlier reading of it was given up and has not ended. No second thread is left behind for it.
    Stuck,
    NoThread,
}

/// Reads a whole file of at most `most` bytes, for at most `timeout`.
pub(crate) fn read(path: &Path, most: u64, timeout: Duration) -> Result<Zeroizing<Vec<u8>>, Unread> {
    if lock(&STUCK).contains(path) {
        return Err(Unread::Stuck);
    }
    let place = path.to_path_buf();
    let (answer, answers) = std::sync::mpsc::sync_channel(1);
    // Opening may wait, too: a named pipe waits for a writer.
    let reading = move || {
        let read = read_now(&place, most);
        let mut stuck = lock(&STUCK);
        let _ = answer.send(read);
        if stuck.remove(&place) {
            detached::count_stranded(false);
        }
    };
    detached::start("aliyun-mqtt-file", reading).map_err(|_| Unread::NoThread)?;
    if let Ok(read) = detached::wait(&answers, Instant::now() + timeout, || false) {
        return read;
    }
    let mut stuck = lock(&STUCK);
    // It may have ended just now.
    answers.try_recv().unwrap_or_else(|_| {
        if stuck.insert(path.to_path_buf()) {
            detached::count_stranded(true);
        }
        Err(Unread::TooSlow(timeout))
    })
}

/// Returns the warning about a file with a secret that others than its owner may read or change; always `None` on
/// systems without Unix permissions.
#[must_use]
pub fn open_to_others(path: &Path) -> Option<String> {
    #[cfg(unix)]
    let is_open = {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o066 != 0)
    };
    #[cfg(not(unix))]
    let is_open = false;
    is_open.then(|| format!("{} holds a secret, and others than its owner may read or change it", path.display()))
}

fn read_now(path: &Path, most: u64) -> Result<Zeroizing<Vec<u8>>, Unread> {
    let file = File::open(path).map_err(Unread::System)?;
    // Of full size from the start, so that growing leaves no copy of a secret behind.
    let size = file.metadata().map_or(0, |data| data.len()).min(most) + 32;
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(size).unwrap_or(0)));
    file.take(most + 1).read_to_end(&mut bytes).map_err(Unread::System)?;
    if bytes.len() as u64 > most { Err(Unread::TooLong(most)) } else { Ok(bytes) }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unread::System(error) => error.fmt(f),
            Unread::TooLong(most) => write!(f, "it is longer than {most} bytes"),
            Unread::TooSlow(time) => write!(f, "not to its end within {} s", time.as_secs_f64()),
            Unread::Stuck => f.write_str("an earlier attempt to read it has not ended"),
            Unread::NoThread => f.write_str("no thread can be started"),
        }
    }
}
