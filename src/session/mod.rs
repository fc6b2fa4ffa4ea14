//! The session: everything between a caller's method and the socket.
//!
//! Four wings, which import only from those below them (`.ci/import-direction` checks it):
//!
//! * `calls` is what a caller's thread does: connect, publish, subscribe, receive, request, disconnect.
//! * `threads` is what the client's own threads do: the connection, logging in, renewing tokens, asking a provider.
//! * `core` is bookkeeping: no thread, no socket, no clock, no dice. Of `wire` it knows the types of `link` alone.
//! * `wire` is one connection: dialling, MQTT 3.1.1 and 5, what went wrong. Only here stands the name of rumqttc.
//!
//! `shared` is what `calls` and `threads` have in common: the state of `core` under one mutex, and how to wait for it.
//!
//! Nothing here runs user code under the lock, not even a logger, and the worker never waits for a user.

mod calls;
mod core;
mod event_log;
mod shared;
mod threads;
mod wire;

pub(crate) use calls::publish::WhenFull;
pub(crate) use calls::receive::{AckHandle, Until};
pub(crate) use calls::subscribe::check_filters;
#[cfg(any(test, fuzzing))]
pub(crate) use core::fuzzing;
pub(crate) use core::inbox::QueueId;
pub(crate) use core::op::Body;
pub(crate) use core::token_store;
pub(crate) use shared::Session;
