//! A blocking client for Alibaba Cloud ApsaraMQ for MQTT (微消息队列 MQTT 版).
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)
)]

mod client;
mod config;
mod credentials;
mod delivery;
mod endpoint;
mod env;
mod error;
mod events;
mod identity;
mod inbox;
mod limits;
mod message;
mod session;
mod stats;
#[cfg(feature = "tls")]
mod tls;

pub use client::Client;
pub use config::{AckMode, Config, ConfigBuilder};
pub use credentials::{AuthMode, Credentials, Login, TokenKind};
pub use delivery::{Delivery, Receipt};
pub use endpoint::{Endpoint, Transport};
pub use env::topic_from_env;
pub use error::{Code, Error, ErrorKind, Fate, Result, Stage};
pub use events::{Event, Events, Notice};
pub use identity::{ClientId, p2p_topic};
pub use inbox::{Messages, Stream};
pub use limits::Limits;
pub use message::{Message, Outgoing, QoS};
pub use session::stranded_workers;
pub use stats::Stats;
