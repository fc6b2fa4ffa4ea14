//! Token mode: tokens are kept, and renewed without a new connection.

mod refused;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::broker::{Broker, Kind, Packet};
use crate::support::tokens::{Issuer, accepted_logins, connections, token_config, uploads};
use crate::support::{LONG, connect, connected, emulator, error, event, eventually, payloads, topic};
use aliyun_mqtt::{ConfigBuilder, Credentials, ErrorKind, Event, Notice, Outgoing, QoS, Token, TokenKind};
use aliyun_mqtt_emulator::{Emulator, Permission, What};

const HOUR: Duration = Duration::from_secs(3600);

fn renewed(events: &aliyun_mqtt::Events) -> TokenKind {
    event(events, "a renewed token", |event| match event {
        Event::TokenRenewed { kind, .. } => Some(kind),
        _ => None,
    })
}

fn renewal_failed(events: &aliyun_mqtt::Events) -> aliyun_mqtt::Error {
    event(events, "a failed renewal", |event| match event {
        Event::TokenRenewalFailed { reason, .. } => Some(reason),
        _ => None,
    })
}

/// A configuration with tokens handed in.
fn handed_in(emulator: &Emulator, tokens: impl IntoIterator<Item = Token>) -> ConfigBuilder {
    crate::support::config(emulator).credentials(Credentials::tokens(emulator.access_key_id(), tokens))
}

fn rw(emulator: &Emulator, life: Duration) -> Token {
    let everything = topic(emulator, "#");
    Token::new(TokenKind::ReadWrite, emulator.issue_token(Permission::ReadWrite, &[&everything], life)).expires_in(life)
}

// ---- renewal ----

/// Publishes and receives on tokens of this life, for so many of them.
fn lifetimes(life: Duration, count: u32) {
    let emulator =
        Arc::new(Emulator::builder().token_notice_lead(Duration::ZERO).start().expect("the emulator starts"));
    let issuer = Issuer::new(&emulator, life);
    // Early, so that a busy machine is not too late.
    let client = connect(token_config(&emulator, &issuer).token_renewal(0.25));
    let events = client.events();
    let topic = topic(&emulator, "x");
    client.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    let end = Instant::now() + life * count;
    let mut number = 0_u32;
    while Instant::now() < end {
        client.publish(&topic, QoS::AtLeastOnce, number.to_string()).expect("published");
        assert_eq!(payloads(&client, 1), [number.to_string()]);
        number += 1;
        thread::park_timeout(Duration::from_millis(5));
    }
    assert_eq!(connections(&emulator, &client), 1, "one TCP connection");
    let log = emulator.log();
    assert!(!log.iter().any(|entry| matches!(entry.what, What::Violation { .. } | What::LoginRefused { .. })));
    while let Some(event) = events.try_recv() {
        assert!(matches!(event, Event::TokenRenewed { .. }), "{event:?}");
    }
    let uploads = uploads(&emulator);
    // One more was asked for at the login, and one may be on its way.
    let asked = issuer.asked();
    assert!(
        uploads as u32 >= count && (uploads + 1..=uploads + 2).contains(&asked),
        "{uploads} uploads, {asked} tokens"
    );
    client.disconnect().expect("all delivered");
    println!("{number} messages over {count} lifetimes of {life:?}, {uploads} renewals, one connection");
}

#[test]
fn tokens_are_renewed_on_one_connection() {
    lifetimes(Duration::from_secs(3), 2);
}

#[test]
#[ignore = "takes three minutes: sixty lifetimes of three seconds"]
fn sixty_lifetimes_on_one_connection() {
    lifetimes(Duration::from_secs(3), 60);
}

