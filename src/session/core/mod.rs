//! The bookkeeping of a session: pure state, without a thread, a socket, a clock or dice. [`state`] is its root; time
//! and chance are passed in as [`now::Now`].

pub(super) mod acks;
mod evidence;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub(super) mod inbox;
pub(super) mod now;
mod numbered;
pub(super) mod op;
pub(super) mod outbox;
mod packet_ids;
pub(super) mod rate;
pub(super) mod replies;
pub(super) mod state;
pub(super) mod subscriptions;
pub(crate) mod token_store;
pub(super) mod unseen_failures;
