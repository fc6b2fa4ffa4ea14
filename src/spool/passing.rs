//! The values that pass between the session and the spool.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::message::Outgoing;

/// A message of an earlier run.
pub(crate) struct Restored {
    pub(crate) key: u64,
    pub(crate) message: Arc<Outgoing>,
    /// The time since acceptance; zero if the clock was set back since.
    pub(crate) age: Duration,
    /// The time limit of the message itself, counted from acceptance.
    pub(crate) limit: Option<Duration>,
}

/// A message to be stored, and the operation of the outbox that waits for it.
pub(crate) struct Stored {
    pub(crate) seq: u64,
    pub(crate) message: Arc<Outgoing>,
    /// The time of acceptance, by the wall clock in milliseconds since 1970.
    pub(crate) accepted: u64,
}

/// The result of a write: these operations may be sent, or are not accepted after all.
pub(crate) struct Done {
    pub(crate) seqs: Vec<u64>,
    pub(crate) result: Result<()>,
}
