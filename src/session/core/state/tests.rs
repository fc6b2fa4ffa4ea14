mod clock;
mod kicks;
mod life;
mod resting;
mod tokens;
mod waking;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::config::ConfigBuilder;
use crate::credentials::Credentials;
use crate::delivery::{Settler, Slot};
use crate::error::{Code, Fate, Stage};
use crate::events::Event;
use crate::message::{Outgoing, QoS};
use crate::notice;
use crate::session::core::op::{Body, Op};
use crate::session::core::outbox::TopicRefusal;
use crate::session::wire::link::{
    Arrived, Cause, ConnAck, Failure, LinkEvent, LinkPump, LinkSender, Refusal, Sent, ServerLimits,
};
use crate::subscribe_options::FilterRequest;
use crate::sync::lock;
use crate::token::{Token, TokenKind};

/// The highest packet id.
const IDS: u16 = 1_024;

/// A time for tests that do not depend on it.
fn now() -> Now {
    Now::at(0.0)
}

/// A description of everything put on the link.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Vec<String>>>);

impl Wire {
    fn note(&self, what: String) -> bool {
        lock(&self.0).push(what);
        true
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.0))
    }
}

impl LinkSender for Wire {
    fn publish(&self, message: &Outgoing) -> bool {
        self.note(format!("publish {}", message.topic))
    }

    fn subscribe(&self, filters: &[FilterRequest]) -> bool {
        let filters: Vec<_> = filters.iter().map(|(filter, _)| filter.as_str()).collect();
        self.note(format!("subscribe {}", filters.join(" ")))
    }

    fn unsubscribe(&self, filter: &str) -> bool {
        self.note(format!("unsubscribe {filter}"))
    }

    fn acknowledge(&self, id: u16, _: QoS) -> bool {
        self.note(format!("acknowledge {id}"))
    }

    fn disconnect(&self) -> bool {
        self.note("disconnect".to_string())
    }
}

impl LinkPump for Wire {
    fn dial(&mut self, _: Instant) -> Result<Option<ConnAck>, Failure> {
        Ok(None)
    }

    fn next(&mut self, _: &mut VecDeque<LinkEvent>) -> Result<(), Failure> {
        Err(failure(Cause::Other))
    }

    fn next_before(&mut self, _: Instant, _: &mut VecDeque<LinkEvent>) -> Result<(), Failure> {
        Ok(())
    }

    fn idle_until(&self) -> Option<Instant> {
        None
    }

    fn leftovers(&mut self) -> Vec<LinkEvent> {
        Vec::new()
    }

    fn grow(&mut self, ids: u16) {
        // As an adapter does that starts with so many.
        if ids > IDS {
            self.note(format!("grow {ids}"));
        }
    }

    fn skip(&mut self, _: u16) {}

    fn resend(&mut self, id: u16, message: &Outgoing) {
        self.note(format!("resend {id} {}", message.topic));
    }

    fn release_again(&mut self, id: u16) {
        self.note(format!("release {id}"));
    }

    fn drain(&mut self, _: Instant) {}
}

fn failure(cause: Cause) -> Failure {
    Failure { error: Error::new(ErrorKind::ConnectionLost, "the connection broke"), cause }
}

fn config() -> ConfigBuilder {
    Config::builder()
        .endpoint("mqtt://127.0.0.1:1883")
        .instance_id("post-cn-test")
        .group_id("GID_test")
        .credentials(Credentials::signature("key", "secret"))
}

fn state(builder: ConfigBuilder) -> State {
    let config = builder.build().expect("a good configuration");
    State::new(&config, IDS, random::Key::from([7; 32]), Now::at(0.0))
}

/// Connects. Returns true if the connection is to be quiet for a while.
fn connect(state: &mut State, wire: &Wire, session_present: bool) -> bool {
    let mut pump = wire.clone();
    let ack = ConnAck { session_present, ..ConnAck::default() };
    let quiet = state.connected(Box::new(wire.clone()), ack, &mut pump, now()).is_some();
    state.send_ready(Some(&mut pump), now());
    quiet
}

fn publish(state: &mut State, topic: &str) {
    let body = Body::Publish(Arc::new(Outgoing::new(topic, QoS::AtLeastOnce, "")));
    state.outbox.push(body, Settler::new().0, now().instant + Duration::from_secs(3600));
    state.send_ready(None, now());
}

