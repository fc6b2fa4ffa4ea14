mod growing;
mod suspicion;

use std::sync::Arc;

use super::*;
use crate::delivery::{Outcome, Slot};
use crate::error::{ErrorKind, Fate};
use crate::message::{Outgoing, QoS};
use crate::session::core::now::Now;
use crate::session::core::op::{AckKind, Progress};

const BOUNDS: Bounds = Bounds { window: WindowRange { start: 4, most: 4 }, count: 10, bytes: 100, ids: 8 };

/// A time for tests that do not depend on it.
fn moment() -> Instant {
    Now::at(0.0).instant
}

fn far() -> Instant {
    moment() + Duration::from_secs(3600)
}

fn push(outbox: &mut Outbox, qos: QoS, payload: &str, deadline: Instant) -> (u64, Arc<Slot>) {
    let (settler, slot) = Settler::new();
    let body = Body::Publish(Arc::new(Outgoing::new("t", qos, payload)));
    (outbox.push(body, settler, deadline), slot)
}

fn push_qos_1(outbox: &mut Outbox, count: usize) -> Vec<u64> {
    (0..count).map(|_| push(outbox, QoS::AtLeastOnce, "x", far()).0).collect()
}

/// Sends and writes as much as the window has room for. Returns what was sent.
fn send(outbox: &mut Outbox) -> Vec<(u64, u16)> {
    let mut sent = Vec::new();
    while let Some((seq, id)) = outbox.next(true) {
        let repeats_release = outbox.op(seq).is_some_and(Op::releases);
        outbox.put_in_channel(seq, id, moment());
        if !repeats_release {
            outbox.sent(Sent::Publish(id), true, moment()).expect("in step");
        }
        sent.push((seq, id));
    }
    sent
}

/// Takes the operation that PUBACK acknowledges.
fn take(outbox: &mut Outbox, id: u16) -> Option<AckFor> {
    outbox.take(Kind::Publish, id, AckKind::PubAck).expect("it fits")
}

fn fate(slot: &Slot) -> Option<Fate> {
    slot.peek().expect("settled").expect_err("failed").fate()
}

#[test]
fn the_window_and_the_ids_bound_what_is_in_flight() {
    let mut outbox = Outbox::new(BOUNDS);
    push_qos_1(&mut outbox, 10);
    assert!(!outbox.has_room(0), "ten are the bound");
    assert_eq!(send(&mut outbox), [(1, 1), (2, 2), (3, 3), (4, 4)]);
    // The first stays open while the others go round: the ids run up to its own, and stop there.
    for id in [2, 3, 4, 5, 6, 7, 8] {
        assert_eq!(take(&mut outbox, id), Some(AckFor::Op(u64::from(id))));
        outbox.settle(u64::from(id), Ok(Outcome::default()));
        send(&mut outbox);
    }
    push_qos_1(&mut outbox, 1);
    take(&mut outbox, 9);
    assert_eq!(outbox.next_id(), None, "id 1 is still waiting for its acknowledgement");
}

#[test]
fn an_expired_message_keeps_its_place_on_the_line_until_answered() {
    let mut outbox = Outbox::new(BOUNDS);
    let now = moment();
    let (written, slot) = push(&mut outbox, QoS::AtLeastOnce, "x", now);
    send(&mut outbox);
    let (queued, queued_slot) = push(&mut outbox, QoS::AtLeastOnce, "y", now);
    assert!(outbox.expire(now, None));
    assert_eq!((fate(&slot), fate(&queued_slot)), (Some(Fate::Unknown), Some(Fate::NotSent)));
    assert_eq!((outbox.open(), outbox.bytes()), (0, 0));
    assert!(outbox.op(written).is_some_and(Op::is_abandoned) && outbox.op(queued).is_none());
    assert_eq!(take(&mut outbox, 1), Some(AckFor::Op(written)));
    outbox.settle(written, Ok(Outcome::default()));
    assert!(outbox.op(written).is_none());
    assert_eq!(fate(&slot), Some(Fate::Unknown), "reported once");
}

