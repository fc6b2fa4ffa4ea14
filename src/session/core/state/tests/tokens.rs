//! Tokens on a connection: uploads, and the service's notices about them.

use super::*;

fn notice(state: &mut State, code: i64, kind: &str) {
    let body = format!(r#"{{"code":{code},"type":"{kind}"}}"#);
    handle(state, arrived("$SYS/tokenInvalidNotice", QoS::AtMostOnce, &body));
}

#[test]
fn an_upload_goes_ahead_of_everything_and_holds_the_rest_back() {
    let (mut state, wire) = (with_token(), Wire::default());
    connect(&mut state, &wire, false);
    publish(&mut state, "before");
    let new = Token::new(TokenKind::ReadWrite, "new");
    let serial = state.take_token(new, now()).expect("a client with tokens").expect("a new one");
    state.send_ready(None, now());
    publish(&mut state, "after");
    assert_eq!(wire.take(), ["publish before", "publish $SYS/uploadToken"]);
    written(&mut state, &[1, 2]);
    handle(&mut state, LinkEvent::PubAck(1));
    state.send_ready(None, now());
    assert!(wire.take().is_empty() && state.token_verdict(TokenKind::ReadWrite, serial).is_none());
    let events = handle(&mut state, LinkEvent::PubAck(2));
    assert!(matches!(events.as_slice(), [Event::TokenRenewed { kind: TokenKind::ReadWrite, .. }]), "{events:?}");
    state.send_ready(None, now());
    assert_eq!(wire.take(), ["publish after"]);
    assert!(matches!(state.token_verdict(TokenKind::ReadWrite, serial), Some(Ok(()))));
    assert_eq!(*state.token_login().expect("tokens").1, "RW|new");
}

#[test]
fn a_cut_during_an_upload_blames_the_token_if_the_service_says_so_and_no_message_ever() {
    for noticed in [true, false] {
        let (mut state, wire) = (with_token(), Wire::default());
        connect(&mut state, &wire, false);
        publish(&mut state, "innocent");
        for number in 0..3 {
            written(&mut state, &[1]);
            state.take_token(Token::new(TokenKind::ReadWrite, format!("new{number}")), now()).expect("taken");
            state.send_ready(None, now());
            if noticed {
                notice(&mut state, 1, "RW");
            }
            let disconnected = state.disconnected(&failure(Cause::Closed), now(), &mut Vec::new());
            assert!(disconnected.reason.to_string().contains("uploadToken"), "{}", disconnected.reason);
            assert!(disconnected.fatal.is_none(), "the one before is good");
            let expected = if noticed { "RW|old".to_string() } else { format!("RW|new{number}") };
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
        let disconnected = state.disconnected(&failure(Cause::Closed), now(), &mut Vec::new());
        let fatal = disconnected.fatal.expect("nobody can be asked");
        assert_eq!((fatal.kind(), fatal.code()), (ErrorKind::TokenInvalid, Some(Code::TokenInvalid(code))));
        assert!(!state.outbox.has_suspects() && state.outbox.open() == 1, "no message is to blame");
    }
    let (mut state, wire) =
        (state(config().credentials(Credentials::token_provider("key", || Ok(Vec::new())))), Wire::default());
    state.given(&Credentials::token("key", "RW|old"), now());
    state.token_login();
    connect(&mut state, &wire, false);
    assert!(!state.wants_tokens(now(), false));
    notice(&mut state, 3, "RW");
    assert!(state.disconnected(&failure(Cause::Closed), now(), &mut Vec::new()).fatal.is_none());
    assert!(state.wants_tokens(now(), false), "a new one is got first");
}

#[test]
fn a_notice_counts_for_its_own_connection_only() {
    let (mut state, wire) = (with_token(), Wire::default());
    connect(&mut state, &wire, false);
    notice(&mut state, 3, "RW");
    assert!(
        state.disconnected(&failure(Cause::Other), now(), &mut Vec::new()).fatal.is_none(),
        "the connection broke by itself"
    );
    connect(&mut state, &wire, false);
    assert!(state.disconnected(&failure(Cause::Closed), now(), &mut Vec::new()).fatal.is_none(), "an old notice");
}

#[test]
fn an_upload_goes_ahead_of_the_rest_of_the_set_up() {
    let (mut state, wire) = (with_token(), Wire::default());
    state.subscriptions.granted("a", QoS::AtLeastOnce.into());
    state.restored = false;
    connect(&mut state, &wire, true);
    assert_eq!(wire.take(), ["subscribe a"]);
    state.disconnected(&failure(Cause::Other), now(), &mut Vec::new());
    state.token_login();
    // The token arrives during the login, which uses the previous token.
    state.take_token(Token::new(TokenKind::ReadWrite, "new"), now()).expect("taken");
    connect(&mut state, &wire, true);
    assert_eq!(wire.take(), ["publish $SYS/uploadToken"]);
    // Another one comes while the subscriptions wait for their turn.
    let read = Token::new(TokenKind::Read, "read");
    state.take_token(read, now()).expect("taken");
    written(&mut state, &[1]);
    handle(&mut state, LinkEvent::PubAck(1));
    state.send_ready(None, now());
    assert_eq!(wire.take(), ["publish $SYS/uploadToken"]);
    written(&mut state, &[2]);
    handle(&mut state, LinkEvent::PubAck(2));
    state.send_ready(None, now());
    assert_eq!(wire.take(), ["subscribe a"]);
}

#[test]
fn a_notice_about_the_other_kind_is_not_laid_at_the_uploads_door() {
    let mut state = state(config().credentials(Credentials::token("key", "R|old-r|W|old-w")));
    let wire = Wire::default();
    state.token_login();
    connect(&mut state, &wire, false);
    let serial = state.take_token(Token::new(TokenKind::Read, "new-r"), now()).expect("tokens").expect("new");
    state.send_ready(None, now());
    notice(&mut state, 3, "W"); // the write token was revoked
    state.disconnected(&failure(Cause::Closed), now(), &mut Vec::new());
    assert!(!matches!(state.token_verdict(TokenKind::Read, serial), Some(Err(_))), "the notice is about W");
    assert!(state.token_login().expect("tokens").1.contains("R|new-r"), "{}", *state.token_login().expect("tokens").1);
}

#[test]
fn the_end_of_the_old_token_does_not_condemn_the_new_one_on_its_way() {
    let (mut state, wire) = (with_token(), Wire::default());
    connect(&mut state, &wire, false);
    // The old one runs out; the program's new one crosses the notice.
    notice(&mut state, 2, "RW");
    let serial = state.take_token(Token::new(TokenKind::ReadWrite, "new"), now()).expect("tokens").expect("new");
    state.send_ready(None, now());
    let disconnected = state.disconnected(&failure(Cause::Closed), now(), &mut Vec::new());
    assert!(disconnected.fatal.is_none());
    assert_eq!(*state.token_login().expect("tokens").1, "RW|new", "the old one has expired, says the service");
    assert!(!matches!(state.token_verdict(TokenKind::ReadWrite, serial), Some(Err(_))));
}

#[test]
fn a_forbidden_publish_in_flight_is_not_laid_at_the_uploads_door() {
    let (mut state, wire) = (with_token(), Wire::default());
    connect(&mut state, &wire, false);
    publish(&mut state, "forbidden");
    written(&mut state, &[1]);
    let serial = state.take_token(Token::new(TokenKind::ReadWrite, "new"), now()).expect("tokens").expect("new");
    state.send_ready(None, now());
    notice(&mut state, 4, "RW"); // "the token does not cover this topic"
    state.disconnected(&failure(Cause::Closed), now(), &mut Vec::new());
    assert!(!matches!(state.token_verdict(TokenKind::ReadWrite, serial), Some(Err(_))), "code 4 is about the PUBLISH");
}

#[test]
fn an_upload_that_waits_for_a_packet_id_is_not_overdue_at_once() {
    let (mut state, wire) = (with_token(), Wire::default());
    connect(&mut state, &wire, false);
    // A connection that has lasted for an hour, with the next id still in use.
    let now = Now::at(3600.0);
    publish(&mut state, "slow");
    written(&mut state, &[1]);
    state.outbox.set_last_id(IDS);
    state.take_token(Token::new(TokenKind::ReadWrite, "new"), now).expect("tokens");
    state.send_ready(None, now);
    assert_eq!(wire.take(), ["publish slow"], "the id is not free yet");
    assert!(state.step_overdue(now).is_none(), "the step has waited for no time at all");
}

#[test]
fn an_expired_offender_does_not_convict_an_innocent() {
    let (mut state, wire) = (with_token(), Wire::default());
    connect(&mut state, &wire, false);
    let body = Body::Publish(Arc::new(Outgoing::new("forbidden", QoS::AtLeastOnce, "")));
    state.outbox.push(body, Settler::new().0, now().instant + Duration::from_millis(5));
    state.send_ready(None, now());
    written(&mut state, &[1]);
    state.expire(Now::at(0.010));
    publish(&mut state, "innocent"); // the first one's deadline has passed: it is an abandoned operation now
    written(&mut state, &[2]);
    notice(&mut state, 4, "RW");
    state.disconnected(&failure(Cause::Closed), now(), &mut Vec::new());
    assert_eq!(state.outbox.open(), 1, "the innocent one was failed as refused");
}

#[test]
fn each_refusal_has_its_own_code() {
    let (mut state, wire) = (with_token(), Wire::default());
    connect(&mut state, &wire, false);
    state.take_token(Token::new(TokenKind::ReadWrite, "a"), now()).expect("tokens");
    state.send_ready(None, now());
    notice(&mut state, 3, "RW");
    state.disconnected(&failure(Cause::Closed), now(), &mut Vec::new());
    state.token_login();
    connect(&mut state, &wire, false);
    // The second is refused, too, but the notice is lost: the login with it is refused.
    let serial = state.take_token(Token::new(TokenKind::ReadWrite, "b"), now()).expect("tokens").expect("new");
    state.send_ready(None, now());
    state.disconnected(&failure(Cause::Closed), now(), &mut Vec::new());
    state.token_login();
    state.login_refused(now());
    let error = state.token_verdict(TokenKind::ReadWrite, serial).expect("settled").expect_err("refused");
    assert_eq!(error.code(), None, "no notice said that this token was revoked: {error}");
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
    state.outbox.push(body, Settler::new().0, now().instant + Duration::from_secs(3600));
    state.send_ready(None, now());
    written(&mut state, &[1]);
    handle(&mut state, LinkEvent::Sent(Sent::Subscribe(2)));
    notice(&mut state, 5, "W");
    state.disconnected(&failure(Cause::Closed), now(), &mut Vec::new());
    let left: Vec<_> = (1..=2).filter_map(|seq| state.outbox.op(seq)).map(Op::describe).collect();
    assert!(left.iter().any(|op| op.contains("permitted")), "failed as refused, though W permits it; left: {left:?}");
}

#[test]
fn a_notice_about_the_token_before_does_not_explain_the_end_after_its_successor_was_accepted() {
    let (mut state, wire) = (with_token(), Wire::default());
    connect(&mut state, &wire, false);
    notice(&mut state, 2, "RW");
    state.take_token(Token::new(TokenKind::ReadWrite, "new"), now()).expect("a client with tokens");
    state.send_ready(None, now());
    written(&mut state, &[1]);
    handle(&mut state, LinkEvent::PubAck(1));
    let disconnected = state.disconnected(&failure(Cause::Closed), now(), &mut Vec::new());
    assert!(disconnected.fatal.is_none() && disconnected.ended_over_token.is_none());
    assert_eq!(disconnected.reason.code(), None, "{}", disconnected.reason);
}

#[test]
fn tokens_of_another_key_end_the_connection_once_nothing_is_in_flight() {
    let provider = Credentials::token_provider("key", || Ok(Vec::new()));
    let (mut state, wire) = (state(config().credentials(provider)), Wire::default());
    state.given(&Credentials::token("key", "RW|old"), now());
    state.token_login();
    connect(&mut state, &wire, false);
    publish(&mut state, "before");
    written(&mut state, &[1]);
    state.renewed(&Credentials::token("other", "RW|new"), now()).expect("they serve the next login");
    publish(&mut state, "behind");
    state.send_ready(None, now());
    assert_eq!(wire.take(), ["publish before"], "nothing more goes out on this login");
    handle(&mut state, LinkEvent::PubAck(1));
    state.send_ready(None, now());
    assert_eq!(wire.take(), ["disconnect"]);
    let mut batch = [LinkEvent::Sent(Sent::Disconnect)].into();
    let ended = state.handle_all(&mut batch, now(), &mut Vec::new()).expect_err("the connection ends");
    assert!(ended.to_string().contains("logs in again"), "{ended}");
    let disconnected = state.disconnected(&failure(Cause::Other), now(), &mut Vec::new());
    assert!(disconnected.relogin && disconnected.fatal.is_none());
    assert!(!state.wants_tokens(now(), false));
    let (key_id, password) = state.token_login().expect("tokens");
    assert_eq!((key_id.as_str(), password.as_str()), ("other", "RW|new"));
    connect(&mut state, &wire, false);
    state.send_ready(None, now());
    assert_eq!(wire.take(), ["publish behind"]);
    assert!(!state.disconnected(&failure(Cause::Closed), now(), &mut Vec::new()).relogin);
}
