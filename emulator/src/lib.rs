//! A local emulator of Alibaba Cloud's ApsaraMQ for MQTT, for examples and tests in any language. It checks logins,
//! tokens, names and limits as the service does, closes connections as the service does, and logs what it sees.
//!
//! ```
//! use std::time::Duration;
//! use aliyun_mqtt_emulator::{Emulator, What};
//!
//! # fn main() -> Result<(), aliyun_mqtt_emulator::Error> {
//! let emulator = Emulator::start()?;
//! println!("connect to {} as {}", emulator.endpoint(), emulator.access_key_id());
//!
//! // ... a client under test connects and publishes ...
//! # let client = emulator.tcp_addr();
//! # std::io::Write::write_all(&mut std::net::TcpStream::connect(client).unwrap(), &[
//! #     0x10, 15, 0, 6, b'M', b'Q', b'I', b's', b'd', b'p', 3, 2, 0, 60, 0, 1, b'a']).unwrap();
//!
//! let is_refusal = |what: &What| matches!(what, What::LoginRefused { .. });
//! let refused = emulator.wait_for_log(Duration::from_secs(5), |entry| is_refusal(&entry.what));
//! assert!(refused.is_some());
//! # Ok(())
//! # }
//! ```
//!
//! # Starting one
//! - [`Emulator::start`] and [`Emulator::builder`], in a test of a program in Rust;
//! - [`Server::from_env_or_emulator`], in an example that runs against any server that the environment names, and
//!   against an emulator where it names none;
//! - the program `aliyun-mqtt-emulator`, which prints the [`Environment`] that programs in any language need; the
//!   feature `program`, on by default, is for it and its settings file.
//!
//! # How it works
//! The API blocks and needs no runtime. Each [`Emulator`] has one thread, listens on 127.0.0.1 on six ports (TCP, TLS,
//! WebSocket and secure WebSocket; HTTP and HTTPS for the OpenAPI), and starts within milliseconds. Any number of them
//! can run in one process. A front desk terminates TLS and WebSocket, checks every packet, and forwards the allowed
//! ones to an MQTT broker (`rmqtt`) inside, which keeps sessions and routes and speaks MQTT 3.1.1 and 5 at QoS 0 to 2.
//! All secrets are made up. No code is shared with the client library, so that a mistake in one cannot hide in the
//! other.
//!
//! The OpenAPI (OnsMqtt, 2020-04-20) accepts POST and GET at [`Emulator::api_endpoint`] and checks both signatures, V3
//! (`ACS3-HMAC-SHA256`) and V2 (HMAC-SHA1). [`Emulator::throttle_api`], [`Emulator::fail_api`],
//! [`Emulator::delay_api`] and [`Emulator::set_clock_skew`] make it misbehave, and [`Builder::token_time_scale`] makes
//! its tokens expire sooner.
//!
//! [`Emulator::log`] returns what the emulator saw, in order. [`Emulator::wait_for_log`] waits for an entry, so that a
//! test needs no sleep.
//!
//! Tests in other languages do the same by the control API: HTTP and JSON on loopback, with a bearer token.
//! [`Builder::control_port`] asks for it, and `GET /control/openapi.json` describes it.
//!
//! To test slow or broken networks, put a proxy in front of the emulator; this package does not contain one.
//!
//! # How faithful it is
//! The module [`behaviour`] lists what the service documents and what this emulator had to choose.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod account;
mod api;
pub mod behaviour;
mod broker;
mod builder;
mod checks;
mod control;
mod emulator;
mod engine;
mod ensure;
mod environment;
mod error;
mod front;
mod log;
mod login;
mod machine;
mod names;
mod nonces;
mod packet;
#[cfg(feature = "program")]
pub mod program;
mod random;
mod rate;
mod server;
mod service;
mod settings;
mod sockets;
mod switches;
mod time;
mod tls;
mod token;

pub use account::{DeviceCertificate, DeviceCredential, SignMode};
pub use broker::SessionInfo;
pub use builder::Builder;
pub use emulator::Emulator;
pub use ensure::ensure_server;
pub use environment::{Environment, Format, Transport};
pub use error::Error;
pub use log::{Action, DisconnectReason, Listener, LogEntry, Payload, Version, What};
pub use login::LoginMode;
pub use server::Server;
pub use settings::{
    DEFAULT_ACCESS_KEY_ID, DEFAULT_ACCESS_KEY_SECRET, DEFAULT_GROUP_ID, DEFAULT_INSTANCE_ID, DEFAULT_PARENT_TOPIC,
    DEFAULT_REGION_ID, Limits,
};
pub use token::Permission;

/// The code block of the README is compiled with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
