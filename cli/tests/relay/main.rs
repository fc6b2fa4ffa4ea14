//! The relay as a process, one module per theme. What they share is in `../support`, `http` and `rig`.
#![cfg(all(unix, feature = "relay"))]

mod ask;
mod crash;
mod crash_receive;
mod ending;
mod guard;
#[allow(unreachable_pub, reason = "as in ../support")]
mod http;
mod keys;
mod metrics;
#[allow(unreachable_pub, reason = "as in ../support")]
mod receive;
#[allow(unreachable_pub, reason = "as in ../support")]
mod rig;
mod send;
mod shelf;
mod stream;
#[path = "../support/mod.rs"]
mod support;
