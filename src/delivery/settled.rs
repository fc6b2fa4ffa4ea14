//! Outcomes that go to a channel, for programs that wait for many messages on one thread.

use std::fmt;
use std::sync::mpsc::Sender;

use crate::error::Result;

/// The confirmation of an acknowledged message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The number of times the message was sent. Above 1, receivers may have seen it more than once (QoS 1, or QoS 2
    /// across a lost session).
    pub attempts: u32,
}

/// The outcome of a message, reported to a channel by [`Delivery::report_to`](crate::Delivery::report_to).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settled {
    /// The number that was given to `report_to`.
    pub tag: u64,
    /// The outcome, as [`Delivery::wait`](crate::Delivery::wait) returns it.
    pub result: Result<Receipt>,
}

/// The channel to which a slot reports its outcome.
pub(super) struct Reporter {
    to: Sender<Settled>,
    tag: u64,
}

impl Reporter {
    pub(super) fn new(to: Sender<Settled>, tag: u64) -> Self {
        Reporter { to, tag }
    }

    /// Sends the outcome, without blocking.
    pub(super) fn report(self, result: Result<Receipt>) {
        // Nobody listens any longer: the program does not want to know.
        let _ = self.to.send(Settled { tag: self.tag, result });
    }
}

/// The channel that learns that a request has ended.
pub(super) struct Announcement {
    to: Sender<u64>,
    tag: u64,
}

impl Announcement {
    pub(super) fn new(to: Sender<u64>, tag: u64) -> Self {
        Announcement { to, tag }
    }

    /// Sends the tag, without blocking.
    pub(super) fn send(self) {
        // As above.
        let _ = self.to.send(self.tag);
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter").field("tag", &self.tag).finish_non_exhaustive()
    }
}
