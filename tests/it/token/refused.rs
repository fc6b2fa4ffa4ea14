//! Tokens that are refused, revoked, or do not permit what is asked of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{HOUR, handed_in, renewal_failed, rw};
use crate::support::tokens::{Issuer, accepted_logins, connections, token_config};
use crate::support::{connect, connected, emulator, error, event, eventually, payloads, topic};
use aliyun_mqtt::{Client, Code, Credentials, ErrorKind, Event, Fate, Outgoing, QoS, Token, TokenKind};
use aliyun_mqtt_emulator::{Emulator, Permission, What};

// ---- tokens that are not good ----

#[test]
fn a_revoked_token_is_replaced_where_somebody_can_be_asked() {
    let emulator = Arc::new(emulator());
    let issuer = Issuer::new(&emulator, HOUR);
    let client = connect(token_config(&emulator, &issuer));
    let events = client.events();
    assert!(emulator.revoke_token(issuer.last().secret()));
    let code = event(&events, "the reason", |event| match event {
        Event::Disconnected { reason, .. } => Some(reason.code()),
        _ => None,
    });
    assert_eq!(code, Some(Code::TokenInvalid(3)));
    connected(&events);
    assert_eq!((issuer.asked(), accepted_logins(&emulator)), (2, 2), "exactly one fresh token, one new connection");
    client.publish(topic(&emulator, "x"), QoS::AtLeastOnce, "x").expect("published");
}

#[test]
fn a_revoked_or_expired_token_nobody_can_replace_ends_the_client_with_its_code() {
    for (revoke, code) in [(true, 3), (false, 2)] {
        let emulator = Arc::new(emulator());
        let token = rw(&emulator, if revoke { HOUR } else { Duration::from_secs(2) });
        let client = connect(handed_in(&emulator, [token.clone()]));
        if revoke {
            emulator.revoke_token(token.secret());
        }
        let error = error(client.recv());
        assert_eq!((error.kind(), error.code()), (ErrorKind::TokenInvalid, Some(Code::TokenInvalid(code))), "{error}");
        let error = crate::support::error(client.publish(topic(&emulator, "x"), QoS::AtLeastOnce, "x"));
        assert_eq!(error.code(), Some(Code::TokenInvalid(code)), "every later call says why: {error}");
        assert_eq!(error.fate(), Some(Fate::NotSent));
        assert_eq!(emulator.log().iter().filter(|entry| matches!(entry.what, What::LoginRefused { .. })).count(), 0);
    }
}

#[test]
fn a_bad_token_is_applied_for_exactly_once_more() {
    let emulator = Arc::new(emulator());
    let issuer = Issuer::new(&emulator, HOUR);
    issuer.forge(true);
    let error = error(Client::connect(token_config(&emulator, &issuer).build().expect("a good configuration")));
    assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, Some(crate::support::connack(4))), "{error}");
    assert_eq!((issuer.asked(), crate::support::tokens::refused_logins(&emulator)), (2, 2));

    // The same on a client that was connected: the slowest pace follows, without another application.
    issuer.forge(false);
    let config = token_config(&emulator, &issuer).refusal_patience(Duration::from_secs(1));
    let client = connect(config.backoff(Duration::from_millis(10), Duration::from_millis(400)));
    issuer.forge(true);
    let (asked, refused) = (issuer.asked(), crate::support::tokens::refused_logins(&emulator));
    emulator.revoke_token(issuer.last().secret());
    let error = crate::support::error(client.recv());
    assert_eq!(error.code(), Some(crate::support::connack(4)), "{error}");
    assert_eq!(issuer.asked(), asked + 2, "one for the revoked token, one for the refused one");
    let refused = crate::support::tokens::refused_logins(&emulator) - refused;
    assert!((3..=9).contains(&refused), "{refused} logins within a second");
}

#[test]
fn a_token_of_the_wrong_kind_is_refused_at_login_and_at_upload() {
    let emulator = Arc::new(emulator());
    let everything = topic(&emulator, "#");
    let read = emulator.issue_token(Permission::Read, &[&everything], HOUR);
    let wrong = Token::new(TokenKind::Write, read);
    let refused = error(Client::connect(handed_in(&emulator, [wrong.clone()]).build().expect("well formed")));
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Refused, Some(crate::support::connack(4))));

    let write = Token::new(TokenKind::Write, emulator.issue_token(Permission::Write, &[&everything], HOUR));
    let client = connect(handed_in(&emulator, [write]));
    let events = client.events();
    let refused = error(client.upload_token(wrong));
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Rejected, Some(Code::TokenInvalid(5))), "{refused}");
    assert_eq!(refused.fate(), Some(Fate::Refused));
    connected(&events);
    // The one before is alive, and serves on.
    client.publish(topic(&emulator, "x"), QoS::AtLeastOnce, "x").expect("published");
    assert_eq!(accepted_logins(&emulator), 2);
}