fn handle(state: &mut State, event: LinkEvent) -> Vec<Event> {
    let mut events = Vec::new();
    state.handle(event, true, now(), &mut events).expect("in step");
    events
}

fn written(state: &mut State, ids: &[u16]) {
    for id in ids {
        handle(state, LinkEvent::Sent(Sent::Publish(*id)));
    }
}

fn lose(state: &mut State, cause: Cause) -> Error {
    state.disconnected(&failure(cause), now(), &mut Vec::new()).reason
}

fn arrived(topic: &str, qos: QoS, payload: &str) -> LinkEvent {
    let payload = payload.as_bytes().to_vec();
    LinkEvent::Publish(Arrived {
        id: 5,
        topic: topic.into(),
        qos,
        duplicate: false,
        retained: false,
        payload,
        properties: None,
    })
}

/// Returns a state that is about to log in with a token.
fn with_token() -> State {
    let mut state = state(config().credentials(Credentials::token("key", "RW|old")));
    state.token_login();
    state
}

#[test]
fn suspects_wait_on_a_quiet_line_and_are_acquitted_if_it_breaks_all_the_same() {
    let (mut state, wire) = (state(config()), Wire::default());
    assert!(!connect(&mut state, &wire, false));
    publish(&mut state, "a");
    publish(&mut state, "b");
    for _ in 0..2 {
        assert_eq!(wire.take(), ["publish a", "publish b"]);
        written(&mut state, &[1, 2]);
        lose(&mut state, Cause::Closed);
        if !connect(&mut state, &wire, false) {
            continue;
        }
        assert!(wire.take().is_empty(), "nothing is sent on a quiet connection");
        state.end_quiet(now());
        state.send_ready(None, now());
        assert_eq!(wire.take(), ["publish a"], "alone");
        lose(&mut state, Cause::Other);
        assert!(connect(&mut state, &wire, false), "still suspects");
        lose(&mut state, Cause::Closed);
        assert!(!connect(&mut state, &wire, false), "the connection breaks without them");
        assert_eq!(wire.take(), ["publish a", "publish b"]);
        return;
    }
    panic!("two drops made no suspects");
}

#[test]
fn filters_are_acquitted_too() {
    let (mut state, wire) = (state(config()), Wire::default());
    for filter in ["a", "b"] {
        state.subscriptions.granted(filter, QoS::AtLeastOnce.into());
    }
    for _ in 0..2 {
        assert!(!connect(&mut state, &wire, false));
        assert_eq!(wire.take(), ["subscribe a b"]);
        lose(&mut state, Cause::Closed);
    }
    assert!(connect(&mut state, &wire, false));
    assert!(wire.take().is_empty());
    lose(&mut state, Cause::Closed);
    assert!(!connect(&mut state, &wire, false));
    assert_eq!(wire.take(), ["subscribe a b"]);
}

#[test]
fn only_a_line_cut_by_the_other_side_makes_suspects() {
    let (mut state, wire) = (state(config()), Wire::default());
    connect(&mut state, &wire, false);
    publish(&mut state, "a");
    for _ in 0..3 {
        written(&mut state, &[1]);
        lose(&mut state, Cause::Other);
        assert!(!connect(&mut state, &wire, false));
    }
}

#[test]
fn a_session_the_broker_has_lost_voids_ids_and_acknowledgements() {
    let kept = config().device_id("d").clean_session(false).ack_mode(AckMode::Manual);
    let (mut state, wire) = (state(kept), Wire::default());
    connect(&mut state, &wire, false);
    publish(&mut state, "a");
    written(&mut state, &[1]);
    handle(&mut state, arrived("t", QoS::AtLeastOnce, "x"));
    let (_, key) = state.take(QueueId::Client, now()).expect("a message");
    let key = key.expect("by hand");
    wire.take();
    lose(&mut state, Cause::Closed);
    connect(&mut state, &wire, false);
    assert_eq!(wire.take(), ["publish a"], "as a new message");
    assert!(!state.acknowledge(key, now()), "nobody waits for it");
    assert!(wire.take().is_empty());
}

