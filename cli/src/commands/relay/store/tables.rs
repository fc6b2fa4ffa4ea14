//! The relay's file: a redb database with the messages to send, the idempotency keys, and the received messages.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use prometheus_client::metrics::gauge::Gauge;
use redb::backends::FileBackend;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};

use super::command::{Accepted, Command, Loaded};
use super::keys::{Age, Keys};
use crate::exit::{Exit, Failure, Result};
use crate::lang::phrase;

const HEADER: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("header");
const OUTBOX: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("outbox");
const INBOX: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("inbox");
/// How often each received message was leased.
const LEASES: TableDefinition<'_, u64, u32> = TableDefinition::new("leases");
const DEAD: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("dead");

/// The highest id that a received message ever had: an id is never used again, as callers may know it.
const LAST_ID: &str = "last_id";

const FORMAT: &[u8] = b"aliyun-mqtt relay 1";

/// Everything is read once, at the start; payloads of received messages later.
const CACHE: usize = 4 * 1024 * 1024;

/// The file.
pub(super) struct Tables {
    path: PathBuf,
    /// `None` after a failure: redb must then be opened again.
    open: Option<Database>,
    max_keys: u64,
    /// The number of keys that are remembered.
    remembered: Gauge,
    /// The last key that was looked at to be pruned.
    pruned: Option<Age>,
}

/// The results of one write.
struct Written {
    verdicts: Verdicts,
    keys: u64,
    pruned: Option<Age>,
}

/// The outcomes of the messages to accept, in their order.
pub(super) type Verdicts = Vec<(u64, Accepted)>;

impl Tables {
    /// Opens the file, or makes a new one, for this instance and endpoint.
    pub(super) fn open(path: &Path, owner: &str, max_keys: u64, remembered: Gauge) -> Result<(Self, Loaded)> {
        let failed = |error: redb::Error| {
            let failure = Failure::new(Exit::Failure, format!("cannot use the store {}: {error}", path.display()));
            match error {
                redb::Error::DatabaseAlreadyOpen => {
                    failure.hint(phrase!("another relay uses it: give each its own --store"))
                }
                _ => failure,
            }
        };
        let open = database(path).map_err(failed)?;
        let known = prepare(&open, owner).map_err(failed)?;
        if known.owner != owner {
            let message = format!(
                "the store {} belongs to {}, but this relay is for {owner}",
                path.display(),
                aliyun_mqtt::printable(&known.owner)
            );
            return Err(Failure::usage(message).hint(phrase!("give each instance its own --store")));
        }
        let loaded = load(&open, &known).map_err(failed)?;
        let mut tables = Tables { path: path.to_path_buf(), open: Some(open), max_keys, remembered, pruned: None };
        tables.remember(known.keys);
        Ok((tables, loaded))
    }

    /// Writes a batch in one transaction, which is on disk when this returns. All or nothing.
    pub(super) fn write(&mut self, batch: &[Command], now: u64) -> Result<Verdicts, redb::Error> {
        let open = match self.open.take() {
            Some(open) => open,
            None => database(&self.path)?,
        };
        let written = commit(&open, batch, now, self.max_keys, self.pruned.as_ref())?;
        // After a failure it stays closed, and the next batch opens it again.
        self.open = Some(open);
        self.pruned = written.pruned;
        self.remember(written.keys);
        Ok(written.verdicts)
    }

    /// Counts the keys, and warns before there is no place for more.
    fn remember(&mut self, keys: u64) {
        let most = |count: i64| u64::try_from(count).is_ok_and(|count| count >= self.max_keys / 5 * 4);
        let before = self.remembered.set(i64::try_from(keys).unwrap_or(i64::MAX));
        if self.max_keys >= 5 && most(self.remembered.get()) && !most(before) {
            crate::report::warning(format!(
                "{keys} of {} idempotency keys are remembered; calls with new keys are refused when there are no more: \
                 raise --max-remembered",
                self.max_keys
            ));
        }
    }

    /// Returns true if a message to send is on disk.
    pub(super) fn holds(&mut self, seq: u64) -> Result<bool, redb::Error> {
        let open = match self.open.take() {
            Some(open) => open,
            None => database(&self.path)?,
        };
        let held = open.begin_read()?.open_table(OUTBOX)?.get(seq)?.is_some();
        self.open = Some(open);
        Ok(held)
    }

    /// Reads received messages, wherever they are; those that are gone are left out.
    pub(super) fn read(&mut self, ids: &[u64]) -> Result<Vec<(u64, Vec<u8>)>, redb::Error> {
        let open = match self.open.take() {
            Some(open) => open,
            None => database(&self.path)?,
        };
        let reading = open.begin_read()?;
        let (inbox, dead) = (reading.open_table(INBOX)?, reading.open_table(DEAD)?);
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let record = match inbox.get(id)? {
                None => dead.get(id)?,
                record => record,
            };
            found.extend(record.map(|record| (*id, record.value().to_vec())));
        }
        self.open = Some(open);
        Ok(found)
    }
}

fn database(path: &Path) -> Result<Database, redb::Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let backend = FileBackend::new(options.open(path)?)?;
    Ok(Database::builder().set_cache_size(CACHE).create_with_backend(backend)?)
}

struct Known {
    owner: String,
    secret: [u8; 32],
    last_id: u64,
    keys: u64,
}

