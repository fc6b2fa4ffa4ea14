//! Leaving the connection unread for a while: what the program does not take, the server has to keep.
//!
//! While the inbox is crowded and nobody waits for anything that the server may send, the worker does not read. As soon
//! as an operation is unacknowledged, a call waits, or the answer to a ping is outstanding, it reads again; what then
//! finds no room in the inbox is dropped or refused.

use super::State;
use crate::session::core::now::Now;

impl State {
    /// Begins to leave the connection unread, if that is possible now. Returns true if it is.
    pub(in crate::session) fn begin_rest(&mut self) -> bool {
        let rests = self.may_rest();
        if let Some(connection) = &mut self.connection {
            connection.resting = rests;
        }
        rests
    }

    /// Ends it. Acknowledgements that have become due meanwhile leave together: a single one would have to wait its
    /// turn behind messages for which there may be no room.
    pub(in crate::session) fn end_rest(&mut self, now: Now) {
        let resting = self.connection.as_mut().is_some_and(|connection| std::mem::take(&mut connection.resting));
        if resting {
            self.send_acks(now);
        }
    }

    /// Returns true if the connection is left unread and must not be any longer.
    pub(in crate::session) fn must_read(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.resting) && !self.may_rest()
    }

    /// Returns true if the connection may be left unread now.
    pub(in crate::session) fn may_rest(&self) -> bool {
        let Some(connection) = &self.connection else { return false };
        let crowded = if connection.resting { !self.inbox.is_half_empty() } else { self.inbox.is_crowded() };
        crowded
            && connection.online
            && connection.steps.is_empty()
            && !connection.relogin
            && connection.acks_in_channel == 0
            && self.outbox.open() == 0
            && !self.outbox.any_in_flight()
            && self.replies.waiting() == 0
            && !self.waking.anybody_waits()
            && !self.life.is_closing()
    }
}
