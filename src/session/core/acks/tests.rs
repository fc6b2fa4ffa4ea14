use std::ops::{Deref, DerefMut};

use proptest::prelude::*;

use super::*;

/// The table, and an inbox in which every new message waits.
#[derive(Default)]
struct Bench {
    acks: Acks,
    /// By place.
    inbox: HashMap<u64, (u64, u64)>,
    next_place: u64,
    /// Each message gets its fingerprint on arrival.
    eager: bool,
}

impl Bench {
    fn arrive(&mut self, arrived: &Arrived) -> Arrival {
        let (place, inbox) = (self.next_place, &self.inbox);
        let waiting = |place| inbox.get(&place).map(|(_, print)| *print);
        let arrival = self.acks.arrive(arrived, place, waiting);
        if let Arrival::New(key) = arrival {
            let print = fingerprint(&arrived.topic, &arrived.payload, arrived.qos);
            self.inbox.insert(place, (key, print));
            self.next_place += 1;
            if self.eager {
                self.acks.name(key, || print);
            }
        }
        arrival
    }

    /// The program takes a message, or it is turned away.
    fn leaves(&mut self, key: u64) {
        let place = self.inbox.iter().find(|(_, (other, _))| *other == key).map(|(place, _)| *place);
        if let Some((key, print)) = place.and_then(|place| self.inbox.remove(&place)) {
            self.acks.name(key, || print);
        }
    }
}

impl Deref for Bench {
    type Target = Acks;

    fn deref(&self) -> &Acks {
        &self.acks
    }
}

impl DerefMut for Bench {
    fn deref_mut(&mut self) -> &mut Acks {
        &mut self.acks
    }
}

fn arrived(id: u16, qos: QoS, duplicate: bool) -> Arrived {
    let payload = format!("message {id}").into_bytes();
    Arrived { id, topic: "t".into(), qos, duplicate, retained: false, payload, properties: None }
}

fn sent(acks: &mut Acks) -> Vec<u16> {
    std::iter::from_fn(|| acks.next_ready()).map(|(id, _)| id).collect()
}

fn new_key(acks: &mut Bench, id: u16, qos: QoS) -> u64 {
    match acks.arrive(&arrived(id, qos, false)) {
        Arrival::New(key) => key,
        other => panic!("{other:?}"),
    }
}

#[test]
fn leave_in_the_order_of_receipt() {
    let mut acks = Bench::default();
    let [a, b, c] = [1, 2, 3].map(|id| new_key(&mut acks, id, QoS::AtLeastOnce));
    assert!(acks.done(b) && acks.done(c));
    assert!(sent(&mut acks).is_empty());
    assert!(acks.done(a));
    assert_eq!(sent(&mut acks), [1, 2, 3]);
    assert!(!acks.done(a), "sent already");
}

#[test]
fn a_message_that_is_not_done_holds_back_what_is_and_is_named_once() {
    let mut acks = Bench::default();
    let [a, b, c] = [1, 2, 3].map(|id| new_key(&mut acks, id, QoS::AtLeastOnce));
    acks.taken(a, "t");
    assert_eq!((acks.blocker(), acks.held_back()), (None, 0), "nothing waits for it");
    acks.done(c);
    acks.done(c);
    assert_eq!((acks.blocker(), acks.held_back(), acks.unsent()), (Some(a), 1, 1));
    assert_eq!(acks.mark_reported(a), Some("t"));
    assert_eq!(acks.blocker(), None);
    acks.disconnected(true);
    assert_eq!((acks.held_back(), acks.unsent()), (0, 1));
    for id in 1..=3 {
        assert_eq!(acks.arrive(&arrived(id, QoS::AtLeastOnce, true)), Arrival::Repeated);
    }
    assert_eq!((acks.blocker(), acks.held_back()), (None, 1), "it was named before");
    acks.done(a);
    assert_eq!(sent(&mut acks), [1]);
    assert_eq!((acks.blocker(), acks.held_back()), (Some(b), 1), "another one");
    assert_eq!(acks.mark_reported(b), None, "nobody has taken it");
    acks.done(b);
    assert_eq!(sent(&mut acks), [2, 3]);
    assert_eq!((acks.blocker(), acks.held_back(), acks.unsent()), (None, 0, 0));
}

