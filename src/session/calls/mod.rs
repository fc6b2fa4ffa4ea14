//! What a caller's thread does with a session.

mod lifetime;
pub(super) mod receiving;
mod requesting;
pub(super) mod sending;
#[cfg(feature = "spool")]
pub(super) mod spooling;
mod token;