#[test]
fn a_renewal_that_is_refused_falls_back_and_is_tried_again() {
    let emulator = Arc::new(emulator());
    let issuer = Issuer::new(&emulator, HOUR);
    let client = connect(token_config(&emulator, &issuer));
    let events = client.events();
    issuer.forge(true);
    emulator.push_notice(client.config().client_id().as_str(), "$SYS/tokenExpireNotice", r#"{"type":"RW"}"#);
    let reason = renewal_failed(&events);
    assert_eq!(reason.code(), Some(Code::TokenInvalid(1)), "{reason}");
    issuer.forge(false);
    connected(&events);
    client.publish(topic(&emulator, "x"), QoS::AtLeastOnce, "x").expect("published");
}

#[test]
fn what_a_token_does_not_permit_fails_alone_at_once() {
    let emulator = Arc::new(emulator());
    let covered = topic(&emulator, "mine/#");
    let read = Token::new(TokenKind::Read, emulator.issue_token(Permission::Read, &[&covered], HOUR));
    let write = Token::new(TokenKind::Write, emulator.issue_token(Permission::Write, &[&covered], HOUR));
    let mine = topic(&emulator, "mine/x");
    let other = topic(&emulator, "other/x");

    // A token for other topics.
    let client = connect(handed_in(&emulator, [read.clone(), write.clone()]));
    let events = client.events();
    let refused = error(client.publish(&other, QoS::AtLeastOnce, "x"));
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Rejected, Some(Code::TokenInvalid(4))), "{refused}");
    assert!(refused.to_string().contains(&other) && refused.fate() == Some(Fate::Refused), "{refused}");
    connected(&events);
    let refused = error(client.subscribe(&other, QoS::AtLeastOnce));
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Rejected, Some(Code::TokenInvalid(4))), "{refused}");
    connected(&events);
    client.subscribe(&mine, QoS::AtLeastOnce).expect("subscribed");
    client.publish(&mine, QoS::ExactlyOnce, "x").expect("published");
    assert_eq!(payloads(&client, 1), ["x"]);
    assert_eq!(connections(&emulator, &client), 3, "one more for each refusal");

    // A read token used to publish, a write token used to subscribe.
    let reader = connect(handed_in(&emulator, [read]));
    let refused = error(reader.publish(&mine, QoS::AtLeastOnce, "x"));
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Rejected, Some(Code::TokenInvalid(5))), "{refused}");
    let writer = connect(handed_in(&emulator, [write]));
    let refused = error(writer.subscribe(&mine, QoS::AtLeastOnce));
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Rejected, Some(Code::TokenInvalid(5))), "{refused}");
    for client in [&reader, &writer] {
        eventually("back", || client.is_connected());
        assert_eq!(connections(&emulator, client), 2);
    }
}

#[test]
fn among_many_the_forbidden_one_is_found_and_nobody_else_is_blamed() {
    let emulator = Arc::new(emulator());
    let covered = topic(&emulator, "mine/#");
    let token = Token::new(TokenKind::Write, emulator.issue_token(Permission::Write, &[&covered], HOUR));
    let client = connect(handed_in(&emulator, [token]));
    let mine = topic(&emulator, "mine/x");
    let forbidden = topic(&emulator, "other");
    let mut deliveries = Vec::new();
    for number in 0..40 {
        // A QoS 0 message to a forbidden topic is settled when it is written; it must not be laid at another's door.
        if number % 10 == 3 {
            client.enqueue(Outgoing::new(&forbidden, QoS::AtMostOnce, "silent")).expect("accepted");
        }
        deliveries.push(client.enqueue(Outgoing::new(&mine, QoS::AtLeastOnce, number.to_string())).expect("accepted"));
        if number == 20 {
            let bad = client.enqueue(Outgoing::new(&forbidden, QoS::AtLeastOnce, "bad")).expect("accepted");
            deliveries.push(bad);
        }
    }
    let failed: Vec<_> = deliveries.iter().enumerate().filter_map(|(at, one)| Some((at, one.wait().err()?))).collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!((failed[0].0, failed[0].1.code()), (21, Some(Code::TokenInvalid(4))), "{:?}", failed[0].1);
}

