//! Messages go from the input to the client, at their pace.

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use aliyun_mqtt::Client;

use super::args::PubArgs;
use super::input::Source;
use super::item::{Fault, Item, Rules, Sent};
use super::room::Room;

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
