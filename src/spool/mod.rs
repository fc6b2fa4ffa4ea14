//! The durable outbox: QoS 1 and 2 messages are on disk before they count as accepted, and survive the process.
//!
//! * [`Spool`] and [`SyncPolicy`] are the settings.
//! * `format` is one message as bytes, `store` the file of the records, `lock_file` its lock and its count of
//!   transactions, `opening` finds and checks them, `writer` is the thread that writes, `passing` has the values that
//!   pass between these and the session.
//!
//! # Access to the disk
//!
//! Only the writer's thread accesses the disk. A caller puts its message into the outbox and into the writer's queue,
//! both in memory and under the session's lock, so that both have the same order, and waits without holding a lock. The
//! writer takes everything that has gathered, writes it in one transaction with one `fsync`, and only then allows the
//! outbox to send these messages. The connection's thread merely notes which records are no longer needed; a slow disk
//! never delays a keep-alive.
//!
//! # Why redb
//!
//! The requirements: a maintained store that reports when a record is safe, for one process at a time, and that detects
//! damage instead of hiding it. Compared in November 2026:
//!
//! * **redb** (taken): pure Rust, one file, a stable format, transactions that are on disk when `commit` returns,
//!   checksums over every page that can be checked when opening, a lock on the file, no dependencies, and a seam for
//!   the file itself, by which `fsync` is tested here. It rewrites a few pages for each commit, which `fsync` dwarfs.
//! * **fjall**: a log with the very sync policies wanted here, but after damage inside its journal it cuts the journal
//!   there and goes on, which loses messages silently; a directory of files, its own threads, a dozen dependencies.
//! * **sled**: its last stable release is from 2021, the next has been in alpha since.
//! * **SQLite** (rusqlite): as solid as it gets, but C code, a C compiler in every build, and two or three files.

mod fault;
mod format;
mod lock_file;
mod opening;
mod passing;
mod store;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub(crate) use format::OVERHEAD;
#[cfg(any(test, fuzzing))]
pub(crate) use format::fuzz;
pub(crate) use opening::{Opened, open};
pub(crate) use passing::{Done, Restored, Stored};
#[cfg(test)]
pub(crate) use writer::tests::{Fake, Fault};
pub(crate) use writer::{Queue, run};

use crate::error::{Error, Result};
use crate::message::Outgoing;

/// A file that keeps QoS 1 and 2 messages until they are acknowledged.
///
/// The manual has more about [messages that survive the process](crate::manual::spool).
///
/// ```no_run
/// use aliyun_mqtt::{Client, Config, Credentials, Outgoing, QoS, Spool, SyncPolicy};
///
/// # fn main() -> aliyun_mqtt::Result<()> {
/// let config = Config::builder()
///     .endpoint("post-cn-xxxx.mqtt.aliyuncs.com")
///     .instance_id("post-cn-xxxx")
///     .group_id("GID_demo")
///     .credentials(Credentials::signature("access key id", "access key secret"))
///     .spool(Spool::at("/var/lib/app/mqtt-spool").max_bytes(64 * 1024 * 1024).sync(SyncPolicy::Each))
///     .build()?;
/// let client = Client::connect(config)?;
/// // On disk when this returns. A later run sends the message if this run ends before the acknowledgement.
/// client.enqueue(Outgoing::new("demo/reading", QoS::AtLeastOnce, "21.5"))?;
/// # Ok(()) }
/// ```
///
/// # Behaviour
///
/// A QoS 1 or 2 message is stored before [`publish`](crate::Client::publish) sends it, and before
/// [`enqueue`](crate::Client::enqueue) and [`try_enqueue`](crate::Client::try_enqueue) return; if it cannot be stored,
/// it is not sent, and the call fails with [`Spool`](crate::ErrorKind::Spool). QoS 0 messages and subscriptions are not
/// stored. Concurrent callers share one write, and [`enqueue_many`](crate::Client::enqueue_many) needs one for a batch.
/// After a crash, a `kill -9` or (see [`SyncPolicy`]) a power cut the next run sends what was not acknowledged, in the
/// order it was accepted and before any new message.
///
/// **At least once.** A message that was in flight when the process died is sent again as a new message: packet ids and
/// the DUP flag are not kept across processes. This includes QoS 2, which is exactly once within one process only.
/// Records of acknowledged messages are removed a little later, within about 50 ms and one write; a crash in between
/// sends them again.
///
/// **A record ends** when its message is acknowledged, refused or suspected to be refused, or when its time is over:
/// the time given to [`Outgoing::timeout`](crate::Outgoing::timeout), else
/// [`Config::message_age`](crate::Config::message_age); both count from acceptance, by the wall clock and across runs.
/// With neither there is no limit, and a [`Delivery`](crate::Delivery) may stay open as long; its `wait_timeout` does
/// not. A blocking `publish` whose deadline passes takes its message back: not yet written, it is
/// [`NotSent`](crate::Fate::NotSent); written, it is [`Unknown`](crate::Fate::Unknown); and no later run sends it. The
/// timeout of the client applies to the waiting caller only, not to a later run.
///
/// **Properties** of MQTT 5 are stored with their message; its [`message_expiry`](crate::Outgoing::message_expiry)
/// starts again each time it is sent. A client of MQTT 3.1.1 does not start with messages that have any.
///
/// **Leaving.** Messages that [`disconnect`](crate::Client::disconnect), a drop or the end of the client leaves
/// undelivered stay on disk for the next run, with the fate [`Spooled`](crate::Fate::Spooled); the report of
/// `disconnect` counts them.
///
/// **Messages of an earlier run** have no `Delivery`. When one fails, the next `flush` or `disconnect` reports it.
///
/// # Bounds
///
/// The spool holds up to [`max_bytes`](Spool::max_bytes); beyond, `publish` and `enqueue` wait for room within their
/// timeout and `try_enqueue` returns [`Full`](crate::ErrorKind::Full), as at the outbox's bound. Nothing is dropped.
/// Messages are held in memory too, so [`Limits::outbox`](crate::Limits::outbox) counts as well: raise it for long
/// outages. The file is larger than its records, about twice; it shrinks little by little, when there is less in it.
/// [`max_publish_rate`](crate::ConfigBuilder::max_publish_rate) does not apply to messages of an earlier run.
///
/// # The file
///
/// `path` is one file with a lock file `<path>.lock` beside it that is never removed, both made readable by their owner
/// only (on Unix); its directory must exist, on a local file system. The lock file also counts the transactions, so
/// that a damaged end is noticed: move or copy both together, while no client uses them. A spool without its own lock
/// file works, with a warning in the log. A lock file that is a symbolic link is refused. Payloads are stored
/// unencrypted; secrets never. One client at a time can use it: the second fails at once. It belongs to the instance
/// and the endpoint it was made for; with another one [`Client::connect`](crate::Client::connect) fails with
/// [`Config`](crate::ErrorKind::Config) and nothing is sent. It belongs to no client id: no device id is needed, and
/// the next run may have another.
///
/// A file that is damaged or not a spool makes `connect` fail and is left as it is, unless
/// [`set_aside_damaged`](Spool::set_aside_damaged) is chosen.
///
/// A process that forks while a client exists shares the lock with its child: the file stays locked until both have
/// ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "give it to ConfigBuilder::spool"]
pub struct Spool {
    path: PathBuf,
    max_bytes: u64,
    sync: SyncPolicy,
    set_aside_damaged: bool,
}

