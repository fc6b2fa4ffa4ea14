//! Tests that call the functions as a C program does, against the emulator: what those share whose objects change hands
//! between threads. [`support`] is for all.

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aliyun_mqtt::{ConfigBuilder, Credentials};
use aliyun_mqtt_emulator::{Emulator, LogEntry, Permission, What};

use crate::client::{amq_client, amq_client_free};
use crate::config::{self, amq_config};
use crate::connection::Settings;
use crate::credentials::amq_credentials;
use crate::error::{amq_error, amq_error_free};
use crate::kinds::amq_kind;
use crate::status::amq_status;
use crate::token::{amq_token, amq_token_new, amq_token_set_expiry};

mod api;
mod batches;
mod callbacks;
#[cfg(unix)]
mod forks;
mod messages;
mod misuse;
mod providers;
mod receiving;
mod requests;
mod sending;
mod settings;
mod shared;
#[cfg(target_os = "linux")]
mod signals;
mod support;
mod tokens;

use support::{call as outcome, fails, ok, p as c, text};

/// The longest time that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pointer that other threads may use.
struct Sendable<T>(*mut T);

unsafe impl<T> Send for Sendable<T> {}
unsafe impl<T> Sync for Sendable<T> {}

impl<T> Clone for Sendable<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Sendable<T> {}

impl<T> Sendable<T> {
    fn get(self) -> *mut T {
        self.0
    }
}

fn status(call: impl FnOnce(*mut *mut amq_error) -> amq_status) -> amq_status {
    outcome(call).expect("no error")
}

fn read(lent: *const c_char) -> String {
    text(lent).expect("a text")
}

fn builder(emulator: &Emulator) -> ConfigBuilder {
    ConfigBuilder::default()
        .endpoint(emulator.endpoint())
        .instance_id(emulator.instance_id())
        .group_id(emulator.group_id())
        .credentials(Credentials::signature(emulator.access_key_id(), emulator.access_key_secret()))
        .timeout(Duration::from_secs(20))
}

fn config(emulator: &Emulator) -> *mut amq_config {
    config::for_tests(builder(emulator))
}

fn config_with(emulator: &Emulator, credentials: *const amq_credentials) -> *mut amq_config {
    let config = config(emulator);
    ok(|error| unsafe { config::amq_config_set_credentials(config, credentials, error) });
    config
}

fn connect(config: *const amq_config) -> *mut amq_client {
    let mut client = ptr::null_mut();
    ok(|error| unsafe { crate::client::amq_client_connect(config, &raw mut client, error) });
    client
}

/// Connects with the settings of a builder, and frees them.
fn connect_with(builder: ConfigBuilder) -> *mut amq_client {
    let settings = Settings { builder, by_hand: None };
    amq_client::lend(Arc::new(settings.connect().expect("connected")), None)
}

fn free(client: *mut amq_client) {
    unsafe { amq_client_free(client) };
}

fn client_id(client: *const amq_client) -> String {
    unsafe { &*client }.client().config().client_id().to_string()
}

fn publish(client: *const amq_client, topic: &str) -> amq_status {
    outcome(|error| unsafe {
        crate::publish::amq_client_publish(client, c(topic), topic.len(), 1, c("x").cast(), 1, -2, error)
    })
    .expect("published")
}

fn topic(emulator: &Emulator) -> String {
    format!("{}/test", emulator.parent_topic())
}

fn everything(emulator: &Emulator) -> [String; 2] {
    [emulator.parent_topic().to_string(), format!("{}/#", emulator.parent_topic())]
}

/// Issues a token for everything.
fn issue(emulator: &Emulator, life: Duration) -> String {
    let topics = everything(emulator);
    emulator.issue_token(Permission::ReadWrite, &[&topics[0], &topics[1]], life)
}

/// Issues a token for everything, with its expiry if `known`.
fn token(emulator: &Emulator, life: Duration, known: bool) -> *mut amq_token {
    let text = issue(emulator, life);
    let mut token = ptr::null_mut();
    ok(|error| unsafe { amq_token_new(3, c(&text), text.len(), &raw mut token, error) });
    if known {
        let end = std::time::SystemTime::now() + life;
        let end = crate::token::unix_ms(Some(end));
        ok(|error| unsafe { amq_token_set_expiry(token, end, error) });
    }
    token
}

#[track_caller]
fn logged(emulator: &Emulator, wanted: impl Fn(&LogEntry) -> bool) -> LogEntry {
    emulator.wait_for_log(PATIENCE, |entry| wanted(entry)).expect("it is in the emulator's log")
}

fn connects(emulator: &Emulator) -> usize {
    emulator.log().iter().filter(|entry| matches!(entry.what, What::Connected { .. })).count()
}

#[track_caller]
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