#[test]
fn an_expired_qos_2_exchange_is_completed_on_a_resumed_session_without_its_message() {
    let mut outbox = Outbox::new(BOUNDS);
    let now = moment();
    let (seq, slot) = push(&mut outbox, QoS::ExactlyOnce, "x", now);
    send(&mut outbox);
    outbox.disconnected(true, Blame::Nobody, now);
    outbox.expire(now, None);
    assert_eq!(fate(&slot), Some(Fate::Unknown));
    assert_eq!(send(&mut outbox), [(seq, 1)], "the id goes on");
    assert!(outbox.op(seq).is_some_and(|op| op.is_abandoned() && op.progress() == Some(Progress::Released)));
    outbox.disconnected(true, Blame::Nobody, now);
    outbox.connected(false, None, now);
    assert_eq!(outbox.next(true), None, "nothing is left to complete");
}

#[test]
fn what_was_not_taken_from_the_channel_was_not_sent() {
    let mut outbox = Outbox::new(BOUNDS);
    let (seq, slot) = push(&mut outbox, QoS::AtMostOnce, "x", moment());
    let (unsure, unsure_slot) = push(&mut outbox, QoS::AtMostOnce, "x", far());
    outbox.put_in_channel(unsure, 0, moment());
    outbox.sent(Sent::Publish(0), false, moment()).expect("in step");
    assert_eq!(fate(&unsure_slot), Some(Fate::Unknown));
    outbox.put_in_channel(seq, 0, moment());
    outbox.disconnected(false, Blame::Recent, moment());
    outbox.expire(moment(), None);
    assert_eq!(fate(&slot), Some(Fate::NotSent));
    assert!(outbox.sent(Sent::Publish(0), true, moment()).is_err(), "out of step");
}

#[test]
fn giving_up_settles_everything_and_counts_messages() {
    let mut outbox = Outbox::new(BOUNDS);
    push_qos_1(&mut outbox, 2);
    send(&mut outbox);
    outbox.settle_all(true, |op| op.expired(None));
    assert_eq!(outbox.open(), 0);
    let report = outbox.unseen.report().expect("a report");
    assert_eq!(report.kind(), ErrorKind::Undelivered { count: 2 });
    outbox.sent(Sent::Publish(7), true, moment()).expect("of no interest any more");
}

#[test]
fn an_abandoned_settler_settles() {
    let (settler, slot) = Settler::new();
    drop(settler);
    assert_eq!(slot.peek().expect("settled").expect_err("failed").kind(), ErrorKind::Internal);
}

#[test]
fn ids_a_resumed_session_goes_on_with_are_left_out() {
    let mut outbox = Outbox::new(BOUNDS);
    push_qos_1(&mut outbox, 2);
    send(&mut outbox);
    outbox.disconnected(true, Blame::Nobody, moment());
    outbox.set_last_id(0);
    assert_eq!(outbox.next_id(), None, "id 1 goes on");
    outbox.connected(true, None, moment());
    assert_eq!(outbox.next_id(), Some(3));
}

#[test]
fn an_expired_message_of_qos_1_is_not_sent_again_on_a_resumed_session() {
    let mut outbox = Outbox::new(BOUNDS);
    let now = moment();
    push(&mut outbox, QoS::AtLeastOnce, "x", now);
    send(&mut outbox);
    outbox.expire(now, None);
    outbox.disconnected(true, Blame::Nobody, now);
    assert_eq!(outbox.next(true), None);
    assert_eq!(outbox.next_id(), Some(2), "its id is free");
}

#[test]
fn a_qos_2_exchange_that_expired_on_the_line_is_completed_on_a_resumed_session() {
    let mut outbox = Outbox::new(BOUNDS);
    let now = moment();
    let (seq, _slot) = push(&mut outbox, QoS::ExactlyOnce, "x", now);
    send(&mut outbox);
    outbox.expire(now, None);
    outbox.disconnected(true, Blame::Nobody, now);
    assert!(outbox.op(seq).is_some_and(Op::releases), "with PUBREL, not with the message");
    assert_eq!(send(&mut outbox), [(seq, 1)]);
}

