//! Acknowledgements owed to the server: given when the program has taken a message, and sent in the order of receipt.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::message::QoS;
use crate::session::core::numbered::Numbered;
use crate::session::wire::link::Arrived;

/// A received message that is not yet acknowledged on the wire.
struct Entry {
    id: u16,
    content: Content,
    qos: QoS,
    done: bool,
    /// It was received over the current connection and is in `owed`.
    owed: bool,
    /// Its topic, once the program has taken it in manual mode.
    taken: Option<Box<str>>,
    /// The program has been informed that it holds back later acknowledgements.
    reported: bool,
}

/// The data that a message under the same id is compared with.
///
/// Most messages are taken and acknowledged before their id is used again, so the fingerprint, which costs a pass over
/// the message, is made when it is needed: when a message with the same id arrives, or when the message leaves the
/// inbox and is not acknowledged at once. A QoS 2 message gets it on arrival: its id stays in use after PUBREC, when
/// the message is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Waits at this place in the inbox. No other entry has the same id.
    InInbox(u64),
    Fingerprint(u64),
}

/// The properties by which a redelivery is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    id: u16,
    fingerprint: u64,
}

impl Entry {
    /// Returns its place in the inbox while it has no fingerprint.
    fn place(&self) -> Option<u64> {
        match self.content {
            Content::InInbox(place) => Some(place),
            Content::Fingerprint(_) => None,
        }
    }

    fn name(&self) -> Option<Name> {
        match self.content {
            Content::InInbox(_) => None,
            Content::Fingerprint(fingerprint) => Some(Name { id: self.id, fingerprint }),
        }
    }
}

/// The bytes that a message takes in these tables, which may be half empty.
pub(in crate::session) const PER_MESSAGE: usize =
    Numbered::<Entry>::PER_ITEM + 2 * (size_of::<u64>() + size_of::<(Name, u64)>());

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
pub(crate) struct Acks {
    /// All of them, by key.
    entries: Numbered<Entry>,
    /// The keys of those in the inbox that have no fingerprint, by packet id.
    unnamed: HashMap<u16, u64>,
    /// The part that belongs to the current connection, and goes with it.
    current: Current,
    /// Those with a fingerprint that were received over an earlier connection of a session that may be resumed, oldest
    /// first. The server sends them again.
    detached: BTreeSet<(Name, u64)>,
    /// QoS 2: PUBREC was sent, PUBREL has not come. By packet id, with a fingerprint of the message: a server that has
    /// silently dropped its session begins with the same ids again.
    releasing: BTreeMap<u16, u64>,
}

impl Default for Acks {
    fn default() -> Self {
        Acks {
            entries: Numbered::starting_at(0),
            unnamed: HashMap::new(),
            current: Current::default(),
            detached: BTreeSet::new(),
            releasing: BTreeMap::new(),
        }
    }
}

/// The acknowledgements of one connection.
#[derive(Default)]
struct Current {
    /// The messages received, in order.
    owed: VecDeque<u64>,
    /// The number of those that are done and wait for an earlier one.
    held_back: usize,
    /// How many of the messages have this name: two, at times, where a QoS 2 exchange is repeated.
    owed_names: BTreeMap<Name, usize>,
    /// QoS 2: PUBREC was sent, PUBREL has not come, and the end of the client waits for it.
    unfinished: BTreeSet<u16>,
}

impl Acks {
    /// Classifies an arriving message. A `New` one must be put into the inbox, at this place, or given back with
    /// [`refuse`](Acks::refuse), or get its fingerprint by [`name`](Acks::name). `waiting` returns the fingerprint of
    /// the message at a place in the inbox.
    pub(in crate::session) fn arrive(
        &mut self,
        arrived: &Arrived,
        place: u64,
        waiting: impl Fn(u64) -> Option<u64>,
    ) -> Arrival {
        if self.current.owed.len() >= MOST {
            return Arrival::TooMany;
        }
        let (id, qos) = (arrived.id, arrived.qos);
        let entry = |content, done| Entry { id, content, qos, done, owed: false, taken: None, reported: false };
        if qos != QoS::ExactlyOnce && !self.knows(id) {
            return Arrival::New(self.owe(entry(Content::InInbox(place), false)));
        }
        if let Some(key) = self.unnamed.get(&id).copied() {
            let place = self.entries.get(key).and_then(Entry::place);
            self.name(key, || place.and_then(waiting).unwrap_or_default());
        }
        let name = Name { id, fingerprint: fingerprint(&arrived.topic, &arrived.payload, qos) };
        let content = Content::Fingerprint(name.fingerprint);
        if qos == QoS::ExactlyOnce && self.releasing.get(&id) == Some(&name.fingerprint) {
            self.owe(entry(content, true));
            return Arrival::Repeated;
        }
        if self.current.owed_names.contains_key(&name) {
            return Arrival::Repeated;
        }
        if arrived.duplicate {
            if let Some(key) = self.take_detached(name) {
                self.owe_key(key);
                return Arrival::Repeated;
            }
        }
        Arrival::New(self.owe(entry(content, false)))
    }

    /// Returns true if there is another message under this id.
    fn knows(&self, id: u16) -> bool {
        let [first, last] = [0, u64::MAX].map(|fingerprint| Name { id, fingerprint });
        self.unnamed.contains_key(&id)
            || self.current.owed_names.range(first..=last).next().is_some()
            || self.detached.range((first, 0)..=(last, u64::MAX)).next().is_some()
    }

