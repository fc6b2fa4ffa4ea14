//! Tokens by hand, uploaded, and applied for by the library.

use std::ptr;
use std::sync::Arc;

use aliyun_mqtt::{ErrorKind, Event};
use aliyun_mqtt_emulator::{Emulator, What};

use super::api::api;
use super::callbacks::said_goodbye;
use super::*;
use crate::api::token::{
    amq_token_request_add_topic, amq_token_request_free, amq_token_request_new, amq_token_request_set_lifetime,
};
use crate::client::amq_client_disconnect;
use crate::credentials::applied::amq_credentials_apply_tokens;
use crate::credentials::handing_in::*;
use crate::credentials::{amq_credentials_free, amq_credentials_tokens, amq_credentials_tokens_by_hand};
use crate::token::amq_token_free;

fn by_hand(emulator: &Emulator, token: *const amq_token) -> *mut amq_credentials {
    let mut credentials = ptr::null_mut();
    let id = emulator.access_key_id();
    let tokens = [token];
    ok(|error| unsafe {
        amq_credentials_tokens_by_hand(c(id), id.len(), tokens.as_ptr(), 1, &raw mut credentials, error)
    });
    credentials
}

/// A client that begins with this token, and frees it.
fn connect_by_hand(emulator: &Emulator, builder: ConfigBuilder, token: *mut amq_token) -> *mut amq_client {
    let credentials = by_hand(emulator, token);
    let with = unsafe { &*credentials };
    let settings = Settings { builder: builder.credentials(with.credentials()), by_hand: with.by_hand() };
    unsafe { amq_credentials_free(credentials) };
    unsafe { amq_token_free(token) };
    amq_client::lend(Arc::new(settings.connect().expect("connected")), None)
}

fn wanted(client: *const amq_client, timeout_ms: i64) -> (amq_status, u32, i64) {
    let (mut kinds, mut expires) = (7, 7);
    let status =
        status(|error| unsafe { amq_client_token_wanted(client, timeout_ms, &raw mut kinds, &raw mut expires, error) });
    (status, kinds, expires)
}

fn hand_in(client: *const amq_client, token: *mut amq_token) {
    let tokens = [token.cast_const()];
    ok(|error| unsafe { amq_client_hand_in_tokens(client, tokens.as_ptr(), 1, error) });
    unsafe { amq_token_free(token) };
}

fn uploads(emulator: &Emulator) -> usize {
    emulator.log().iter().filter(|entry| matches!(entry.what, What::TokenUploaded { .. })).count()
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn plain_calls_renew_a_token_in_time_on_one_connection() {
    let emulator = Emulator::start().unwrap();
    let life = Duration::from_secs(6);
    let client = connect_by_hand(&emulator, builder(&emulator), token(&emulator, life, true));
    for round in 1..=2 {
        let (status, kinds, expires) = wanted(client, -1);
        assert_eq!((status, kinds), (amq_status::AMQ_OK, 1 << 3));
        assert!(expires > 0);
        assert_eq!(wanted(client, 0).0, amq_status::AMQ_OK, "until some are handed in");
        hand_in(client, token(&emulator, life, true));
        assert_eq!(wanted(client, 0), (amq_status::AMQ_TIMEOUT, 0, -1));
        eventually("uploaded", || uploads(&emulator) == round);
        assert_eq!(publish(client, &topic(&emulator)), amq_status::AMQ_OK);
    }
    // Before it is wanted, and with a call that waits for the service.
    hand_in(client, token(&emulator, HOUR, true));
    eventually("uploaded", || uploads(&emulator) == 3);
    let last = token(&emulator, HOUR, false);
    ok(|error| unsafe { amq_client_upload_token(client, last, -2, error) });
    unsafe { amq_token_free(last) };
    assert_eq!((uploads(&emulator), connects(&emulator)), (4, 1));
    free(client);
}

#[test]
fn the_end_of_a_client_ends_the_wait_for_tokens() {
    let emulator = Emulator::start().unwrap();
    let client = Sendable(connect_by_hand(&emulator, builder(&emulator), token(&emulator, HOUR, true)));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || wanted(client.get(), -1).0);
        ok(|error| unsafe { amq_client_disconnect(client.get(), -2, error) });
        assert_eq!(waiting.join().unwrap(), amq_status::AMQ_END);
    });
    assert_eq!(wanted(client.get(), -1).0, amq_status::AMQ_END);
    let late = token(&emulator, HOUR, true);
    let tokens = [late.cast_const()];
    let failed = fails(|error| unsafe { amq_client_hand_in_tokens(client.get(), tokens.as_ptr(), 1, error) });
    assert_eq!(failed.kind, amq_kind::Closed);
    unsafe { amq_token_free(late) };
    free(client.get());
}

