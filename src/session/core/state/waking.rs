//! Wake-ups: which threads wait for what, and which of them can go on.
//!
//! A thread is woken once for all changes made under one lock, after it is unlocked, and only if it can go on.

use crate::delivery::Wakes;
use crate::session::core::inbox::QueueId;
use crate::session::core::outbox::Outbox;

/// What a calling thread waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Awaited {
    /// Any change of the client's life, its connection, its tokens, or of what is on disk.
    Change,
    /// All operations older than this one are settled.
    SettledBefore(u64),
    /// The outbox has room for an operation of this size.
    Room(usize),
    /// The spool has room: any operation is settled.
    DiskRoom,
}

/// The threads that wait, and the changes since the last wake-up.
#[derive(Default)]
pub(in crate::session) struct Waking {
    /// The number of calls that wait for anything but messages.
    waiting: usize,
    /// The threads that were not woken since they began to wait.
    asleep: Asleep,
    receiving: Option<Receiving>,
    changed: bool,
    arrivals: Arrivals,
    tokens: bool,
}

#[derive(Default)]
struct Asleep {
    for_change: bool,
    for_disk: bool,
    /// The smallest operation that one of them waits for.
    until_settled: Option<u64>,
    /// The smallest size that one of them needs.
    for_room: Option<usize>,
}

/// The threads that wait for messages.
struct Receiving {
    count: usize,
    /// How many of them were woken and have not gone on yet.
    woken: usize,
    /// The queue, if it is the same for all.
    queue: Option<QueueId>,
}

/// How many threads that wait for messages have to be woken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::session) enum Arrivals {
    #[default]
    None,
    /// One for each message.
    Messages(usize),
    All,
}

/// Whom to wake.
#[derive(Default)]
pub(in crate::session) struct News {
    /// Those that wait for anything but room.
    pub(in crate::session) changed: bool,
    /// Those that wait for room.
    pub(in crate::session) room: bool,
    pub(in crate::session) arrivals: Arrivals,
    /// The thread that renews tokens.
    pub(in crate::session) tokens: bool,
    /// The worker, which has to read again.
    pub(in crate::session) read: bool,
    /// Those that wait for one operation. They are woken when this is dropped.
    pub(in crate::session) settled: Wakes,
}

impl Waking {
    /// A thread begins to wait.
    pub(in crate::session) fn begin(&mut self, awaited: Awaited) {
        self.waiting += 1;
        let asleep = &mut self.asleep;
        match awaited {
            Awaited::Change => asleep.for_change = true,
            Awaited::DiskRoom => asleep.for_disk = true,
            Awaited::SettledBefore(seq) => {
                asleep.until_settled = Some(asleep.until_settled.map_or(seq, |other| other.min(seq)));
            }
            Awaited::Room(size) => asleep.for_room = Some(asleep.for_room.map_or(size, |other| other.min(size))),
        }
    }

    /// The thread waits no longer.
    pub(in crate::session) fn end(&mut self) {
        self.waiting -= 1;
    }

    /// A thread begins to wait for messages.
    pub(in crate::session) fn begin_receiving(&mut self, queue: QueueId) {
        self.receiving = Some(match self.receiving.take() {
            None => Receiving { count: 1, woken: 0, queue: Some(queue) },
            Some(others) => {
                let queue = others.queue.filter(|other| *other == queue);
                Receiving { count: others.count + 1, queue, ..others }
            }
        });
    }

    /// The thread waits for messages no longer.
    pub(in crate::session) fn end_receiving(&mut self) {
        self.receiving = self.receiving.take().filter(|receiving| receiving.count > 1);
        if let Some(receiving) = &mut self.receiving {
            receiving.count -= 1;
            receiving.woken = receiving.woken.saturating_sub(1);
        }
    }

    /// Returns true if any thread waits that was not woken.
    pub(super) fn anybody_waits(&self) -> bool {
        self.waiting > 0 || self.receiving.as_ref().is_some_and(|receiving| receiving.count > receiving.woken)
    }

    pub(super) fn mark_changed(&mut self) {
        self.changed = true;
    }

    /// Notes that a message was put into this queue.
    pub(super) fn mark_message(&mut self, queue: QueueId) {
        let Some(receiving) = &self.receiving else { return };
        self.arrivals = match (receiving.queue, self.arrivals) {
            (None, _) | (_, Arrivals::All) => Arrivals::All,
            (Some(other), arrivals) if other != queue => arrivals,
            (_, Arrivals::None) => Arrivals::Messages(1),
            (_, Arrivals::Messages(count)) => Arrivals::Messages(count + 1),
        };
    }

    /// Notes that messages have moved, or that no more will arrive.
    pub(super) fn mark_arrivals(&mut self) {
        self.arrivals = Arrivals::All;
    }

    pub(super) fn mark_tokens(&mut self) {
        self.tokens = true;
    }

    pub(super) fn mark_all(&mut self) {
        (self.changed, self.arrivals, self.tokens) = (true, Arrivals::All, true);
    }

    /// Returns whom to wake, and forgets it.
    pub(super) fn take(&mut self, outbox: &mut Outbox) -> News {
        let any_settled = outbox.take_any_settled();
        let changed = std::mem::take(&mut self.changed);
        let asleep = &mut self.asleep;
        let settled = any_settled
            && (asleep.for_disk || asleep.until_settled.is_some_and(|before| !outbox.any_open_before(before)));
        let anybody = asleep.for_change || asleep.for_disk || asleep.until_settled.is_some();
        let wake_changed = settled || (changed && anybody);
        if wake_changed {
            (asleep.for_change, asleep.for_disk, asleep.until_settled) = (false, false, None);
        }
        let room = asleep.for_room.take_if(|size| changed || (any_settled && outbox.has_ample_room(*size))).is_some();
        let arrivals = match (std::mem::take(&mut self.arrivals), &mut self.receiving) {
            (Arrivals::None, _) | (_, None) => Arrivals::None,
            (Arrivals::Messages(messages), Some(receiving)) if messages < receiving.count => {
                receiving.woken = receiving.count.min(receiving.woken + messages);
                Arrivals::Messages(messages)
            }
            (_, Some(receiving)) => {
                receiving.woken = receiving.count;
                Arrivals::All
            }
        };
        let tokens = std::mem::take(&mut self.tokens);
        News { changed: wake_changed, room, arrivals, tokens, read: false, settled: outbox.take_wakes() }
    }
}