#[test]
fn a_step_that_is_not_acknowledged_is_overdue() {
    let (mut state, wire) = (state(config().ordered(true).timeout(Duration::from_secs(7))), Wire::default());
    connect(&mut state, &wire, false);
    assert_eq!(wire.take(), [format!("publish {}", notice::ENABLE_ORDER)]);
    assert!(state.step_overdue(now()).is_none() && state.step_overdue(Now::at(8.0)).is_some());
    written(&mut state, &[1]);
    handle(&mut state, LinkEvent::PubAck(1));
    assert!(state.set_up() && state.step_overdue(Now::at(8.0)).is_none());
}

#[test]
fn a_process_with_a_kept_session_begins_at_any_id() {
    let start = |seed| {
        let kept = config().device_id("d").clean_session(false).build().expect("a good configuration");
        State::new(&kept, IDS, random::Key::from([7; 32]), Now { seed, ..now() }).outbox.last_id()
    };
    let ids: Vec<u16> = (0..20).map(start).collect();
    assert!(ids.iter().all(|id| *id < IDS) && ids.iter().any(|id| *id != ids[0]), "{ids:?}");
    assert_eq!(state(config()).outbox.last_id(), 0);
}

#[test]
fn a_full_inbox_is_announced_each_time_it_fills_up() {
    let limits = crate::Limits::default().inbox(2, 10_000);
    let (mut state, wire) = (state(config().limits(limits)), Wire::default());
    connect(&mut state, &wire, false);
    for _ in 0..2 {
        let emitted: usize = (0..4).map(|_| handle(&mut state, arrived("t", QoS::AtMostOnce, "x")).len()).sum();
        assert_eq!(emitted, 1);
        while state.take(QueueId::Client, now()).is_some() {}
    }
}

