//! A message on its way through a run, and the rules for failures.

use std::time::Instant;

use aliyun_mqtt::{Delivery, Error, ErrorKind, Outgoing};

use crate::exit::{Exit, Failure, exit_of};

/// The position of a message in the input, and its size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    /// The line or number of the message.
    pub(super) number: u64,
    /// The bytes of the input up to the end of the message.
    pub(super) end: u64,
    /// The bytes of the payload.
    pub(super) size: usize,
}

/// A message of the input, or the reason why there is none.
pub(super) struct Item {
    pub(super) position: Position,
    pub(super) message: Result<Outgoing, Fault>,
}

impl Item {
    pub(super) fn new(number: u64, end: u64, message: Result<Outgoing, Fault>) -> Self {
        let size = message.as_ref().map_or(0, |message| message.payload().len());
        Item { position: Position { number, end, size }, message }
    }
}

/// The items that the reading thread sends.
pub(super) enum Given {
    /// Items that were read together.
    Items(Vec<Item>),
    /// The state of the room has changed.
    Wake,
    End,
}

/// A message that was handed to the client, or could not be; in the order of the input.
pub(super) struct Sent {
    pub(super) position: Position,
    /// The time at which it was handed over.
    pub(super) at: Instant,
    pub(super) result: Result<Delivery, Fault>,
}

/// The reason why a message was not acknowledged.
#[derive(Debug)]
pub(super) enum Fault {
    /// The line is not a valid message.
    Line(Failure),
    /// The input cannot be read.
    Input(Failure),
    Library(Error),
}

/// Decides which failures end the run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) fail_fast: bool,
    /// All messages have the same topic, so the refusal of one applies to the others.
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
