//! The lock file, which also holds the number of transactions of the spool.
//!
//! After a crash redb takes the newer of its two commit slots that is sound. Damage to the newer one therefore looks
//! like an interrupted commit, and is rolled back silently. The count in this file distinguishes the two. It is written
//! after each commit that is safely on disk, without an `fsync`: if it lags behind, it only detects less.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Error, Read, Result, Seek, SeekFrom, Write};
use std::path::Path;

use super::format::checksum;

/// The exclusive lock, which ends with the process, or when this is dropped.
#[derive(Debug)]
pub(super) struct LockFile(File);

/// The noted number of transactions, and the spool it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    /// The spool's random id, created with it.
    pub(super) id: u64,
    pub(super) commits: u64,
}

impl LockFile {
    /// Takes the lock; returns `Ok(None)` if it is held elsewhere. A symbolic link in its place is not followed.
    pub(super) fn take(path: &Path) -> Result<Option<Self>> {
        if fs::symlink_metadata(path).is_ok_and(|data| data.is_symlink()) {
            return Err(Error::other("it is a symbolic link, which is not followed"));
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            // A link may have been created just now.
            options.mode(0o600).custom_flags(libc::O_NOFOLLOW);
        }
        let file = options.open(path)?;
        if !file.metadata()?.is_file() {
            return Err(Error::other("it is not a regular file"));
        }
        match file.try_lock() {
            Ok(()) => Ok(Some(LockFile(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Returns the last noted count; `None` if there is none, or not a valid one.
    pub(super) fn read(&mut self) -> Option<Count> {
        let mut bytes = Vec::new();
        self.0.seek(SeekFrom::Start(0)).ok()?;
        (&self.0).take(64).read_to_end(&mut bytes).ok()?;
        let (id, rest) = bytes.split_first_chunk::<8>()?;
        let (commits, sum) = rest.split_first_chunk::<8>()?;
        let id = u64::from_le_bytes(*id);
        let sound = checksum(id, commits).to_le_bytes() == sum;
        sound.then(|| Count { id, commits: u64::from_le_bytes(*commits) })
    }

    /// Notes a count. After a failure, later damage may go unnoticed.
    pub(super) fn write(&mut self, count: Count) {
        let commits = count.commits.to_le_bytes();
        let mut bytes = count.id.to_le_bytes().to_vec();
        bytes.extend_from_slice(&commits);
        bytes.extend_from_slice(&checksum(count.id, &commits).to_le_bytes());
        let _ = self.0.seek(SeekFrom::Start(0)).and_then(|_| self.0.write_all(&bytes));
    }
}
