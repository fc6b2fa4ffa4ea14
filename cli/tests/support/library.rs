//! What the library's own tests have: the scripted broker and the fault proxy.

use std::time::Duration;

use aliyun_mqtt::Protocol;

/// What the broker needs of its neighbours there.
pub const LONG: Duration = super::LONG;

pub fn protocol() -> Protocol {
    Protocol::V311
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[path = "../../../tests/support/broker.rs"]
pub mod broker;

#[path = "../../../tests/support/proxy.rs"]
pub mod proxy;
#[path = "../../../tests/support/random.rs"]
pub mod random;
