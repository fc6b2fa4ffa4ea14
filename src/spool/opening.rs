//! Opens a spool when a client starts: locks the file, checks it, and reads its messages.

use std::fs;
#[cfg(unix)]
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fault::{fault, locked};
use super::format::{self, Fault};
use super::lock_file::{Count, LockFile};
use super::passing::Restored;
use super::store::{Entry, RedbStore, Store, Unusable, unwritable};
use super::{Spool, wall_clock};
use crate::config::{Config, Protocol};
use crate::detached::{self, NoAnswer};
use crate::error::{Error, ErrorKind, Hint, Result, Stage};
use crate::limits::{Limits, MQTT_TEXT_LEN};
use crate::message::{Outgoing, Properties};
use crate::names;
use crate::printable::counted;

/// A spool that is ready.
pub(crate) struct Opened {
    pub(crate) store: Box<dyn Store>,
    /// The messages of an earlier run, oldest first.
    pub(crate) restored: Vec<Restored>,
    /// The new name of a damaged file, and the damage.
    pub(crate) set_aside: Option<(PathBuf, Error)>,
    /// The spool was moved or copied without its lock file.
    #[cfg(test)]
    pub(crate) without_lock_file: bool,
}

/// Opens a spool on a separate thread, so that a disk that does not respond blocks at most until the deadline.
pub(crate) fn open(spool: &Spool, config: &Config, deadline: Instant) -> Result<Opened> {
    let path = spool.path().to_path_buf();
    let (spool, config) = (spool.clone(), config.clone());
    let opening = detached::spawn(move || open_now(&spool, &config));
    let opening = opening.ok_or_else(detached::no_thread)?;
    match detached::wait(&opening, deadline, || false) {
        Ok(opened) => opened,
        Err(NoAnswer::Panicked) => Err(Error::internal("opening the spool panicked")),
        Err(_) => {
            let message = format!("the spool {} could not be opened in time", path.display());
            Err(Error::new(ErrorKind::Timeout(Stage::Spool), message).with_hint(Hint::DiskSlow))
        }
    }
}

fn open_now(spool: &Spool, config: &Config) -> Result<Opened> {
    let path = spool.path();
    let lock = beside(path, ".lock");
    let lock_file = LockFile::take(&lock).map_err(|error| unwritable(&lock, error))?;
    let mut lock_file = lock_file.ok_or_else(|| locked(path))?;
    let noted = lock_file.read();
    let mut made = false;
    if !path.try_exists().map_err(|error| unwritable(path, error))? {
        make(path, config)?;
        made = true;
    }
    let mut set_aside = None;
    let (store, restored) = match examine(spool, config, noted) {
        Err(Unusable::Damaged(what)) if spool.set_aside_damaged => {
            let reason = damaged(path, &what);
            set_aside = Some((rename_damaged(path)?, reason));
            make(path, config)?;
            made = true;
            examine(spool, config, noted)
        }
        examined => examined,
    }
    .map_err(|unusable| match unusable {
        Unusable::Because(error) => error,
        Unusable::Damaged(what) => damaged(path, &what).with_hint(Hint::SpoolDamaged),
    })?;
    let mut store = store.under(lock_file);
    let unknown = noted.is_none_or(|noted| noted.id != store.count().id);
    if unknown && !made {
        log::warn!(
            "the spool {} was moved or copied without its lock file {}: this time it cannot be detected whether the \
             last changes are missing; move both together",
            path.display(),
            lock.display()
        );
    }
    if unknown {
        // From now on the lock file knows it.
        store.sync()?;
    }
    Ok(Opened {
        store: Box::new(store),
        restored,
        set_aside,
        #[cfg(test)]
        without_lock_file: unknown && !made,
    })
}

