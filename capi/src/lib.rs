//! The C interface of `aliyun-mqtt`: what `include/aliyun_mqtt.h` declares.
//!
//! Each function checks its arguments ([`input`]), runs its body in [`guard`], which turns errors into a status and an
//! error object and catches panics, and documents itself for readers of the header: this crate's documentation comments
//! are that header's comments.
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
// What C programs use is exported from the library, not from this crate.
#![allow(unreachable_pub)]
// The names that C programs use.
#![allow(non_camel_case_types)]
// Text is a pointer and a length, and every call has an error: many parameters.
#![allow(clippy::too_many_arguments)]
// Each function says so once for all: pointers are NULL or valid, as the head of the header demands.
#![allow(clippy::missing_safety_doc)]

mod api;
mod batch;
mod callback;
mod client;
mod closer;
mod config;
mod connection;
mod credentials;
mod delivery;
mod dispatcher;
mod error;
mod event;
mod events;
mod guard;
mod input;
mod kinds;
mod lent;
mod log;
mod message;
mod names;
mod outgoing;
mod publish;
mod receive;
mod request;
mod shared;
mod stats;
mod status;
mod subscribe;
mod subscription;
#[cfg(test)]
mod tests;
mod text;
mod threads;
mod token;
mod version;
