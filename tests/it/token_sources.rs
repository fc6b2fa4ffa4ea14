//! Sources of tokens that are bad, slow, or half new: the client stays on line for as long as what it holds is good,
//! and nobody is asked in a loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::support::tokens::{Issuer, accepted_logins, refused_logins, token_config};
use crate::support::{LONG, connect, connected, emulator, error, event, eventually, topic};
use aliyun_mqtt::{Code, Credentials, ErrorKind, Event, QoS, Token, TokenKind};
use aliyun_mqtt_emulator::Permission;

const HOUR: Duration = Duration::from_secs(3600);
const SOON: &str = r#"{"type":"RW"}"#;

fn renewal_failed(events: &aliyun_mqtt::Events) -> Duration {
    event(events, "a failed renewal", |event| match event {
        Event::TokenRenewalFailed { retry_in, .. } => Some(retry_in.unwrap_or_default()),
        _ => None,
    })
}

/// The token held lives for another hour; only its successors are bad.
#[test]
fn bad_successors_leave_a_client_with_a_good_token_on_line() {
    let emulator = Arc::new(emulator());
    let issuer = Issuer::new(&emulator, HOUR);
    let client = connect(token_config(&emulator, &issuer));
    let events = client.events();
    issuer.forge(true);
    emulator.push_notice(client.config().client_id().as_str(), "$SYS/tokenExpireNotice", SOON);
    for refused in 1..=3 {
        renewal_failed(&events);
        connected(&events);
        client.publish(topic(&emulator, "x"), QoS::AtLeastOnce, "x").expect("published");
        assert_eq!(accepted_logins(&emulator), 1 + refused, "one connection for each refused successor");
    }
    // Each was refused at its upload; the good one logged in each time.
    assert_eq!(refused_logins(&emulator), 0);
    assert!((4..=5).contains(&issuer.asked()), "asked {} times", issuer.asked());
}

/// R is made anew each time, W is the one that the source still has: every answer has something new.
#[test]
fn a_source_that_keeps_one_of_two_tokens_is_asked_with_growing_pauses() {
    let emulator = Arc::new(emulator());
    let everything = topic(&emulator, "#");
    let write = emulator.issue_token(Permission::Write, &[&everything], HOUR);
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, source) = (Arc::clone(&asked), Arc::clone(&emulator));
    let end = SystemTime::now() + HOUR;
    let credentials = Credentials::token_provider(emulator.access_key_id(), move || {
        count.fetch_add(1, Ordering::SeqCst);
        let read = source.issue_token(Permission::Read, &[&everything], HOUR);
        let read = Token::new(TokenKind::Read, read).expires_in(HOUR);
        Ok(vec![read, Token::new(TokenKind::Write, write.clone()).expires_at(end)])
    });
    let client = connect(crate::support::config(&emulator).credentials(credentials));
    let events = client.events();
    emulator.push_notice(client.config().client_id().as_str(), "$SYS/tokenExpireNotice", r#"{"type":"W"}"#);
    let mut last = std::time::Instant::now();
    let mut pauses = Vec::new();
    for _ in 0..3 {
        event(&events, "R is renewed", |event| matches!(event, Event::TokenRenewed { .. }).then_some(()));
        pauses.push(last.elapsed());
        last = std::time::Instant::now();
    }
    // 0.5 to 1 s, then 1 to 2 s; the first comes at once. Not sooner, however fast the machine is.
    assert!(pauses[1] >= Duration::from_millis(450) && pauses[2] >= Duration::from_millis(950), "{pauses:?}");
    assert!(asked.load(Ordering::SeqCst) <= 5);
}

#[test]
fn a_source_that_hangs_does_not_delay_a_reconnect_with_a_good_token() {
    let emulator = Arc::new(emulator());
    let issuer = Issuer::new(&emulator, HOUR);
    let client = connect(token_config(&emulator, &issuer));
    let events = client.events();
    let id = client.config().client_id().to_string();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    issuer.act(move || drop(held.lock().map(|held| held.recv())));
    emulator.push_notice(&id, "$SYS/tokenExpireNotice", SOON);
    eventually("it hangs", || issuer.asked() == 2);
    for _ in 0..2 {
        emulator.kick(&id);
        // The timeout of the client is a minute: had it waited for that, the test would not.
        connected(&events);
    }
    assert_eq!(issuer.asked(), 2, "one question");
    drop(release);
    event(&events, "the late answer is used", |event| matches!(event, Event::TokenRenewed { .. }).then_some(()));
}

/// A login that is accepted and then ended over its token, each time, with a fresh token.
#[test]
fn tokens_condemned_one_after_the_other_are_the_end_in_time() {
    let broker = crate::support::broker::Broker::start();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let credentials = Credentials::token_provider("key", move || {
        let number = count.fetch_add(1, Ordering::SeqCst);
        Ok(vec![Token::new(TokenKind::ReadWrite, format!("token-{number}")).expires_in(HOUR)])
    });
    let config = broker.config().credentials(credentials).refusal_patience(Duration::from_secs(1));
    let (client, mut line) = broker.connect(config);
    thread::spawn(move || {
        loop {
            line.publish("$SYS/tokenInvalidNotice", 0, 0, false, r#"{"code":-1,"type":"RW"}"#);
            drop(line);
            line = broker.accept(false);
        }
    });
    let error = error(client.recv());
    assert_eq!((error.kind(), error.code()), (ErrorKind::TokenInvalid, Some(Code::TokenInvalid(-1))), "{error}");
    assert!(asked.load(Ordering::SeqCst) >= 2);
}

#[test]
fn a_token_revoked_now_and_then_is_replaced_each_time() {
    let emulator = Arc::new(emulator());
    let issuer = Issuer::new(&emulator, HOUR);
    // A connection that lasted as long as the longest pause was a good one.
    let config = token_config(&emulator, &issuer).refusal_patience(Duration::ZERO);
    let client = connect(config.backoff(Duration::from_millis(10), Duration::from_millis(10)));
    let events = client.events();
    for number in 1..=3 {
        let since = std::time::Instant::now();
        eventually("it lasts", || since.elapsed() > Duration::from_millis(50));
        emulator.revoke_token(issuer.last().secret());
        connected(&events);
        assert_eq!(issuer.asked(), number + 1);
    }
    client.with_timeout(LONG).publish(topic(&emulator, "x"), QoS::AtLeastOnce, "x").expect("published");
}

#[cfg(feature = "openapi")]
#[test]
fn requests_with_a_fixed_end_are_no_source_of_tokens() {
    use aliyun_mqtt::openapi::{Api, TokenRequest};
    let api = Api::builder().region("cn-hangzhou").instance_id("post-cn-test").access_key("key", "secret");
    let request = TokenRequest::new(TokenKind::ReadWrite, ["demo/#"]).expires_at(SystemTime::now() + HOUR);
    let credentials = Credentials::apply_tokens(&api.build().expect("an API"), [request]);
    let config = crate::support::broker::Broker::start().config().instance_id("post-cn-test").credentials(credentials);
    let refused = error(config.build());
    assert!(refused.to_string().contains("fixed expiry"), "{refused}");
}
