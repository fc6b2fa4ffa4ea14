use std::sync::{Arc, Mutex};

use super::*;
use crate::config::ConfigBuilder;
use crate::credentials::Credentials;
use crate::delivery::Settler;
use crate::events::Event;
use crate::message::{Outgoing, QoS};
use crate::session::core::op::Op;
use crate::session::core::outbox::TopicRefusal;
use crate::session::wire::dial::id_limit;
use crate::session::wire::link::{Arrived, Cause, Failure, LinkEvent, Sent};
use crate::sync::lock;
use crate::token::{Token, TokenKind};

/// What was put on the line, in words.
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
    fn next(&mut self) -> Result<LinkEvent, Failure> {
        Err(failure(Cause::Other))
    }

    fn next_before(&mut self, _: Instant) -> Result<Option<LinkEvent>, Failure> {
        Ok(None)
    }

    fn leftovers(&mut self) -> Vec<LinkEvent> {
        Vec::new()
    }

    fn restore(&mut self, _: u16) {}

    fn resend(&mut self, id: u16, message: &Outgoing) {
        self.note(format!("resend {id} {}", message.topic));
    }

    fn release_again(&mut self, id: u16) {
        self.note(format!("release {id}"));
    }

    fn drain(&mut self, _: Instant) {}
}

fn failure(cause: Cause) -> Failure {
    Failure { error: Error::new(ErrorKind::ConnectionLost, "the line broke"), cause }
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
    State::new(&config, id_limit(config.window()))
}

/// Connects; whether the line is to be quiet for a while.
fn connect(state: &mut State, wire: &Wire, session_present: bool) -> bool {
    let mut pump = wire.clone();
    let quiet = state.connected(Box::new(wire.clone()), session_present, ServerLimits::default(), &mut pump).is_some();
    state.send_ready(Some(&mut pump));
    quiet
}

fn publish(state: &mut State, topic: &str) {
    let body = Body::Publish(Arc::new(Outgoing::new(topic, QoS::AtLeastOnce, "")));
    state.outbox.push(body, Settler::new().0, Instant::now() + Duration::from_secs(3600));
    state.send_ready(None);
}

fn handle(state: &mut State, event: LinkEvent) -> Vec<Event> {
    let mut events = Vec::new();
    state.handle(event, true, &mut events).expect("in step");
    events
}

fn written(state: &mut State, ids: &[u16]) {
    for id in ids {
        handle(state, LinkEvent::Sent(Sent::Publish(*id)));
    }
}

fn lose(state: &mut State, cause: Cause) -> Error {
    state.disconnected(&failure(cause), &mut Vec::new()).reason
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
        assert!(wire.take().is_empty(), "nothing is sent on a quiet line");
        state.end_quiet();
        state.send_ready(None);
        assert_eq!(wire.take(), ["publish a"], "alone");
        lose(&mut state, Cause::Other);
        assert!(connect(&mut state, &wire, false), "still suspects");
        lose(&mut state, Cause::Closed);
        assert!(!connect(&mut state, &wire, false), "the line breaks without them");
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
    let (_, key) = state.take(QueueId::Client).expect("a message");
    let key = key.expect("by hand");
    wire.take();
    lose(&mut state, Cause::Closed);
    connect(&mut state, &wire, false);
    assert_eq!(wire.take(), ["publish a"], "as a new message");
    assert!(!state.acknowledge(key), "nobody waits for it");
    assert!(wire.take().is_empty());
}

#[test]
fn a_step_that_is_not_acknowledged_is_overdue() {
    let (mut state, wire) = (state(config().ordered(true).timeout(Duration::from_secs(7))), Wire::default());
    connect(&mut state, &wire, false);
    assert_eq!(wire.take(), [format!("publish {}", notice::ENABLE_ORDER)]);
    let now = Instant::now();
    assert!(state.step_overdue(now).is_none() && state.step_overdue(now + Duration::from_secs(8)).is_some());
    written(&mut state, &[1]);
    handle(&mut state, LinkEvent::PubAck(1));
    assert!(state.set_up() && state.step_overdue(now + Duration::from_secs(8)).is_none());
}

#[test]
fn a_process_with_a_kept_session_begins_at_any_id() {
    let start = || state(config().device_id("d").clean_session(false)).outbox.last_id();
    assert!((0..20).any(|_| start() != start()));
    assert_eq!(state(config()).outbox.last_id(), 0);
}

#[test]
fn a_full_inbox_is_announced_each_time_it_fills_up() {
    let limits = crate::Limits::default().inbox(2, 10_000);
    let (mut state, wire) = (state(config().limits(limits)), Wire::default());
    connect(&mut state, &wire, false);
    for _ in 0..2 {
        let told: usize = (0..4).map(|_| handle(&mut state, arrived("t", QoS::AtMostOnce, "x")).len()).sum();
        assert_eq!(told, 1);
        while state.take(QueueId::Client).is_some() {}
    }
}

