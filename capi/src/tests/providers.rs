//! Functions that provide credentials and tokens.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Mutex, OnceLock};

use aliyun_mqtt_emulator::Emulator;

use super::callbacks::said_goodbye;
use super::*;
use crate::credentials::callbacks::*;
use crate::credentials::*;
use crate::error::amq_error_stage;
use crate::kinds::amq_stage;
use crate::token::amq_token_free;

type Give = Box<dyn Fn(*mut c_void) + Send + Sync>;

struct Provider {
    give: Give,
    destroyed: Arc<AtomicUsize>,
}

unsafe extern "C" fn for_tokens(user: *mut c_void, sink: *mut amq_token_sink) {
    (unsafe { &*user.cast::<Provider>() }.give)(sink.cast());
}

unsafe extern "C" fn for_credentials(user: *mut c_void, sink: *mut amq_credentials_sink) {
    (unsafe { &*user.cast::<Provider>() }.give)(sink.cast());
}

unsafe extern "C" fn destroy(user: *mut c_void) {
    unsafe { Box::from_raw(user.cast::<Provider>()) }.destroyed.fetch_add(1, Ordering::SeqCst);
}

fn provider(give: Give) -> (*mut c_void, Arc<AtomicUsize>) {
    let destroyed = Arc::new(AtomicUsize::new(0));
    let provider = Box::new(Provider { give, destroyed: Arc::clone(&destroyed) });
    (Box::into_raw(provider).cast(), destroyed)
}

fn token_provider(emulator: &Emulator, give: Give) -> (*mut amq_credentials, Arc<AtomicUsize>) {
    let (user, destroyed) = provider(give);
    let mut credentials = ptr::null_mut();
    let id = emulator.access_key_id();
    ok(|error| unsafe {
        amq_credentials_token_provider(
            c(id),
            id.len(),
            Some(for_tokens),
            user,
            Some(destroy),
            &raw mut credentials,
            error,
        )
    });
    (credentials, destroyed)
}

fn add(sink: *mut c_void, emulator: &Emulator) {
    let token = token(emulator, Duration::from_secs(3600), true);
    ok(|error| unsafe { amq_token_sink_add(sink.cast(), token, error) });
    unsafe { amq_token_free(token) };
}

#[test]
fn tokens_come_from_a_callback_which_may_free_the_client() {
    let emulator = Arc::new(Emulator::start().unwrap());
    let client: Arc<OnceLock<Sendable<amq_client>>> = Arc::default();
    let calls = Arc::new(AtomicUsize::new(0));
    let (inner, counted, issuer) = (Arc::clone(&client), Arc::clone(&calls), Arc::clone(&emulator));
    let (credentials, destroyed) = token_provider(
        &emulator,
        Box::new(move |sink| {
            add(sink, &issuer);
            if counted.fetch_add(1, Ordering::SeqCst) == 1 {
                free(inner.get().expect("connected").get());
            }
        }),
    );
    let config = config_with(&emulator, credentials);
    let connected = connect(config);
    let id = client_id(connected);
    assert_eq!(publish(connected, &topic(&emulator)), amq_status::AMQ_OK);
    assert!(client.set(Sendable(connected)).is_ok());
    assert!(emulator.push_notice(&id, "$SYS/tokenExpireNotice", r#"{"type":"RW"}"#));
    logged(&emulator, |entry| entry.client_id == id && said_goodbye(entry));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(destroyed.load(Ordering::SeqCst), 0, "the configuration has the callback");
    unsafe { amq_credentials_free(credentials) };
    unsafe { config::amq_config_free(config) };
    eventually("destroyed", || destroyed.load(Ordering::SeqCst) == 1);
}

#[test]
fn a_callback_that_fails_gives_its_reason() {
    let emulator = Emulator::start().unwrap();
    for (says_why, expected) in [(true, "the vault is sealed"), (false, "has added no token")] {
        let (credentials, destroyed) = token_provider(
            &emulator,
            Box::new(move |sink| {
                if says_why {
                    let reason = "the vault is sealed";
                    ok(|error| unsafe { amq_token_sink_fail(sink.cast(), c(reason), reason.len(), error) });
                }
            }),
        );
        let config = config_with(&emulator, credentials);
        let mut client = ptr::dangling_mut();
        let failed = fails(|error| unsafe { crate::client::amq_client_connect(config, &raw mut client, error) });
        assert!(failed.text.contains(expected), "{failed:?}");
        assert_eq!((failed.kind, client), (amq_kind::Credentials, ptr::null_mut()));
        unsafe { amq_credentials_free(credentials) };
        unsafe { config::amq_config_free(config) };
        eventually("destroyed", || destroyed.load(Ordering::SeqCst) == 1);
    }
}

#[test]
fn a_callback_that_hangs_only_loses_its_turn() {
    let emulator = Emulator::start().unwrap();
    let (release, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let (credentials, destroyed) = token_provider(
        &emulator,
        Box::new(move |_| {
            let _ = gate.lock().unwrap().recv();
        }),
    );
    let settings = Settings {
        builder: builder(&emulator).credentials(unsafe { &*credentials }.credentials()).timeout(Duration::from_secs(1)),
        by_hand: None,
    };
    let failure = settings.connect().map(drop).expect_err("nobody answers");
    let mut error = amq_error::new(failure);
    assert_eq!(error.status(), amq_status::AMQ_ERROR_TIMEOUT);
    assert_eq!(unsafe { amq_error_stage(&raw mut error) }, amq_stage::Credentials);
    drop(settings);
    unsafe { amq_credentials_free(credentials) };
    assert_eq!(destroyed.load(Ordering::SeqCst), 0, "it is still running");
    drop(release);
    eventually("destroyed", || destroyed.load(Ordering::SeqCst) == 1);
}

#[test]
fn credentials_of_any_mode_come_from_a_callback() {
    let emulator = Emulator::start().unwrap();
    let (id, secret) = (emulator.access_key_id().to_string(), emulator.access_key_secret().to_string());
    let (user, destroyed) = provider(Box::new(move |sink| {
        let mut given = ptr::null_mut();
        ok(|error| unsafe {
            amq_credentials_signature(c(&id), id.len(), c(&secret), secret.len(), &raw mut given, error)
        });
        ok(|error| unsafe { amq_credentials_sink_give(sink.cast(), given, error) });
        unsafe { amq_credentials_free(given) };
    }));
    let mut credentials = ptr::null_mut();
    ok(|error| unsafe {
        amq_credentials_provider(Some(for_credentials), user, Some(destroy), &raw mut credentials, error)
    });
    let config = config_with(&emulator, credentials);
    let client = connect(config);
    assert_eq!(publish(client, &topic(&emulator)), amq_status::AMQ_OK);
    free(client);
    unsafe { config::amq_config_free(config) };
    unsafe { amq_credentials_free(credentials) };
    eventually("destroyed", || destroyed.load(Ordering::SeqCst) == 1);
    // No callback: the destructor is called all the same.
    let (user, destroyed) = provider(Box::new(|_| ()));
    let mut credentials = ptr::dangling_mut();
    let failed =
        fails(|error| unsafe { amq_credentials_provider(None, user, Some(destroy), &raw mut credentials, error) });
    assert_eq!((failed.kind, failed.text.as_str()), (amq_kind::Misuse, "callback is NULL"));
    assert!(credentials.is_null() && destroyed.load(Ordering::SeqCst) == 1);
}
