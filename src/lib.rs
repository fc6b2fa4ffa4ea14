//! A blocking client for Alibaba Cloud ApsaraMQ for MQTT (微消息队列 MQTT 版).
//!
//! Ordinary synchronous programs talk to the service by plain calls: no `async` in any signature, no runtime to start,
//! no callback to register. When [`publish`](Client::publish) says `Ok`, the broker has acknowledged that very message (at
//! QoS 0: it was written); when something is wrong, the [`Error`] says what and why; and no call waits without end, but
//! those that are asked to ([`recv`](Client::recv), [`messages`](Client::messages)), which a [`Closer`] ends.
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
//! No account at hand? The package `aliyun-mqtt-emulator` is a local stand-in for the service, and the examples use it
//! when the environment names no endpoint.
//!
//! # How it runs
//!
//! [`Client::connect`] starts one thread, which owns the connection: it sends, receives, keeps alive, and connects again
//! when the line breaks. With tokens to renew there is a second one, which waits for their time; providers of credentials
//! run on a thread of their own each time they are asked. Your calls put work into an ordered outbox and wait for its
//! fate on a condition variable; they never run a runtime themselves, so they also work inside an async program (where
//! they block the thread, as any blocking call does). [`Client`] is `Clone + Send + Sync`; every call may be made from
//! any thread, also while another one receives.
//!
//! Underneath is `rumqttc` as codec and socket pump; none of its types appear here.
//!
//! # The fate of a message
//!
//! | outcome | meaning |
//! |---|---|
//! | `Ok` | QoS 0: written to the socket. QoS 1: PUBACK came. QoS 2: PUBCOMP came. |
//! | [`Fate::NotSent`] | it was never written: sending it again cannot duplicate it |
//! | [`Fate::Unknown`] | written, not acknowledged in time; it is not sent again on a later connection |
//! | [`Fate::Refused`] | the service does not want it, or is strongly suspected not to |
//! | [`Fate::Delivered`] | the broker has the request, but no reply came ([`request`](Client::request) only) |
//! | [`Fate::Spooled`] | not delivered by this run, but on disk: the next run sends it (feature `spool` only) |
//!
//! [`enqueue`](Client::enqueue) queues a message and returns a [`Delivery`], which is settled exactly once, by its own
//! deadline at the latest. [`flush`](Client::flush) waits for all messages. The next `flush` or `disconnect` reports a
//! failure that no `Delivery` has shown. [`publish_each`](Client::publish_each) sends any number of messages, a window of
//! them at a time, and gives one result for each.
//!
//! **QoS 2** is exactly once as long as the broker keeps the session (`CONNACK` said so); across a lost session the
//! message is sent again, so it is at least once. The service keeps no sessions for QoS 2
//! (help page "Receive offline messages").
//!
//! **Order**: messages of one thread to one topic at one QoS arrive in the order given, by first arrival.
//!
//! **Suspected refusals**: the service answers a publish or subscribe without permission by cutting the connection,
//! without saying why. When a connection drops twice shortly after the same operations were sent, they are sent one at a
//! time, on a line that has first held for 250 ms without them; the one that keeps cutting it fails with
//! [`ErrorKind::SuspectedRefusal`], naming its topic, and everything else goes on. Shortly means within 10 s. To find the
//! culprit takes at least three connections and the pauses between them; a deadline that passes first gives a time-out. A QoS
//! 0 message to a forbidden topic cannot be found this way, because it is settled when it is written.
//!
//! **Refused topics**: where the service's notice said so, or where two messages to a topic were found that way and none to
//! it was acknowledged with these credentials, the topic is refused as a whole ([`Event::TopicRefused`]). What waits to be
//! sent to it fails as refused at once (what is in the spool stays there for the next run), and so do new messages for
//! [`Config::refused_topic_pause`], or until other credentials or a new token are in use.
//!
//! # Connections
//!
//! The first connect is tried once and fails with its reason. A connection that stood and broke is made again: after a
//! random pause of up to 1 s, which doubles up to 120 s and starts again after a connection that lasted 30 s; with DNS
//! resolved anew and the [credentials provider](Credentials::provider) asked anew. First the order flag and the
//! subscriptions are restored, then messages flow. A login refused with CONNACK 4 or 5 is tried once more at once, then at
//! the slowest pace for [`Config::refusal_patience`]; after that, or at once after CONNACK 1 or 2, the client is dead, and
//! every call says why.
//! [`Client::events`] tells what happens.
//!
//! Over WebSocket all of this holds, too. A server that closes the WebSocket, but not the connection below it, is noticed
//! with the next write, at the latest with the ping of the keep-alive period. What a WebSocket needs and bounds besides
//! stands at [`Endpoint`].
//!
//! Through an HTTP proxy (feature `proxy`, [`ConfigBuilder::proxy`]) all of this holds, too. A proxy is used only where the
//! program, or `ALIYUN_MQTT_PROXY`, asks for one; it looks up the server's name, each connection has a tunnel of its own, and
//! a tunnel that is refused is an error of its own ([`ErrorKind::Proxy`]) with the proxy's status. A proxy that ends idle
//! tunnels needs a [`keep_alive`](ConfigBuilder::keep_alive) that is shorter than its patience. A tunnel is open after the
//! status 200; another success (201 to 299) counts as a refusal, which the library underneath decides.
//!
//! # Receiving
//!
//! The inbox exists before CONNECT is sent: P2P and offline messages arrive right behind CONNACK and need no
//! subscription. [`subscribe`](Client::subscribe) feeds the client's own queue ([`recv`](Client::recv) and its variants,
//! [`messages`](Client::messages)); [`subscription`](Client::subscription) returns a [`Subscription`] that receives its
//! matches instead, those first that already wait there. A QoS 1 or 2 message is acknowledged when your program takes it;
//! [`AckMode`] has the other choices. At the inbox's bound QoS 0 messages are dropped, and others are neither queued nor
//! acknowledged, so that the broker sends them again. The bound in bytes counts what messages take in memory
//! ([`Limits::inbox_bytes`]).
//!
//! Acknowledgements leave in the order of receipt, so a message that nobody takes holds back all that are behind it:
//! [`Event::AcksHeldBack`] names it. What a program has not taken by the end, [`Event::Ended`] tells, with
//! [`Stats::untaken`] and a warning in the log (target `aliyun_mqtt::untaken`).
//!
//! Notices of the service (`$SYS/tokenExpireNotice`, `$SYS/tokenInvalidNotice`) are [`Event`]s; they are messages, too,
//! only if [`ConfigBuilder::deliver_notices`] asks for that.
//!
//! # Requests and replies
//!
//! [`request`](Client::request) and [`request_p2p`](Client::request_p2p) send a message and block until the reply to it is
//! there; a replier finds out with [`Message::request`] what was asked, and answers with [`reply`](Client::reply). Each of
//! any number of threads gets the reply to its own request. Over MQTT 5 requests carry a response topic and correlation
//! data, over 3.1.1 an envelope, whose bytes are documented at [`Request`]. Replies come by P2P, so nothing is subscribed
//! for them; [`ConfigBuilder::response_topic`] is for brokers without P2P. A reply never waits for room in the inbox or for
//! the program, and one that comes too late is dropped and counted ([`Stats::late_replies`]).
//!
//! # Tokens
//!
//! [`Credentials::token_provider`] logs in with tokens that a function of yours gets; `Credentials::apply_tokens` (feature
//! `openapi`) with tokens that the library applies for. A client holds one token of each [`TokenKind`], and keeps them over
//! reconnects.
//!
//! * A token is renewed after 80 % of its life ([`ConfigBuilder::token_renewal`]), some 10 % earlier by chance, or at once
//!   on `$SYS/tokenExpireNotice`. New tokens are published to `$SYS/uploadToken` ahead of everything else; no PUBLISH and no
//!   SUBSCRIBE follows before they are acknowledged (help.aliyun.com/document_detail/54282.html). The connection stays.
//! * A renewal that fails is an [`Event`] and is tried again, with pauses that grow to 120 s and are short against the life
//!   that is left. The connection lives on while its token does; where a token is due and the connection drops, a new one is
//!   got first.
//! * `$SYS/tokenInvalidNotice` says why the service is about to cut the connection. Codes 4 and 5 are about an operation:
//!   it fails with [`ErrorKind::Rejected`], at once if it can be only one, otherwise after those it can be have been sent one
//!   at a time. The others are about the token: a new one is got, or, where nobody can be asked, the client is dead
//!   ([`ErrorKind::TokenInvalid`]).
//! * A login refused with CONNACK 4 or 5 brings back the token before, if that is alive; otherwise it triggers exactly one
//!   fresh application, also at the first connect. If that token is refused, too, logins go on at the slowest pace, as with
//!   other credentials, without another application.
//! * [`Client::upload_token`] replaces a token by hand.
//!
//! # MQTT 5
//!
//! [`ConfigBuilder::protocol`] chooses the version; 3.1.1 is the default, which every instance speaks. Everything above holds
//! for both. MQTT 5 adds:
//!
//! * Properties of messages: user properties, content type, text or not, expiry, response topic and correlation data
//!   ([`Outgoing`], [`Message`]). With 3.1.1 a message that has any is refused.
//! * Options of subscriptions: no messages of one's own, and identifiers ([`SubscribeOptions`]). They survive a lost session.
//! * Reasons: a refused message fails alone, with the broker's code and words ([`ErrorKind::Rejected`], [`Code`]), and the
//!   connection goes on. Where the broker ends the connection with a reason, the error of [`Event::Disconnected`] has it; a
//!   reason in the short form of DISCONNECT, which some brokers send, cannot be read (rumqttc 0.25.1).
//! * Limits from CONNACK: the receive maximum bounds the window, and a message above the maximum QoS or packet size, or a
//!   subscription the broker has no support for, is refused here ([`ErrorKind::Invalid`]) when its turn comes on that
//!   connection. The server's keep-alive is used; a client id is never assigned, because one is always sent.
//! * A kept session has an end ([`ConfigBuilder::session_expiry`]), and the broker can be slowed down
//!   ([`ConfigBuilder::receive_maximum`]).
//!
//! A line whose other side has stopped reading is given up after the keep-alive period and a write time-out (the shorter of
//! time-out and keep-alive) together; with 3.1.1 after the write time-out. No call waits for that beyond its own deadline.
//!
//! # The service's API
//!
//! The module `openapi` (cargo feature of that name, on by default) calls the service's HTTPS API: it applies for tokens,
//! makes device credentials, and asks who is online.
//!
//! # Limits of the service
//!
//! Names, sizes and quotas are checked before anything is sent, because the service answers a violation by cutting the
//! connection; [`Limits`] lists them with their sources and can raise each. Retained messages, wills and shared
//! subscriptions do not exist in the service, so they are not offered.
//!
//! # Features
//!
//! | feature | effect | adds | default |
//! |---|---|---|---|
//! | `tls` | `mqtts://` endpoints | rustls with ring, rustls-native-certs, webpki-root-certs | yes |
//! | `openapi` | the module `openapi`: tokens, device credentials, groups, online status, traces; needs `tls` | ureq, sha2, httpdate, humantime | yes |
//! | `websocket` | `ws://` endpoints, and with `tls` `wss://` ones | async-tungstenite, ws_stream_tungstenite and some 30 crates below them | no |
//! | `proxy` | connections through an HTTP proxy (`CONNECT`): `ConfigBuilder::proxy`; the API needs no feature for that | async-http-proxy and four crates below it | no |
//! | `spool` | QoS 1 and 2 messages survive the process: `ConfigBuilder::spool` (needs Rust 1.90) | redb | no |
//!
//! # Log levels
//!
//! Through the [`log`](https://docs.rs/log) facade: `warn` for lost connections, suspected refusals, a full inbox, messages
//! that nobody takes, plain connections to other hosts and long topics; `info` for connects and notices; `debug` for
//! details. Topics and client ids may appear, payloads and secrets never. The crates underneath log on their own
//! targets: `rumqttc` shows topics and packet ids at `debug`, `rustls` handshakes at `debug`, and **`ureq` whole
//! requests to the API and `tungstenite` all that goes over a WebSocket, logins included, at `trace`**, with what is
//! secret in them. Of a proxy, host and port may appear, its login never.
//!
//! # Known problems
//!
//! * *"... was probably refused"*: see the topic in the error. Its parent must exist in the console, and the
//!   AccessKey, token or device needs the right to it.
//! * *Two programs disconnect each other in turn*: they use one client id. Leave out the device id, or give each its own.
//! * *"the service has ended the connection over its token"*: it has expired or was revoked, and nobody can be asked for
//!   another: see [Tokens](#tokens).
//! * *[`Stats::stranded_workers`] is not 0*: a thread sits in the system's resolver or in dialling, which nothing can interrupt;
//!   it ends by itself.
//! * *After a fork everything fails with [`ErrorKind::Forked`]*: make the client in the child.
//! * *A second connection while connecting*: when a handshake has taken 60 % of the time-out, or ended without CONNACK, the
//!   same address is dialled once more, asked in HTTP, and left, to name the stage it hangs in or the protocol it speaks.
//!   Through a proxy that is a second tunnel.
//! * *A proxy's answer*: 200 is taken, with up to 4 KiB in 16 header lines (`async-http-proxy` 1.2.5). A proxy whose answer
//!   is one line without an end is read until the deadline, into memory.
//!
//! * *"... broke a rule of MQTT"*: the server sent what MQTT forbids, which the error names. The connection ends, and is
//!   made again; what was not acknowledged goes out again. Wrong flags, reserved bits and properties given twice cannot be
//!   seen (rumqttc 0.25.1), and are taken.
//! * *An acknowledgement that comes twice in one segment ends the connection* (rumqttc 0.25.1). A server that always sends
//!   PUBREC so gets QoS 2 messages only with a kept session (`clean_session(false)`).
//! * *A packet of MQTT 5 whose lengths do not fit is thrown away without an error* (rumqttc 0.25.1). It is not acknowledged.
//!   What came right behind it is read with the next bytes from the server, at the latest after a keep-alive period.
//!
//! The file `docs/upstream.md` of the repository lists the faults of the crates underneath, and what is done about each.
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
pub use delivery::{Delivery, Receipt};
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
pub use token::{Token, TokenKind, Tokens};

/// The code blocks of the READMEs are compiled with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../README.zh-CN.md")]
struct Readme;
