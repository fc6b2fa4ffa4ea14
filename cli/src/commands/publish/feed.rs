//! Hands the messages of the input to the client, at the requested rate.

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, Outgoing};

use super::args::PubArgs;
use super::input::Source;
use super::item::{Fault, Item, Position, Rules, Sent};
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

    /// Returns true if messages need not wait.
    fn is_free(&self) -> bool {
        self.distance.is_none()
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
///
/// A message is sent as soon as there is room. Those that are already read and find room, too, go along with it, and a
/// spool stores them with one sync.
pub(super) fn feed(
    client: &Client,
    source: &mut Source,
    mut pace: Pace,
    rules: Rules,
    room: &Room,
    to: &Sender<Sent>,
) -> u64 {
    let mut next = 1;
    // Already read, but not sent with the messages before it.
    let mut aside = None;
    while let Some(Item { position, message }) = aside.take().or_else(|| source.next(room)) {
        let waits = message.is_ok();
        if (waits && !pace.wait(room)) || !room.enter(position.size) {
            break;
        }
        let at = Instant::now();
        let mut positions = vec![position];
        let results = match message {
            Err(fault) => vec![Err(fault)],
            Ok(message) => {
                let mut messages = vec![message];
                if pace.is_free() {
                    aside = gather(source, room, &mut positions, &mut messages);
                }
                let results = client.enqueue_many(messages).into_iter();
                results.map(|result| result.map_err(Fault::Library)).collect()
            }
        };
        let mut stopped = false;
        for (position, result) in positions.into_iter().zip(results) {
            if stopped && result.is_err() {
                // The run has ended before this message, which was not accepted.
                continue;
            }
            if result.as_ref().is_err_and(|fault| rules.stops(fault)) {
                stopped = true;
                next = position.number;
                room.stop();
            } else if !stopped {
                next = position.number + 1;
            }
            if to.send(Sent { position, at, result }).is_err() {
                return next;
            }
        }
    }
    next
}

/// Adds the messages that are already read and find room. Returns the first item that stays behind.
fn gather(
    source: &mut Source,
    room: &Room,
    positions: &mut Vec<Position>,
    messages: &mut Vec<Outgoing>,
) -> Option<Item> {
    while let Some(item) = source.ready() {
        if item.message.is_err() || !room.try_enter(item.position.size) {
            return Some(item);
        }
        positions.push(item.position);
        messages.extend(item.message);
    }
    None
}
