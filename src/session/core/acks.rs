//! Acknowledgements owed to the server: given when the program has taken a message, and sent in the order of receipt.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::message::QoS;
use crate::session::wire::link::Arrived;

/// A received message that is not yet acknowledged on the wire.
struct Entry {
    name: Name,
    qos: QoS,
    done: bool,
    /// It was received over the current connection and is in `owed`.
    owed: bool,
    /// Its topic, once the program has taken it in manual mode.
    taken: Option<Box<str>>,
    /// The program has been informed that it holds back later acknowledgements.
    reported: bool,
}

/// The properties by which a redelivery is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Name {
    id: u16,
    fingerprint: u64,
}

/// The bytes that a message takes in these tables, which may be half empty.
pub(in crate::session) const PER_MESSAGE: usize =
    2 * (size_of::<(u64, Entry)>() + size_of::<u64>() + size_of::<(Name, usize)>());

/// The kind of an arriving QoS 1 or 2 message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// New: queue it under this key.
    New(u64),
    /// A redelivery of a message that is queued, taken or done: at most its acknowledgement is due.
    Repeated,
    /// More than a server may send: ignored, and not acknowledged.
    TooMany,
}

/// The most messages owed at a time: there are 65,535 packet ids, and a QoS 2 message may be repeated. This protects
/// the memory from a server that reuses ids before they are acknowledged.
const MOST: usize = 2 * 65_535;

/// The table of all messages that are not acknowledged. A server without a bound in flight may fill it with tens of
/// thousands, so no step for one message goes through all of them.
#[derive(Default)]
pub(crate) struct Acks {
    next_key: u64,
    /// All of them, by key.
    entries: HashMap<u64, Entry>,
    /// The part that belongs to the current connection, and goes with it.
    current: Current,
    /// Received over an earlier connection of a session that may be resumed, oldest first. The server sends them again.
    detached: HashMap<Name, VecDeque<u64>>,
    /// QoS 2: PUBREC was sent, PUBREL has not come. By packet id, with a fingerprint of the message: a server that has
    /// silently dropped its session begins with the same ids again.
    releasing: BTreeMap<u16, u64>,
}

/// The acknowledgements of one connection.
#[derive(Default)]
struct Current {
    /// The messages received, in order.
    owed: VecDeque<u64>,
    /// The number of those that are done and wait for an earlier one.
    held_back: usize,
    /// How many of those have this name: two, at times, where a QoS 2 exchange is repeated.
    owed_names: HashMap<Name, usize>,
    /// QoS 2: PUBREC was sent, PUBREL has not come, and the end of the client waits for it.
    unfinished: BTreeSet<u16>,
}

impl Acks {
    /// Classifies an arriving message. A `New` one must be queued or given back with [`refuse`](Acks::refuse).
    pub(in crate::session) fn arrive(&mut self, arrived: &Arrived) -> Arrival {
        if self.current.owed.len() >= MOST {
            return Arrival::TooMany;
        }
        let name = Name { id: arrived.id, fingerprint: fingerprint(arrived) };
        let entry = |done| Entry { name, qos: arrived.qos, done, owed: false, taken: None, reported: false };
        if arrived.qos == QoS::ExactlyOnce && self.releasing.get(&name.id) == Some(&name.fingerprint) {
            self.owe(entry(true));
            return Arrival::Repeated;
        }
        if self.current.owed_names.contains_key(&name) {
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
        self.current.owed.push_back(key);
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.owed = true;
            self.current.held_back += usize::from(entry.done);
        }
        *self.current.owed_names.entry(name).or_default() += 1;
    }

    fn take_detached(&mut self, name: Name) -> Option<u64> {
        let keys = self.detached.get_mut(&name)?;
        let key = keys.pop_front();
        if keys.is_empty() {
            self.detached.remove(&name);
        }
        key
    }

    /// Removes a message for which there was no room: it is not acknowledged and must not hold back later ones.
    pub(in crate::session) fn refuse(&mut self, key: u64) {
        // Usually the last one: it has just arrived.
        match self.current.owed.iter().rposition(|owed| *owed == key) {
            Some(position) => self.current.owed.remove(position),
            None => return,
        };
        self.end(key);
    }

    /// Removes an entry that was taken out of `owed`.
    fn end(&mut self, key: u64) -> Option<Entry> {
        let entry = self.entries.remove(&key)?;
        self.current.held_back -= usize::from(entry.owed && entry.done);
        if let Some(count) = self.current.owed_names.get_mut(&entry.name) {
            *count -= 1;
            if *count == 0 {
                self.current.owed_names.remove(&entry.name);
            }
        }
        Some(entry)
    }

