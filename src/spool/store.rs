//! The file of the records: a redb database of two tables.
//!
//! `header` has the layout, and the instance and endpoint of the spool; `records` has the messages by key, oldest
//! first.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, Database, Durability, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};

use super::SyncPolicy;
use super::fault::{fault, locked};
use super::lock_file::{Count, LockFile};
use crate::error::{Error, Hint, Result};
use crate::random;

const HEADER: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("header");
const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");

/// The layout in `header`.
const FORMAT: &[u8] = b"aliyun-mqtt spool 1";

/// redb's default is 1 GiB; but everything is read only once, at the start.
const CACHE: usize = 4 * 1024 * 1024;

/// A record and its key.
pub(crate) type Entry = (u64, Vec<u8>);

/// A store of records. One transaction at a time; each is as safe as the policy says when it returns.
pub(crate) trait Store: Send {
    /// Removes and adds records, all or nothing. Removing a record that does not exist is allowed.
    fn commit(&mut self, removed: &[u64], added: &[Entry]) -> Result<()>;

    /// Syncs to the disk what a lazy policy has left to the system.
    fn sync(&mut self) -> Result<()>;

    /// Closes the store. No call follows.
    fn close(&mut self) -> Result<()>;
}

/// The reason why a file cannot be used.
#[derive(Debug)]
pub(super) enum Unusable {
    /// It is damaged or not a spool, for this reason.
    Damaged(String),
    /// A reason other than its contents.
    Because(Error),
}

/// The store over redb.
pub(super) struct RedbStore {
    path: PathBuf,
    policy: SyncPolicy,
    /// `None` after a failure: redb must then be opened again.
    open: Option<Open>,
    /// The count of the transactions, and the lock, which is held until everything is closed.
    lock_file: Option<LockFile>,
    count: Count,
}

struct Open {
    database: Database,
    /// The same file, to be synced.
    file: File,
    /// `fsync` is omitted.
    lazy: Arc<AtomicBool>,
}

impl RedbStore {
    /// Creates a new file, which must not exist, with this header; it is on disk when this returns.
    pub(super) fn make(path: &Path, instance: &str, endpoint: &str) -> Result<()> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| unwritable(path, error))?;
        let made = Open::new(file, false).and_then(|open| {
            let change = open.database.begin_write()?;
            change.open_table(RECORDS)?;
            let mut header = change.open_table(HEADER)?;
            header.insert("format", FORMAT)?;
            header.insert("instance", instance.as_bytes())?;
            header.insert("endpoint", endpoint.as_bytes())?;
            header.insert("id", random::number().to_le_bytes().as_slice())?;
            header.insert("commits", 0u64.to_le_bytes().as_slice())?;
            drop(header);
            change.commit()?;
            Ok(open.database.close()?)
        });
        made.map_err(|error| unwritable(path, error))
    }

    /// Opens an existing file, checks all of it, and reads everything: instance, endpoint, and the records.
    pub(super) fn open(path: &Path, policy: SyncPolicy) -> Result<(Self, Header, Vec<Entry>), Unusable> {
        let file = OpenOptions::new().read(true).write(true).open(path);
        let file = file.map_err(|error| Unusable::Because(unwritable(path, error)))?;
        let length = file.metadata().map_err(|error| Unusable::Because(unwritable(path, error)))?.len();
        if length == 0 {
            return Err(Unusable::Damaged("the file is empty".to_string()));
        }
        let open = Open::new(file, true).map_err(|error| judge(path, error))?;
        let header = open.header().map_err(|error| judge(path, error))?;
        let header = header.ok_or_else(|| Unusable::Damaged("it is a database, but not a spool".to_string()))?;
        let entries = open.entries().map_err(|error| judge(path, error))?;
        open.lazy.store(policy != SyncPolicy::Each, Ordering::Relaxed);
        let count = header.count;
        Ok((RedbStore { path: path.to_path_buf(), policy, open: Some(open), lock_file: None, count }, header, entries))
    }

    /// Takes over the lock file, for as long as the store lives.
    pub(super) fn under(mut self, lock_file: LockFile) -> Self {
        self.lock_file = Some(lock_file);
        self
    }

    /// Returns the number of transactions so far.
    pub(super) fn count(&self) -> Count {
        self.count
    }

    /// Notes that everything so far is on disk.
    fn note(&mut self) {
        if let Some(lock_file) = &mut self.lock_file {
            lock_file.write(self.count);
        }
    }

    fn opened(&mut self) -> Result<&Open, redb::Error> {
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                let open = Open::new(OpenOptions::new().read(true).write(true).open(&self.path)?, false)?;
                open.lazy.store(self.policy != SyncPolicy::Each, Ordering::Relaxed);
                open
            }
        };
        Ok(self.open.insert(open))
    }

    fn try_commit(&mut self, removed: &[u64], added: &[Entry]) -> Result<(), redb::Error> {
        let commits = self.count.commits + 1;
        let mut change = self.opened()?.database.begin_write()?;
        change.set_durability(Durability::Immediate)?;
        let mut records = change.open_table(RECORDS)?;
        for key in removed {
            records.remove(key)?;
        }
        for (key, bytes) in added {
            records.insert(key, bytes.as_slice())?;
        }
        drop(records);
        change.open_table(HEADER)?.insert("commits", commits.to_le_bytes().as_slice())?;
        change.commit()?;
        self.count.commits = commits;
        if self.policy == SyncPolicy::Each {
            self.note();
        }
        Ok(())
    }
}