/// Makes the tables that are missing, and returns what the header says.
fn prepare(open: &Database, owner: &str) -> Result<Known, redb::Error> {
    let change = open.begin_write()?;
    let known = {
        change.open_table(OUTBOX)?;
        let keys = Keys::open(&change)?.len()?;
        change.open_table(INBOX)?;
        change.open_table(LEASES)?;
        change.open_table(DEAD)?;
        let mut header = change.open_table(HEADER)?;
        if header.get("format")?.is_none() {
            let mut secret = [0; 32];
            getrandom::fill(&mut secret).map_err(|error| redb::Error::Io(std::io::Error::other(error)))?;
            header.insert("format", FORMAT)?;
            header.insert("owner", owner.as_bytes())?;
            header.insert("secret", secret.as_slice())?;
        }
        let text = |name| -> Result<Vec<u8>, redb::Error> {
            Ok(header.get(name)?.map(|value| value.value().to_vec()).unwrap_or_default())
        };
        if text("format")? != FORMAT {
            return Err(redb::Error::Corrupted("its format is not known to this version".to_string()));
        }
        let secret = text("secret")?;
        let secret = secret.try_into().map_err(|_| redb::Error::Corrupted("its header is damaged".to_string()))?;
        let last_id = text(LAST_ID)?.try_into().map(u64::from_le_bytes).unwrap_or_default();
        Known { owner: String::from_utf8_lossy(&text("owner")?).into_owned(), secret, last_id, keys }
    };
    change.commit()?;
    Ok(known)
}

fn load(open: &Database, known: &Known) -> Result<Loaded, redb::Error> {
    let reading = open.begin_read()?;
    let all = |table: TableDefinition<'_, u64, &[u8]>| -> Result<Vec<(u64, Vec<u8>)>, redb::Error> {
        let table = reading.open_table(table)?;
        let entries = table.iter()?;
        entries
            .map(|entry| entry.map(|(id, record)| (id.value(), record.value().to_vec())).map_err(Into::into))
            .collect()
    };
    let leases = reading.open_table(LEASES)?;
    let leases: Result<_, redb::Error> =
        leases.iter()?.map(|entry| entry.map(|(id, count)| (id.value(), count.value())).map_err(Into::into)).collect();
    let (inbox, dead) = (all(INBOX)?, all(DEAD)?);
    // A file of an earlier version has no such entry.
    let last_id = inbox.iter().chain(&dead).map(|(id, _)| *id).fold(known.last_id, u64::max);
    Ok(Loaded { secret: known.secret, outbox: all(OUTBOX)?, inbox, dead, leases: leases?, last_id })
}

fn commit(
    open: &Database,
    batch: &[Command],
    now: u64,
    max_keys: u64,
    pruned: Option<&Age>,
) -> Result<Written, redb::Error> {
    let mut change = open.begin_write()?;
    change.set_durability(Durability::Immediate)?;
    let mut verdicts = Vec::new();
    let (keys, pruned) = {
        let mut outbox = change.open_table(OUTBOX)?;
        let mut keys = Keys::open(&change)?;
        let mut inbox = change.open_table(INBOX)?;
        let mut leases = change.open_table(LEASES)?;
        let mut dead = change.open_table(DEAD)?;
        let pruned = keys.prune(now, pruned)?;
        for command in batch {
            match command {
                Command::Accept { seq, record, key } => {
                    let verdict = match key {
                        Some(key) => keys.claim(key, now, max_keys)?,
                        None => Accepted::Stored,
                    };
                    if matches!(verdict, Accepted::Stored) {
                        outbox.insert(seq, record.as_slice())?;
                    }
                    verdicts.push((*seq, verdict));
                }
                Command::Settle { seq, key, answer } => {
                    outbox.remove(seq)?;
                    if let Some(key) = key {
                        keys.settle(key, answer)?;
                    }
                }
                Command::Forget { seq, key } => {
                    outbox.remove(seq)?;
                    if let Some(key) = key {
                        keys.forget(key)?;
                    }
                }
                Command::Receive { records, .. } => {
                    for (id, record) in records {
                        inbox.insert(id, record.as_slice())?;
                    }
                    if let Some(last) = records.iter().map(|(id, _)| *id).max() {
                        change.open_table(HEADER)?.insert(LAST_ID, last.to_le_bytes().as_slice())?;
                    }
                }
                Command::Lease { counts } => {
                    for (id, count) in counts {
                        if inbox.get(id)?.is_some() {
                            leases.insert(id, count)?;
                        }
                    }
                }
                Command::Remove { ids, .. } => {
                    for id in ids {
                        inbox.remove(id)?;
                        dead.remove(id)?;
                        leases.remove(id)?;
                    }
                }
                Command::Bury { id, dropped } => {
                    let record = inbox.remove(id)?.map(|record| record.value().to_vec());
                    if let Some(record) = record {
                        dead.insert(id, record.as_slice())?;
                    }
                    for id in dropped {
                        dead.remove(id)?;
                        leases.remove(id)?;
                    }
                }
                Command::Revive { id, .. } => {
                    let record = dead.remove(id)?.map(|record| record.value().to_vec());
                    leases.remove(id)?;
                    if let Some(record) = record {
                        inbox.insert(id, record.as_slice())?;
                    }
                }
                Command::Read { .. } | Command::Sync { .. } | Command::Close => {}
            }
        }
        (keys.len()?, pruned)
    };
    change.commit()?;
    Ok(Written { verdicts, keys, pruned })
}
