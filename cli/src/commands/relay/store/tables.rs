//! The relay's file: a redb database with the messages to send, the idempotency keys, and the received messages.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};

use super::command::{Accepted, Command, KeyUse, Loaded, Shelf};
use super::record::KeyRecord;
use crate::exit::{Exit, Failure, Result};
use crate::lang::phrase;

const HEADER: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("header");
const OUTBOX: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("outbox");
/// The record of each key, by its hash.
const KEYS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("keys");
/// The hashes in the order of their age, in milliseconds since 1970.
const KEY_AGES: TableDefinition<'_, (u64, &[u8]), ()> = TableDefinition::new("key_ages");
const INBOX: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("inbox");
/// How often each received message was leased.
const LEASES: TableDefinition<'_, u64, u32> = TableDefinition::new("leases");
const DEAD: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("dead");

const FORMAT: &[u8] = b"aliyun-mqtt relay 1";

/// Everything is read once, at the start; payloads of received messages later.
const CACHE: usize = 4 * 1024 * 1024;

/// How long a key is known.
pub(super) const KEY_LIFE_MS: u64 = 24 * 60 * 60 * 1000;

/// How many old keys one write removes at most, so that none takes long.
const PRUNED: usize = 200;

/// The file.
pub(super) struct Tables {
    path: PathBuf,
    /// `None` after a failure: redb must then be opened again.
    open: Option<Database>,
    max_keys: u64,
}

/// What a write has found out about the messages to accept, in their order.
pub(super) type Verdicts = Vec<(u64, Accepted)>;

impl Tables {
    /// Opens the file, or makes a new one, for this instance and endpoint.
    pub(super) fn open(path: &Path, owner: &str, max_keys: u64) -> Result<(Self, Loaded)> {
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
        let loaded = load(&open, known.secret).map_err(failed)?;
        Ok((Tables { path: path.to_path_buf(), open: Some(open), max_keys }, loaded))
    }

    /// Writes a batch in one transaction, which is on disk when this returns. All or nothing.
    pub(super) fn write(&mut self, batch: &[Command], now: u64) -> Result<Verdicts, redb::Error> {
        let open = match self.open.take() {
            Some(open) => open,
            None => database(&self.path)?,
        };
        let verdicts = commit(&open, batch, now, self.max_keys)?;
        // After a failure it stays closed, and the next batch opens it again.
        self.open = Some(open);
        Ok(verdicts)
    }

    /// Reads records; those that are gone are left out.
    pub(super) fn read(&mut self, shelf: Shelf, ids: &[u64]) -> Result<Vec<(u64, Vec<u8>)>, redb::Error> {
        let open = match self.open.take() {
            Some(open) => open,
            None => database(&self.path)?,
        };
        let reading = open.begin_read()?;
        let table = reading.open_table(shelf.table())?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(record) = table.get(id)? {
                found.push((*id, record.value().to_vec()));
            }
        }
        self.open = Some(open);
        Ok(found)
    }
}

