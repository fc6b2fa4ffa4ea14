//! Closing the client by a `Closer`: callers stop waiting, the connection stays.

use super::State;
use crate::error::Error;

impl State {
    /// Ends every wait of a caller and refuses new work. What was accepted before is still sent, and messages can still
    /// be acknowledged, until the client ends.
    pub(in crate::session) fn interrupt(&mut self) {
        self.life.interrupt();
        self.outbox.interrupt_waits();
        self.replies.end(&Error::closed());
        self.mark_changed();
        self.waking.mark_arrivals();
    }
}