#[test]
fn a_topic_the_token_does_not_cover_is_refused_until_another_token_covers_it() {
    const EACH: usize = 300;
    let emulator = Arc::new(emulator());
    let issue = |filters: &[&str]| Token::new(TokenKind::Write, emulator.issue_token(Permission::Write, filters, HOUR));
    let (mine, other) = (topic(&emulator, "mine"), topic(&emulator, "other"));
    let client = connect(handed_in(&emulator, [issue(&[&mine])]));
    let events = client.events();
    let send = |topic: &str| client.enqueue(Outgoing::new(topic, QoS::AtLeastOnce, "x")).expect("accepted");
    let deliveries: Vec<_> = (0..EACH).map(|_| (send(&other), send(&mine))).collect();
    for (other, mine) in &deliveries {
        mine.wait().expect("permitted");
        let refused = error(other.wait());
        let told = (refused.kind(), refused.code(), refused.fate());
        assert_eq!(told, (ErrorKind::Rejected, Some(Code::TokenInvalid(4)), Some(Fate::Refused)), "{refused}");
    }
    let told = event(&events, "the topic is refused", |event| match event {
        Event::TopicRefused { topic, .. } => Some(topic),
        _ => None,
    });
    assert_eq!(told, other);
    // The service's word about one is enough.
    assert_eq!(client.stats().refused_topic, EACH as u64 - 1);
    let connections = client.stats().connections;
    assert!(error(client.publish(&other, QoS::AtLeastOnce, "x")).code().is_some());
    client.upload_token(issue(&[&mine, &other])).expect("uploaded");
    client.publish(&other, QoS::AtLeastOnce, "x").expect("permitted now");
    assert_eq!(client.stats().connections, connections);
}

#[test]
fn another_login_ends_the_refusal_of_a_topic() {
    let keys = [("first", "first-secret"), ("second", "second-secret")];
    let builder = keys.iter().fold(Emulator::builder(), |builder, (id, secret)| builder.access_key(*id, *secret));
    let emulator = builder.start().expect("the emulator starts");
    let other = topic(&emulator, "other");
    emulator.forbid(&other);
    let turn = Arc::new(AtomicUsize::new(0));
    let now = Arc::clone(&turn);
    let credentials = Credentials::provider(move || {
        let (id, secret) = keys[now.load(Ordering::SeqCst)];
        Ok(Credentials::signature(id, secret))
    });
    let client = connect(crate::support::config(&emulator).credentials(credentials));
    for _ in 0..2 {
        assert_eq!(error(client.publish(&other, QoS::AtLeastOnce, "x")).kind(), ErrorKind::SuspectedRefusal);
    }
    let events = client.events();
    let refused = || client.stats().refused_topic;
    assert_eq!(error(client.publish(&other, QoS::AtLeastOnce, "x")).fate(), Some(Fate::Refused));
    assert_eq!(refused(), 1);
    // The same login again changes nothing.
    emulator.kick(client.config().client_id().as_str());
    connected(&events);
    error(client.publish(&other, QoS::AtLeastOnce, "x"));
    assert_eq!(refused(), 2);
    turn.store(1, Ordering::SeqCst);
    emulator.allow(&other);
    emulator.kick(client.config().client_id().as_str());
    connected(&events);
    client.publish(&other, QoS::AtLeastOnce, "x").expect("sent, and permitted");
}

#[test]
fn a_subscription_the_new_token_does_not_cover_is_given_up_at_the_reconnect() {
    let emulator = Arc::new(emulator());
    let wide = rw(&emulator, HOUR);
    let client = connect(handed_in(&emulator, [wide.clone()]));
    let (mine, other) = (topic(&emulator, "mine/#"), topic(&emulator, "other/#"));
    client.subscribe_many(&[(&mine, QoS::AtLeastOnce), (&other, QoS::AtLeastOnce)]).expect("subscribed");
    let events = client.events();
    let narrow = emulator.issue_token(Permission::ReadWrite, &[&mine], HOUR);
    client.upload_token(Token::new(TokenKind::ReadWrite, narrow)).expect("uploaded");
    emulator.kick(client.config().client_id().as_str());
    let (filter, reason) = event(&events, "a lost subscription", |event| match event {
        Event::SubscriptionLost { filter, reason, .. } => Some((filter, reason)),
        _ => None,
    });
    assert_eq!((filter, reason.code()), (other, Some(Code::TokenInvalid(4))));
    connected(&events);
    let x = topic(&emulator, "mine/x");
    client.publish(&x, QoS::AtLeastOnce, "x").expect("published");
    assert_eq!(payloads(&client, 1), ["x"]);
}
