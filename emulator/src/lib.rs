//! A local stand-in for ApsaraMQ for MQTT.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod account;
mod broker;
mod config;
mod emulator;
mod engine;
mod error;
mod front;
mod log;
mod packet;
mod rules;
mod service;
mod tls;
mod token;

pub use account::{DeviceCredential, SignMode};
pub use broker::SessionInfo;
pub use config::{
    Builder, DEFAULT_ACCESS_KEY_ID, DEFAULT_ACCESS_KEY_SECRET, DEFAULT_GROUP_ID, DEFAULT_INSTANCE_ID,
    DEFAULT_PARENT_TOPIC, Limits,
};
pub use emulator::Emulator;
pub use error::Error;
pub use log::{Action, DisconnectReason, Listener, LogEntry, Payload, Version, What};
pub use token::Permission;