#[test]
fn a_notice_explains_why_the_line_is_cut() {
    let (mut state, wire) = (state(config()), Wire::default());
    connect(&mut state, &wire, false);
    handle(&mut state, arrived("$SYS/tokenInvalidNotice", QoS::AtMostOnce, r#"{"code":4,"type":"R"}"#));
    assert_eq!(lose(&mut state, Cause::Closed).code(), Some(Code::TokenInvalid(4)));
}

#[test]
fn a_disconnect_that_the_session_did_not_ask_for_is_no_goodbye() {
    let (mut state, wire) = (state(config()), Wire::default());
    connect(&mut state, &wire, false);
    let unasked = state.handle(LinkEvent::Sent(Sent::Disconnect), true, now(), &mut Vec::new());
    assert_eq!(unasked.expect_err("nobody said goodbye").kind(), ErrorKind::Protocol);
    let by = now().instant;
    state.say_goodbye(by, now());
    assert_eq!(wire.take(), ["disconnect"]);
    let asked = state.handle(LinkEvent::Sent(Sent::Disconnect), true, now(), &mut Vec::new());
    assert_eq!(asked.expect("goodbye"), Flow::Left(by));
}

#[test]
fn a_message_that_was_sent_before_its_topic_was_refused_is_not_called_unsent() {
    let now = now().instant;
    let refusal = TopicRefusal { until: now, code: None, convicted: 2 };
    let body = Body::Publish(Arc::new(Outgoing::new("t", QoS::AtLeastOnce, "")));
    let mut op = Op::new(body, Settler::new().0);
    assert!(topic_refused(&op, &refusal, now).to_string().contains("refused without being sent"));
    op.written();
    let error = topic_refused(&op, &refusal, now).to_string();
    assert!(error.contains("refused and is not sent again") && !error.contains("without"), "{error}");
}

#[test]
fn what_is_read_after_the_end_is_not_answered_on_the_dead_connection() {
    let (mut state, wire) = (state(config()), Wire::default());
    connect(&mut state, &wire, false);
    publish(&mut state, "a");
    written(&mut state, &[1]);
    wire.take();
    let ack_on_arrival = arrived("$SYS/tokenInvalidNotice", QoS::AtLeastOnce, r#"{"code":4,"type":"W"}"#);
    let mut events = Vec::new();
    let read = VecDeque::from([ack_on_arrival]);
    state.read_leftovers(read, vec![LinkEvent::PubAck(1)], now(), &mut events);
    assert!(wire.take().is_empty(), "nothing can be sent any more");
    assert_eq!((events.len(), state.outbox.open()), (1, 0), "but all of it counts");
    // The connection was closed nevertheless, which the notice explains.
    assert_eq!(lose(&mut state, Cause::Closed).code(), Some(Code::TokenInvalid(4)));
}

#[test]
fn a_quiet_connection_that_ends_by_itself_acquits_nobody() {
    let (mut state, wire) = (state(config()), Wire::default());
    publish(&mut state, "a");
    for _ in 0..2 {
        assert!(!connect(&mut state, &wire, false));
        written(&mut state, &[1]);
        lose(&mut state, Cause::Closed);
    }
    assert!(connect(&mut state, &wire, false));
    lose(&mut state, Cause::Other);
    assert!(connect(&mut state, &wire, false), "it was not cut: the suspect is one still");
}

#[test]
fn subscriptions_are_restored_after_a_connack_that_was_lost_on_its_way() {
    let (mut state, wire) = (state(config().device_id("d").clean_session(false)), Wire::default());
    connect(&mut state, &wire, false);
    state.online();
    state.subscriptions.granted("f", QoS::AtLeastOnce.into());
    lose(&mut state, Cause::Closed);
    // Lost before CONNACK, which may have said that the session is new.
    lose(&mut state, Cause::NoConnAck);
    wire.take();
    connect(&mut state, &wire, true);
    assert_eq!(wire.take(), ["subscribe f"]);
}

#[test]
fn no_more_is_in_flight_than_connack_allows_and_only_on_that_connection() {
    let (mut state, wire) = (state(config()), Wire::default());
    for _ in 0..3 {
        publish(&mut state, "a");
    }
    let limits = ServerLimits { receive_maximum: Some(2), ..ServerLimits::default() };
    for (limits, sent) in [(limits, 2), (ServerLimits::default(), 3)] {
        let mut pump = wire.clone();
        state.connected(Box::new(wire.clone()), ConnAck { session_present: false, limits }, &mut pump, now());
        state.send_ready(Some(&mut pump), now());
        assert_eq!(wire.take().len(), sent);
        lose(&mut state, Cause::Other);
    }
}

#[test]
fn a_step_waits_for_its_place_among_what_connack_allows() {
    let (mut state, wire) = (with_token(), Wire::default());
    let limits = ServerLimits { receive_maximum: Some(1), ..ServerLimits::default() };
    let mut pump = wire.clone();
    state.connected(Box::new(wire.clone()), ConnAck { session_present: false, limits }, &mut pump, now());
    publish(&mut state, "a");
    state.take_token(Token::new(TokenKind::ReadWrite, "new"), now()).expect("a client with tokens");
    state.send_ready(None, now());
    assert_eq!(wire.take(), ["publish a"]);
    written(&mut state, &[1]);
    handle(&mut state, LinkEvent::PubAck(1));
    state.send_ready(None, now());
    assert_eq!(wire.take(), ["publish $SYS/uploadToken"]);
}

#[test]
fn an_exchange_that_the_server_does_not_know_is_complete_only_if_it_was_begun_on_an_earlier_connection() {
    for resumed in [false, true] {
        let (mut state, wire) = (state(config().device_id("d").clean_session(false)), Wire::default());
        connect(&mut state, &wire, false);
        let (settler, slot) = Settler::new();
        let body = Body::Publish(Arc::new(Outgoing::new("t", QoS::ExactlyOnce, "")));
        state.outbox.push(body, settler, Now::at(9.0).instant);
        state.send_ready(None, now());
        written(&mut state, &[1]);
        handle(&mut state, LinkEvent::PubRec(1));
        if resumed {
            wire.take();
            lose(&mut state, Cause::Other);
            connect(&mut state, &wire, true);
            assert_eq!(wire.take(), ["release 1"]);
        }
        let refusal = Refusal { code: Code::PubComp(0x92), reason: None };
        handle(&mut state, LinkEvent::PublishRefused(1, refusal));
        match slot.peek().expect("settled") {
            Ok(_) => assert!(resumed),
            Err(error) => assert_eq!((resumed, error.fate()), (false, Some(Fate::Unknown)), "{error}"),
        }
    }
}

#[test]
fn the_end_of_a_handle_unsubscribes_only_what_nobody_else_wants() {
    for (own, unsubscribes) in [(false, true), (true, false)] {
        let mut state = state(config());
        let queue = state.inbox.open_queue("f");
        state.subscriptions.granted("f", QoS::AtLeastOnce.into());
        if own {
            state.subscriptions.owned("f");
        }
        assert_eq!(state.close_queue(queue, "f"), unsubscribes);
    }
}
