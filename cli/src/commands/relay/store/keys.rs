//! The idempotency keys in the relay's file.

use std::ops::Bound;

use redb::{ReadableTable as _, ReadableTableMetadata as _, Table, TableDefinition, WriteTransaction};

use super::command::{Accepted, KeyUse};
use super::record::KeyRecord;

/// The record of each key, by its hash.
const KEYS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("keys");
/// The hashes in the order of their age, in milliseconds since 1970.
const KEY_AGES: TableDefinition<'_, (u64, &[u8]), ()> = TableDefinition::new("key_ages");

/// How long a key is known.
const KEY_LIFE_MS: u64 = 24 * 60 * 60 * 1000;

/// How many old keys one write looks at, so that none takes long.
const PRUNED: usize = 200;

/// When a key was first used, in milliseconds since 1970, and its hash.
pub(super) type Age = (u64, Vec<u8>);

/// The tables of keys within a transaction.
pub(super) struct Keys<'a> {
    keys: Table<'a, &'static [u8], &'static [u8]>,
    ages: Table<'a, (u64, &'static [u8]), ()>,
}

impl<'a> Keys<'a> {
    pub(super) fn open(change: &'a WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Keys { keys: change.open_table(KEYS)?, ages: change.open_table(KEY_AGES)? })
    }

    pub(super) fn len(&self) -> Result<u64, redb::Error> {
        Ok(self.keys.len()?)
    }

    /// Decides about a message with a key, and notes the key if the message is new.
    pub(super) fn claim(&mut self, key: &KeyUse, now: u64, max_keys: u64) -> Result<Accepted, redb::Error> {
        match self.known(key)? {
            Some(known) if known.since.saturating_add(KEY_LIFE_MS) > now => {
                return Ok(match (known.print == key.print, known.answer) {
                    (false, _) => Accepted::Mismatch,
                    (true, Some(answer)) => Accepted::Known(answer),
                    // Its message is in the outbox, and then the key is in memory and nobody asks here.
                    (true, None) => Accepted::Failed("the first call with this key has left no trace".to_string()),
                });
            }
            Some(known) => drop(self.ages.remove((known.since, key.hash.as_slice()))?),
            None if self.len()? >= max_keys => return Ok(Accepted::TooManyKeys),
            None => {}
        }
        let record = KeyRecord { since: now, print: key.print, answer: None };
        self.keys.insert(key.hash.as_slice(), record.encode().as_slice())?;
        self.ages.insert((now, key.hash.as_slice()), ())?;
        Ok(Accepted::Stored)
    }

    /// Notes the answer for a key. A key that was forgotten meanwhile stays forgotten.
    pub(super) fn settle(&mut self, key: &KeyUse, answer: &[u8]) -> Result<(), redb::Error> {
        if let Some(known) = self.known(key)? {
            let record = KeyRecord { since: known.since, print: key.print, answer: Some(answer.to_vec()) };
            self.keys.insert(key.hash.as_slice(), record.encode().as_slice())?;
        }
        Ok(())
    }

    pub(super) fn forget(&mut self, key: &KeyUse) -> Result<(), redb::Error> {
        if let Some(known) = self.known(key)? {
            self.keys.remove(key.hash.as_slice())?;
            self.ages.remove((known.since, key.hash.as_slice()))?;
        }
        Ok(())
    }

    /// Removes keys that are too old, unless their message is still on its way. Looks at some of them, beginning behind
    /// the last one of an earlier call: then those whose messages wait for days do not hide the others. Returns the
    /// last one.
    pub(super) fn prune(&mut self, now: u64, last: Option<&Age>) -> Result<Option<Age>, redb::Error> {
        let Some(end) = now.checked_sub(KEY_LIFE_MS) else { return Ok(None) };
        let last = last.filter(|(since, _)| *since < end);
        let from = last.map_or(Bound::Unbounded, |(since, hash)| Bound::Excluded((*since, hash.as_slice())));
        let mut old = Vec::new();
        for entry in self.ages.range((from, Bound::Excluded((end, [].as_slice()))))?.take(PRUNED) {
            let (age, _) = entry?;
            let (since, hash) = age.value();
            old.push((since, hash.to_vec()));
        }
        for (since, hash) in &old {
            let open = self.keys.get(hash.as_slice())?.and_then(|known| KeyRecord::decode(known.value()));
            if open.is_none_or(|known| known.answer.is_some()) {
                self.keys.remove(hash.as_slice())?;
                self.ages.remove((*since, hash.as_slice()))?;
            }
        }
        // At the end it begins again.
        let more = old.len() == PRUNED;
        Ok(old.pop().filter(|_| more))
    }

    fn known(&self, key: &KeyUse) -> Result<Option<KeyRecord>, redb::Error> {
        Ok(self.keys.get(key.hash.as_slice())?.and_then(|known| KeyRecord::decode(known.value())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::relay::store::command::Command;
    use crate::commands::relay::store::tables::Tables;
    use prometheus_client::metrics::gauge::Gauge;
    use sha2::{Digest as _, Sha256};

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
        let (mut tables, _) = Tables::open(&folder.join("relay.redb"), "test", 1, Gauge::default()).unwrap();
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
    #[test]
    fn keys_whose_messages_wait_for_days_do_not_hide_the_others() {
        let folder = std::env::temp_dir().join(format!("aliyun-mqtt-relay-open-keys-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let gauge = Gauge::default();
        let (mut tables, _) = Tables::open(&folder.join("relay.redb"), "test", 10_000, gauge.clone()).unwrap();
        let key = |number: u64| KeyUse { hash: Sha256::digest(number.to_le_bytes()).into(), print: [0; 32] };
        let start = 100 * HOUR_MS;
        let waiting = PRUNED as u64 + 10;
        let accepts: Vec<Command> =
            (0..waiting).map(|seq| Command::Accept { seq, record: b"x".to_vec(), key: Some(key(seq)) }).collect();
        tables.write(&accepts, start).unwrap();
        accept(&mut tables, key(waiting), start + 1);
        assert_eq!(gauge.get(), waiting as i64 + 1);
        for _ in 0..3 {
            tables.write(&[], start + 25 * HOUR_MS).unwrap();
        }
        assert_eq!(gauge.get(), waiting as i64, "only the settled one is forgotten");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
