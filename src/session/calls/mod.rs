//! The calls of the program on a session.

mod lifetime;
pub(super) mod publish;
pub(super) mod receive;
pub(super) mod request;
pub(super) mod spool;
pub(super) mod subscribe;
mod token;
