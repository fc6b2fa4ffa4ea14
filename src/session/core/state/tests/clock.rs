//! The effects of time on a state: every test has its own clock, and none waits.

use super::*;

fn at(seconds: f64) -> Now {
    Now::at(seconds)
}

fn connect_at(state: &mut State, wire: &Wire, seconds: f64) -> Option<Instant> {
    let mut pump = wire.clone();
    let quiet = state.connected(Box::new(wire.clone()), ConnAck::default(), &mut pump, at(seconds));
    state.send_ready(Some(&mut pump), at(seconds));
    quiet
}

fn handle_at(state: &mut State, event: LinkEvent, seconds: f64) -> Vec<Event> {
    let mut events = Vec::new();
    state.handle(event, true, at(seconds), &mut events).expect("in step");
    events
}

fn cut_at(state: &mut State, seconds: f64) -> (Disconnected, Vec<Event>) {
    let mut events = Vec::new();
    (state.disconnected(&failure(Cause::Closed), at(seconds), &mut events), events)
}

/// Submits a QoS 1 message; returns its slot.
fn publish_at(state: &mut State, topic: &str, seconds: f64, deadline: f64) -> Arc<Slot> {
    let (settler, slot) = Settler::new();
    let body = Body::Publish(Arc::new(Outgoing::new(topic, QoS::AtLeastOnce, "")));
    state.outbox.push(body, settler, at(deadline).instant);
    state.send_ready(None, at(seconds));
    slot
}

#[test]
fn a_cut_makes_suspects_of_what_was_sent_within_ten_seconds_and_of_nothing_else() {
    for (late, suspects) in [(10.0, true), (10.1, false)] {
        let (mut state, wire) = (state(config()), Wire::default());
        publish_at(&mut state, "t", 0.0, 1e6);
        for start in [100.0, 200.0] {
            assert_eq!(connect_at(&mut state, &wire, start), None);
            handle_at(&mut state, LinkEvent::Sent(Sent::Publish(1)), start + 1.0);
            cut_at(&mut state, start + late);
        }
        assert_eq!(state.outbox.has_suspects(), suspects, "cut after {late} s");
    }
}

#[test]
fn a_connection_with_a_suspect_is_quiet_for_a_quarter_of_a_second() {
    let (mut state, wire) = (state(config()), Wire::default());
    publish_at(&mut state, "t", 0.0, 1e6);
    for start in [100.0, 200.0] {
        connect_at(&mut state, &wire, start);
        handle_at(&mut state, LinkEvent::Sent(Sent::Publish(1)), start);
        cut_at(&mut state, start);
    }
    wire.take();
    assert_eq!(connect_at(&mut state, &wire, 300.0), Some(at(300.25).instant));
    assert!(!state.set_up(), "not before the quiet has ended");
    state.send_ready(None, at(300.2));
    assert!(wire.take().is_empty());
    state.end_quiet(at(300.25));
    assert!(state.set_up());
    state.send_ready(None, at(300.25));
    assert_eq!(wire.take(), ["publish t"]);
}

#[test]
fn each_step_has_the_configured_time() {
    let (mut state, wire) = (state(config().ordered(true).timeout(Duration::from_secs(7))), Wire::default());
    state.subscriptions.granted("f", QoS::AtLeastOnce.into());
    connect_at(&mut state, &wire, 100.0);
    assert_eq!(state.step_overdue(at(107.0)), None);
    assert_eq!(state.step_overdue(at(107.1)), Some("the order flag"));
    handle_at(&mut state, LinkEvent::Sent(Sent::Publish(1)), 105.0);
    handle_at(&mut state, LinkEvent::PubAck(1), 105.0);
    // The next step is not sent yet; it is as late as if it were.
    assert_eq!(state.step_overdue(at(112.0)), None);
    assert_eq!(state.step_overdue(at(112.1)), Some("the subscriptions that are to be restored"));
    state.send_ready(None, at(106.0));
    assert_eq!(state.step_overdue(at(113.0)), None);
    assert!(state.step_overdue(at(113.1)).is_some());
    handle_at(&mut state, LinkEvent::Sent(Sent::Subscribe(2)), 106.0);
    handle_at(&mut state, LinkEvent::SubAck(2, vec![Ok(QoS::AtLeastOnce)], None), 106.0);
    assert!(state.set_up() && state.step_overdue(at(1e6)).is_none());
}

