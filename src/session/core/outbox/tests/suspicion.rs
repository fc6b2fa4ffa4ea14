//! Suspects, convictions and acquittals.

use super::*;

#[test]
fn the_oldest_at_three_drops_is_convicted_and_goes_out_alone_before() {
    let mut outbox = Outbox::new(BOUNDS);
    let seqs = push_qos_1(&mut outbox, 3);
    for _ in 0..2 {
        assert_eq!(send(&mut outbox).len(), 3);
        outbox.disconnected(false, Blame::Recent, moment());
        assert_eq!(outbox.convicted(), None);
    }
    assert_eq!(send(&mut outbox).len(), 1, "one at a time now");
    outbox.disconnected(false, Blame::Recent, moment());
    assert_eq!(outbox.convicted(), Some(seqs[0]));
    outbox.settle(seqs[0], Err(Error::internal("convicted")));
    // The next two are innocent, and prove it one by one.
    for seq in &seqs[1..] {
        let sent = send(&mut outbox);
        assert_eq!(sent.len(), 1);
        assert_eq!(take(&mut outbox, sent[0].1), Some(AckFor::Op(*seq)));
        outbox.settle(*seq, Ok(Outcome::default()));
    }
    push_qos_1(&mut outbox, 4);
    assert_eq!(send(&mut outbox).len(), 4, "the window is open again");
}

#[test]
fn one_chance_cut_while_alone_convicts_nobody_who_was_not_the_oldest() {
    let mut outbox = Outbox::new(BOUNDS);
    let seqs = push_qos_1(&mut outbox, 2);
    for _ in 0..2 {
        send(&mut outbox);
        outbox.disconnected(false, Blame::Recent, moment());
    }
    let sent = send(&mut outbox);
    take(&mut outbox, sent[0].1);
    outbox.settle(seqs[0], Ok(Outcome::default()));
    assert_eq!(send(&mut outbox).len(), 1);
    outbox.disconnected(false, Blame::Recent, moment());
    assert_eq!(outbox.convicted(), None);
    assert_eq!(send(&mut outbox).len(), 1);
    outbox.disconnected(false, Blame::Recent, moment());
    assert_eq!(outbox.convicted(), Some(seqs[1]));
}

#[test]
fn an_acquittal_starts_from_the_beginning() {
    let mut outbox = Outbox::new(BOUNDS);
    push_qos_1(&mut outbox, 3);
    for _ in 0..2 {
        send(&mut outbox);
        outbox.disconnected(false, Blame::Recent, moment());
    }
    assert!(outbox.has_suspects());
    outbox.acquit();
    for _ in 0..2 {
        assert_eq!(send(&mut outbox).len(), 3);
        outbox.disconnected(false, Blame::Recent, moment());
        assert_eq!(outbox.convicted(), None);
    }
}

#[test]
fn a_drop_that_is_nobodys_fault_makes_no_suspects() {
    let mut outbox = Outbox::new(BOUNDS);
    push_qos_1(&mut outbox, 2);
    for _ in 0..5 {
        assert_eq!(send(&mut outbox).len(), 2);
        outbox.disconnected(false, Blame::Nobody, moment());
    }
}

#[test]
fn a_second_conviction_without_progress_is_no_cure() {
    let mut outbox = Outbox::new(BOUNDS);
    let seqs = push_qos_1(&mut outbox, 4);
    let convict = |outbox: &mut Outbox, seq| outbox.convict(seq, Error::internal("convicted"));
    assert!(convict(&mut outbox, seqs[0]));
    assert!(!convict(&mut outbox, seqs[1]));
    outbox.acknowledged(seqs[2], Outcome::default());
    assert!(convict(&mut outbox, seqs[3]));
}

