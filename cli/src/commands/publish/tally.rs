//! What has become of the messages of a run.

use aliyun_mqtt::{Delivery, ErrorKind, Fate, Receipt};

use super::item::{Fault, exit_of_fault};
use crate::exit::{Exit, Failure};

/// What has become of them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) acknowledged: u64,
    pub(super) failed: u64,
    /// Left in the spool, those of earlier runs included.
    pub(super) spooled: u64,
    /// Acknowledged messages that were sent more than once.
    pub(super) repeated: u64,
    /// Of the first failure, with its exit code.
    pub(super) first: Option<Exit>,
    /// Of what ended the run early.
    pub(super) stopped_by: Option<Exit>,
    /// The first message that was sent, or would have been, and was not acknowledged.
    pub(super) open: Option<u64>,
    /// Why a single message failed, or leaving did.
    pub(super) failure: Option<Failure>,
    /// Why the output could not be written.
    pub(super) output: Option<Failure>,
    /// Not settled when time ran out: the spool has them.
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
            // The next run sends it: it is nothing to go on from.
            Fault::Library(error) if error.fate() == Some(Fate::Spooled) => return,
            Fault::Library(error) if error.kind() != ErrorKind::Invalid => _ = self.open.get_or_insert(number),
            Fault::Input(_) => return,
            _ => {}
        }
        self.failed += 1;
    }
}
