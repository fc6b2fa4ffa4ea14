//! The end of a client, at any stage of its life.

use super::*;

fn die(state: &mut State, reason: &str) -> bool {
    state.die(&Error::internal(reason)).is_some()
}

fn reason(state: &State) -> String {
    state.check_open().expect_err("it has ended").to_string()
}

#[test]
fn nothing_new_is_accepted_once_the_client_is_closing() {
    let mut state = state(config());
    assert!(state.check_open().is_ok() && !state.life.is_closing());
    state.life.close();
    assert_eq!(state.check_open().expect_err("closing").kind(), ErrorKind::Closed);
    assert!(!state.ended(), "what was accepted still leaves");
}

#[test]
fn the_first_reason_of_the_end_stays_and_is_told_once() {
    let mut state = state(config());
    assert!(die(&mut state, "first") && !die(&mut state, "second"));
    state.life.close();
    state.say_goodbye(now().instant, now());
    state.life.worker_ended();
    assert!(state.life.is_worker_gone() && state.ended());
    assert!(
        reason(&state).contains("first") && state.offline().is_some_and(|error| error.to_string().contains("first"))
    );
}

#[test]
fn a_goodbye_while_the_connection_is_being_made_is_said_on_it() {
    for dead in [false, true] {
        let (mut state, wire) = (state(config()), Wire::default());
        publish(&mut state, "t");
        state.say_goodbye(Now::at(5.0).instant, now());
        if dead {
            // The worker was stuck and is abandoned.
            die(&mut state, "closed");
        }
        connect(&mut state, &wire, false);
        assert_eq!(wire.take(), ["disconnect"], "and nothing else");
        assert!(!state.set_up());
        let left = state.handle(LinkEvent::Sent(Sent::Disconnect), true, Now::at(9.0), &mut Vec::new());
        assert_eq!(left.expect("it was asked for"), Flow::Left(Now::at(if dead { 9.0 } else { 5.0 }).instant));
    }
}

#[test]
fn the_first_deadline_of_a_goodbye_stays() {
    let (mut state, wire) = (state(config()), Wire::default());
    connect(&mut state, &wire, false);
    state.say_goodbye(Now::at(5.0).instant, now());
    state.say_goodbye(Now::at(8.0).instant, now());
    assert_eq!(wire.take(), ["disconnect"], "once");
    let left = state.handle(LinkEvent::Sent(Sent::Disconnect), true, now(), &mut Vec::new());
    assert_eq!(left.expect("it was asked for"), Flow::Left(Now::at(5.0).instant));
}

/// The events before the goodbye, and true if the worker reads on after DISCONNECT.
#[test]
fn nothing_is_read_after_a_goodbye_when_nothing_more_can_come() {
    type Before = fn(&mut State);
    fn push(state: &mut State, body: Body) {
        state.outbox.push(body, Settler::new().0, now().instant + Duration::from_secs(3600));
        state.send_ready(None, now());
    }
    let acknowledged: Before = |state| {
        publish(state, "t");
        written(state, &[1]);
        handle(state, LinkEvent::PubAck(1));
    };
    let cases: [(&str, ConfigBuilder, bool, Before); 9] = [
        ("everything is acknowledged", config(), false, acknowledged),
        ("nothing was", config(), true, |_| {}),
        ("one is not", config(), true, |state| {
            publish(state, "t");
            publish(state, "t");
            written(state, &[1]);
            written(state, &[2]);
            handle(state, LinkEvent::PubAck(1));
        }),
        ("QoS 0 never is", config(), true, |state| {
            publish(state, "t");
            written(state, &[1]);
            handle(state, LinkEvent::PubAck(1));
            push(state, Body::Publish(Arc::new(Outgoing::new("t", QoS::AtMostOnce, ""))));
            written(state, &[0]);
        }),
        ("a message has come", config(), true, |state| {
            publish(state, "t");
            written(state, &[1]);
            handle(state, LinkEvent::PubAck(1));
            handle(state, arrived("t", QoS::AtMostOnce, "p2p"));
        }),
        ("there was a subscription", config(), true, |state| {
            let filters = vec![("f".to_string(), QoS::AtMostOnce.into())];
            push(state, Body::Subscribe { filters, own: true });
            handle(state, LinkEvent::Sent(Sent::Subscribe(1)));
            handle(state, LinkEvent::SubAck(1, vec![Ok(QoS::AtMostOnce)], None));
            publish(state, "t");
            written(state, &[2]);
            handle(state, LinkEvent::PubAck(2));
        }),
        ("a reply may come", config(), true, |state| {
            state.replies.expect("reply", Settler::new().1);
            publish(state, "t");
            written(state, &[1]);
            handle(state, LinkEvent::PubAck(1));
        }),
        ("the session is kept", config().device_id("d").clean_session(false), true, acknowledged),
        ("the connection is set up first", config().ordered(true), true, |state| {
            written(state, &[1]);
            handle(state, LinkEvent::PubAck(1));
            state.send_ready(None, now());
            publish(state, "t");
            written(state, &[2]);
            handle(state, LinkEvent::PubAck(2));
        }),
    ];
    for (case, config, reads, before) in cases {
        let (mut state, wire) = (state(config), Wire::default());
        connect(&mut state, &wire, false);
        before(&mut state);
        state.say_goodbye(Now::at(5.0).instant, now());
        assert_eq!(wire.take().last().map(String::as_str), Some("disconnect"), "{case}");
        let left = state.handle(LinkEvent::Sent(Sent::Disconnect), true, Now::at(1.0), &mut Vec::new());
        assert_eq!(
            left.expect("it was asked for"),
            Flow::Left(Now::at(if reads { 5.0 } else { 1.0 }).instant),
            "{case}"
        );
    }
}

