//! The client's own threads.

pub(super) mod connection;
mod login;
mod login_policy;

pub(super) mod renewal;