    /// Gives a message its fingerprint: it does not wait in the inbox any more, or was never there.
    pub(in crate::session) fn name(&mut self, key: u64, fingerprint: impl FnOnce() -> u64) {
        let Some(entry) = self.entries.get_mut(key).filter(|entry| entry.name().is_none()) else { return };
        entry.content = Content::Fingerprint(fingerprint());
        self.unnamed.remove(&entry.id);
        match entry.name() {
            Some(name) if entry.owed => *self.current.owed_names.entry(name).or_default() += 1,
            Some(name) => _ = self.detached.insert((name, key)),
            None => {}
        }
    }

    fn owe(&mut self, entry: Entry) -> u64 {
        let (id, content) = (entry.id, entry.content);
        let key = self.entries.push(entry);
        if let Content::InInbox(_) = content {
            self.unnamed.insert(id, key);
        }
        self.owe_key(key);
        key
    }

    fn owe_key(&mut self, key: u64) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.owed = true;
        self.current.owed.push_back(key);
        self.current.held_back += usize::from(entry.done);
        if let Some(name) = entry.name() {
            *self.current.owed_names.entry(name).or_default() += 1;
        }
    }

    fn take_detached(&mut self, name: Name) -> Option<u64> {
        let oldest = *self.detached.range((name, 0)..=(name, u64::MAX)).next()?;
        self.detached.remove(&oldest);
        Some(oldest.1)
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
        let entry = self.entries.remove(key)?;
        self.current.held_back -= usize::from(entry.owed && entry.done);
        match entry.name() {
            None => _ = self.unnamed.remove(&entry.id),
            Some(name) => {
                if let Some(count) = self.current.owed_names.get_mut(&name) {
                    *count -= 1;
                    if *count == 0 {
                        self.current.owed_names.remove(&name);
                    }
                }
            }
        }
        Some(entry)
    }

    /// Marks a message as done. Returns false if the acknowledgement comes too late.
    pub(in crate::session) fn done(&mut self, key: u64) -> bool {
        match self.entries.get_mut(key) {
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
        if let Some(entry) = self.entries.get_mut(key) {
            entry.taken = Some(topic.into());
        }
    }

    /// Returns the message that holds back acknowledgements, unless it has been reported.
    pub(in crate::session) fn blocker(&self) -> Option<u64> {
        let key = *self.current.owed.front()?;
        let entry = self.entries.get(key)?;
        (self.current.held_back > 0 && !entry.done && !entry.reported).then_some(key)
    }

    /// Notes that the message is reported. Returns its topic if the program has taken it.
    pub(in crate::session) fn mark_reported(&mut self, key: u64) -> Option<&str> {
        let entry = self.entries.get_mut(key)?;
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
        if !self.entries.get(key)?.done {
            return None;
        }
        self.current.owed.pop_front();
        let entry = self.end(key)?;
        if let (QoS::ExactlyOnce, Some(name)) = (entry.qos, entry.name()) {
            self.releasing.insert(name.id, name.fingerprint);
        }
        Some((entry.id, entry.qos))
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
            let forgotten: Vec<_> =
                self.entries.iter().filter(|(_, entry)| !entry.owed).map(|(key, entry)| (key, entry.id)).collect();
            self.detached.clear();
            for (key, id) in forgotten {
                self.entries.remove(key);
                self.unnamed.remove(&id);
            }
        }
        for key in owed {
            if let Some(entry) = self.entries.get_mut(key) {
                entry.owed = false;
                self.detached.extend(entry.name().map(|name| (name, key)));
            }
        }
    }

    /// Forgets earlier packet ids: the server has no session.
    pub(in crate::session) fn session_gone(&mut self) {
        // The keys continue: the program may still hold some.
        let entries = Numbered::starting_at(self.entries.next_number());
        *self = Acks { entries, ..Acks::default() };
    }

    /// Panics if the table is inconsistent.
    #[cfg(any(test, fuzzing))]
    pub(in crate::session) fn assert_consistent(&self) {
        self.entries.assert_consistent();
        let owed = || self.current.owed.iter().filter_map(|key| self.entries.get(*key));
        assert_eq!(owed().count(), self.current.owed.len(), "each has its entry");
        assert_eq!(
            self.entries.values().filter(|entry| entry.owed).count(),
            self.current.owed.len(),
            "each is known as such"
        );
        assert_eq!(owed().filter(|entry| entry.done).count(), self.current.held_back, "those that are held back");
        let names: usize = self.current.owed_names.values().sum();
        assert_eq!(owed().filter_map(Entry::name).count(), names, "their names");
        let detached = self.entries.iter().filter(|(_, entry)| !entry.owed);
        let mut detached: Vec<_> = detached.filter_map(|(key, entry)| Some((entry.name()?, key))).collect();
        detached.sort_unstable();
        assert!(self.detached.iter().copied().eq(detached), "those that may come again");
        let unnamed = || self.entries.iter().filter(|(_, entry)| entry.name().is_none());
        assert!(unnamed().all(|(key, entry)| self.unnamed.get(&entry.id) == Some(&key)), "the only ones of their ids");
        assert_eq!(unnamed().count(), self.unnamed.len(), "those without a fingerprint");
        assert!(unnamed().all(|(_, entry)| entry.qos != QoS::ExactlyOnce), "QoS 2 has one from the beginning");
    }

    /// The places of the messages that have to be in the inbox, for the checks of tests.
    #[cfg(any(test, fuzzing))]
    pub(in crate::session) fn places(&self) -> impl Iterator<Item = u64> {
        self.entries.values().filter_map(Entry::place)
    }

    /// Returns the number of messages that wait for their acknowledgement.
    pub(in crate::session) fn owed(&self) -> usize {
        self.current.owed.len()
    }
}

/// Returns the fingerprint of a received message.
pub(in crate::session) fn fingerprint(topic: &str, payload: &[u8], qos: QoS) -> u64 {
    let mut hasher = DefaultHasher::new();
    (topic, payload, qos).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