/// Otherwise the server would take the next message with its packet id for a repetition and discard it.
#[test]
fn a_qos_2_exchange_whose_message_is_given_up_is_completed_before_its_id_is_used_again() {
    type GiveUp = fn(&mut Outbox, u64);
    let convicted: GiveUp = |outbox, seq| _ = outbox.convict(seq, Error::internal("convicted"));
    let topic_refused: GiveUp = |outbox, _| _ = outbox.refuse_topic("t", |_| Error::internal("refused"));
    let not_allowed: GiveUp = |outbox, seq| outbox.settle(seq, Err(Error::internal("not allowed")));
    for give_up in [convicted, topic_refused, not_allowed] {
        let mut outbox = Outbox::new(BOUNDS);
        let now = moment();
        let (seq, slot) = push(&mut outbox, QoS::ExactlyOnce, "x", far());
        send(&mut outbox);
        outbox.disconnected(true, Blame::Recent, now);
        give_up(&mut outbox, seq);
        assert!(slot.peek().expect("settled").is_err());
        assert_eq!((outbox.open(), outbox.bytes(), outbox.has_suspects()), (0, 0, false));
        outbox.assert_consistent();
        outbox.set_last_id(0);
        assert_eq!(outbox.next_id(), None, "id 1 is in use");
        assert_eq!(send(&mut outbox), [(seq, 1)], "PUBREL");
        assert_eq!(outbox.take(Kind::Publish, 1, AckKind::PubComp).expect("it fits"), Some(AckFor::Op(seq)));
        outbox.acknowledged(seq, Outcome::default());
        assert_eq!(outbox.next_id(), Some(1));
        outbox.assert_consistent();
    }
}

#[test]
fn the_release_of_an_expired_message_does_not_overtake_earlier_ones() {
    let mut outbox = Outbox::new(BOUNDS);
    let now = moment();
    let (first, _slot) = push(&mut outbox, QoS::ExactlyOnce, "x", far());
    let (expired, _slot) = push(&mut outbox, QoS::ExactlyOnce, "y", now);
    send(&mut outbox);
    outbox.expire(now, None);
    outbox.disconnected(true, Blame::Nobody, now);
    assert_eq!(send(&mut outbox), [(first, 1)], "the server passes a message on at its PUBREL");
    outbox.received(1).expect("it fits");
    assert_eq!(send(&mut outbox), [(expired, 2)]);
}

#[test]
fn an_expired_message_that_is_never_answered_does_not_hold_up_the_next() {
    let mut outbox = Outbox::new(BOUNDS);
    let now = moment();
    let soon = now + Duration::from_secs(1);
    let (first, _slot) = push(&mut outbox, QoS::ExactlyOnce, "x", soon);
    let (expired, _slot) = push(&mut outbox, QoS::ExactlyOnce, "y", now);
    send(&mut outbox);
    outbox.expire(now, None);
    outbox.disconnected(true, Blame::Nobody, now);
    assert_eq!(send(&mut outbox), [(first, 1)]);
    outbox.expire(soon, None);
    assert_eq!(send(&mut outbox), [(expired, 2)]);
}

#[test]
fn answers_that_are_owed_for_long_wedge_the_line() {
    let (grace, patience) = (Duration::from_secs(10), Duration::from_secs(100));
    let mut outbox = Outbox::new(BOUNDS);
    let start = moment();
    push(&mut outbox, QoS::AtLeastOnce, "x", start);
    send(&mut outbox);
    outbox.expire(start, None);
    let now = moment();
    assert!(!outbox.stalled(now + grace * 2, grace, patience), "it blocks nobody");
    assert!(outbox.stalled(now + patience * 2, grace, patience));
    for _ in 0..3 {
        push(&mut outbox, QoS::AtLeastOnce, "x", start);
    }
    // Sent before they expire.
    send(&mut outbox);
    outbox.expire(start, None);
    push_qos_1(&mut outbox, 1);
    let now = moment();
    assert!(!outbox.stalled(start + grace / 2, grace, patience));
    assert!(outbox.stalled(now + grace * 2, grace, patience), "the window is full of them");
}

