//! The faults of dependencies that this library works around, shown at the dependency itself.
//!
//! Each test here passes as long as the fault is there. One that fails says that the dependency was mended: then the
//! workaround can go, and with it the test and its section in `docs/upstream.md`.

mod support;

#[path = "upstream/codec.rs"]
mod codec;
#[path = "upstream/line.rs"]
mod line;
#[path = "upstream/oversized.rs"]
mod oversized;
#[cfg(feature = "proxy")]
#[path = "upstream/proxy.rs"]
mod proxy;
#[path = "upstream/state.rs"]
mod state;
#[path = "upstream/threads.rs"]
mod threads;
#[cfg(feature = "proxy")]
#[path = "upstream/tunnel.rs"]
mod tunnel;
#[cfg(all(feature = "websocket", target_os = "linux"))]
#[path = "upstream/websocket.rs"]
mod websocket;