#[test]
fn what_is_given_up_is_told_why_there_was_no_connection() {
    for online in [false, true] {
        let (mut state, wire) = (state(config()), Wire::default());
        if online {
            connect(&mut state, &wire, false);
            state.online();
        }
        assert_eq!((state.is_online(), state.offline().is_none()), (online, online));
        let (settler, slot) = Settler::new();
        let body = Body::Publish(Arc::new(Outgoing::new("t", QoS::AtLeastOnce, "")));
        state.outbox.push(body, settler, Now::at(9.0).instant);
        state.give_up();
        let error = slot.peek().expect("settled").expect_err("given up");
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Closed, Some(Fate::NotSent)));
        assert_eq!(error.to_string().contains("there was no connection"), !online, "{error}");
    }
}

#[test]
fn a_closing_client_waits_for_no_exchange_that_begins_after_it() {
    for closing in [false, true] {
        let (mut state, wire) = (state(config()), Wire::default());
        connect(&mut state, &wire, false);
        if closing {
            state.life.close();
        }
        handle(&mut state, arrived("t", QoS::ExactlyOnce, "x"));
        assert!(state.take(QueueId::Client, now()).is_some());
        assert_eq!(wire.take(), ["acknowledge 5"]);
        assert_eq!(state.unfinished_exchanges(), usize::from(!closing));
        state.take_news();
        state.waking.begin(Awaited::Change);
        handle(&mut state, LinkEvent::Released(5));
        assert_eq!(state.unfinished_exchanges(), 0);
        assert_eq!(state.take_news().changed, closing, "`disconnect` may wait for it");
    }
}

#[test]
fn a_client_closed_by_a_closer_still_waits_for_the_exchange_of_the_message_in_hand() {
    let (mut state, wire) = (state(config()), Wire::default());
    connect(&mut state, &wire, false);
    handle(&mut state, arrived("t", QoS::ExactlyOnce, "x"));
    state.interrupt();
    assert!(state.take(QueueId::Client, now()).is_some());
    assert_eq!(wire.take(), ["acknowledge 5"]);
    assert_eq!(state.unfinished_exchanges(), 1, "`disconnect` comes later, and waits for it");
}

#[test]
fn no_call_waits_again_after_a_closer_whatever_follows() {
    let mut state = state(config());
    assert!(!state.life.is_interrupted());
    state.interrupt();
    assert!(state.life.is_interrupted() && state.life.refuses_work() && !state.life.is_closing());
    assert_eq!(state.check_open().expect_err("closed").kind(), ErrorKind::Closed);
    state.life.close();
    assert!(state.life.is_interrupted() && !state.life.is_leaving());
    state.say_goodbye(now().instant, now());
    assert!(state.life.is_interrupted() && state.life.is_leaving());
    die(&mut state, "end");
    state.life.worker_ended();
    assert!(state.life.is_interrupted() && state.life.is_worker_gone());
}
