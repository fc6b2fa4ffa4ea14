//! Callers that stop waiting before their operations are settled.

use super::Outbox;
use crate::delivery::Settler;
use crate::error::{Error, ErrorKind, Fate};
use crate::session::core::op::Op;

impl Outbox {
    /// Ends every wait for an operation. The operations themselves continue.
    pub(in crate::session) fn interrupt_waits(&self) {
        self.ops.values().filter_map(|op| op.settler.as_ref()).for_each(Settler::interrupt);
    }

    /// Gives up an operation whose caller has stopped waiting: it is not sent, or, if it was written already, its
    /// outcome stays unknown.
    pub(in crate::session) fn withdraw(&mut self, seq: u64) {
        if let Some(op) = self.ops.get(seq).filter(|op| op.is_open()) {
            let error = interrupted(op);
            self.give_up(seq, error, false);
        }
    }
}

/// The error of an operation that was given up because the client was closed.
fn interrupted(op: &Op) -> Error {
    let (fate, effect) = if op.maybe_written() { (Fate::Unknown, op.maybe()) } else { (Fate::NotSent, "was not sent") };
    Error::new(ErrorKind::Closed, format!("{} {effect}: the client was closed", op.describe())).with_fate(fate)
}
