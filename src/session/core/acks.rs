//! Acknowledgements owed to the server: given when the program has taken a message, sent in the order of receipt.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::message::QoS;
use crate::session::wire::link::Arrived;

/// A message that is received and not acknowledged on the wire yet.
struct Entry {
    name: Name,
    qos: QoS,
    done: bool,
    /// Received over the current connection: it is in `owed`.
    owed: bool,
    /// Its topic, once the program has taken it and is to acknowledge it by hand.
    taken: Option<Box<str>>,
    /// The program was told that it holds back those after it.
    reported: bool,
}

/// What a redelivery has in common with the message it repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Name {
    id: u16,
    fingerprint: u64,
}

/// What a message takes here, in bytes: a table may be twice as large as what it holds.
pub(in crate::session) const PER_MESSAGE: usize =
    2 * (size_of::<(u64, Entry)>() + size_of::<u64>() + size_of::<(Name, usize)>());

/// What an arriving QoS 1 or 2 message is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// New: queue it under this key.
    New(u64),
    /// A redelivery of one that is queued, in the program's hands, or done: at most its acknowledgement is due.
    Repeated,
    /// One more than a broker that keeps to the rules can send: it is not taken note of, and not acknowledged.
    TooMany,
}

/// The most messages owed at a time: there are 65,535 packet ids, and a message of QoS 2 may be repeated. A broker that
/// uses ids again before they are acknowledged does not fill the memory.
const MOST: usize = 2 * 65_535;

/// The table of all messages that are not acknowledged. A broker without a bound in flight may fill it with tens of
/// thousands, so nothing here goes through all of them for one.
#[derive(Default)]
pub(crate) struct Acks {
    next_key: u64,
    /// All of them, by key.
    entries: HashMap<u64, Entry>,
    /// Received over the current connection, in order.
    owed: VecDeque<u64>,
    /// How many of those are done, and wait for an earlier one that is not.
    held_back: usize,
    /// How many of those have this name: two, at times, where an exchange of QoS 2 is repeated.
    owed_names: HashMap<Name, usize>,
    /// Received over an earlier connection of a session that may be resumed, oldest first. The server will send them
    /// again.
    detached: HashMap<Name, VecDeque<u64>>,
    /// QoS 2: PUBREC was sent, PUBREL has not come. By packet id, with what the message was: a broker that has dropped
    /// its session without telling the client begins with the same ids again.
    releasing: BTreeMap<u16, u64>,
    /// QoS 2: PUBREC was sent over the current connection, PUBREL has not come over it, and the end of the client waits
    /// for it.
    unfinished: BTreeSet<u16>,
}

impl Acks {
    /// Sorts an arriving message. `New` must be queued, or given back with [`refuse`](Acks::refuse).
    pub(in crate::session) fn arrive(&mut self, arrived: &Arrived) -> Arrival {
        if self.owed.len() >= MOST {
            return Arrival::TooMany;
        }
        let name = Name { id: arrived.id, fingerprint: fingerprint(arrived) };
        let entry = |done| Entry { name, qos: arrived.qos, done, owed: false, taken: None, reported: false };
        if arrived.qos == QoS::ExactlyOnce && self.releasing.get(&name.id) == Some(&name.fingerprint) {
            self.owe(entry(true));
            return Arrival::Repeated;
        }
        if self.owed_names.contains_key(&name) {
            return Arrival::Repeated;
        }
        if arrived.duplicate {
            if let Some(key) = self.take_detached(name) {
                self.owe_key(key, name);
                return Arrival::Repeated;
            }
        }
        Arrival::New(self.owe(entry(false)))
    }

    fn owe(&mut self, entry: Entry) -> u64 {
        let (key, name) = (self.next_key, entry.name);
        self.next_key += 1;
        self.entries.insert(key, entry);
        self.owe_key(key, name);
        key
    }