impl Store for RedbStore {
    fn commit(&mut self, removed: &[u64], added: &[Entry]) -> Result<()> {
        self.try_commit(removed, added).map_err(|error| {
            // Its state is unknown until it is opened again.
            self.open = None;
            unwritable(&self.path, error)
        })
    }

    fn sync(&mut self) -> Result<()> {
        let synced = self.opened().and_then(|open| Ok(open.file.sync_data()?));
        synced.map_err(|error| unwritable(&self.path, error))?;
        self.note();
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        open.lazy.store(false, Ordering::Relaxed);
        open.file.sync_data().map_err(|error| unwritable(&self.path, error))?;
        open.database.close().map_err(|error| unwritable(&self.path, error))?;
        self.note();
        Ok(())
    }
}

/// The header: instance, endpoint and number of transactions.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) instance: String,
    pub(super) endpoint: String,
    pub(super) count: Count,
}

impl Open {
    fn new(file: File, check: bool) -> Result<Open, redb::Error> {
        Open::over(FileBackend::new(file.try_clone()?)?, file, check)
    }

    /// Opens a database over a backend, which is this file, or stands for it in tests.
    fn over(backend: impl StorageBackend, file: File, check: bool) -> Result<Open, redb::Error> {
        let lazy = Arc::new(AtomicBool::new(false));
        let backend = Backend { file: backend, lazy: Arc::clone(&lazy) };
        let database = Database::builder()
            .set_cache_size(CACHE)
            .set_check_integrity_on_open(check)
            .create_with_backend(backend)?;
        Ok(Open { database, file, lazy })
    }

    /// Returns the header; `None` if the database is not a spool.
    fn header(&self) -> Result<Option<Header>, redb::Error> {
        let reading = self.database.begin_read()?;
        let table = match reading.open_table(HEADER) {
            Err(redb::TableError::TableDoesNotExist(_) | redb::TableError::TableTypeMismatch { .. }) => {
                return Ok(None);
            }
            table => table?,
        };
        let text = |name| -> Result<Option<String>, redb::Error> {
            Ok(table.get(name)?.and_then(|value| String::from_utf8(value.value().to_vec()).ok()))
        };
        if table.get("format")?.is_none_or(|format| format.value() != FORMAT) {
            return Ok(None);
        }
        let number = |name| -> Result<Option<u64>, redb::Error> {
            Ok(table.get(name)?.and_then(|value| value.value().try_into().map(u64::from_le_bytes).ok()))
        };
        let (Some(instance), Some(endpoint)) = (text("instance")?, text("endpoint")?) else { return Ok(None) };
        let (Some(id), Some(commits)) = (number("id")?, number("commits")?) else { return Ok(None) };
        Ok(Some(Header { instance, endpoint, count: Count { id, commits } }))
    }

    fn entries(&self) -> Result<Vec<Entry>, redb::Error> {
        let table = self.database.begin_read()?.open_table(RECORDS)?;
        let entries = table.iter()?;
        entries
            .map(|entry| entry.map(|(key, bytes)| (key.value(), bytes.value().to_vec())).map_err(Into::into))
            .collect()
    }
}

/// The file under redb, whose syncs can be omitted.
#[derive(Debug)]
struct Backend<F> {
    file: F,
    lazy: Arc<AtomicBool>,
}

impl<F: StorageBackend> StorageBackend for Backend<F> {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.lazy.load(Ordering::Relaxed) { Ok(()) } else { self.file.sync_data() }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

/// Decides whether the contents of the file are the reason of a failed opening.
fn judge(path: &Path, error: redb::Error) -> Unusable {
    use io::ErrorKind as Io;
    match &error {
        redb::Error::Io(cause) if !matches!(cause.kind(), Io::InvalidData | Io::UnexpectedEof | Io::InvalidInput) => {
            Unusable::Because(unwritable(path, error))
        }
        redb::Error::DatabaseAlreadyOpen => Unusable::Because(locked(path)),
        _ => Unusable::Damaged(error.to_string()),
    }
}

/// The error of a file that cannot be read or written.
pub(super) fn unwritable(path: &Path, error: impl Into<redb::Error>) -> Error {
    use io::ErrorKind as Io;
    let error = error.into();
    let kind = match &error {
        redb::Error::Io(cause) => Some(cause.kind()),
        _ => None,
    };
    let hint = match kind {
        Some(Io::StorageFull | Io::QuotaExceeded) => Hint::DiskFull,
        Some(Io::NotFound) => Hint::NoDirectory,
        Some(Io::PermissionDenied | Io::ReadOnlyFilesystem) => Hint::NoWriteRight,
        _ => Hint::DiskErrors,
    };
    fault(path, &format!("it cannot be read or written: {error}")).with_hint(hint).with_source(error)
}

#[cfg(test)]
mod tests;
