//! The session: everything between a caller's method and the socket.
//!
//! Four wings, which import only from those below them (`.ci/import-direction` checks it):
//!
//! * `calls` runs on the callers' threads: connect, publish, subscribe, receive, request, disconnect.
//! * `threads` runs on the client's own threads: the connection, the login, the renewal of tokens.
//! * `core` is bookkeeping: no thread, no socket, no clock, no dice. It uses only the types of `link` from `wire`.
//! * `wire` is one connection: dialling, MQTT 3.1.1 and 5, and their errors. Only this wing uses rumqttc.
//!
//! `shared` is used by `calls` and `threads`: the state of `core` under one mutex, and the ways to wait for changes.
//!
//! No user code runs under the lock, not even a logger, and the worker never waits for user code.

mod calls;
mod core;
mod event_log;
mod locked;
mod shared;
mod threads;
mod wire;

pub(crate) use calls::publish::WhenFull;
pub(crate) use calls::receive::{AckHandle, Until};
pub(crate) use calls::request::Asked;
pub(crate) use calls::subscribe::check_filters;
#[cfg(any(test, fuzzing))]
pub(crate) use core::fuzzing;
pub(crate) use core::inbox::QueueId;
pub(crate) use core::op::Body;
pub(crate) use core::token_store;
pub(crate) use shared::Session;