#[test]
fn a_step_behind_the_quiet_has_its_time_from_the_end_of_it() {
    let (mut state, wire) = (state(config().timeout(Duration::from_secs(7))), Wire::default());
    state.subscriptions.granted("f", QoS::AtLeastOnce.into());
    for start in [100.0, 200.0] {
        connect_at(&mut state, &wire, start);
        cut_at(&mut state, start);
    }
    assert!(connect_at(&mut state, &wire, 300.0).is_some());
    assert_eq!(state.step_overdue(at(1e6)), None, "nothing may be sent yet");
    state.end_quiet(at(303.0));
    assert_eq!(state.step_overdue(at(310.0)), None);
    assert!(state.step_overdue(at(310.1)).is_some());
}

#[test]
fn a_refused_step_does_not_make_the_next_one_late() {
    let (mut state, wire) = (with_token(), Wire::default());
    connect_at(&mut state, &wire, 100.0);
    for kind in [TokenKind::ReadWrite, TokenKind::Read] {
        state.take_token(Token::new(kind, "new"), at(100.0)).expect("a client with tokens");
    }
    state.send_ready(None, at(100.0));
    handle_at(&mut state, LinkEvent::Sent(Sent::Publish(1)), 125.0);
    let refusal = Refusal { code: Code::PubAck(0x87), reason: None };
    handle_at(&mut state, LinkEvent::PublishRefused(1, refusal), 125.0);
    assert_eq!(state.step_overdue(at(155.0)), None);
    assert_eq!(state.step_overdue(at(155.1)), Some("a new token"));
}

