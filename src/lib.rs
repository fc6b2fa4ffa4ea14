//! A blocking client for Alibaba Cloud ApsaraMQ for MQTT (微消息队列 MQTT 版).
//!
//! Ordinary synchronous programs use the service through plain calls: no `async` in any signature, no runtime to start,
//! no callback to register. [`publish`](Client::publish) returns `Ok` only after the server has acknowledged that very
//! message (at QoS 0: after it was written). An [`Error`] says what failed and why. No call waits forever, except
//! [`recv`](Client::recv) and [`messages`](Client::messages), which wait as long as the client lives; a [`Closer`] ends
//! them.
//!
//! # Quick start
//!
//! ```no_run
//! use aliyun_mqtt::{Client, Config, Credentials, QoS};
//!
//! # fn main() -> aliyun_mqtt::Result<()> {
//! let config = Config::builder()
//!     .endpoint("post-cn-xxxx.mqtt.aliyuncs.com")
//!     .instance_id("post-cn-xxxx")
//!     .group_id("GID_demo")
//!     .credentials(Credentials::signature("access key id", "access key secret"))
//!     .build()?;
//! let client = Client::connect(config)?;
//! client.subscribe("demo/#", QoS::AtLeastOnce)?;
//! client.publish("demo/hello", QoS::AtLeastOnce, "Hello")?;
//! let message = client.recv_timeout(std::time::Duration::from_secs(5))?;
//! client.send_p2p("demo", "GID_demo@@@0002", QoS::AtLeastOnce, "psst")?;
//! client.disconnect()?;
//! # Ok(()) }
//! ```
//!
//! Without an account, use the package `aliyun-mqtt-emulator`, a local emulator of the service. The examples start it
//! if the environment names no endpoint.
//!
//! # How it runs
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
//! # The fate of a message
//!
//! | outcome | meaning |
//! |---|---|
//! | `Ok` | QoS 0: written to the socket. QoS 1: PUBACK arrived. QoS 2: PUBCOMP arrived. |
//! | [`Fate::NotSent`] | it was never written: sending it again cannot duplicate it |
//! | [`Fate::Unknown`] | written, not acknowledged in time; it is not sent again on a later connection |
//! | [`Fate::Refused`] | the service refused it, or probably did |
//! | [`Fate::Delivered`] | the server has the request, but no reply came ([`request`](Client::request) only) |
//! | [`Fate::Spooled`] | not delivered by this run, but on disk: the next run sends it (feature `spool` only) |
//!
//! [`enqueue`](Client::enqueue) queues a message and returns a [`Delivery`], which is settled exactly once, by its own
//! deadline at the latest. [`flush`](Client::flush) waits for all messages. The next `flush` or `disconnect` reports a
//! failure that no `Delivery` has shown. [`publish_each`](Client::publish_each) sends any number of messages, a window
//! of them at a time, and gives one result for each.
//!
//! **QoS 2** is exactly once as long as the server keeps the session (`CONNACK` says so); across a lost session the
//! message is sent again, so it is at least once. The service keeps no sessions for QoS 2 (help page "Receive offline
//! messages").
//!
//! **Order**: messages of one thread to one topic at one QoS arrive in the order sent, counted by first arrival.
//!
//! **Suspected refusals**: the service responds to a publish or subscribe without permission by closing the connection,
//! without a reason. After the connection has been closed twice within 10 s of sending the same operations, the client
//! sends them one at a time, each on a connection that has first lasted 250 ms without them. The operation that still
//! makes the server close the connection fails with [`ErrorKind::SuspectedRefusal`], which names its topic; everything
//! else goes on. This takes at least three connections and the pauses between them; a deadline that passes first gives
//! a timeout. A QoS 0 message to a forbidden topic cannot be found this way, because it is settled when it is written.
//!
//! **Refused topics**: a topic is refused as a whole if the service's notice says so, or if two messages to it were
//! found in this way and none was acknowledged with these credentials ([`Event::TopicRefused`]). Messages that wait for
//! it fail as refused at once (those in the spool stay there for the next run), and so do new messages for
//! [`Config::refused_topic_pause`], or until other credentials or a new token are in use.
//!
//! # Connections
//!
//! The first connect is tried once and fails with its reason. After a lost connection the client reconnects: after a
//! random pause of up to 1 s, which doubles up to 120 s and starts again after a connection that lasted 30 s. It looks
//! the name up again and calls the [credentials provider](Credentials::provider) again. The order flag and the
//! subscriptions are restored first, then messages are sent. A login refused with CONNACK 4 or 5 is repeated once
//! immediately, then at the slowest pace for [`Config::refusal_patience`]. After that, or immediately after CONNACK 1
//! or 2, the client is dead, and every call returns the reason. [`Client::events`] reports what happens.
//!
//! All of this also holds over WebSocket. If a server closes the WebSocket but not the connection below it, the client
//! notices with the next write, at the latest with the ping of the keep-alive period. [`Endpoint`] documents the needs
//! and bounds of a WebSocket.
//!
//! All of this also holds through an HTTP proxy (feature `proxy`, [`ConfigBuilder::proxy`], or a [`Network`] for MQTT
//! and the API). A proxy is used only if the program or `ALIYUN_MQTT_PROXY` sets one. The proxy looks up the server's
//! name, each connection has a tunnel of its own, and a refused tunnel is an [`ErrorKind::Proxy`] with the proxy's
//! status. A proxy that closes idle tunnels needs a shorter [`keep_alive`](ConfigBuilder::keep_alive). The status 200
//! opens a tunnel; any other success (201 to 299) counts as a refusal, which the library underneath decides.
//!
//! # Receiving
//!
//! The inbox exists before CONNECT is sent: P2P and offline messages arrive right after CONNACK and need no
//! subscription. [`subscribe`](Client::subscribe) feeds the client's own queue ([`recv`](Client::recv) and its
//! variants, [`messages`](Client::messages)). [`subscription`](Client::subscription) returns a [`Subscription`] that
//! receives its matches instead, first those that already wait there. A QoS 1 or 2 message is acknowledged when your
//! program takes it; [`AckMode`] has the other choices. When the inbox is full, QoS 0 messages are dropped, and others
//! are neither queued nor acknowledged, so that the server sends them again. The bound in bytes counts the memory of
//! the messages ([`Limits::inbox_bytes`]).
//!
//! Acknowledgements are sent in the order of receipt, so a message that nobody takes holds back all that are behind it;
//! [`Event::AcksHeldBack`] names it. [`Event::Ended`], [`Stats::untaken`] and a warning in the log (target
//! `aliyun_mqtt::untaken`) report messages that the program has not taken by the end.
//!
//! Notices of the service (`$SYS/tokenExpireNotice`, `$SYS/tokenInvalidNotice`) are [`Event`]s with a [`Notice`]; they
//! are also messages if [`ConfigBuilder::deliver_notices`] is set.
//!
//! # Requests and replies
//!
//! [`request`](Client::request) and [`request_p2p`](Client::request_p2p) send a message and block until its reply
//! arrives. A replier reads the request with [`Message::request`] and answers with [`reply`](Client::reply). Any number
//! of threads may send requests; each gets its own reply. Over MQTT 5 requests carry a response topic and correlation
//! data, over 3.1.1 an envelope, whose bytes are documented at [`Request`]. Replies come by P2P and need no
//! subscription; [`ConfigBuilder::response_topic`] is for brokers without P2P. A reply never waits for room in the
//! inbox or for the program; a late reply is dropped and counted ([`Stats::late_replies`]).
//!
//! # Tokens
//!
//! [`Credentials::token_provider`] logs in with tokens from a function of your program; `Credentials::apply_tokens`
//! (feature `openapi`) with tokens that the library applies for. A client holds one token of each [`TokenKind`], and
//! keeps them across reconnects.
//!
//! * A token is renewed after 80 % of its life ([`ConfigBuilder::token_renewal`]), up to some 10 % earlier at random,
//!   or at once on `$SYS/tokenExpireNotice`. New tokens are published to `$SYS/uploadToken` ahead of everything else;
//!   no PUBLISH and no SUBSCRIBE is sent before they are acknowledged (help.aliyun.com/document_detail/54282.html). The
//!   connection stays.
//! * A failed renewal is an [`Event`] and is tried again, with pauses that grow to 120 s and are short compared with
//!   the remaining life. The connection lasts as long as its token. If the connection drops while a renewal is due, the
//!   client first gets a new token.
//! * `$SYS/tokenInvalidNotice` gives the reason for which the service is about to close the connection. Codes 4 and 5
//!   concern an operation: it fails with [`ErrorKind::Rejected`], at once if only one is possible, otherwise after the
//!   possible ones were sent one at a time. The other codes concern the token: the client gets a new one, or, without a
//!   provider, is dead ([`ErrorKind::TokenInvalid`]).
//! * After a login refused with CONNACK 4 or 5, the client uses the previous token again if it has not expired;
//!   otherwise it gets exactly one new token, also at the first connect. If that is refused, too, logins go on at the
//!   slowest pace, as with other credentials, without another application.
//! * [`Client::upload_token`] replaces a token by hand.
//!
//! # MQTT 5
//!
//! [`ConfigBuilder::protocol`] chooses the version; 3.1.1 is the default, which every instance speaks. Everything above
//! holds for both. MQTT 5 adds:
//!
//! * Properties of messages: user properties, content type, payload format, expiry, response topic and correlation data
//!   ([`Outgoing`], [`Message`]). With 3.1.1 a message that has any is refused.
//! * Options of subscriptions: no messages of the client's own, and identifiers ([`SubscribeOptions`]). They survive a
//!   lost session.
//! * Reasons: a refused message fails alone, with the server's code and words ([`ErrorKind::Rejected`], [`Code`]), and
//!   the connection goes on. If the server closes the connection with a reason, the error of [`Event::Disconnected`]
//!   has it; a reason in the short form of DISCONNECT, which some brokers send, cannot be read (rumqttc 0.25.1).
//! * Limits from CONNACK: the receive maximum bounds the window. A message above the maximum QoS or packet size, or a
//!   subscription that the server does not support, is refused by the client ([`ErrorKind::Invalid`]) when its turn
//!   comes on that connection. The server's keep-alive is used; a client id is never assigned, because one is always
//!   sent.
//! * A kept session expires ([`ConfigBuilder::session_expiry`]), and the client can limit how many messages the server
//!   sends at a time ([`ConfigBuilder::receive_maximum`]).
//!
//! If the server stops reading, the client gives the connection up after the keep-alive period plus a write timeout
//! (the shorter of `timeout` and `keep_alive`); with 3.1.1 after the write timeout. No call waits for that beyond its
//! own deadline.
//!
//! # The service's API
//!
//! The module `openapi` (cargo feature of that name, on by default) calls the service's HTTPS API: it applies for
//! tokens, creates device credentials, sends messages, and queries who is online.
//!
//! # Limits of the service
//!
//! Names, sizes and quotas are checked before anything is sent, because the service responds to a violation by closing
//! the connection; [`Limits`] lists them with their sources and can raise each. The service has no retained messages,
//! wills or shared subscriptions, so they are not offered.
//!
//! # Features
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
//! # Known problems
//!
//! * *"... was probably refused"*: see the topic in the error. Its parent topic must exist in the console, and the
//!   AccessKey, token or device needs the right to it.
//! * *Two programs disconnect each other in turn*: they use one client id. Leave out the device id, or give each its
//!   own.
//! * *"the service has ended the connection over its token"*: the token has expired or was revoked, and there is no
//!   provider for another: see [Tokens](#tokens).
//! * *[`Stats::stranded_workers`] is not 0*: a thread is in the system's resolver or in a dial, which nothing can
//!   interrupt; it ends by itself.
//! * *After a fork everything fails with [`ErrorKind::Forked`]*: create the client in the child.
//! * *A second connection while connecting*: when a handshake has taken 60 % of the timeout, or ended without CONNACK,
//!   the client dials the same address once more and sends an HTTP request, to find the stage that hangs or the
//!   protocol that the server speaks. Through a proxy that is a second tunnel.
//! * *A proxy's answer*: 200 is accepted, with up to 4 KiB in 16 header lines (`async-http-proxy` 1.2.5). If a proxy's
//!   answer is one line without an end, it is read until the deadline, into memory.
//! * *"... broke a rule of MQTT"*: the server sent something that MQTT forbids, which the error names. The connection
//!   ends and is made again; unacknowledged messages are sent again. Wrong flags, reserved bits and properties given
//!   twice cannot be detected (rumqttc 0.25.1), and are accepted.
//! * *An acknowledgement that comes twice in one segment ends the connection* (rumqttc 0.25.1). A server that always
//!   sends PUBREC twice gets QoS 2 messages only with a kept session (`clean_session(false)`).
//! * *An MQTT 5 packet with inconsistent lengths is dropped without an error* (rumqttc 0.25.1). It is not acknowledged.
//!   Packets behind it are read with the next bytes from the server, at the latest after a keep-alive period.
//!
//! The file `docs/upstream.md` of the repository lists the faults of the crates underneath, and the workaround for
//! each.
//!
//! # When not to use it
//!
//! In an async program that has a runtime anyway; for thousands of messages a second from one server, for which the
//! service points to RocketMQ or its server-side SDK.
//!
//! # Versions
//!
//! Before 1.0 a minor version may change the API. The minimum Rust version is 1.85, with the feature `spool` 1.90;
//! raising it is a minor release. Errors may carry foreign errors as [`source`](std::error::Error::source); their types
//! are outside this promise.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)
)]