/// Opens the file and reads all of it.
fn examine(spool: &Spool, config: &Config, noted: Option<Count>) -> Result<(RedbStore, Vec<Restored>), Unusable> {
    let path = spool.path();
    // Opening without checks "may panic" on damage. With checks it should not, but a debug build of redb still asserts.
    let opened = catch_unwind(AssertUnwindSafe(|| RedbStore::open(path, spool.sync)));
    let (store, header, entries) =
        opened.unwrap_or_else(|_| Err(Unusable::Damaged("its contents are invalid".to_string())))?;
    let (instance, endpoint) = (config.instance_id(), config.endpoint().to_string());
    if (header.instance.as_str(), &header.endpoint) != (instance, &endpoint) {
        let message = format!(
            "the spool {} belongs to instance \"{}\" at {}, but this client is for instance \"{instance}\" at \
             {endpoint}",
            path.display(),
            header.instance,
            header.endpoint
        );
        return Err(Unusable::Because(Error::config(message).with_hint(Hint::SpoolOfAnother)));
    }
    if let Some(noted) = noted.filter(|noted| noted.id == header.count.id && noted.commits > header.count.commits) {
        let missing = counted((noted.commits - header.count.commits) as usize, "change");
        let what = format!("its last {missing} were lost, or it is an old copy (then remove its .lock file)");
        return Err(Unusable::Damaged(what));
    }
    let now = wall_clock();
    let restored: Result<Vec<_>, _> = entries.into_iter().map(|entry| restore(path, config, entry, now)).collect();
    Ok((store, restored?))
}

fn restore(path: &Path, config: &Config, (key, bytes): Entry, now: u64) -> Result<Restored, Unusable> {
    let record = format::decode(key, &bytes).map_err(|fault| judge(path, key, fault))?;
    // A message accepted under other limits is sent; one that MQTT cannot carry was never accepted.
    let lax = Limits::default().strict_names(false).topic_len(MQTT_TEXT_LEN);
    if names::check_topic(record.topic, &lax).is_err() {
        return Err(judge(path, key, Fault::Content));
    }
    if let Err(error) = names::check_payload(record.payload.len(), record.topic, config.limits()) {
        let message = format!("the spool {} holds a message that the limits do not allow", path.display());
        let refused = Error::config(message).with_reason(error).with_hint(Hint::PayloadLimitAgain);
        return Err(Unusable::Because(refused));
    }
    let mut message = Outgoing::new(record.topic, record.qos, record.payload);
    if !record.properties.is_empty() {
        let properties = Properties::decode(record.properties).ok_or_else(|| judge(path, key, Fault::Content))?;
        message.properties = Some(Box::new(properties));
        if config.protocol() != Protocol::V5 {
            let message = format!("the spool {} holds a message with properties of MQTT 5", path.display());
            return Err(Unusable::Because(Error::config(message).with_hint(Hint::UseMqtt5Again)));
        }
    }
    Ok(Restored {
        key,
        message: Arc::new(message),
        age: Duration::from_millis(now.saturating_sub(record.accepted)),
        limit: (record.limit > 0).then(|| Duration::from_millis(record.limit)),
    })
}

fn judge(path: &Path, key: u64, what: Fault) -> Unusable {
    let what = match what {
        Fault::TooShort => "is too short",
        Fault::Checksum => "does not match its checksum",
        Fault::Content => "is invalid",
        Fault::Version(version) => {
            let message =
                format!("record {key} has version {version}, which this version of the library does not know");
            return Unusable::Because(fault(path, &message).with_hint(Hint::SpoolNewer));
        }
    };
    Unusable::Damaged(format!("record {key} {what}"))
}

fn damaged(path: &Path, what: &str) -> Error {
    fault(path, &format!("it is damaged, or not a spool: {what}"))
}

/// Creates an empty spool. A crash in between leaves no spool rather than an incomplete one.
fn make(path: &Path, config: &Config) -> Result<()> {
    let new = beside(path, ".new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unwritable(&new, error)),
        _ => {}
    }
    RedbStore::make(&new, config.instance_id(), &config.endpoint().to_string())?;
    rename(&new, path)
}

fn rename_damaged(path: &Path) -> Result<PathBuf> {
    let mut name = beside(path, &format!(".damaged-{}", wall_clock() / 1000));
    let mut count = 1;
    while name.try_exists().map_err(|error| unwritable(path, error))? {
        count += 1;
        name = beside(path, &format!(".damaged-{}-{count}", wall_clock() / 1000));
    }
    rename(path, &name)?;
    Ok(name)
}

/// Renames a file, and waits until the directory is on disk.
fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|error| unwritable(to, error))?;
    #[cfg(unix)]
    {
        let directory = to.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(|error| unwritable(to, error))?;
    }
    Ok(())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}