#[test]
fn a_notice_explains_why_the_line_is_cut() {
    let (mut state, wire) = (state(config()), Wire::default());
    connect(&mut state, &wire, false);
    handle(&mut state, arrived("$SYS/tokenInvalidNotice", QoS::AtMostOnce, r#"{"code":4,"type":"R"}"#));
    assert_eq!(lose(&mut state, Cause::Closed).code(), Some(Code::TokenInvalid(4)));
}

fn notice(state: &mut State, code: i64, kind: &str) {
    let body = format!(r#"{{"code":{code},"type":"{kind}"}}"#);
    handle(state, arrived("$SYS/tokenInvalidNotice", QoS::AtMostOnce, &body));
}

/// About to log in with a token.
fn with_token() -> State {
    let mut state = state(config().credentials(Credentials::token("key", "RW|old")));
    state.token_login();
    state
}

#[test]
fn an_upload_goes_ahead_of_everything_and_holds_the_rest_back() {
    let (mut state, wire) = (with_token(), Wire::default());
    connect(&mut state, &wire, false);
    publish(&mut state, "before");
    let new = Token::new(TokenKind::ReadWrite, "new");
    let serial = state.take_token(new, SystemTime::now()).expect("a client with tokens").expect("a new one");
    state.send_ready(None);
    publish(&mut state, "after");
    assert_eq!(wire.take(), ["publish before", "publish $SYS/uploadToken"]);
    written(&mut state, &[1, 2]);
    handle(&mut state, LinkEvent::PubAck(1));
    state.send_ready(None);
    assert!(wire.take().is_empty() && state.token_verdict(TokenKind::ReadWrite, serial).is_none());
    let events = handle(&mut state, LinkEvent::PubAck(2));
    assert!(matches!(events.as_slice(), [Event::TokenRenewed { kind: TokenKind::ReadWrite, .. }]), "{events:?}");
    state.send_ready(None);
    assert_eq!(wire.take(), ["publish after"]);
    assert!(matches!(state.token_verdict(TokenKind::ReadWrite, serial), Some(Ok(()))));
    assert_eq!(*state.token_login().expect("tokens").1, "RW|new");
}

#[test]
fn a_cut_during_an_upload_blames_the_token_if_the_service_says_so_and_no_message_ever() {
    for told in [true, false] {
        let (mut state, wire) = (with_token(), Wire::default());
        connect(&mut state, &wire, false);
        publish(&mut state, "innocent");
        for number in 0..3 {
            written(&mut state, &[1]);
            state
                .take_token(Token::new(TokenKind::ReadWrite, format!("new{number}")), SystemTime::now())
                .expect("taken");
            state.send_ready(None);
            if told {
                notice(&mut state, 1, "RW");
            }
            let loss = state.disconnected(&failure(Cause::Closed), &mut Vec::new());
            assert!(loss.reason.to_string().contains("uploadToken"), "{}", loss.reason);
            assert!(loss.fatal.is_none(), "the one before is good");
            let expected = if told { "RW|old".to_string() } else { format!("RW|new{number}") };
            assert_eq!(*state.token_login().expect("tokens").1, expected, "what the next login uses");
            connect(&mut state, &wire, false);
        }
        assert!(!state.outbox.has_suspects() && state.outbox.open() == 1);
    }
}

#[test]
fn a_condemned_token_is_the_end_only_where_nobody_can_be_asked() {
    for code in [1, 2, 3, 8, -1] {
        let (mut state, wire) = (with_token(), Wire::default());
        connect(&mut state, &wire, false);
        publish(&mut state, "innocent");
        written(&mut state, &[1]);
        notice(&mut state, code, "RW");
        let loss = state.disconnected(&failure(Cause::Closed), &mut Vec::new());
        let fatal = loss.fatal.expect("nobody can be asked");
        assert_eq!((fatal.kind(), fatal.code()), (ErrorKind::TokenInvalid, Some(Code::TokenInvalid(code))));
        assert!(!state.outbox.has_suspects() && state.outbox.open() == 1, "no message is to blame");
    }
    let (mut state, wire) =
        (state(config().credentials(Credentials::token_provider("key", || Ok(Vec::new())))), Wire::default());
    state.given(&Credentials::token("key", "RW|old"), SystemTime::now());
    state.token_login();
    connect(&mut state, &wire, false);
    assert!(!state.wants_tokens(SystemTime::now(), false));
    notice(&mut state, 3, "RW");
    assert!(state.disconnected(&failure(Cause::Closed), &mut Vec::new()).fatal.is_none());
    assert!(state.wants_tokens(SystemTime::now(), false), "a new one is got first");
}

#[test]
fn a_notice_counts_for_its_own_connection_only() {
    let (mut state, wire) = (with_token(), Wire::default());
    connect(&mut state, &wire, false);
    notice(&mut state, 3, "RW");
    assert!(state.disconnected(&failure(Cause::Other), &mut Vec::new()).fatal.is_none(), "the line broke by itself");
    connect(&mut state, &wire, false);
    assert!(state.disconnected(&failure(Cause::Closed), &mut Vec::new()).fatal.is_none(), "an old notice");
}

#[test]
fn an_upload_goes_ahead_of_the_rest_of_the_set_up() {
    let (mut state, wire) = (with_token(), Wire::default());
    state.subscriptions.granted("a", QoS::AtLeastOnce.into());
    state.restored = false;
    connect(&mut state, &wire, true);
    assert_eq!(wire.take(), ["subscribe a"]);
    state.disconnected(&failure(Cause::Other), &mut Vec::new());
    state.token_login();
    // It comes while the login is under way, which is made with the one before.
    state.take_token(Token::new(TokenKind::ReadWrite, "new"), SystemTime::now()).expect("taken");
    connect(&mut state, &wire, true);
    assert_eq!(wire.take(), ["publish $SYS/uploadToken"]);
    // Another one comes while the subscriptions wait for their turn.
    let read = Token::new(TokenKind::Read, "read");
    state.take_token(read, SystemTime::now()).expect("taken");
    written(&mut state, &[1]);
    handle(&mut state, LinkEvent::PubAck(1));
    state.send_ready(None);
    assert_eq!(wire.take(), ["publish $SYS/uploadToken"]);
    written(&mut state, &[2]);
    handle(&mut state, LinkEvent::PubAck(2));
    state.send_ready(None);
    assert_eq!(wire.take(), ["subscribe a"]);
}

#[test]
fn a_notice_about_the_other_kind_is_not_laid_at_the_uploads_door() {
    let mut state = state(config().credentials(Credentials::token("key", "R|old-r|W|old-w")));
    let wire = Wire::default();
    state.token_login();
    connect(&mut state, &wire, false);
    let serial =
        state.take_token(Token::new(TokenKind::Read, "new-r"), SystemTime::now()).expect("tokens").expect("new");
    state.send_ready(None);
    notice(&mut state, 3, "W"); // the write token was revoked
    state.disconnected(&failure(Cause::Closed), &mut Vec::new());
    assert!(!matches!(state.token_verdict(TokenKind::Read, serial), Some(Err(_))), "the notice is about W");
    assert!(state.token_login().expect("tokens").1.contains("R|new-r"), "{}", *state.token_login().expect("tokens").1);
}

#[test]
fn the_end_of_the_old_token_does_not_condemn_the_new_one_on_its_way() {
    let (mut state, wire) = (with_token(), Wire::default());
    connect(&mut state, &wire, false);
    // The old one runs out; the program's new one crosses the notice.
    notice(&mut state, 2, "RW");
    let serial =
        state.take_token(Token::new(TokenKind::ReadWrite, "new"), SystemTime::now()).expect("tokens").expect("new");
    state.send_ready(None);
    let loss = state.disconnected(&failure(Cause::Closed), &mut Vec::new());
    assert!(loss.fatal.is_none());
    assert_eq!(*state.token_login().expect("tokens").1, "RW|new", "the old one has expired, says the service");
    assert!(!matches!(state.token_verdict(TokenKind::ReadWrite, serial), Some(Err(_))));
}

#[test]
fn a_forbidden_publish_in_flight_is_not_laid_at_the_uploads_door() {
    let (mut state, wire) = (with_token(), Wire::default());
    connect(&mut state, &wire, false);
    publish(&mut state, "forbidden");
    written(&mut state, &[1]);
    let serial =
        state.take_token(Token::new(TokenKind::ReadWrite, "new"), SystemTime::now()).expect("tokens").expect("new");
    state.send_ready(None);
    notice(&mut state, 4, "RW"); // "the token does not cover this topic"
    state.disconnected(&failure(Cause::Closed), &mut Vec::new());
    assert!(!matches!(state.token_verdict(TokenKind::ReadWrite, serial), Some(Err(_))), "code 4 is about the PUBLISH");
}

#[test]
fn an_upload_that_waits_for_a_packet_id_is_not_overdue_at_once() {
    let (mut state, wire) = (with_token(), Wire::default());
    connect(&mut state, &wire, false);
    // A connection that has stood for an hour, with the next id still in use.
    let Some(past) = Instant::now().checked_sub(Duration::from_secs(3600)) else { return };
    state.steps_since = past;
    publish(&mut state, "slow");
    written(&mut state, &[1]);
    let ids = id_limit(state.config.window());
    state.outbox.set_last_id(ids);
    state.take_token(Token::new(TokenKind::ReadWrite, "new"), SystemTime::now()).expect("tokens");
    state.send_ready(None);
    assert_eq!(wire.take(), ["publish slow"], "the id is not free yet");
    assert!(state.step_overdue(Instant::now()).is_none(), "the step has waited for no time at all");
}

#[test]
fn an_expired_offender_does_not_convict_an_innocent() {
    let (mut state, wire) = (with_token(), Wire::default());
    connect(&mut state, &wire, false);
    let body = Body::Publish(Arc::new(Outgoing::new("forbidden", QoS::AtLeastOnce, "")));
    state.outbox.push(body, Settler::new().0, Instant::now() + Duration::from_millis(5));
    state.send_ready(None);
    written(&mut state, &[1]);
    std::thread::sleep(Duration::from_millis(10));
    publish(&mut state, "innocent"); // the first one's deadline has passed: it is an abandoned operation now
    written(&mut state, &[2]);
    notice(&mut state, 4, "RW");
    state.disconnected(&failure(Cause::Closed), &mut Vec::new());
    assert_eq!(state.outbox.open(), 1, "the innocent one was failed as refused");
}

#[test]
fn each_refusal_has_its_own_code() {
    let (mut state, wire) = (with_token(), Wire::default());
    connect(&mut state, &wire, false);
    state.take_token(Token::new(TokenKind::ReadWrite, "a"), SystemTime::now()).expect("tokens");
    state.send_ready(None);
    notice(&mut state, 3, "RW");
    state.disconnected(&failure(Cause::Closed), &mut Vec::new());
    state.token_login();
    connect(&mut state, &wire, false);
    // The second is refused, too, but the notice is lost: the login with it is refused.
    let serial =
        state.take_token(Token::new(TokenKind::ReadWrite, "b"), SystemTime::now()).expect("tokens").expect("new");
    state.send_ready(None);
    state.disconnected(&failure(Cause::Closed), &mut Vec::new());
    state.token_login();
    state.login_refused(SystemTime::now());
    let error = state.token_verdict(TokenKind::ReadWrite, serial).expect("settled").expect_err("refused");
    assert_eq!(error.code(), None, "nobody said that this one was revoked: {error}");
}

#[test]
fn code_5_naming_the_token_at_hand_does_not_convict_what_it_permits() {
    // Only W is held: it permits the PUBLISH, so "the permission type does not match" is about the SUBSCRIBE, whichever
    // type the service puts into the notice (the documentation does not say).
    let mut state = state(config().credentials(Credentials::token("key", "W|w")));
    let wire = Wire::default();
    state.token_login();
    connect(&mut state, &wire, false);
    publish(&mut state, "permitted");
    let body = Body::Subscribe { filters: vec![("f".to_string(), QoS::AtLeastOnce.into())], own: true };
    state.outbox.push(body, Settler::new().0, Instant::now() + Duration::from_secs(3600));
    state.send_ready(None);
    written(&mut state, &[1]);
    handle(&mut state, LinkEvent::Sent(Sent::Subscribe(2)));
    notice(&mut state, 5, "W");
    state.disconnected(&failure(Cause::Closed), &mut Vec::new());
    let left: Vec<_> = (1..=2).filter_map(|seq| state.outbox.op(seq)).map(Op::describe).collect();
    assert!(left.iter().any(|op| op.contains("permitted")), "failed as refused, though W permits it; left: {left:?}");
}

#[test]
fn a_disconnect_that_the_session_did_not_ask_for_is_no_goodbye() {
    let (mut state, wire) = (state(config()), Wire::default());
    connect(&mut state, &wire, false);
    let unasked = state.handle(LinkEvent::Sent(Sent::Disconnect), true, &mut Vec::new());
    assert_eq!(unasked.expect_err("nobody said goodbye").kind(), ErrorKind::Protocol);
    let by = Instant::now();
    state.say_goodbye(by);
    assert_eq!(wire.take(), ["disconnect"]);
    let asked = state.handle(LinkEvent::Sent(Sent::Disconnect), true, &mut Vec::new());
    assert_eq!(asked.expect("goodbye"), Flow::Left(by));
}

#[test]
fn a_message_that_was_sent_before_its_topic_was_refused_is_not_called_unsent() {
    let now = Instant::now();
    let refusal = TopicRefusal { until: now, code: None, convicted: 2 };
    let body = Body::Publish(Arc::new(Outgoing::new("t", QoS::AtLeastOnce, "")));
    let mut op = Op::new(body, Settler::new().0, now);
    assert!(topic_refused(&op, &refusal, now).to_string().contains("refused without being sent"));
    op.written = true;
    let error = topic_refused(&op, &refusal, now).to_string();
    assert!(error.contains("refused and is not sent again") && !error.contains("without"), "{error}");
}
