//! A blocking client for Alibaba Cloud ApsaraMQ for MQTT (云消息队列 MQTT 版).
//!
//! Ordinary synchronous programs use the service through plain calls: no `async` in any signature, no runtime to start,
//! no callback to register. [`publish`](Client::publish) returns `Ok` only after the server has acknowledged that very
//! message (at QoS 0: after it was written). An [`Error`] says what failed and why. No call waits forever, except
//! [`recv`](Client::recv) and [`messages`](Client::messages), which wait as long as the client lives, and
//! [`Delivery::wait`] for a message in a spool; a [`Closer`] ends them.
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
//! # Where to read
//!
//! Start with the items on the left; the [manual] has the page on the right.
//!
//! | | items | the manual |
//! |---|---|---|
//! | log in | [`Client::connect`], [`ConfigBuilder`], [`Credentials`] | [`manual::logging_in`] |
//! | store no AccessKey | `AccessKeyChain`, `Credentials::chain` | [`manual::logging_in`] |
//! | stay connected | [`Client::events`], [`Client::disconnect`], [`Closer`] | [`manual::connections`] |
//! | send | [`Client::publish`], [`Client::publish_each`], [`Client::enqueue`] | [`manual::sending`] |
//! | send in order | [`ConfigBuilder::ordered`] | [`manual::ordered`] |
//! | react to a failure | [`Error::fate`], [`Error::kind`] | [`manual::known_problems`] |
//! | receive | [`Client::subscribe`], [`Client::subscription`], [`AckMode`] | [`manual::receiving`] |
//! | ask and answer | [`Client::request`], [`Client::reply`] | [`manual::requests`] |
//! | use tokens | [`Credentials::token_provider`], [`Token`] | [`manual::tokens`] |
//! | use MQTT 5 | [`ConfigBuilder::protocol`] | [`manual::mqtt5`] |
//! | survive a crash | `Spool` | [`manual::spool`] |
//! | pass a proxy, trust a CA | [`Network`] | [`manual::tls_and_proxy`] |
//! | choose cargo features | - | [`manual::features`] |
//!
//! The module `openapi` (cargo feature of that name, on by default) calls the service's HTTPS API: it applies for
//! tokens, creates device credentials, sends messages, and queries who is online.
//!
//! # When not to use it
//!
//! In an async program that has a runtime anyway; for thousands of messages a second from one server, for which the
//! service points to RocketMQ or its server-side SDK.
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
pub mod manual;
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
#[cfg(any(feature = "openapi", feature = "tls"))]
mod whole_file;

/// The type of shared bytes that [`Payload`] takes without a copy.
pub use bytes::Bytes;
pub use client::Client;
pub use closer::Closer;
pub use config::endpoint::{Endpoint, Transport};
pub use config::proxy::Proxy;
pub use config::{AckMode, Config, ConfigBuilder, Network, Protocol};
#[cfg(feature = "openapi")]
pub use credentials::{AccessKeyChain, ChainKey, PassedOver};
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
#[doc(hidden)]
pub use request::StartedRequest;
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
#[cfg(any(feature = "openapi", feature = "tls"))]
#[doc(hidden)]
pub use whole_file::open_to_others;
