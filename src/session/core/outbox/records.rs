//! The outbox's view of the spool.

use std::sync::Arc;

use crate::spool::Queue;

/// The spool, seen from the outbox.
pub(super) struct Records {
    pub(super) queue: Arc<Queue>,
    pub(super) bound: u64,
    /// The size of the records of unsettled operations, in bytes.
    pub(super) used: u64,
}