// Locks, threads and the clock of the model checker in models/, in the place of std's.
#[cfg(aliyun_mqtt_model)]
extern crate aliyun_mqtt_model_ground as std;

mod backoff;
mod client;
mod closer;
mod config;
mod credentials;
mod deadline;
mod delivery;
mod detached;
mod dial_watch;
mod error;
mod events;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod key;
mod limits;
mod message;
mod names;
mod notice;
#[cfg(feature = "openapi")]
pub mod openapi;
mod printable;
#[cfg(any(feature = "proxy", feature = "openapi"))]
mod proxy;
mod publish_each;
mod random;
mod request;
mod session;
// The Rust version that redb needs, and the file lock of the standard library.
#[cfg_attr(feature = "spool", clippy::msrv = "1.90")]
#[cfg_attr(not(feature = "spool"), path = "spool/disabled.rs")]
mod spool;
mod stats;
mod subscribe_options;
mod subscription;
mod sync;
mod system;
#[cfg_attr(not(feature = "tls"), path = "tls/disabled.rs")]
mod tls;
mod token;

/// The type of shared bytes that [`Payload`] takes without a copy.
pub use bytes::Bytes;
pub use client::Client;
pub use closer::Closer;
pub use config::endpoint::{Endpoint, Transport};
pub use config::proxy::Proxy;
pub use config::{AckMode, Config, ConfigBuilder, Network, Protocol};
pub use credentials::{AuthMode, Credentials, Login};
pub use delivery::{Delivery, Receipt, Settled};
#[doc(hidden)]
pub use detached::stranded_workers;
pub use error::{ApiFault, Code, Error, ErrorKind, Fate, Result, Stage};
pub use events::{Event, Events, Untaken};
pub use limits::Limits;
pub use message::{Message, Outgoing, Payload, QoS};
pub use names::{ClientId, p2p_topic, topic_matches};
pub use notice::Notice;
pub use printable::printable;
pub use publish_each::PublishEach;
pub use request::{Request, RequestOptions};
#[cfg(feature = "spool")]
pub use spool::{Spool, SyncPolicy};
pub use stats::Stats;
pub use subscribe_options::SubscribeOptions;
pub use subscription::{Messages, Subscription};
#[cfg(feature = "tls")]
#[doc(hidden)]
pub use tls::system_certificates;
pub use token::{Token, TokenKind, Tokens};

/// The code blocks of the READMEs are compiled with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../README.zh-CN.md")]
struct Readme;
