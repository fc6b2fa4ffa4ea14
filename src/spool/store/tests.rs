//! The order of writes that matters in a power cut: `fsync` precedes the report of a commit, and its failure is one.

use std::sync::{Mutex, PoisonError};

use redb::backends::InMemoryBackend;

use super::*;
use crate::error::ErrorKind;

/// An operation on the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Did {
    Write,
    Sync,
}

#[derive(Debug, Default)]
struct Watch {
    log: Mutex<Vec<Did>>,
    broken: AtomicBool,
}

impl Watch {
    fn did(&self, what: Did) -> io::Result<()> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(what);
        match self.broken.load(Ordering::Relaxed) && what == Did::Sync {
            true => Err(io::Error::from(io::ErrorKind::StorageFull)),
            false => Ok(()),
        }
    }

    fn take(&self) -> Vec<Did> {
        std::mem::take(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A file in memory that records its operations.
#[derive(Debug)]
struct Watched(InMemoryBackend, Arc<Watch>);

impl StorageBackend for Watched {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.1.did(Did::Write)?;
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.1.did(Did::Sync)?;
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.1.did(Did::Write)?;
        self.0.write(offset, data)
    }
}

fn store(policy: SyncPolicy) -> (RedbStore, Arc<Watch>) {
    let watch = Arc::new(Watch::default());
    let file = File::open(std::env::current_exe().expect("this program")).expect("any file");
    let open = Open::over(Watched(InMemoryBackend::new(), Arc::clone(&watch)), file, false).expect("opened");
    open.lazy.store(policy != SyncPolicy::Each, Ordering::Relaxed);
    let count = Count { id: 1, commits: 0 };
    let path = PathBuf::from("/nonexistent/spool");
    (RedbStore { path, policy, open: Some(open), lock_file: None, count }, watch)
}

#[test]
fn a_commit_ends_with_fsync_and_writes_nothing_after_it() {
    let (mut store, watch) = store(SyncPolicy::Each);
    for key in 0..5 {
        watch.take();
        store.commit(&[key], &[(key + 1, b"x".to_vec())]).expect("written");
        let did = watch.take();
        assert!(did.contains(&Did::Write) && did.last() == Some(&Did::Sync), "{did:?}");
    }
}

#[test]
fn a_lazy_commit_leaves_fsync_out() {
    let (mut store, watch) = store(SyncPolicy::System);
    watch.take();
    store.commit(&[], &[(1, b"x".to_vec())]).expect("written");
    let did = watch.take();
    assert!(did.contains(&Did::Write) && !did.contains(&Did::Sync), "{did:?}");
}

#[test]
fn a_failing_fsync_fails_the_commit_with_its_cause_and_its_cure() {
    let (mut store, watch) = store(SyncPolicy::Each);
    watch.broken.store(true, Ordering::Relaxed);
    let error = store.commit(&[], &[(1, b"x".to_vec())]).expect_err("not on disk");
    assert_eq!(error.kind(), ErrorKind::Spool);
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
    // It is opened again for the next commit; here there is no file to be found.
    let error = store.commit(&[], &[(1, b"x".to_vec())]).expect_err("no such file");
    assert!(error.to_string().contains("its directory must exist"), "{error}");
}