#[test]
fn a_refused_message_does_not_hold_back_the_rest_and_may_come_again() {
    let mut acks = Bench::default();
    let a = new_key(&mut acks, 1, QoS::AtLeastOnce);
    let b = new_key(&mut acks, 2, QoS::AtLeastOnce);
    acks.refuse(a);
    acks.done(b);
    assert_eq!(sent(&mut acks), [2]);
    assert!(matches!(acks.arrive(&arrived(1, QoS::AtLeastOnce, true)), Arrival::New(_)));
}

#[test]
fn a_redelivery_is_not_queued_twice() {
    let mut acks = Bench::default();
    let key = new_key(&mut acks, 5, QoS::AtLeastOnce);
    assert_eq!(acks.arrive(&arrived(5, QoS::AtLeastOnce, true)), Arrival::Repeated);
    acks.disconnected(true);
    assert!(acks.done(key), "the session may come back");
    assert_eq!(acks.arrive(&arrived(5, QoS::AtLeastOnce, true)), Arrival::Repeated);
    assert_eq!(sent(&mut acks), [5], "acknowledged on the new connection");
}

#[test]
fn a_lost_session_voids_what_is_owed() {
    let mut acks = Bench::default();
    let key = new_key(&mut acks, 5, QoS::ExactlyOnce);
    acks.disconnected(true);
    acks.session_gone();
    assert!(!acks.done(key));
    assert!(matches!(acks.arrive(&arrived(5, QoS::ExactlyOnce, true)), Arrival::New(_)));
}

#[test]
fn qos_2_is_delivered_once_until_its_exchange_ends() {
    let mut acks = Bench::default();
    let key = new_key(&mut acks, 7, QoS::ExactlyOnce);
    acks.done(key);
    assert_eq!(sent(&mut acks), [7]);
    acks.await_release(7);
    assert_eq!(acks.unfinished(), 1);
    acks.disconnected(true);
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
    let mut acks = Bench::default();
    let key = new_key(&mut acks, 7, QoS::ExactlyOnce);
    acks.done(key);
    assert_eq!(sent(&mut acks), [7]);
    acks.disconnected(true);
    let other = Arrived { payload: b"other".to_vec(), ..arrived(7, QoS::ExactlyOnce, false) };
    let Arrival::New(key) = acks.arrive(&other) else { panic!("the server counts anew") };
    acks.done(key);
    assert_eq!(sent(&mut acks), [7]);
    acks.released(7);
    assert!(matches!(acks.arrive(&other), Arrival::New(_)));
}

#[test]
fn a_used_id_with_something_new_is_no_redelivery() {
    let mut acks = Bench::default();
    new_key(&mut acks, 5, QoS::AtLeastOnce);
    let other = Arrived { payload: b"other".to_vec(), ..arrived(5, QoS::AtLeastOnce, true) };
    assert!(matches!(acks.arrive(&other), Arrival::New(_)), "another message");
    acks.disconnected(true);
    let again = arrived(5, QoS::AtLeastOnce, false);
    assert!(matches!(acks.arrive(&again), Arrival::New(_)), "without DUP it is the first attempt");
}

/// A server without a bound in flight may do this; with a pass over all messages for each, it would take minutes.
#[test]
fn tens_of_thousands_that_wait_are_found_without_a_search() {
    const COUNT: u16 = 60_000;
    let mut acks = Bench::default();
    let keys: Vec<_> = (1..=COUNT).map(|id| new_key(&mut acks, id, QoS::AtLeastOnce)).collect();
    for id in 1..=COUNT {
        assert_eq!(acks.arrive(&arrived(id, QoS::AtLeastOnce, true)), Arrival::Repeated);
        let Arrival::New(refused) = acks.arrive(&arrived(id, QoS::ExactlyOnce, true)) else { panic!("{id}") };
        acks.refuse(refused);
    }
    acks.disconnected(true);
    assert_eq!(acks.owed(), 0);
    assert!(keys.iter().rev().all(|key| acks.done(*key)));
    for id in (1..=COUNT).rev() {
        assert_eq!(acks.arrive(&arrived(id, QoS::AtLeastOnce, true)), Arrival::Repeated);
    }
    assert!(sent(&mut acks).into_iter().eq((1..=COUNT).rev()), "in the order of the new connection");
}