#[test]
fn the_service_s_word_convicts_at_once_where_it_can_only_be_about_one() {
    let subscribe = |outbox: &mut Outbox| {
        let body = Body::Subscribe { filters: vec![("t".to_string(), QoS::AtLeastOnce.into())], own: true };
        let seq = outbox.push(body, Settler::new().0, far());
        let (next, id) = outbox.next(true).expect("room");
        outbox.put_in_channel(next, id, moment());
        outbox.sent(Sent::Subscribe(id), true, moment()).expect("in step");
        seq
    };
    let mut outbox = Outbox::new(BOUNDS);
    let publish = push_qos_1(&mut outbox, 1)[0];
    send(&mut outbox);
    let subscribed = subscribe(&mut outbox);
    outbox.disconnected(false, Blame::Proven(Some(Kind::Request)), moment());
    assert_eq!(outbox.convicted(), Some(subscribed));
    assert!(outbox.convict(subscribed, Error::internal("forbidden")));
    assert!(!outbox.has_suspects());
    // A notice that fits no operation proves nothing.
    send(&mut outbox);
    outbox.disconnected(false, Blame::Proven(Some(Kind::Request)), moment());
    assert_eq!(outbox.convicted(), None);
    send(&mut outbox);
    outbox.disconnected(false, Blame::Proven(None), moment());
    assert_eq!(outbox.convicted(), Some(publish));
    outbox.disconnected(false, Blame::Nobody, moment());
    assert_eq!(outbox.convicted(), None, "its word is about one connection only");
}

#[test]
fn among_several_the_service_s_word_makes_suspects_which_go_out_one_at_a_time() {
    let mut outbox = Outbox::new(BOUNDS);
    let seqs = push_qos_1(&mut outbox, 3);
    send(&mut outbox);
    outbox.disconnected(false, Blame::Proven(None), moment());
    assert_eq!(outbox.convicted(), None);
    let sent = send(&mut outbox);
    assert_eq!(sent.len(), 1);
    take(&mut outbox, sent[0].1);
    outbox.acknowledged(seqs[0], Outcome::default());
    assert_eq!(send(&mut outbox).len(), 1);
    outbox.disconnected(false, Blame::Proven(None), moment());
    assert_eq!(outbox.convicted(), Some(seqs[1]), "the one that was alone");
}

#[test]
fn a_message_that_is_settled_when_it_is_written_may_be_what_the_service_means() {
    let mut outbox = Outbox::new(BOUNDS);
    push(&mut outbox, QoS::AtMostOnce, "forbidden", far());
    let seq = push_qos_1(&mut outbox, 1)[0];
    assert_eq!(send(&mut outbox).len(), 2);
    outbox.disconnected(false, Blame::Proven(Some(Kind::Publish)), moment());
    assert_eq!(outbox.convicted(), None);
    send(&mut outbox);
    outbox.disconnected(false, Blame::Proven(Some(Kind::Publish)), moment());
    assert_eq!(outbox.convicted(), Some(seq), "on this connection it was alone");
}

#[test]
fn a_suspect_is_not_alone_beside_a_message_that_was_settled_when_it_was_written() {
    let mut outbox = Outbox::new(BOUNDS);
    let (unacknowledged, _slot) = push(&mut outbox, QoS::AtMostOnce, "x", far());
    let suspect = push_qos_1(&mut outbox, 1)[0];
    for _ in 0..2 {
        // The other is not written, and waits again.
        outbox.put_in_channel(suspect, 1, moment());
        outbox.sent(Sent::Publish(1), true, moment()).expect("in step");
        outbox.disconnected(false, Blame::Recent, moment());
    }
    let sent = |outbox: &mut Outbox| send(outbox).into_iter().map(|(seq, _)| seq).collect::<Vec<_>>();
    assert!(outbox.has_suspects());
    assert_eq!(sent(&mut outbox), [unacknowledged, suspect]);
    outbox.disconnected(false, Blame::Recent, moment());
    assert_eq!(outbox.convicted(), None, "it may have been the other");
    assert_eq!(sent(&mut outbox), [suspect]);
    outbox.disconnected(false, Blame::Recent, moment());
    assert_eq!(outbox.convicted(), Some(suspect));
}
