//! A name is looked up on a thread of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::support::process;

/// Runs a test once more, in a process whose threads would need more memory than there is; there, `call` has to panic.
fn panics_without_threads<T>(test: &str, call: impl FnOnce() -> T) {
    if process::as_child().is_none() {
        let mut child = process::child(module_path!(), test, "x");
        let output = child.env("RUST_MIN_STACK", (1_u64 << 48).to_string()).output().expect("the child runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let ended = catch_unwind(AssertUnwindSafe(|| drop(call())));
    assert!(ended.is_err(), "an error in place of the panic: what looks whether a thread can be started can go");
}

#[test]
fn rumqttc_panics_where_no_thread_can_be_started() {
    panics_without_threads("rumqttc_panics_where_no_thread_can_be_started", || {
        let options = rumqttc::MqttOptions::new("id", "localhost", 1);
        let (_client, mut connection) = rumqttc::Client::new(options, 1);
        connection.recv().map(drop)
    });
}

#[cfg(feature = "openapi")]
#[test]
fn ureq_panics_where_no_thread_can_be_started() {
    panics_without_threads("ureq_panics_where_no_thread_can_be_started", || {
        let timeout = Some(std::time::Duration::from_secs(20));
        let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().timeout_resolve(timeout).build());
        agent.get("http://localhost:1/").call().map(drop)
    });
}
