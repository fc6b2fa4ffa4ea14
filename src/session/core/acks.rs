//! Acknowledgements owed to the broker: given when the program has taken a message, sent in the order of receipt.

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
    told: bool,
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

/// The most messages owed at a time: there are 65,535 packet ids, and a message of QoS 2 may be repeated. A broker that uses
/// ids again before they are acknowledged does not fill the memory.
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
    /// Received over an earlier connection of a session that may be resumed, oldest first. The broker will send them
    /// again.
    detached: HashMap<Name, VecDeque<u64>>,
    /// QoS 2: PUBREC was sent, PUBREL has not come. By packet id, with what the message was: a broker that has lost its
    /// session without the client being told begins with the same ids again.
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
        let entry = |done| Entry { name, qos: arrived.qos, done, owed: false, taken: None, told: false };
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

    /// The message that holds back acknowledgements, if one does that the program was not told of yet.
    pub(in crate::session) fn blocker(&self) -> Option<u64> {
        let key = *self.owed.front()?;
        let entry = self.entries.get(&key)?;
        (self.held_back > 0 && !entry.done && !entry.told).then_some(key)
    }

    /// The program is told of it. Returns its topic, if it was taken.
    pub(in crate::session) fn mark_told(&mut self, key: u64) -> Option<&str> {
        let entry = self.entries.get_mut(&key)?;
        entry.told = true;
        entry.taken.as_deref()
    }

    /// How many acknowledgements wait for that of an earlier message.
    pub(in crate::session) fn held_back(&self) -> usize {
        self.held_back
    }

    /// How many messages the program is done with, and the broker has not been told.
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
    pub(in crate::session) fn connection_lost(&mut self, resumable: bool) {
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

    /// The broker has no session: packet ids of the past mean nothing now.
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
mod tests {
    use super::*;

    fn arrived(id: u16, qos: QoS, duplicate: bool) -> Arrived {
        let payload = format!("message {id}").into_bytes();
        Arrived { id, topic: "t".into(), qos, duplicate, retained: false, payload, properties: None }
    }

    fn sent(acks: &mut Acks) -> Vec<u16> {
        std::iter::from_fn(|| acks.next_ready()).map(|(id, _)| id).collect()
    }

    fn new_key(acks: &mut Acks, id: u16, qos: QoS) -> u64 {
        match acks.arrive(&arrived(id, qos, false)) {
            Arrival::New(key) => key,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn leave_in_the_order_of_receipt() {
        let mut acks = Acks::default();
        let [a, b, c] = [1, 2, 3].map(|id| new_key(&mut acks, id, QoS::AtLeastOnce));
        assert!(acks.done(b) && acks.done(c));
        assert!(sent(&mut acks).is_empty());
        assert!(acks.done(a));
        assert_eq!(sent(&mut acks), [1, 2, 3]);
        assert!(!acks.done(a), "sent already");
    }

    #[test]
    fn a_message_that_is_not_done_holds_back_what_is_and_is_named_once() {
        let mut acks = Acks::default();
        let [a, b, c] = [1, 2, 3].map(|id| new_key(&mut acks, id, QoS::AtLeastOnce));
        acks.taken(a, "t");
        assert_eq!((acks.blocker(), acks.held_back()), (None, 0), "nothing waits for it");
        acks.done(c);
        acks.done(c);
        assert_eq!((acks.blocker(), acks.held_back(), acks.unsent()), (Some(a), 1, 1));
        assert_eq!(acks.mark_told(a), Some("t"));
        assert_eq!(acks.blocker(), None);
        acks.connection_lost(true);
        assert_eq!((acks.held_back(), acks.unsent()), (0, 1));
        for id in 1..=3 {
            assert_eq!(acks.arrive(&arrived(id, QoS::AtLeastOnce, true)), Arrival::Repeated);
        }
        assert_eq!((acks.blocker(), acks.held_back()), (None, 1), "it was named before");
        acks.done(a);
        assert_eq!(sent(&mut acks), [1]);
        assert_eq!((acks.blocker(), acks.held_back()), (Some(b), 1), "another one");
        assert_eq!(acks.mark_told(b), None, "nobody has taken it");
        acks.done(b);
        assert_eq!(sent(&mut acks), [2, 3]);
        assert_eq!((acks.blocker(), acks.held_back(), acks.unsent()), (None, 0, 0));
    }

    #[test]
    fn a_refused_message_does_not_hold_back_the_rest_and_may_come_again() {
        let mut acks = Acks::default();
        let a = new_key(&mut acks, 1, QoS::AtLeastOnce);
        let b = new_key(&mut acks, 2, QoS::AtLeastOnce);
        acks.refuse(a);
        acks.done(b);
        assert_eq!(sent(&mut acks), [2]);
        assert!(matches!(acks.arrive(&arrived(1, QoS::AtLeastOnce, true)), Arrival::New(_)));
    }

    #[test]
    fn a_redelivery_is_not_queued_twice() {
        let mut acks = Acks::default();
        let key = new_key(&mut acks, 5, QoS::AtLeastOnce);
        assert_eq!(acks.arrive(&arrived(5, QoS::AtLeastOnce, true)), Arrival::Repeated);
        acks.connection_lost(true);
        assert!(acks.done(key), "the session may come back");
        assert_eq!(acks.arrive(&arrived(5, QoS::AtLeastOnce, true)), Arrival::Repeated);
        assert_eq!(sent(&mut acks), [5], "acknowledged on the new connection");
    }

    #[test]
    fn a_lost_session_voids_what_is_owed() {
        let mut acks = Acks::default();
        let key = new_key(&mut acks, 5, QoS::ExactlyOnce);
        acks.connection_lost(true);
        acks.session_gone();
        assert!(!acks.done(key));
        assert!(matches!(acks.arrive(&arrived(5, QoS::ExactlyOnce, true)), Arrival::New(_)));
    }

    #[test]
    fn qos_2_is_delivered_once_until_its_exchange_ends() {
        let mut acks = Acks::default();
        let key = new_key(&mut acks, 7, QoS::ExactlyOnce);
        acks.done(key);
        assert_eq!(sent(&mut acks), [7]);
        acks.await_release(7);
        assert_eq!(acks.unfinished(), 1);
        acks.connection_lost(true);
        assert_eq!(acks.unfinished(), 0, "PUBREL cannot come over a lost connection");
        assert_eq!(acks.arrive(&arrived(7, QoS::ExactlyOnce, true)), Arrival::Repeated);
        assert_eq!(sent(&mut acks), [7], "PUBREC again");
        acks.await_release(7);
        acks.released(7);
        assert_eq!(acks.unfinished(), 0);
        assert!(matches!(acks.arrive(&arrived(7, QoS::ExactlyOnce, false)), Arrival::New(_)));
    }

    #[test]
    fn another_message_under_an_id_that_was_not_released_is_new() {
        let mut acks = Acks::default();
        let key = new_key(&mut acks, 7, QoS::ExactlyOnce);
        acks.done(key);
        assert_eq!(sent(&mut acks), [7]);
        acks.connection_lost(true);
        let other = Arrived { payload: b"other".to_vec(), ..arrived(7, QoS::ExactlyOnce, false) };
        let Arrival::New(key) = acks.arrive(&other) else { panic!("the broker counts anew") };
        acks.done(key);
        assert_eq!(sent(&mut acks), [7]);
        acks.released(7);
        assert!(matches!(acks.arrive(&other), Arrival::New(_)));
    }

    #[test]
    fn a_used_id_with_something_new_is_no_redelivery() {
        let mut acks = Acks::default();
        new_key(&mut acks, 5, QoS::AtLeastOnce);
        let other = Arrived { payload: b"other".to_vec(), ..arrived(5, QoS::AtLeastOnce, true) };
        assert!(matches!(acks.arrive(&other), Arrival::New(_)), "another message");
        acks.connection_lost(true);
        let again = arrived(5, QoS::AtLeastOnce, false);
        assert!(matches!(acks.arrive(&again), Arrival::New(_)), "without DUP it is the first attempt");
    }

    /// What a broker without a bound in flight may do; through all of them for each, it would take minutes.
    #[test]
    fn tens_of_thousands_that_wait_are_found_without_a_search() {
        const COUNT: u16 = 60_000;
        let mut acks = Acks::default();
        let keys: Vec<_> = (1..=COUNT).map(|id| new_key(&mut acks, id, QoS::AtLeastOnce)).collect();
        for id in 1..=COUNT {
            assert_eq!(acks.arrive(&arrived(id, QoS::AtLeastOnce, true)), Arrival::Repeated);
            let Arrival::New(refused) = acks.arrive(&arrived(id, QoS::ExactlyOnce, true)) else { panic!("{id}") };
            acks.refuse(refused);
        }
        acks.connection_lost(true);
        assert_eq!(acks.owed(), 0);
        assert!(keys.iter().rev().all(|key| acks.done(*key)));
        for id in (1..=COUNT).rev() {
            assert_eq!(acks.arrive(&arrived(id, QoS::AtLeastOnce, true)), Arrival::Repeated);
        }
        assert!(sent(&mut acks).into_iter().eq((1..=COUNT).rev()), "in the order of the new connection");
    }

    #[test]
    fn a_broker_that_breaks_the_rules_does_not_fill_the_table() {
        let new = |acks: &mut Acks, number: usize| {
            let payload = number.to_be_bytes().to_vec();
            acks.arrive(&Arrived { payload, ..arrived(1, QoS::AtLeastOnce, false) })
        };
        let mut acks = Acks::default();
        for round in 0..4 {
            let taken = (0..=MOST).take_while(|number| new(&mut acks, round * 2 * MOST + number) != Arrival::TooMany);
            assert_eq!(taken.count(), MOST, "under one id, and never acknowledged");
            acks.connection_lost(true);
            assert!(acks.entries.len() <= 2 * MOST);
            acks.assert_consistent();
        }
    }

    /// The broker sends PUBREL only for the last PUBREC, but both must leave.
    #[test]
    fn a_qos_2_message_that_is_repeated_twice_is_answered_twice() {
        let mut acks = Acks::default();
        let first = new_key(&mut acks, 1, QoS::AtLeastOnce);
        let second = new_key(&mut acks, 2, QoS::ExactlyOnce);
        acks.done(first);
        acks.done(second);
        assert_eq!(sent(&mut acks), [1, 2]);
        let held = new_key(&mut acks, 3, QoS::AtLeastOnce);
        for _ in 0..2 {
            assert_eq!(acks.arrive(&arrived(2, QoS::ExactlyOnce, true)), Arrival::Repeated);
        }
        assert_eq!(acks.owed(), 3);
        acks.done(held);
        assert_eq!(sent(&mut acks), [3, 2, 2]);
        acks.released(2);
        assert!(matches!(acks.arrive(&arrived(2, QoS::ExactlyOnce, false)), Arrival::New(_)), "nothing is left");
    }
}
