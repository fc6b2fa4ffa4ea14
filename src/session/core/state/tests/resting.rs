//! When the connection is left unread.

use super::*;

/// Returns a connected client whose inbox has room for 16 messages and holds this many.
fn crowded(messages: usize) -> (State, Wire) {
    let (mut state, wire) = (state(config().limits(crate::Limits::default().inbox(16, usize::MAX))), Wire::default());
    connect(&mut state, &wire, false);
    state.online();
    (0..messages).for_each(|_| drop(handle(&mut state, arrived("t", QoS::AtMostOnce, "x"))));
    (state, wire)
}

#[test]
fn it_begins_above_three_quarters_and_ends_at_half() {
    assert!(!crowded(12).0.begin_rest());
    let (mut state, _) = crowded(13);
    assert!(state.begin_rest());
    for left in (8..13).rev() {
        assert!(state.take(QueueId::Client, now()).is_some());
        assert_eq!(state.take_news().read, left == 8, "{left} are left");
    }
    state.end_rest(now());
    assert!(!state.begin_rest());
}

#[test]
fn whatever_is_awaited_ends_it() {
    type Begin = fn(&mut State);
    let awaited: [(&str, Begin); 8] = [
        ("an acknowledgement", |state| publish(state, "t")),
        ("room, or the end of operations", |state| state.waking.begin(Awaited::Change)),
        ("a message in another queue", |state| state.waking.begin_receiving(QueueId::Subscription(7))),
        ("a reply", |state| _ = state.replies.expect("replies", Settler::new().1)),
        ("the answer to a step", |state| {
            let uploads = vec![connection::Upload { token: Token::new(TokenKind::Read, "x"), serial: 1 }];
            state.connection.as_mut().expect("connected").steps.upload(uploads, now().instant);
        }),
        ("the end of the client", |state| state.life.close()),
        ("the end of the connection", |state| _ = lose(state, Cause::Closed)),
        ("nothing, since it has ended", |state| _ = state.die(&Error::closed())),
    ];
    for (what, begin) in awaited {
        let (mut state, _) = crowded(13);
        assert!(state.begin_rest());
        begin(&mut state);
        assert!(!state.may_rest(), "{what}");
        let connected = state.connection.is_some();
        assert_eq!(state.take_news().read, connected, "{what}");
        assert!(!state.begin_rest(), "{what}");
    }
}

#[test]
fn acknowledgements_wait_for_its_end_and_leave_together() {
    let (mut state, wire) = crowded(0);
    for id in 1..=13 {
        let LinkEvent::Publish(arrived) = arrived("t", QoS::AtLeastOnce, "x") else { unreachable!() };
        handle(&mut state, LinkEvent::Publish(Arrived { id, ..arrived }));
    }
    assert!(state.take(QueueId::Client, now()).is_some());
    assert_eq!(wire.take(), ["acknowledge 1"]);
    assert!(!state.begin_rest(), "one is still to be written");
    handle(&mut state, LinkEvent::Acknowledged);
    handle(&mut state, arrived("t", QoS::AtMostOnce, "x"));
    assert!(state.begin_rest());
    assert!(state.take(QueueId::Client, now()).is_some() && state.take(QueueId::Client, now()).is_some());
    assert!(wire.take().is_empty());
    state.end_rest(now());
    assert_eq!(wire.take(), ["acknowledge 2", "acknowledge 3"]);
}

#[test]
fn acknowledgements_that_wait_precede_disconnect() {
    let (mut state, wire) = crowded(12);
    handle(&mut state, arrived("t", QoS::AtLeastOnce, "x"));
    (0..12).for_each(|_| drop(state.take(QueueId::Client, now())));
    (0..12).for_each(|_| drop(handle(&mut state, arrived("t", QoS::AtMostOnce, "x"))));
    assert!(state.begin_rest());
    assert!(state.take(QueueId::Client, now()).is_some_and(|(message, _)| message.qos == QoS::AtLeastOnce));
    state.say_goodbye(now().instant, now());
    assert_eq!(wire.take(), ["acknowledge 5", "disconnect"]);
}