#[test]
fn tokens_that_are_refused_are_asked_for_again() {
    let emulator = Emulator::start().unwrap();
    let client = connect_by_hand(&emulator, builder(&emulator), token(&emulator, HOUR, false));
    let events = unsafe { &*client }.client().events();
    assert!(emulator.push_notice(&client_id(client), "$SYS/tokenExpireNotice", r#"{"type":"RW"}"#));
    assert_eq!(wanted(client, -1).0, amq_status::AMQ_OK);
    let reason = "the office is closed";
    ok(|error| unsafe { amq_client_refuse_tokens(client, c(reason), reason.len(), error) });
    let failed = std::iter::from_fn(|| events.recv()).find_map(|event| match event {
        Event::TokenRenewalFailed { reason, retry_in, .. } => Some((reason, retry_in)),
        _ => None,
    });
    let (error, retry_in) = failed.expect("an event");
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(error.to_string().contains(reason) && retry_in.is_some(), "{error}");
    assert_eq!(wanted(client, -1).0, amq_status::AMQ_OK, "after a pause");
    hand_in(client, token(&emulator, HOUR, false));
    eventually("uploaded", || uploads(&emulator) == 1);
    free(client);
}

/// As in a PHP worker that got no request while its token expired.
#[test]
fn a_token_that_is_handed_in_late_connects_without_a_further_pause() {
    let emulator = Emulator::start().unwrap();
    let first = token(&emulator, HOUR, false);
    let secret = unsafe { &*first }.token().secret().to_string();
    let builder = builder(&emulator).timeout(Duration::from_secs(1)).backoff(HOUR, HOUR);
    let client = connect_by_hand(&emulator, builder, first);
    let events = unsafe { &*client }.client().events();
    assert!(emulator.revoke_token(&secret));
    emulator.kick(&client_id(client));
    // The client pauses: for half an hour, on average.
    let ends = std::iter::from_fn(|| events.recv_timeout(PATIENCE));
    assert!({ ends }.any(|event| matches!(event, Event::Disconnected { retry_in: Some(_), .. })));
    hand_in(client, token(&emulator, HOUR, false));
    let connected = std::iter::from_fn(|| events.recv_timeout(PATIENCE));
    assert!({ connected }.any(|event| matches!(event, Event::Connected { number: 2, .. })));
    assert_eq!(publish(client, &topic(&emulator)), amq_status::AMQ_OK);
    free(client);
}

#[test]
fn only_clients_with_tokens_by_hand_take_them() {
    let emulator = Emulator::start().unwrap();
    let config = config(&emulator);
    let client = connect(config);
    let given = token(&emulator, HOUR, true);
    let tokens = [given.cast_const(), given.cast_const()];
    for failed in [
        fails(|error| unsafe { amq_client_token_wanted(client, 0, ptr::null_mut(), ptr::null_mut(), error) }),
        fails(|error| unsafe { amq_client_hand_in_tokens(client, tokens.as_ptr(), 1, error) }),
        fails(|error| unsafe { amq_client_refuse_tokens(client, c("x"), 1, error) }),
    ] {
        assert_eq!(failed.kind, amq_kind::Misuse);
        assert!(failed.text.contains("amq_credentials_tokens_by_hand"), "{failed:?}");
    }
    let failed = fails(|error| unsafe { amq_client_upload_token(client, given, -2, error) });
    assert_eq!(failed.kind, amq_kind::Invalid);
    free(client);
    let client = connect_by_hand(&emulator, builder(&emulator), token(&emulator, HOUR, true));
    let failed = fails(|error| unsafe { amq_client_hand_in_tokens(client, tokens.as_ptr(), 2, error) });
    assert!(failed.text.contains("two tokens of the kind RW"), "{failed:?}");
    let failed = fails(|error| unsafe { amq_client_hand_in_tokens(client, ptr::null(), 0, error) });
    assert_eq!(failed.kind, amq_kind::Misuse);
    free(client);
    unsafe { amq_token_free(given) };
    unsafe { config::amq_config_free(config) };
}

#[test]
fn tokens_without_renewal_log_in() {
    let emulator = Emulator::start().unwrap();
    let given = token(&emulator, HOUR, true);
    let tokens = [given.cast_const()];
    let id = emulator.access_key_id();
    let mut credentials = ptr::null_mut();
    ok(|error| unsafe { amq_credentials_tokens(c(id), id.len(), tokens.as_ptr(), 1, &raw mut credentials, error) });
    unsafe { amq_token_free(given) };
    let config = config_with(&emulator, credentials);
    let client = connect(config);
    assert_eq!(publish(client, &topic(&emulator)), amq_status::AMQ_OK);
    let id = client_id(client);
    free(client);
    logged(&emulator, |entry| entry.client_id == id && said_goodbye(entry));
    unsafe { config::amq_config_free(config) };
    unsafe { amq_credentials_free(credentials) };
}

#[test]
fn the_library_applies_for_tokens() {
    let emulator = Emulator::builder().token_time_scale(0.05).start().unwrap();
    let api = api(&emulator);
    let mut request = ptr::null_mut();
    ok(|error| unsafe { amq_token_request_new(3, &raw mut request, error) });
    for topic in everything(&emulator) {
        ok(|error| unsafe { amq_token_request_add_topic(request, c(&topic), topic.len(), error) });
    }
    ok(|error| unsafe { amq_token_request_set_lifetime(request, 70_000, error) });
    let requests = [request.cast_const()];
    let mut credentials = ptr::null_mut();
    ok(|error| unsafe { amq_credentials_apply_tokens(api, requests.as_ptr(), 1, &raw mut credentials, error) });
    unsafe { amq_token_request_free(request) };
    unsafe { crate::api::amq_api_free(api) };
    let config = config_with(&emulator, credentials);
    let client = connect(config);
    assert_eq!(publish(client, &topic(&emulator)), amq_status::AMQ_OK);
    // The notice of the end renews it.
    logged(&emulator, |entry| matches!(entry.what, What::TokenUploaded { .. }));
    free(client);
    unsafe { config::amq_config_free(config) };
    unsafe { amq_credentials_free(credentials) };
}