impl Shelf {
    fn table(self) -> TableDefinition<'static, u64, &'static [u8]> {
        match self {
            Shelf::Inbox => INBOX,
            Shelf::Dead => DEAD,
        }
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
}

/// Makes the tables that are missing, and returns what the header says.
fn prepare(open: &Database, owner: &str) -> Result<Known, redb::Error> {
    let change = open.begin_write()?;
    let known = {
        change.open_table(OUTBOX)?;
        change.open_table(KEYS)?;
        change.open_table(KEY_AGES)?;
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
        Known { owner: String::from_utf8_lossy(&text("owner")?).into_owned(), secret }
    };
    change.commit()?;
    Ok(known)
}

fn load(open: &Database, secret: [u8; 32]) -> Result<Loaded, redb::Error> {
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
    Ok(Loaded { secret, outbox: all(OUTBOX)?, inbox: all(INBOX)?, dead: all(DEAD)?, leases: leases? })
}

fn commit(open: &Database, batch: &[Command], now: u64, max_keys: u64) -> Result<Verdicts, redb::Error> {
    let mut change = open.begin_write()?;
    change.set_durability(Durability::Immediate)?;
    let mut verdicts = Vec::new();
    {
        let mut outbox = change.open_table(OUTBOX)?;
        let mut keys = change.open_table(KEYS)?;
        let mut ages = change.open_table(KEY_AGES)?;
        let mut inbox = change.open_table(INBOX)?;
        let mut leases = change.open_table(LEASES)?;
        let mut dead = change.open_table(DEAD)?;
        prune(&mut keys, &mut ages, now)?;
        for command in batch {
            match command {
                Command::Accept { seq, record, key } => {
                    let verdict = match key {
                        Some(key) => claim(&mut keys, &mut ages, key, now, max_keys)?,
                        None => Accepted::Stored,
                    };
                    if matches!(verdict, Accepted::Stored) {
                        outbox.insert(seq, record.as_slice())?;
                    }
                    verdicts.push((*seq, verdict));
                }
                Command::Settle { seq, key, answer } => {
                    outbox.remove(seq)?;
                    if let Some(KeyUse { hash, print }) = key {
                        let since = keys.get(hash.as_slice())?.and_then(|known| KeyRecord::decode(known.value()));
                        // A key that was forgotten meanwhile stays forgotten.
                        if let Some(known) = since {
                            let record = KeyRecord { since: known.since, print: *print, answer: Some(answer.clone()) };
                            keys.insert(hash.as_slice(), record.encode().as_slice())?;
                        }
                    }
                }
                Command::Forget { seq, key } => {
                    outbox.remove(seq)?;
                    if let Some(KeyUse { hash, .. }) = key {
                        let since = keys.remove(hash.as_slice())?;
                        let since = since.and_then(|known| KeyRecord::decode(known.value())).map(|known| known.since);
                        if let Some(since) = since {
                            ages.remove((since, hash.as_slice()))?;
                        }
                    }
                }
                Command::Receive { records, .. } => {
                    for (id, record) in records {
                        inbox.insert(id, record.as_slice())?;
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
                Command::Bury { id } => {
                    let record = inbox.remove(id)?.map(|record| record.value().to_vec());
                    if let Some(record) = record {
                        dead.insert(id, record.as_slice())?;
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
    }
    change.commit()?;
    Ok(verdicts)
}

/// Decides about a message with a key, and notes the key if the message is new.
fn claim(
    keys: &mut redb::Table<'_, &[u8], &[u8]>,
    ages: &mut redb::Table<'_, (u64, &[u8]), ()>,
    key: &KeyUse,
    now: u64,
    max_keys: u64,
) -> Result<Accepted, redb::Error> {
    use redb::ReadableTableMetadata as _;
    let known = keys.get(key.hash.as_slice())?.and_then(|known| KeyRecord::decode(known.value()));
    match known {
        Some(known) if known.since.saturating_add(KEY_LIFE_MS) > now => {
            return Ok(match (known.print == key.print, known.answer) {
                (false, _) => Accepted::Mismatch,
                (true, Some(answer)) => Accepted::Known(answer),
                // Its message is in the outbox, and then the key is in memory and nobody asks here.
                (true, None) => Accepted::Failed("the first call with this key has left no trace".to_string()),
            });
        }
        Some(known) => drop(ages.remove((known.since, key.hash.as_slice()))?),
        None if keys.len()? >= max_keys => return Ok(Accepted::TooManyKeys),
        None => {}
    }
    let record = KeyRecord { since: now, print: key.print, answer: None };
    keys.insert(key.hash.as_slice(), record.encode().as_slice())?;
    ages.insert((now, key.hash.as_slice()), ())?;
    Ok(Accepted::Stored)
}

/// Removes keys that are too old, unless their message is still on its way.
fn prune(
    keys: &mut redb::Table<'_, &[u8], &[u8]>,
    ages: &mut redb::Table<'_, (u64, &[u8]), ()>,
    now: u64,
) -> Result<(), redb::Error> {
    let Some(end) = now.checked_sub(KEY_LIFE_MS) else { return Ok(()) };
    let mut old = Vec::new();
    for entry in ages.range::<(u64, &[u8])>(..(end, [].as_slice()))?.take(PRUNED) {
        let (age, ()) = entry.map(|(age, _)| (age, ()))?;
        let (since, hash) = age.value();
        old.push((since, hash.to_vec()));
    }
    for (since, hash) in old {
        let open = keys.get(hash.as_slice())?.and_then(|known| KeyRecord::decode(known.value()));
        if open.is_none_or(|known| known.answer.is_some()) {
            keys.remove(hash.as_slice())?;
            ages.remove((since, hash.as_slice()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 60 * 60 * 1_000;

    /// Accepts a message with this key, and notes its fate.
    fn accept(tables: &mut Tables, key: KeyUse, now: u64) -> Accepted {
        let accept = Command::Accept { seq: now, record: b"x".to_vec(), key: Some(key) };
        let (_, verdict) = tables.write(&[accept], now).unwrap().pop().unwrap();
        if matches!(verdict, Accepted::Stored) {
            tables.write(&[Command::Settle { seq: now, key: Some(key), answer: b"done".to_vec() }], now).unwrap();
        }
        verdict
    }

    #[test]
    fn a_key_lives_for_24_hours_and_then_its_place_is_free() {
        let folder = std::env::temp_dir().join(format!("aliyun-mqtt-relay-keys-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (mut tables, _) = Tables::open(&folder.join("relay.redb"), "test", 1).unwrap();
        let key = KeyUse { hash: [1; 32], print: [2; 32] };
        let other = KeyUse { hash: [3; 32], print: [4; 32] };
        let start = 100 * HOUR_MS;
        assert!(matches!(accept(&mut tables, key, start), Accepted::Stored));
        let last = start + 24 * HOUR_MS - 1;
        for now in [start, last] {
            assert!(matches!(accept(&mut tables, key, now), Accepted::Known(answer) if answer == b"done"));
            assert!(matches!(accept(&mut tables, KeyUse { print: [9; 32], ..key }, now), Accepted::Mismatch));
            assert!(matches!(accept(&mut tables, other, now), Accepted::TooManyKeys));
        }
        assert!(matches!(accept(&mut tables, key, last + 1), Accepted::Stored), "a new message");
        assert!(
            matches!(accept(&mut tables, other, last + 2 + 24 * HOUR_MS), Accepted::Stored),
            "the old one is pruned"
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