    /// Marks a message as done. Returns false if the acknowledgement comes too late.
    pub(in crate::session) fn done(&mut self, key: u64) -> bool {
        match self.entries.get_mut(&key) {
            Some(entry) => {
                self.current.held_back += usize::from(entry.owed && !entry.done);
                entry.done = true;
                true
            }
            None => false,
        }
    }

    /// Notes that the program has taken the message and will acknowledge it manually.
    pub(in crate::session) fn taken(&mut self, key: u64, topic: &str) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.taken = Some(topic.into());
        }
    }

    /// Returns the message that holds back acknowledgements, unless it has been reported.
    pub(in crate::session) fn blocker(&self) -> Option<u64> {
        let key = *self.current.owed.front()?;
        let entry = self.entries.get(&key)?;
        (self.current.held_back > 0 && !entry.done && !entry.reported).then_some(key)
    }

    /// Notes that the message is reported. Returns its topic if the program has taken it.
    pub(in crate::session) fn mark_reported(&mut self, key: u64) -> Option<&str> {
        let entry = self.entries.get_mut(&key)?;
        entry.reported = true;
        entry.taken.as_deref()
    }

    /// Returns the number of acknowledgements that wait for an earlier message.
    pub(in crate::session) fn held_back(&self) -> usize {
        self.current.held_back
    }

    /// Returns the number of messages that are done and not yet acknowledged on the wire.
    pub(in crate::session) fn unsent(&self) -> usize {
        self.entries.values().filter(|entry| entry.done).count()
    }

    /// Takes the next acknowledgement to send, in the order of receipt; `None` while the oldest message is not done.
    pub(in crate::session) fn next_ready(&mut self) -> Option<(u16, QoS)> {
        let key = *self.current.owed.front()?;
        if !self.entries.get(&key)?.done {
            return None;
        }
        self.current.owed.pop_front();
        let Entry { name, qos, .. } = self.end(key)?;
        if qos == QoS::ExactlyOnce {
            self.releasing.insert(name.id, name.fingerprint);
        }
        Some((name.id, qos))
    }

    /// Ends an incoming QoS 2 exchange.
    pub(in crate::session) fn released(&mut self, id: u16) {
        self.releasing.remove(&id);
        self.current.unfinished.remove(&id);
    }

    /// Notes that PUBREC was sent on the current connection: `disconnect` waits for PUBREL.
    pub(in crate::session) fn await_release(&mut self, id: u16) {
        self.current.unfinished.insert(id);
    }

    /// Returns how many QoS 2 exchanges wait for the PUBREL of the server on this connection.
    pub(in crate::session) fn unfinished(&self) -> usize {
        self.current.unfinished.len()
    }

    /// Handles the end of the connection; unsent acknowledgements remain valid only if the session is resumed.
    pub(in crate::session) fn disconnected(&mut self, resumable: bool) {
        if !resumable {
            return self.session_gone();
        }
        let Current { owed, .. } = std::mem::take(&mut self.current);
        if self.entries.len() - owed.len() >= MOST {
            // A server sends again what is not acknowledged; these are what it has forgotten.
            for key in self.detached.drain().flat_map(|(_, keys)| keys) {
                self.entries.remove(&key);
            }
        }
        for key in owed {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.owed = false;
                self.detached.entry(entry.name).or_default().push_back(key);
            }
        }
    }

    /// Forgets earlier packet ids: the server has no session.
    pub(in crate::session) fn session_gone(&mut self) {
        *self = Acks { next_key: self.next_key, ..Acks::default() };
    }

    /// Panics if the table is inconsistent.
    #[cfg(any(test, fuzzing))]
    pub(in crate::session) fn assert_consistent(&self) {
        let owed = || self.current.owed.iter().filter_map(|key| self.entries.get(key));
        assert_eq!(owed().count(), self.current.owed.len(), "each has its entry");
        assert_eq!(
            self.entries.values().filter(|entry| entry.owed).count(),
            self.current.owed.len(),
            "each is known as such"
        );
        assert_eq!(owed().filter(|entry| entry.done).count(), self.current.held_back, "those that are held back");
    }

    /// Returns the number of messages that wait for their acknowledgement.
    pub(in crate::session) fn owed(&self) -> usize {
        self.current.owed.len()
    }
}

fn fingerprint(arrived: &Arrived) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&arrived.topic, &arrived.payload, arrived.qos).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
