//! The tests of the library that can share a process: a module for each theme.
//!
//! A test that needs the process for itself (its environment, descriptors, locks, threads, logger or resolver) is a
//! program of its own beside this folder. `docs/promises.md` names the tests of each promise.

#[path = "../support/mod.rs"]
mod support;

mod anywhere;
mod calls;
#[cfg(feature = "openapi")]
mod chain;
mod conformance;
mod deadlines;
mod fates;
mod fault_proxy;
#[cfg(feature = "proxy")]
mod http_proxy;
mod left_behind;
mod load;
#[cfg(feature = "openapi")]
mod openapi;
#[cfg(feature = "openapi")]
mod openapi_emulator;
#[cfg(feature = "openapi")]
mod openapi_faults;
#[cfg(feature = "openapi")]
mod openapi_proxy;
mod outages;
mod receiving;
mod request;
mod resting;
mod room;
mod rumqttc_acks;
mod rumqttc_leaving;
#[cfg(target_os = "linux")]
mod rumqttc_packets;
#[cfg(target_os = "linux")]
mod rumqttc_requests;
#[cfg(target_os = "linux")]
mod rumqttc_time;
mod rumqttc_v5;
mod service;
mod subscriptions;
mod token;
mod token_sources;
mod upstream;
mod v5_reasons;
mod v5_service;
#[cfg(all(feature = "tls", feature = "websocket"))]
mod websocket;
mod window;
