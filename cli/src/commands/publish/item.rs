//! A message on its way through a run: read, handed over, or faulty.

use std::time::Instant;

use aliyun_mqtt::{Delivery, Error, ErrorKind, Outgoing};

use crate::exit::{Exit, Failure, exit_of};

/// A message of the input, or why there is none.
pub(super) struct Item {
    /// Its line, or its number.
    pub(super) number: u64,
    /// Bytes of the input up to its end.
    pub(super) end: u64,
    pub(super) message: Result<Outgoing, Fault>,
}

/// What the reading thread gives.
pub(super) enum Given {
    Item(Item),
    /// There may be news: look at the room.
    Wake,
    End,
}

/// A message that was handed over, or could not be; in the order of the input.
pub(super) struct Sent {
    /// Its line, or its number.
    pub(super) number: u64,
    /// Bytes of the input up to its end.
    pub(super) end: u64,
    pub(super) size: usize,
    pub(super) at: Instant,
    pub(super) result: Result<Delivery, Fault>,
}

/// Why a message was not acknowledged.
#[derive(Debug)]
pub(super) enum Fault {
    /// The line makes no message.
    Line(Failure),
    /// The input cannot be read any further.
    Input(Failure),
    Library(Error),
}

/// Which failures end the run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) fail_fast: bool,
    /// All messages go to one topic: one that is refused tells of the others.
    pub(super) one_topic: bool,
}

impl Rules {
    pub(super) fn stops(self, fault: &Fault) -> bool {
        self.fail_fast
            || match fault {
                Fault::Line(_) => false,
                Fault::Input(_) => true,
                Fault::Library(error) => match error.kind() {
                    ErrorKind::Invalid => false,
                    ErrorKind::Rejected | ErrorKind::SuspectedRefusal => self.one_topic,
                    _ => true,
                },
            }
    }
}

pub(super) fn exit_of_fault(fault: &Fault) -> Exit {
    match fault {
        Fault::Line(failure) | Fault::Input(failure) => failure.exit,
        Fault::Library(error) => exit_of(error),
    }
}