#[test]
fn bounded_by_bytes_too() {
    let mut outbox = Outbox::new(Bounds { bytes: 10_000, ..BOUNDS });
    assert!(outbox.has_room(20_000), "one larger than the bound fits an empty outbox");
    let (seq, _slot) = push(&mut outbox, QoS::AtLeastOnce, &"x".repeat(80), far());
    let one = outbox.bytes();
    assert!(one > 80 + 1 + size_of::<Op>(), "{one}: what is kept of it counts, too");
    assert!(outbox.has_room(10_000 - one) && !outbox.has_room(10_001 - one));
    send(&mut outbox);
    assert!(outbox.has_room(10_000 - 2 * one) && !outbox.has_room(10_001 - 2 * one), "the connection holds a copy");
    outbox.disconnected(true, Blame::Nobody, moment());
    assert!(outbox.has_room(10_000 - one), "not any more");
    outbox.settle(seq, Ok(Outcome::default()));
    assert_eq!(outbox.bytes(), 0);
}

#[test]
fn an_acknowledgement_of_what_was_not_written_breaks_the_rules() {
    let mut outbox = Outbox::new(BOUNDS);
    let (seq, _slot) = push(&mut outbox, QoS::AtLeastOnce, "x", far());
    outbox.put_in_channel(seq, 1, moment());
    assert!(outbox.take(Kind::Publish, 1, AckKind::PubAck).is_err());
    outbox.sent(Sent::Publish(1), true, moment()).expect("in step");
    assert!(outbox.take(Kind::Publish, 1, AckKind::PubComp).is_err() && outbox.received(1).is_err());
    assert_eq!(take(&mut outbox, 1), Some(AckFor::Op(seq)));
    assert_eq!(take(&mut outbox, 1), None, "once");
    let (seq, _slot) = push(&mut outbox, QoS::ExactlyOnce, "x", far());
    send(&mut outbox);
    assert!(outbox.take(Kind::Publish, 2, AckKind::PubComp).is_err(), "before PUBREC");
    outbox.received(2).expect("good");
    assert_eq!(outbox.take(Kind::Publish, 2, AckKind::PubComp).expect("good"), Some(AckFor::Op(seq)));
}

#[test]
fn a_pubrec_for_a_message_of_qos_1_breaks_the_rules() {
    let mut outbox = Outbox::new(BOUNDS);
    let (seq, _slot) = push(&mut outbox, QoS::AtLeastOnce, "x", far());
    send(&mut outbox);
    assert!(outbox.received(1).is_err());
    outbox.disconnected(true, Blame::Nobody, moment());
    let op = outbox.op(seq).expect("it is open");
    assert!(op.kept_id() == Some(1) && !op.releases(), "the message is sent again, not PUBREL");
}

#[test]
fn only_what_was_written_goes_on_under_its_id() {
    let mut outbox = Outbox::new(BOUNDS);
    let seqs = push_qos_1(&mut outbox, 2);
    outbox.put_in_channel(seqs[0], 1, moment());
    outbox.sent(Sent::Publish(1), true, moment()).expect("in step");
    outbox.put_in_channel(seqs[1], 2, moment());
    for _ in 0..2 {
        outbox.disconnected(true, Blame::Nobody, moment());
        let kept: Vec<_> = seqs.iter().map(|seq| outbox.op(*seq).and_then(Op::kept_id)).collect();
        assert_eq!(kept, [Some(1), None]);
        // Sent ahead of the channel, and not taken yet when the connection breaks again.
        assert_eq!(outbox.next(true), Some((seqs[0], 1)));
        outbox.put_in_channel(seqs[0], 1, moment());
    }
}

