//! Cargo features, log levels and versions.
//!
//! # Cargo features
//!
//! | feature | effect | adds | default |
//! |---|---|---|---|
//! | `tls` | `mqtts://` endpoints | rustls with ring, root certificates | yes |
//! | `openapi` | the module `openapi`; needs `tls` | ureq, sha2, httpdate, humantime | yes |
//! | `websocket` | `ws://` endpoints, and `wss://` with `tls` | async-tungstenite and some 30 crates | no |
//! | `proxy` | connections through an HTTP proxy (`CONNECT`) | async-http-proxy and four crates | no |
//! | `spool` | QoS 1 and 2 messages survive the process; needs Rust 1.90 | redb | no |
//!
//! The API needs no feature for a proxy.
//!
//! # Log levels
//!
//! Through the [`log`](https://docs.rs/log) facade: `warn` for lost connections, suspected refusals, a full inbox,
//! messages that nobody takes, plain connections to other hosts and long topics; `info` for connects and notices;
//! `debug` for details. Topics and client ids may appear, payloads and secrets never. The crates underneath log on
//! their own targets: `rumqttc` shows topics and packet ids at `debug`, `rustls` handshakes at `debug`, and **`ureq`
//! whole requests to the API and `tungstenite` everything on a WebSocket, logins included, at `trace`**, with the
//! secrets in them. Of a proxy, host and port may appear, its login never.
//!
//! # Versions
//!
//! Before 1.0 a minor version may change the API. The minimum Rust version is 1.85, with the feature `spool` 1.90;
//! raising it is a minor release. Errors may carry foreign errors as [`source`](std::error::Error::source); their types
//! are outside this promise.

#[allow(unused_imports, reason = "the links of the text")]
use crate::*;