#[test]
fn a_refused_topic_is_tried_again_after_its_pause() {
    let pause = Duration::from_secs(60);
    let (mut state, wire) = (state(config().refused_topic_pause(pause)), Wire::default());
    connect_at(&mut state, &wire, 100.0);
    publish_at(&mut state, "t", 100.0, 1e6);
    handle_at(&mut state, LinkEvent::Sent(Sent::Publish(1)), 100.0);
    handle_at(&mut state, arrived("$SYS/tokenInvalidNotice", QoS::AtMostOnce, r#"{"code":4,"type":"W"}"#), 100.0);
    let (_, events) = cut_at(&mut state, 101.0);
    assert!(
        matches!(
            events.as_slice(),
            [Event::TopicRefused { topic, retry_in, .. }] if topic == "t" && *retry_in == pause
        ),
        "{events:?}"
    );
    wire.take();
    connect_at(&mut state, &wire, 102.0);
    let early = publish_at(&mut state, "t", 160.9, 1e6);
    assert!(wire.take().is_empty() && early.peek().expect("refused").is_err());
    assert_eq!(state.stats.refused_topic, 1);
    publish_at(&mut state, "t", 161.0, 1e6);
    assert_eq!(wire.take(), ["publish t"]);
}

#[test]
fn a_notice_explains_the_end_of_the_connection_for_ten_seconds() {
    for (late, code) in [(10.0, Some(Code::TokenInvalid(4))), (10.1, None)] {
        let (mut state, wire) = (state(config()), Wire::default());
        connect_at(&mut state, &wire, 100.0);
        let notice = arrived("$SYS/tokenInvalidNotice", QoS::AtMostOnce, r#"{"code":4,"type":"R"}"#);
        handle_at(&mut state, notice, 100.0);
        assert_eq!(cut_at(&mut state, 100.0 + late).0.reason.code(), code, "cut after {late} s");
    }
}

#[test]
fn a_message_is_settled_at_its_deadline_and_not_sent_after_it() {
    let (mut state, wire) = (state(config()), Wire::default());
    let slot = publish_at(&mut state, "t", 0.0, 5.0);
    assert!(!state.expire(at(4.9)) && slot.peek().is_none());
    connect_at(&mut state, &wire, 5.0);
    assert!(wire.take().is_empty());
    let error = slot.peek().expect("settled").expect_err("late");
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout(Stage::Connect), Some(Fate::NotSent)));
    assert!(!state.expire(at(6.0)), "once");
}

#[test]
fn a_message_that_holds_back_acknowledgements_is_named_once_after_the_configured_time() {
    let manual = config().ack_mode(AckMode::Manual).timeout(Duration::from_secs(7));
    let (mut state, wire) = (state(manual), Wire::default());
    connect_at(&mut state, &wire, 100.0);
    let mut keys = Vec::new();
    for id in [1, 2] {
        let LinkEvent::Publish(mut message) = arrived("t", QoS::AtLeastOnce, "x") else { panic!("a message") };
        message.id = id;
        handle_at(&mut state, LinkEvent::Publish(message), 100.0);
        keys.extend(state.take(QueueId::Client, at(100.0)).and_then(|(_, key)| key));
    }
    assert_eq!(state.held_back_at(), None, "nothing waits yet");
    assert!(state.acknowledge(keys[1], at(110.0)));
    assert_eq!(state.held_back_at(), Some(at(117.0).instant));
    assert!(state.held_back(at(116.9)).is_none());
    let event = state.held_back(at(117.0));
    assert!(matches!(event, Some(Event::AcksHeldBack { taken: true, held_back: 1, .. })), "{event:?}");
    assert!(state.held_back(at(1e6)).is_none(), "once");
}

#[test]
fn a_token_is_renewed_before_its_end_while_messages_flow() {
    let provided = config().credentials(Credentials::token_provider("key", || Ok(Vec::new()))).token_renewal(0.8);
    let (mut state, wire) = (state(provided), Wire::default());
    let token = |text: &str, end: f64| Credentials::tokens("key", [rw(text).expires_at(at(end).wall)]);
    assert!(state.wants_tokens(at(0.0), false));
    assert!(state.given(&token("first", 100.0), at(0.0)) && !state.wants_tokens(at(0.0), false));
    state.token_login();
    connect_at(&mut state, &wire, 0.0);
    assert_eq!(state.until_renewal(at(0.0)), None, "the set-up is not complete");
    state.online();
    // Between 70 and 80 % of its life, by chance.
    let due = state.until_renewal(at(0.0)).expect("it has an end").as_secs_f64();
    assert!((70.0..=80.0).contains(&due), "{due}");
    assert_eq!(state.until_renewal(at(due + 1.0)), Some(Duration::ZERO));
    assert!(state.renewed(&token("first", 100.0), at(81.0)).is_err(), "the same again");
    state.renewed(&token("second", 200.0), at(81.0)).expect("a new one");
    state.send_ready(None, at(81.0));
    assert_eq!(wire.take(), ["publish $SYS/uploadToken"]);
    assert_eq!(state.until_renewal(at(81.0)), None, "not before it is acknowledged");
    handle_at(&mut state, LinkEvent::Sent(Sent::Publish(1)), 81.0);
    handle_at(&mut state, LinkEvent::PubAck(1), 82.0);
    let due = state.until_renewal(at(82.0)).expect("it has an end").as_secs_f64();
    assert!((81.0..=95.0).contains(&due), "{due}");
    cut_at(&mut state, 83.0);
    assert_eq!(state.until_renewal(at(199.0)), None, "the next login is made with new ones");
}

#[test]
fn a_clock_that_is_set_back_puts_no_renewal_off_and_one_that_stands_still_changes_nothing() {
    let provided = config().credentials(Credentials::token_provider("key", || Ok(Vec::new())));
    let (mut state, wire) = (state(provided), Wire::default());
    state.given(&Credentials::tokens("key", [rw("a").expires_at(at(1000.0).wall)]), at(0.0));
    state.token_login();
    connect_at(&mut state, &wire, 0.0);
    state.online();
    let due = state.until_renewal(at(10.0)).expect("it has an end");
    state.look_at_clock(at(10.0));
    assert_eq!(state.until_renewal(at(10.0)), Some(due));
    let slewed = Now { wall: at(18.1).wall, ..at(20.0) };
    state.look_at_clock(slewed);
    assert_eq!(state.until_renewal(slewed), Some(due - Duration::from_millis(8_100)), "less than a step");
    let back = Now { wall: at(18.1).wall - Duration::from_secs(900), ..at(20.0) };
    state.look_at_clock(back);
    assert_eq!(state.until_renewal(back), Some(due - Duration::from_millis(8_100)), "900 s less on both sides");
}

fn rw(text: &str) -> Token {
    Token::new(TokenKind::ReadWrite, text)
}
