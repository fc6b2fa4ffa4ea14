//! Acknowledgements owed to the broker: given when the program has taken a message, sent in the order of receipt.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::line::Arrived;
use crate::message::QoS;

/// A message that is received and not acknowledged on the wire yet.
struct Entry {
    key: u64,
    id: u16,
    qos: QoS,
    fingerprint: u64,
    done: bool,
}

/// What an arriving QoS 1 or 2 message is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// New: queue it under this key.
    New(u64),
    /// A redelivery of one that is queued, in the program's hands, or done: at most its acknowledgement is due.
    Repeated,
}

/// The table of all messages that are not acknowledged.
#[derive(Default)]
pub(crate) struct Acks {
    next_key: u64,
    /// Received over the current connection, in order.
    owed: VecDeque<Entry>,
    /// Received over an earlier connection of a session that may be resumed. The broker will send them again.
    detached: Vec<Entry>,
    /// QoS 2: PUBREC was sent, PUBREL has not come. By packet id, with what the message was: a broker that has lost its
    /// session without the client being told begins with the same ids again.
    releasing: BTreeMap<u16, u64>,
}

impl Acks {
    /// Sorts an arriving message. `New` must be queued, or given back with [`refuse`](Acks::refuse).
    pub(super) fn arrive(&mut self, arrived: &Arrived) -> Arrival {
        let fingerprint = fingerprint(arrived);
        if arrived.qos == QoS::ExactlyOnce && self.releasing.get(&arrived.id) == Some(&fingerprint) {
            self.owe(arrived, fingerprint, true);
            return Arrival::Repeated;
        }
        let repeats = |entry: &Entry| entry.id == arrived.id && entry.fingerprint == fingerprint;
        if self.owed.iter().any(repeats) {
            return Arrival::Repeated;
        }
        if arrived.duplicate {
            if let Some(position) = self.detached.iter().position(repeats) {
                let entry = self.detached.swap_remove(position);
                self.owed.push_back(entry);
                return Arrival::Repeated;
            }
        }
        Arrival::New(self.owe(arrived, fingerprint, false))
    }

    fn owe(&mut self, arrived: &Arrived, fingerprint: u64, done: bool) -> u64 {
        let key = self.next_key;
        self.next_key += 1;
        self.owed.push_back(Entry { key, id: arrived.id, qos: arrived.qos, fingerprint, done });
        key
    }

    /// There was no room: it will not be acknowledged, and must not hold back those after it.
    pub(super) fn refuse(&mut self, key: u64) {
        self.owed.retain(|entry| entry.key != key);
    }

    /// The program is done with it. `false`: its acknowledgement no longer counts.
    pub(super) fn done(&mut self, key: u64) -> bool {
        match self.owed.iter_mut().chain(&mut self.detached).find(|entry| entry.key == key) {
            Some(entry) => {
                entry.done = true;
                true
            }
            None => false,
        }
    }

    /// The next acknowledgement to send, in the order of receipt; `None` while the oldest message is not done.
    pub(super) fn next_ready(&mut self) -> Option<(u16, QoS)> {
        if !self.owed.front()?.done {
            return None;
        }
        let entry = self.owed.pop_front()?;
        if entry.qos == QoS::ExactlyOnce {
            self.releasing.insert(entry.id, entry.fingerprint);
        }
        Some((entry.id, entry.qos))
    }

    /// An incoming QoS 2 exchange ended.
    pub(super) fn released(&mut self, id: u16) {
        self.releasing.remove(&id);
    }

    /// The connection is gone; acknowledgements not sent count only if the session is resumed.
    pub(super) fn connection_lost(&mut self, resumable: bool) {
        if resumable {
            self.detached.extend(self.owed.drain(..));
        } else {
            self.session_gone();
        }
    }

    /// The broker has no session: packet ids of the past mean nothing now.
    pub(super) fn session_gone(&mut self) {
        self.owed.clear();
        self.detached.clear();
        self.releasing.clear();
    }

    /// How many messages wait for their acknowledgement.
    pub(super) fn owed(&self) -> usize {
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
        acks.connection_lost(true);
        assert_eq!(acks.arrive(&arrived(7, QoS::ExactlyOnce, true)), Arrival::Repeated);
        assert_eq!(sent(&mut acks), [7], "PUBREC again");
        acks.released(7);
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
}
