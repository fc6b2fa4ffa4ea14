//! The stages of a client's life.

use std::time::Instant;

use crate::error::Error;

/// The stage of a client's life. Stages never repeat, and each may be skipped.
enum Stage {
    /// The connection is kept.
    Open,
    /// `disconnect` was called or the client was dropped: no new operation is accepted; accepted ones are still sent.
    Closing,
    /// DISCONNECT is sent, now or on the connection being made; the worker reads until this instant at the latest.
    Leaving(Instant),
    /// Everything is settled, and nothing is sent or received any more, for this reason.
    Dead(Error),
    /// The same, and the worker has ended.
    Gone(Error),
}

/// The life of a client.
pub(in crate::session) struct Life {
    stage: Stage,
    /// A [`Closer`](crate::Closer) closed the client: from then on no call waits, whatever the stage.
    interrupted: bool,
}

impl Life {
    pub(super) fn new() -> Self {
        Life { stage: Stage::Open, interrupted: false }
    }

    pub(in crate::session) fn close(&mut self) {
        if let Stage::Open = self.stage {
            self.stage = Stage::Closing;
        }
    }

    pub(super) fn interrupt(&mut self) {
        self.interrupted = true;
    }

    /// Begins to leave; the first instant given is kept.
    pub(super) fn leave(&mut self, by: Instant) {
        if !self.is_leaving() {
            self.stage = Stage::Leaving(by);
        }
    }

    /// Ends the client; the first reason is kept. Returns true on the first call.
    pub(super) fn die(&mut self, reason: &Error) -> bool {
        let first = self.end().is_none();
        if first {
            self.stage = Stage::Dead(reason.clone());
        }
        first
    }

    pub(in crate::session) fn worker_ended(&mut self) {
        self.stage = Stage::Gone(self.end().cloned().unwrap_or_else(Error::closed));
    }

    /// Returns why the client has ended, if it has.
    pub(in crate::session) fn end(&self) -> Option<&Error> {
        match &self.stage {
            Stage::Dead(reason) | Stage::Gone(reason) => Some(reason),
            _ => None,
        }
    }

    /// Returns true if no new operation is accepted.
    pub(in crate::session) fn refuses_work(&self) -> bool {
        self.interrupted || self.is_closing()
    }

    /// Returns true if the client ends: `disconnect` was called, it was dropped, or it has given up.
    pub(in crate::session) fn is_closing(&self) -> bool {
        !matches!(self.stage, Stage::Open)
    }

    /// Returns true if no call may wait any longer, because a `Closer` closed the client.
    pub(in crate::session) fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    /// Returns true if the worker has to end.
    pub(in crate::session) fn is_leaving(&self) -> bool {
        !matches!(self.stage, Stage::Open | Stage::Closing)
    }

    pub(in crate::session) fn is_worker_gone(&self) -> bool {
        matches!(self.stage, Stage::Gone(_))
    }

    /// Returns until when the worker reads after DISCONNECT, if one was asked for.
    pub(super) fn goodbye(&self, now: Instant) -> Option<Instant> {
        match &self.stage {
            Stage::Open | Stage::Closing => None,
            Stage::Leaving(by) => Some(*by),
            // Nobody waits for it.
            Stage::Dead(_) | Stage::Gone(_) => Some(now),
        }
    }
}