/// When written messages are synced to the disk (`fsync`).
///
/// All of them survive the end of the process, `kill -9` included; they differ in what a power cut or a crash of the
/// system does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SyncPolicy {
    /// Before a message counts as accepted; concurrent callers share one sync. A power cut loses nothing, provided that
    /// the disk honours syncs.
    #[default]
    Each,
    /// At this interval: 1 ms to 1 h. A power cut loses the messages accepted since the last sync, and may leave a
    /// damaged file.
    Interval(Duration),
    /// When the system decides. A power cut loses the messages of about the last half minute, and may leave a damaged
    /// file.
    System,
}

impl Spool {
    /// Creates a spool in this file, of up to 64 MiB, synced for each message. The file is created if it does not
    /// exist.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Spool { path: path.into(), max_bytes: 64 * 1024 * 1024, sync: SyncPolicy::Each, set_aside_damaged: false }
    }

    /// Sets the maximum size of all records in bytes: at least 1. Default 67,108,864 (64 MiB). A record has topic,
    /// payload and 24 bytes.
    ///
    /// A message larger than that fits an empty spool.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets when written messages are synced to the disk. Default [`SyncPolicy::Each`].
    pub fn sync(mut self, policy: SyncPolicy) -> Self {
        self.sync = policy;
        self
    }

    /// Sets whether a damaged or foreign file is renamed to `<path>.damaged-<seconds since 1970>`, and an empty spool
    /// is started. Default `false`: [`Client::connect`](crate::Client::connect) fails, and says what to do.
    ///
    /// The renaming is logged, and reported as [`Event::SpoolSetAside`](crate::Event::SpoolSetAside) to the first
    /// listener, even if it comes later. The messages in the file are not sent.
    pub fn set_aside_damaged(mut self, set_aside: bool) -> Self {
        self.set_aside_damaged = set_aside;
        self
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks the ranges.
    pub(crate) fn checked(&self) -> Result<()> {
        if self.path.file_name().is_none() {
            return Err(Error::config(format!("the spool's path {} does not name a file", self.path.display())));
        }
        if self.max_bytes == 0 {
            return Err(Error::config("max_bytes of the spool is 0; it must be at least 1"));
        }
        let range = Duration::from_millis(1)..=Duration::from_secs(3600);
        match self.sync {
            SyncPolicy::Interval(interval) if !range.contains(&interval) => Err(Error::config(format!(
                "SyncPolicy::Interval is {interval:?}; it must be from {:?} to {:?}",
                range.start(),
                range.end()
            ))),
            _ => Ok(()),
        }
    }

    pub(crate) fn bound(&self) -> u64 {
        self.max_bytes
    }
}

/// Returns the size of a message in the spool, in bytes.
pub(crate) fn size_of(message: &Outgoing) -> u64 {
    let properties = if message.properties.is_some() { 4 } else { 0 };
    (message.encoded_len() + properties + OVERHEAD) as u64
}

/// Returns the time of the wall clock, in milliseconds since 1970.
pub(crate) fn wall_clock() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
