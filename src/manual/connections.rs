//! Connections: the thread of a client, and what happens when the connection is lost.
//!
//! [`Client::connect`] starts one thread, which owns the connection: it sends, receives, keeps the connection alive,
//! and reconnects after a failure. A client with tokens to renew has a second thread for that. Providers of credentials
//! run on a thread of their own each time they are called. Your calls put operations into an ordered outbox and wait
//! for the outcome on a condition variable. They run no runtime, so they also work inside an async program, where they
//! block the thread as any blocking call does. [`Client`] is `Clone + Send + Sync`; every call may be made from any
//! thread, also while another thread receives.
//!
//! The codec and the socket I/O are those of `rumqttc`; none of its types appear in this API.
//!
//! # Reconnects
//!
//! The first connect is tried once and fails with its reason. After a lost connection the client reconnects: after a
//! random pause of up to 1 s, which doubles up to 120 s and starts again after a connection that lasted 30 s. It looks
//! the name up again and calls the [credentials provider](Credentials::provider) again. The order flag and the
//! subscriptions are restored first, then messages are sent. [`Client::events`] reports what happens.
//!
//! A login refused with CONNACK 4 or 5 is repeated once immediately, then at the slowest pace for
//! [`Config::refusal_patience`]. After that, or immediately after CONNACK 1 or 2, the client is dead, and every call
//! returns the reason.
//!
//! # A server that stops reading
//!
//! The client gives the connection up after a write timeout, the shorter of [`timeout`](ConfigBuilder::timeout) and
//! [`keep_alive`](ConfigBuilder::keep_alive); with MQTT 5 after the keep-alive period plus that timeout. No call waits
//! for that beyond its own deadline.
//!
//! # WebSocket
//!
//! All of this also holds over WebSocket (feature `websocket`). If a server closes the WebSocket but not the connection
//! below it, the client notices with the next write, at the latest with the ping of the keep-alive period. [`Endpoint`]
//! documents the needs and bounds of a WebSocket.

#[allow(unused_imports, reason = "the links of the text")]
use crate::*;
