//! A name is looked up on a thread of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::support::process;

/// See [`process::child`]: this test once more, in a process whose threads would need more memory than there is.
#[test]
fn rumqttc_panics_where_no_thread_can_be_started() {
    const NAME: &str = "threads::rumqttc_panics_where_no_thread_can_be_started";
    if process::as_child().is_none() {
        let mut child = process::child(NAME, "x");
        let output = child.env("RUST_MIN_STACK", (1_u64 << 48).to_string()).output().expect("the child runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let options = rumqttc::MqttOptions::new("id", "localhost", 1);
    let (_client, mut connection) = rumqttc::Client::new(options, 1);
    let ended = catch_unwind(AssertUnwindSafe(|| connection.recv().map(drop)));
    assert!(ended.is_err(), "an error in place of the panic: `looks_up` of session/worker.rs can go");
}
