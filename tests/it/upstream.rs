//! The faults of dependencies that this library works around, shown at the dependency itself.
//!
//! Each test here passes as long as the fault is there. One that fails says that the dependency was mended: then the
//! workaround can go, and with it the test and its section in `docs/upstream.md`.

mod codec;
mod line;
mod oversized;
#[cfg(feature = "proxy")]
mod proxy;
mod state;
mod threads;
#[cfg(feature = "proxy")]
mod tunnel;
#[cfg(all(feature = "websocket", target_os = "linux"))]
mod websocket;
