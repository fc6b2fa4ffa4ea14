//! Messages go from the input to the client, at their pace.

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, Delivery, Error};

use super::PubArgs;
use super::input::{Item, Source};
use super::room::Room;
use super::settle::Rules;
use crate::exit::Failure;

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

/// How fast messages follow one another.
pub(super) struct Pace {
    distance: Option<Duration>,
    next: Option<Instant>,
}

impl Pace {
    pub(super) fn of(args: &PubArgs) -> Self {
        let distance = args.rate.map(|rate| Duration::from_secs_f64(1.0 / rate)).or(args.repeat_delay);
        Pace { distance, next: None }
    }

    /// Waits for the next one's turn; `false` when it was stopped.
    fn wait(&mut self, room: &Room) -> bool {
        let Some(distance) = self.distance else { return true };
        let go = self.next.is_none_or(|next| room.pause(next));
        // From now on, not from when it was due: what was late is not made up for by a burst.
        self.next = Instant::now().checked_add(distance);
        go
    }
}

/// Hands over all there is until the end, or until it is stopped. Returns the number of the message to go on from.
pub(super) fn feed(
    client: &Client,
    source: &mut Source,
    mut pace: Pace,
    rules: Rules,
    room: &Room,
    to: &Sender<Sent>,
) -> u64 {
    let mut next = 1;
    while let Some(Item { number, end, message }) = source.next(room) {
        let size = message.as_ref().map_or(0, |message| message.payload().len());
        let waits = message.is_ok();
        if (waits && !pace.wait(room)) || !room.enter(size) {
            break;
        }
        let at = Instant::now();
        let result = message.and_then(|message| client.publish_message_nowait(message).map_err(Fault::Library));
        let stops = result.as_ref().is_err_and(|fault| rules.stops(fault));
        next = if stops { number } else { number + 1 };
        if stops {
            room.stop();
        }
        if to.send(Sent { number, end, size, at, result }).is_err() {
            break;
        }
    }
    next
}
