//! What the client's own threads do.

pub(super) mod connection;
mod login;
mod login_policy;

pub(super) mod renewal;
