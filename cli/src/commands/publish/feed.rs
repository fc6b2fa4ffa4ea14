//! Hands the messages of the input to the client, at the requested rate.

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use aliyun_mqtt::Client;

use super::args::PubArgs;
use super::input::Source;
use super::item::{Fault, Item, Rules, Sent};
use super::room::Room;

/// The rate at which messages are sent.
pub(super) struct Pace {
    distance: Option<Duration>,
    next: Option<Instant>,
}

impl Pace {
    pub(super) fn of(args: &PubArgs) -> Self {
        let distance = args.rate.map(|rate| Duration::from_secs_f64(1.0 / rate)).or(args.repeat_delay);
        Pace { distance, next: None }
    }

    /// Waits until the next message may be sent; `false` if the run was stopped.
    fn wait(&mut self, room: &Room) -> bool {
        let Some(distance) = self.distance else { return true };
        let go = self.next.is_none_or(|next| room.pause(next));
        // Counted from now, not from when it was due, so that a delay is not followed by a burst.
        self.next = Instant::now().checked_add(distance);
        go
    }
}

/// Sends messages until the end of the input or a stop. Returns the number of the message to resume from.
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
        let result = message.and_then(|message| client.enqueue(message).map_err(Fault::Library));
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
