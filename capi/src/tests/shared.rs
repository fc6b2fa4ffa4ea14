//! Standing clients.

use std::ptr;
use std::sync::Barrier;

use aliyun_mqtt_emulator::Emulator;

use super::callbacks::said_goodbye;
use super::*;
use crate::client::amq_client_disconnect;
use crate::config::{amq_config_free, amq_config_set_timeout};
use crate::credentials::{amq_credentials_free, amq_credentials_tokens_by_hand};
use crate::shared::amq_client_shared;
use crate::token::amq_token_free;

pub(super) fn shared(config: *const amq_config, name: &str, keep: bool) -> *mut amq_client {
    let mut client = ptr::null_mut();
    ok(|error| unsafe { amq_client_shared(config, c(name), name.len(), keep, &raw mut client, error) });
    client
}

fn goodbyes(emulator: &Emulator) -> usize {
    emulator.log().iter().filter(|entry| said_goodbye(entry)).count()
}

#[test]
fn eight_threads_make_one_connection_which_ends_with_the_last_handle() {
    let emulator = Emulator::start().unwrap();
    let config = Sendable(config(&emulator));
    let together = Barrier::new(8);
    let handles: Vec<_> = std::thread::scope(|scope| {
        let ask = || {
            together.wait();
            Sendable(shared(config.get(), "eight", false))
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(connects(&emulator), 1);
    for client in &handles {
        assert_eq!(publish(client.get(), &topic(&emulator)), amq_status::AMQ_OK);
        assert_eq!(goodbyes(&emulator), 0);
        free(client.get());
    }
    eventually("the last one says goodbye", || goodbyes(&emulator) == 1);
    free(shared(config.get(), "eight", false));
    eventually("another one", || (connects(&emulator), goodbyes(&emulator)) == (2, 2));
    unsafe { amq_config_free(config.get()) };
}

#[test]
fn a_kept_client_stays_without_handles_and_is_replaced_with_its_settings() {
    let emulator = Emulator::start().unwrap();
    let config = config(&emulator);
    free(shared(config, "kept", false));
    eventually("not kept", || goodbyes(&emulator) == 1);
    for keep in [true, false, true] {
        let client = shared(config, "kept", keep);
        assert_eq!(publish(client, &topic(&emulator)), amq_status::AMQ_OK);
        free(client);
    }
    assert_eq!((connects(&emulator), goodbyes(&emulator)), (2, 1));
    // The same settings, made anew.
    let again = super::config(&emulator);
    let old = shared(again, "kept", true);
    assert_eq!(connects(&emulator), 2);
    ok(|error| unsafe { amq_config_set_timeout(again, 19_000, error) });
    // Settings that are no good replace nothing.
    let bad = config::for_tests(builder(&emulator).group_id("no"));
    let mut none = ptr::dangling_mut();
    let failed = fails(|error| unsafe { amq_client_shared(bad, c("kept"), 4, false, &raw mut none, error) });
    assert_eq!((failed.kind, none, goodbyes(&emulator)), (amq_kind::Config, ptr::null_mut(), 1));
    unsafe { amq_config_free(bad) };
    let new = shared(again, "kept", false);
    eventually("the old one says goodbye", || (connects(&emulator), goodbyes(&emulator)) == (3, 2));
    let failed =
        fails(|error| unsafe { crate::publish::amq_client_publish(old, c("demo"), 4, 1, ptr::null(), 0, -2, error) });
    assert_eq!(failed.kind, amq_kind::Closed);
    free(old);
    assert_eq!(publish(new, &topic(&emulator)), amq_status::AMQ_OK);
    // The new one was not asked to stay.
    free(new);
    eventually("the end", || goodbyes(&emulator) == 3);
    unsafe { amq_config_free(config) };
    unsafe { amq_config_free(again) };
}

#[test]
fn a_client_that_has_ended_is_replaced() {
    let emulator = Emulator::start().unwrap();
    let config = config(&emulator);
    let old = shared(config, "dead", true);
    ok(|error| unsafe { amq_client_disconnect(old, -2, error) });
    let new = shared(config, "dead", false);
    assert_eq!(connects(&emulator), 2);
    assert_eq!(publish(new, &topic(&emulator)), amq_status::AMQ_OK);
    free(old);
    assert_eq!(publish(new, &topic(&emulator)), amq_status::AMQ_OK);
    free(new);
    eventually("the end", || goodbyes(&emulator) == 2);
    unsafe { amq_config_free(config) };
}

#[test]
fn a_failure_reaches_all_who_wait_and_is_forgotten() {
    let emulator = Emulator::start().unwrap();
    let config = Sendable(config(&emulator));
    emulator.refuse_logins(Some(5));
    let together = Barrier::new(4);
    std::thread::scope(|scope| {
        let ask = || {
            together.wait();
            let mut client = ptr::dangling_mut();
            let failed = fails(|error| unsafe {
                amq_client_shared(config.get(), c("refused"), 7, true, &raw mut client, error)
            });
            assert!(client.is_null());
            failed.kind
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), amq_kind::Refused);
        }
    });
    emulator.refuse_logins(None);
    let client = shared(config.get(), "refused", false);
    assert_eq!(connects(&emulator), 1);
    free(client);
    unsafe { amq_config_free(config.get()) };
}

#[test]
fn new_tokens_in_the_configuration_are_handed_in() {
    let emulator = Emulator::start().unwrap();
    let with = |token: *mut amq_token| {
        let (id, tokens) = (emulator.access_key_id(), [token.cast_const()]);
        let mut credentials = ptr::null_mut();
        ok(|error| unsafe {
            amq_credentials_tokens_by_hand(c(id), id.len(), tokens.as_ptr(), 1, &raw mut credentials, error)
        });
        let config = config_with(&emulator, credentials);
        unsafe { amq_credentials_free(credentials) };
        config
    };
    let uploads = || {
        let is_upload = |entry: &&LogEntry| matches!(entry.what, What::TokenUploaded { .. });
        emulator.log().iter().filter(is_upload).count()
    };
    let life = Duration::from_secs(3600);
    let (one, two) = (token(&emulator, life, true), token(&emulator, life, true));
    for (given, expected) in [(one, 0), (one, 0), (two, 1), (one, 1), (two, 1)] {
        let config = with(given);
        free(shared(config, "tokens", true));
        eventually("uploaded", || uploads() == expected);
        unsafe { amq_config_free(config) };
    }
    assert_eq!(connects(&emulator), 1, "one connection");
    unsafe { amq_token_free(one) };
    unsafe { amq_token_free(two) };
    let config = config(&emulator);
    free(shared(config, "tokens", false));
    unsafe { amq_config_free(config) };
}
