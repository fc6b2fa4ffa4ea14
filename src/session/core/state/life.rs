//! The stages of a client's life.

use std::time::Instant;

use crate::error::Error;

/// The stage of a client's life. Stages never repeat, and each may be skipped.
pub(in crate::session) enum Life {
    /// New operations are accepted.
    Open,
    /// A [`Closer`](crate::Closer) closed the client: no call waits, no new operation is accepted, the connection
    /// stays.
    Interrupted,
    /// `disconnect` was called or the client was dropped: no new operation is accepted; accepted ones are still sent.
    Closing {
        /// A `Closer` closed the client before or meanwhile.
        interrupted: bool,
    },
    /// DISCONNECT is sent, now or on the connection being made; the worker reads until this instant at the latest.
    Leaving(Instant),
    /// Everything is settled, and nothing is sent or received any more, for this reason.
    Dead(Error),
    /// The same, and the worker has ended.
    Gone(Error),
}

impl Life {
    pub(in crate::session) fn close(&mut self) {
        match self {
            Life::Open => *self = Life::Closing { interrupted: false },
            Life::Interrupted => *self = Life::Closing { interrupted: true },
            _ => {}
        }
    }

    pub(super) fn interrupt(&mut self) {
        match self {
            Life::Open => *self = Life::Interrupted,
            Life::Closing { interrupted } => *interrupted = true,
            _ => {}
        }
    }

    /// Begins to leave; the first instant given is kept.
    pub(super) fn leave(&mut self, by: Instant) {
        if !self.is_leaving() {
            *self = Life::Leaving(by);
        }
    }

    /// Ends the client; the first reason is kept. Returns true on the first call.
    pub(super) fn die(&mut self, reason: &Error) -> bool {
        let first = self.end().is_none();
        if first {
            *self = Life::Dead(reason.clone());
        }
        first
    }

    pub(in crate::session) fn worker_ended(&mut self) {
        *self = Life::Gone(self.end().cloned().unwrap_or_else(Error::closed));
    }

    /// Returns why the client has ended, if it has.
    pub(in crate::session) fn end(&self) -> Option<&Error> {
        match self {
            Life::Dead(reason) | Life::Gone(reason) => Some(reason),
            _ => None,
        }
    }

    /// Returns true if no new operation is accepted.
    pub(in crate::session) fn is_closing(&self) -> bool {
        !matches!(self, Life::Open)
    }

    /// Returns true if no call may wait any longer, although the client has not ended.
    pub(in crate::session) fn is_interrupted(&self) -> bool {
        matches!(self, Life::Interrupted | Life::Closing { interrupted: true })
    }

    /// Returns true if the worker has to end.
    pub(in crate::session) fn is_leaving(&self) -> bool {
        !matches!(self, Life::Open | Life::Interrupted | Life::Closing { .. })
    }

    pub(in crate::session) fn is_worker_gone(&self) -> bool {
        matches!(self, Life::Gone(_))
    }

    /// Returns until when the worker reads after DISCONNECT, if one was asked for.
    pub(super) fn goodbye(&self, now: Instant) -> Option<Instant> {
        match self {
            Life::Open | Life::Interrupted | Life::Closing { .. } => None,
            Life::Leaving(by) => Some(*by),
            // Nobody waits for it.
            Life::Dead(_) | Life::Gone(_) => Some(now),
        }
    }
}
