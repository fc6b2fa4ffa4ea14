//! Who is woken, and when.

use super::*;
use crate::session::core::op::Body;

/// Describes whom to wake.
fn woken(state: &mut State) -> Vec<String> {
    let News { changed, room, arrivals, elsewhere, tokens, read, settled: _ } = state.take_news();
    let flags = [("changed", changed), ("room", room), ("elsewhere", elsewhere), ("tokens", tokens), ("read", read)];
    let flags = flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| name.to_string());
    flags.chain((arrivals != Arrivals::None).then(|| format!("{arrivals:?}"))).collect()
}

/// Publishes a message that is acknowledged.
fn settle_one(state: &mut State, id: u16) {
    publish(state, "t");
    written(state, &[id]);
    handle(state, LinkEvent::PubAck(id));
}

#[test]
fn only_those_who_wait_are_woken_and_once() {
    let (mut state, wire) = (state(config()), Wire::default());
    connect(&mut state, &wire, false);
    state.take_news();
    state.mark_changed();
    handle(&mut state, arrived("t", QoS::AtMostOnce, "x"));
    settle_one(&mut state, 1);
    assert!(woken(&mut state).is_empty(), "nobody waits");
    state.waking.begin(Awaited::Change);
    state.waking.begin_receiving(QueueId::Client);
    assert!(woken(&mut state).is_empty(), "that was before");
    settle_one(&mut state, 2);
    assert!(woken(&mut state).is_empty(), "what is awaited is something else");
    handle(&mut state, arrived("t", QoS::AtMostOnce, "x"));
    assert_eq!(woken(&mut state), ["All"], "all of one");
    state.mark_changed();
    assert_eq!(woken(&mut state), ["changed"]);
    state.mark_changed();
    assert!(woken(&mut state).is_empty(), "it was woken before, and does not wait again yet");
    state.waking.end();
    state.waking.begin(Awaited::Change);
    state.waking.begin(Awaited::Room(1));
    assert!(state.die(&Error::internal("end")).is_some());
    assert_eq!(woken(&mut state), ["changed", "room", "tokens", "All"]);
}

#[test]
fn a_flush_is_woken_by_the_last_message_it_waits_for() {
    let (mut state, wire) = (state(config()), Wire::default());
    connect(&mut state, &wire, false);
    for _ in 0..3 {
        publish(&mut state, "t");
    }
    written(&mut state, &[1, 2, 3]);
    let first = state.outbox.next_seq() - 3;
    state.waking.begin(Awaited::SettledBefore(first + 3));
    state.waking.begin(Awaited::SettledBefore(first + 2));
    handle(&mut state, LinkEvent::PubAck(1));
    handle(&mut state, LinkEvent::PubAck(3));
    assert!(woken(&mut state).is_empty());
    handle(&mut state, LinkEvent::PubAck(2));
    assert_eq!(woken(&mut state), ["changed"]);
}

#[test]
fn whoever_waits_for_room_is_woken_at_a_mark_and_by_any_room_in_a_small_outbox() {
    for (bound, mark) in [(2, 1), (640, 10), (10_000, 64)] {
        let config = config().limits(crate::Limits::default().outbox(bound, usize::MAX)).window(1_000);
        let (mut state, wire) = (state(config), Wire::default());
        connect(&mut state, &wire, false);
        for _ in 0..bound {
            publish(&mut state, "t");
        }
        let size = Body::Publish(Arc::new(Outgoing::new("t", QoS::AtLeastOnce, ""))).size();
        assert!(!state.outbox.has_room(size));
        state.waking.begin(Awaited::Room(size));
        for id in 1..=mark {
            assert!(woken(&mut state).is_empty(), "{bound}: {id} is below the mark");
            written(&mut state, &[id]);
            handle(&mut state, LinkEvent::PubAck(id));
        }
        assert_eq!(woken(&mut state), ["room"], "{bound}");
    }
}

#[test]
fn whoever_waits_for_the_spool_is_woken_by_any_message() {
    let (mut state, wire) = (state(config()), Wire::default());
    connect(&mut state, &wire, false);
    publish(&mut state, "t");
    publish(&mut state, "t");
    written(&mut state, &[1, 2]);
    state.waking.begin(Awaited::DiskRoom);
    handle(&mut state, LinkEvent::PubAck(2));
    assert_eq!(woken(&mut state), ["changed"]);
}

#[test]
fn one_thread_is_woken_for_each_message_of_the_own_queue_and_all_for_those_of_subscriptions() {
    let (mut state, wire) = (state(config()), Wire::default());
    connect(&mut state, &wire, false);
    let queue = state.inbox.open_queue("elsewhere");
    for _ in 0..3 {
        state.waking.begin_receiving(QueueId::Client);
    }
    let arrive = |state: &mut State, topic| drop(handle(state, arrived(topic, QoS::AtMostOnce, "x")));
    arrive(&mut state, "elsewhere");
    assert!(woken(&mut state).is_empty(), "for nobody who waits");
    arrive(&mut state, "a");
    assert_eq!(woken(&mut state), ["Messages(1)"]);
    arrive(&mut state, "a");
    arrive(&mut state, "a");
    assert_eq!(woken(&mut state), ["Messages(2)"]);
    for _ in 0..4 {
        arrive(&mut state, "a");
    }
    assert_eq!(woken(&mut state), ["All"]);
    state.waking.begin_receiving(QueueId::Subscription(queue));
    arrive(&mut state, "elsewhere");
    arrive(&mut state, "a");
    assert_eq!(woken(&mut state), ["elsewhere", "Messages(1)"]);
    arrive(&mut state, "a");
    state.close_queue(queue, "elsewhere");
    assert_eq!(woken(&mut state), ["elsewhere", "All"], "its messages have moved");
    for _ in 0..3 {
        state.waking.end_receiving(QueueId::Client);
    }
    arrive(&mut state, "a");
    assert!(woken(&mut state).is_empty());
}