#[test]
fn nothing_is_sent_between_an_upload_and_its_acknowledgement() {
    let broker = Broker::start();
    let credentials = Credentials::tokens("key", [(TokenKind::ReadWrite, "old")]);
    let (client, mut line) = broker.connect(broker.config().credentials(credentials));
    thread::scope(|scope| {
        let upload = scope.spawn(|| client.upload_token(Token::new(TokenKind::ReadWrite, "fr\"esh")));
        let packet = line.expect(Kind::Publish);
        assert_eq!((packet.topic().as_str(), packet.qos()), ("$SYS/uploadToken", 1));
        assert_eq!(packet.payload(), r#"{"token":"fr\"esh","type":"RW"}"#);
        // The same again is not acknowledged either, and not sent twice.
        let again =
            client.with_timeout(Duration::from_millis(20)).upload_token(Token::new(TokenKind::ReadWrite, "fr\"esh"));
        assert!(error(again).is_timeout());
        let delivery = client.enqueue(Outgoing::new("t", QoS::AtMostOnce, "held back")).expect("accepted");
        let subscribing = scope.spawn(|| client.subscribe("s", QoS::AtLeastOnce));
        eventually("both are in the outbox", || client.stats().outbox_messages == 2);
        // Had anything been sent, it would be here before the answer to this.
        line.publish("ping", 2, 7, false, "are you there?");
        assert_eq!(payloads(&client, 1), ["are you there?"]);
        assert_eq!(line.read().expect("PUBREC").kind(), Kind::PubRec);
        assert!(delivery.try_wait().expect("nothing went wrong").is_none());
        assert!(!upload.is_finished());
        line.send(&Packet::PubAck(packet.id()));
        upload.join().expect("no panic").expect("uploaded");
        assert_eq!(line.expect(Kind::Publish).payload(), "held back");
        crate::support::broker::grant(&mut line);
        subscribing.join().expect("no panic").expect("subscribed");
    });
    // The next login has the new token.
    drop(line);
    let mut line = broker.accept_raw();
    let connect = line.read().expect("CONNECT");
    assert!(String::from_utf8_lossy(connect.body()).contains("RW|fr\"esh"));
}

#[test]
fn a_notice_in_either_spelling_renews_at_once() {
    let emulator = Arc::new(emulator());
    let issuer = Issuer::new(&emulator, HOUR);
    issuer.hide_ends();
    let client = connect(token_config(&emulator, &issuer).deliver_notices(true));
    let events = client.events();
    let id = client.config().client_id().to_string();
    for (number, (name, field)) in
        [("tokenExpireNotice", "expireTime"), ("tokenExprireNotice", "exprireTime")].into_iter().enumerate()
    {
        // Each token has an end of its own.
        let notice = format!(r#"{{"{field}":410244480000{number},"type":"RW"}}"#);
        assert!(emulator.push_notice(&id, &format!("$SYS/{name}"), notice.clone()));
        assert_eq!(renewed(&events), TokenKind::ReadWrite);
        assert_eq!(issuer.asked(), number + 2);
        // Asked for, notices are messages, too.
        assert_eq!(payloads(&client, 1), [notice]);
    }
    assert_eq!(connections(&emulator, &client), 1);
}

#[test]
fn both_kinds_are_renewed() {
    let emulator = Arc::new(emulator());
    let issuer = Issuer::kinds(&emulator, HOUR, &[Permission::Read, Permission::Write]);
    let client = connect(token_config(&emulator, &issuer));
    let events = client.events();
    let id = client.config().client_id().to_string();
    assert!(emulator.push_notice(&id, "$SYS/tokenExpireNotice", r#"{"type":"W"}"#));
    let mut kinds = [renewed(&events), renewed(&events)];
    kinds.sort();
    assert_eq!(kinds, [TokenKind::Read, TokenKind::Write]);
    let topic = topic(&emulator, "x");
    client.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    client.publish(&topic, QoS::AtLeastOnce, "x").expect("published");
    assert_eq!(payloads(&client, 1), ["x"]);
}

#[test]
fn tokens_are_kept_over_a_reconnect_and_got_anew_near_their_end() {
    let emulator = Arc::new(emulator());
    let issuer = Issuer::new(&emulator, HOUR);
    let client = connect(token_config(&emulator, &issuer));
    let events = client.events();
    let id = client.config().client_id().to_string();
    emulator.kick(&id);
    connected(&events);
    assert_eq!(issuer.asked(), 1, "the token is good");

    // It becomes due while there is no connection.
    let emulator =
        Arc::new(Emulator::builder().token_notice_lead(Duration::ZERO).start().expect("the emulator starts"));
    let proxy = crate::support::fault_proxy::Proxy::start(crate::support::matrix::addr(&emulator));
    let issuer = Issuer::new(&emulator, Duration::from_secs(4));
    let client = connect(token_config(&emulator, &issuer).endpoint(proxy.endpoint()));
    let since = Instant::now();
    let events = client.events();
    proxy.refuse(true);
    proxy.cut();
    eventually("80 % of its life are over", || since.elapsed() > Duration::from_millis(3_300));
    let asked = issuer.asked();
    assert!(asked <= 2, "once at the login, once when it was due");
    proxy.refuse(false);
    connected(&events);
    assert_eq!((issuer.asked(), uploads(&emulator)), (2, 0), "a new token is got first, and logged in with");
    client.publish(topic(&emulator, "x"), QoS::AtLeastOnce, "x").expect("published");
}

#[test]
fn a_failed_renewal_is_told_and_tried_again_while_messages_flow() {
    let emulator = Arc::new(emulator());
    let issuer = Issuer::new(&emulator, HOUR);
    let client = connect(token_config(&emulator, &issuer));
    let events = client.events();
    issuer.fail(Some("out for lunch"));
    emulator.push_notice(client.config().client_id().as_str(), "$SYS/tokenExpireNotice", r#"{"type":"RW"}"#);
    for _ in 0..2 {
        let reason = renewal_failed(&events);
        assert_eq!(reason.kind(), ErrorKind::Credentials);
        assert!(reason.to_string().contains("out for lunch"), "{reason}");
        client.publish(topic(&emulator, "x"), QoS::AtLeastOnce, "x").expect("published");
    }
    issuer.fail(None);
    renewed(&events);
    assert_eq!(connections(&emulator, &client), 1);
}

#[test]
fn a_fetch_that_hangs_panics_or_uses_the_client_harms_nothing() {
    let emulator = Arc::new(emulator());
    let issuer = Issuer::new(&emulator, HOUR);
    let client = connect(token_config(&emulator, &issuer).timeout(Duration::from_secs(2)));
    let long = client.with_timeout(LONG);
    let events = client.events();
    let id = client.config().client_id().to_string();
    let x = topic(&emulator, "x");

    issuer.act(|| std::panic::resume_unwind(Box::new("a bug")));
    emulator.push_notice(&id, "$SYS/tokenExpireNotice", r#"{"type":"RW"}"#);
    assert!(renewal_failed(&events).to_string().contains("panicked"));
    long.publish(&x, QoS::AtLeastOnce, "after the panic").expect("published");

    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = Mutex::new(held);
    issuer.act(move || drop(held.lock().map(|held| held.recv())));
    let reason = renewal_failed(&events);
    assert_eq!(reason.stage(), Some(aliyun_mqtt::Stage::Credentials), "{reason}");
    let hanging = issuer.asked();
    renewal_failed(&events);
    assert_eq!(issuer.asked(), hanging, "it is not asked a second time while it hangs");
    long.publish(&x, QoS::AtLeastOnce, "while it hangs").expect("published");

    let (user, topic) = (long.clone(), x.clone());
    issuer.act(move || user.publish(&topic, QoS::AtLeastOnce, "from the fetch").expect("published"));
    drop(release);
    renewed(&events);
    emulator.push_notice(&id, "$SYS/tokenExpireNotice", r#"{"type":"RW"}"#);
    renewed(&events);
    assert_eq!(connections(&emulator, &client), 1);
    let seen = emulator
        .log()
        .into_iter()
        .any(|entry| matches!(&entry.what, What::Published { payload, .. } if **payload == *b"from the fetch"));
    assert!(seen, "the fetch could publish");
    issuer.act(|| ());
}

// ---- tokens handed in ----

#[test]
fn a_token_can_be_replaced_by_hand() {
    let emulator = Arc::new(emulator());
    let client = connect(handed_in(&emulator, [rw(&emulator, HOUR)]));
    let events = client.events();
    let id = client.config().client_id().to_string();
    emulator.push_notice(&id, "$SYS/tokenExpireNotice", r#"{"expireTime":4102444800000,"type":"RW"}"#);
    let announced = event(&events, "a notice", |event| match event {
        Event::Notice(Notice::TokenExpire { expires, kind, .. }) => Some((expires, kind)),
        _ => None,
    });
    assert!(announced.0.is_some() && announced.1 == Some(TokenKind::ReadWrite));
    client.upload_token(rw(&emulator, 2 * HOUR)).expect("uploaded");
    renewed(&events);
    emulator.kick(&id);
    connected(&events);
    assert_eq!(accepted_logins(&emulator), 2, "the next login has it");
    assert!(client.try_recv().expect("alive").is_none(), "a notice is no message");
}

#[test]
fn without_a_connection_it_waits_for_the_next_login() {
    let emulator = Arc::new(emulator());
    let proxy = crate::support::fault_proxy::Proxy::start(crate::support::matrix::addr(&emulator));
    let client = connect(handed_in(&emulator, [rw(&emulator, HOUR)]).endpoint(proxy.endpoint()));
    proxy.refuse(true);
    proxy.cut();
    eventually("the line is cut", || !client.is_connected());
    let uploading = client.clone();
    let token = rw(&emulator, HOUR);
    let upload = thread::spawn(move || uploading.upload_token(token));
    let late = error(client.with_timeout(Duration::from_millis(50)).upload_token(rw(&emulator, HOUR)));
    assert!(late.is_timeout(), "{late}");
    proxy.refuse(false);
    upload.join().expect("no panic").expect("accepted");
    // At the login, unless its thread came too late for that.
    assert!(uploads(&emulator) <= 1 && accepted_logins(&emulator) == 2);
}

#[test]
fn a_client_without_tokens_has_none_to_replace() {
    let emulator = emulator();
    let client = crate::support::client(&emulator);
    let refused = error(client.upload_token(Token::new(TokenKind::Read, "x")));
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    for bad in ["", "a|b", "a b"] {
        let refused = error(client.upload_token(Token::new(TokenKind::Read, bad)));
        assert!(!refused.to_string().contains(" b\""), "{refused}");
    }
}

#[test]
fn a_provider_that_gives_tokens_is_asked_to_renew_them_too() {
    let emulator = Arc::new(emulator());
    let issuer = Issuer::new(&emulator, HOUR);
    let calls = Arc::new(AtomicUsize::new(0));
    let (count, key, source) = (Arc::clone(&calls), emulator.access_key_id().to_string(), issuer.clone());
    let credentials = Credentials::provider(move || {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(Credentials::tokens(&key, source.issue()?))
    });
    let client = connect(crate::support::config(&emulator).credentials(credentials));
    let events = client.events();
    emulator.push_notice(client.config().client_id().as_str(), "$SYS/tokenExpireNotice", r#"{"type":"RW"}"#);
    renewed(&events);
    emulator.kick(client.config().client_id().as_str());
    connected(&events);
    assert_eq!(calls.load(Ordering::SeqCst), 3, "at both connects and for the renewal");
}
