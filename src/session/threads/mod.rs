//! What the client's own threads do.

pub(super) mod connection;
pub(super) mod provider;
pub(super) mod renewal;