#[test]
fn a_broker_that_breaks_the_rules_does_not_fill_the_table() {
    let new = |acks: &mut Bench, number: usize| {
        let payload = number.to_be_bytes().to_vec();
        acks.arrive(&Arrived { payload, ..arrived(1, QoS::AtLeastOnce, false) })
    };
    let mut acks = Bench::default();
    for round in 0..4 {
        let taken = (0..=MOST).take_while(|number| new(&mut acks, round * 2 * MOST + number) != Arrival::TooMany);
        assert_eq!(taken.count(), MOST, "under one id, and never acknowledged");
        acks.disconnected(true);
        assert!(acks.entries.len() <= 2 * MOST);
        acks.assert_consistent();
    }
}

/// The server sends PUBREL only for the last PUBREC, but both must leave.
#[test]
fn a_qos_2_message_that_is_repeated_twice_is_answered_twice() {
    let mut acks = Bench::default();
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

/// A step of a server or a program.
#[derive(Debug, Clone)]
enum Step {
    Arrive { id: u16, payload: u8, qos: QoS, duplicate: bool },
    Leave(usize),
    Done(usize),
    Send,
    Released(u16),
    Disconnect(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let qos = prop_oneof![3 => Just(QoS::AtLeastOnce), 1 => Just(QoS::ExactlyOnce)];
    prop_oneof![
        6 => (1..4_u16, 0..3_u8, qos, any::<bool>())
            .prop_map(|(id, payload, qos, duplicate)| Step::Arrive { id, payload, qos, duplicate }),
        3 => (0..20_usize).prop_map(Step::Leave),
        3 => (0..20_usize).prop_map(Step::Done),
        2 => Just(Step::Send),
        1 => (1..4_u16).prop_map(Step::Released),
        1 => any::<bool>().prop_map(Step::Disconnect),
    ]
}

proptest! {
    /// A table that makes fingerprints only when they are needed recognises the same messages as one that makes all.
    #[test]
    fn a_late_fingerprint_is_as_good_as_an_early_one(steps in prop::collection::vec(step(), 0..60)) {
        let (mut late, mut early) = (Bench::default(), Bench { eager: true, ..Bench::default() });
        let mut keys = Vec::new();
        for step in steps {
            match step {
                Step::Arrive { id, payload, qos, duplicate } => {
                    let arrived = Arrived { payload: vec![payload], ..arrived(id, qos, duplicate) };
                    let arrival = late.arrive(&arrived);
                    prop_assert_eq!(&arrival, &early.arrive(&arrived));
                    keys.extend(if let Arrival::New(key) = arrival { Some(key) } else { None });
                }
                Step::Leave(number) => _ = keys.get(number).map(|key| late.leaves(*key)),
                Step::Done(number) => {
                    if let Some(key) = keys.get(number) {
                        prop_assert_eq!(late.done(*key), early.done(*key));
                    }
                }
                Step::Send => prop_assert_eq!(sent(&mut late), sent(&mut early)),
                Step::Released(id) => {
                    late.released(id);
                    early.released(id);
                }
                Step::Disconnect(resumable) => {
                    late.disconnected(resumable);
                    early.disconnected(resumable);
                }
            }
            late.assert_consistent();
            early.assert_consistent();
            let counts = |bench: &Bench| (bench.owed(), bench.held_back(), bench.unsent(), bench.unfinished());
            prop_assert_eq!(counts(&late), counts(&early));
        }
    }
}
