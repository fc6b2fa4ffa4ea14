//! Counts the outcomes of the messages of a run.

use aliyun_mqtt::{Delivery, ErrorKind, Fate, Receipt};

use super::item::{Fault, exit_of_fault};
use crate::exit::{Exit, Failure};

/// The outcomes of the messages.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) acknowledged: u64,
    pub(super) failed: u64,
    /// Messages left in the spool, including those of earlier runs.
    pub(super) spooled: u64,
    /// Acknowledged messages that were sent more than once.
    pub(super) repeated: u64,
    /// The exit code of the first failure.
    pub(super) first: Option<Exit>,
    /// The exit code of the failure that stopped the run.
    pub(super) stopped_by: Option<Exit>,
    /// The first message that was valid but not acknowledged.
    pub(super) open: Option<u64>,
    /// The failure of a single message, or of the disconnect.
    pub(super) failure: Option<Failure>,
    /// The failure to write the output.
    pub(super) output: Option<Failure>,
    /// Messages that were not settled in time, which are in the spool.
    pub(super) left: Vec<Delivery>,
}

impl Tally {
    pub(super) fn acknowledged(&mut self, receipt: Receipt) {
        self.acknowledged += 1;
        self.repeated += u64::from(receipt.attempts > 1);
    }

    pub(super) fn failed(&mut self, fault: &Fault, number: u64) {
        self.first.get_or_insert(exit_of_fault(fault));
        match fault {
            // The next run sends it, so there is no need to resume from it.
            Fault::Library(error) if error.fate() == Some(Fate::Spooled) => return,
            Fault::Library(error) if error.kind() != ErrorKind::Invalid => _ = self.open.get_or_insert(number),
            Fault::Input(_) => return,
            _ => {}
        }
        self.failed += 1;
    }
}