#[test]
fn nobody_overtakes_what_only_the_worker_can_send_again() {
    let mut outbox = Outbox::new(BOUNDS);
    let seqs = push_qos_1(&mut outbox, 1);
    send(&mut outbox);
    outbox.disconnected(true, Blame::Nobody, moment());
    push_qos_1(&mut outbox, 1);
    assert_eq!(outbox.next(false), None);
    assert_eq!(outbox.next(true), Some((seqs[0], 1)));
}

#[test]
fn a_late_answer_that_blocks_nobody_is_no_reason_to_reconnect_a_busy_line() {
    let (grace, patience) = (Duration::from_secs(10), Duration::from_secs(100));
    let mut outbox = Outbox::new(BOUNDS);
    let start = moment();
    push(&mut outbox, QoS::AtLeastOnce, "swallowed", start);
    send(&mut outbox);
    outbox.expire(start, None);
    // Three of four places are in good use, and there is a backlog.
    push_qos_1(&mut outbox, 5);
    send(&mut outbox);
    assert!(!outbox.stalled(moment() + grace * 2, grace, patience));
}

#[test]
fn a_release_that_is_never_answered_does_not_cost_a_connection_for_ever() {
    let (grace, patience) = (Duration::from_secs(10), Duration::from_secs(100));
    let mut outbox = Outbox::new(BOUNDS);
    let start = moment();
    push(&mut outbox, QoS::ExactlyOnce, "x", start);
    send(&mut outbox);
    outbox.expire(start, None);
    for round in 0..5 {
        let now = moment() + patience * 2;
        if !outbox.stalled(now, grace, patience) {
            assert!(round < 3);
            return;
        }
        outbox.disconnected(true, Blame::Nobody, now);
        send(&mut outbox);
    }
    panic!("stalled at each of five connections");
}

#[test]
fn the_id_of_a_message_that_expired_between_connections_is_free_again() {
    let mut outbox = Outbox::new(BOUNDS);
    push(&mut outbox, QoS::AtLeastOnce, "x", moment());
    send(&mut outbox);
    outbox.disconnected(true, Blame::Nobody, moment());
    outbox.set_last_id(0);
    assert_eq!(outbox.next_id(), None, "it would go on under it");
    outbox.expire(moment(), None);
    assert_eq!(outbox.next_id(), Some(1));
    outbox.assert_consistent();
}

#[test]
fn a_message_that_the_server_has_taken_is_not_refused_with_its_topic() {
    let mut outbox = Outbox::new(BOUNDS);
    push(&mut outbox, QoS::ExactlyOnce, "x", far());
    send(&mut outbox);
    outbox.received(1).expect("it fits");
    outbox.disconnected(true, Blame::Nobody, moment());
    assert_eq!(outbox.refuse_topic("t", |_| Error::internal("refused")), 0);
    assert_eq!(outbox.open(), 1, "only PUBREL is left to be sent");
}

#[test]
fn an_operation_that_stays_open_does_not_keep_the_places_of_those_that_pass_it() {
    let mut outbox = Outbox::new(Bounds { bytes: usize::MAX, ..BOUNDS });
    let (old, slot) = push(&mut outbox, QoS::AtLeastOnce, "x", far());
    send(&mut outbox);
    for number in 0..20_000 {
        // Their deadlines are in no order.
        let deadline = moment() + Duration::from_secs(60 + number * 7_919 % 1_000);
        let (passing, _slot) = push(&mut outbox, QoS::AtMostOnce, "y", deadline);
        assert_eq!(send(&mut outbox), [(passing, 0)]);
        if number % 500 == 0 {
            // Bounds the memory, too.
            outbox.assert_consistent();
        }
    }
    outbox.assert_consistent();
    assert_eq!((outbox.open(), outbox.next_deadline()), (1, Some(far())));
    assert_eq!(take(&mut outbox, 1), Some(AckFor::Op(old)));
    outbox.acknowledged(old, Outcome::default());
    assert_eq!((slot.peek().map(|result| result.is_ok()), outbox.open()), (Some(true), 0));
}
