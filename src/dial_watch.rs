//! The progress of a dial, shared by the thread that waits for it and the callbacks within it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::detached;
use crate::sync::lock;

/// The state of a dial, shared by the thread that waits for it and by the callbacks within it.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    begun: AtomicBool,
    fate: Mutex<Fate>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Fate {
    #[default]
    GoingOn,
    GivenUp,
    Ended,
}

impl Watch {
    /// Notes that TLS or the request for a WebSocket begins: there is a connection.
    #[cfg(any(feature = "tls", feature = "websocket"))]
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Returns true once the other side has accepted a connection. Always false without TLS and WebSocket.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Returns true if nobody waits for the dial any more: it must not log in.
    pub(crate) fn is_given_up(&self) -> bool {
        *lock(&self.fate) == Fate::GivenUp
    }

    /// Gives the dial up: it counts as stranded until it ends.
    pub(crate) fn give_up(&self) {
        let mut fate = lock(&self.fate);
        if *fate == Fate::GoingOn {
            *fate = Fate::GivenUp;
            detached::count_stranded(true);
        }
    }

    pub(crate) fn end(&self) {
        if std::mem::replace(&mut *lock(&self.fate), Fate::Ended) == Fate::GivenUp {
            detached::count_stranded(false);
        }
    }
}