    fn owe_key(&mut self, key: u64, name: Name) {
        self.owed.push_back(key);
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.owed = true;
            self.held_back += usize::from(entry.done);
        }
        *self.owed_names.entry(name).or_default() += 1;
    }

    fn take_detached(&mut self, name: Name) -> Option<u64> {
        let keys = self.detached.get_mut(&name)?;
        let key = keys.pop_front();
        if keys.is_empty() {
            self.detached.remove(&name);
        }
        key
    }

    /// There was no room: it will not be acknowledged, and must not hold back those after it.
    pub(in crate::session) fn refuse(&mut self, key: u64) {
        // The last one, as a rule: it has just arrived.
        match self.owed.iter().rposition(|owed| *owed == key) {
            Some(position) => self.owed.remove(position),
            None => return,
        };
        self.end(key);
    }

    /// An entry that was taken out of `owed` is over.
    fn end(&mut self, key: u64) -> Option<Entry> {
        let entry = self.entries.remove(&key)?;
        self.held_back -= usize::from(entry.owed && entry.done);
        if let Some(count) = self.owed_names.get_mut(&entry.name) {
            *count -= 1;
            if *count == 0 {
                self.owed_names.remove(&entry.name);
            }
        }
        Some(entry)
    }

    /// The program is done with it. `false`: its acknowledgement no longer counts.
    pub(in crate::session) fn done(&mut self, key: u64) -> bool {
        match self.entries.get_mut(&key) {
            Some(entry) => {
                self.held_back += usize::from(entry.owed && !entry.done);
                entry.done = true;
                true
            }
            None => false,
        }
    }

    /// The program has taken it, and is to acknowledge it by hand.
    pub(in crate::session) fn taken(&mut self, key: u64, topic: &str) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.taken = Some(topic.into());
        }
    }

    /// The message that holds back acknowledgements, unless there is none or the program knows of it.
    pub(in crate::session) fn blocker(&self) -> Option<u64> {
        let key = *self.owed.front()?;
        let entry = self.entries.get(&key)?;
        (self.held_back > 0 && !entry.done && !entry.reported).then_some(key)
    }

    /// The program is told of it. Returns its topic, if it was taken.
    pub(in crate::session) fn mark_reported(&mut self, key: u64) -> Option<&str> {
        let entry = self.entries.get_mut(&key)?;
        entry.reported = true;
        entry.taken.as_deref()
    }

    /// How many acknowledgements wait for that of an earlier message.
    pub(in crate::session) fn held_back(&self) -> usize {
        self.held_back
    }

    /// How many messages the program is done with, and the server has not been told.
    pub(in crate::session) fn unsent(&self) -> usize {
        self.entries.values().filter(|entry| entry.done).count()
    }

    /// The next acknowledgement to send, in the order of receipt; `None` while the oldest message is not done.
    pub(in crate::session) fn next_ready(&mut self) -> Option<(u16, QoS)> {
        let key = *self.owed.front()?;
        if !self.entries.get(&key)?.done {
            return None;
        }
        self.owed.pop_front();
        let Entry { name, qos, .. } = self.end(key)?;
        if qos == QoS::ExactlyOnce {
            self.releasing.insert(name.id, name.fingerprint);
        }
        Some((name.id, qos))
    }

    /// An incoming QoS 2 exchange ended.
    pub(in crate::session) fn released(&mut self, id: u16) {
        self.releasing.remove(&id);
        self.unfinished.remove(&id);
    }

    /// PUBREC was sent on the current connection: the end of the client waits for PUBREL.
    pub(in crate::session) fn await_release(&mut self, id: u16) {
        self.unfinished.insert(id);
    }

    /// Returns how many QoS 2 exchanges wait for the PUBREL of the server on this connection.
    pub(in crate::session) fn unfinished(&self) -> usize {
        self.unfinished.len()
    }

    /// The connection is gone; acknowledgements not sent count only if the session is resumed.
    pub(in crate::session) fn disconnected(&mut self, resumable: bool) {
        self.unfinished.clear();
        if !resumable {
            return self.session_gone();
        }
        if self.entries.len() - self.owed.len() >= MOST {
            // A broker sends again what is not acknowledged; these are what it has forgotten.
            for key in self.detached.drain().flat_map(|(_, keys)| keys) {
                self.entries.remove(&key);
            }
        }
        for key in self.owed.drain(..) {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.owed = false;
                self.detached.entry(entry.name).or_default().push_back(key);
            }
        }
        self.owed_names.clear();
        self.held_back = 0;
    }

    /// The server has no session: packet ids of the past mean nothing now.
    pub(in crate::session) fn session_gone(&mut self) {
        self.entries.clear();
        self.owed.clear();
        self.held_back = 0;
        self.owed_names.clear();
        self.detached.clear();
        self.releasing.clear();
        self.unfinished.clear();
    }

    /// Panics where the table contradicts itself.
    #[cfg(any(test, fuzzing))]
    pub(in crate::session) fn assert_consistent(&self) {
        let owed = || self.owed.iter().filter_map(|key| self.entries.get(key));
        assert_eq!(owed().count(), self.owed.len(), "each has its entry");
        assert_eq!(self.entries.values().filter(|entry| entry.owed).count(), self.owed.len(), "each is known as such");
        assert_eq!(owed().filter(|entry| entry.done).count(), self.held_back, "those that are held back");
    }

    /// How many messages wait for their acknowledgement.
    pub(in crate::session) fn owed(&self) -> usize {
        self.owed.len()
    }
}

fn fingerprint(arrived: &Arrived) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&arrived.topic, &arrived.payload, arrived.qos).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
