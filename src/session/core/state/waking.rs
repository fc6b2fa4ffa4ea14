//! Wake-ups: which threads wait for what, and which of them can go on.
//!
//! A thread is woken once for all changes made under one lock, after it is unlocked, and only if it can go on.

use crate::delivery::Wakes;
use crate::session::core::inbox::QueueId;
use crate::session::core::outbox::Outbox;

/// The change that a calling thread waits for.
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
    /// For the client's own queue.
    receiving: Receiving,
    /// For the queues of subscriptions.
    receiving_elsewhere: Receiving,
    changed: bool,
    /// In the client's own queue.
    arrivals: Arrivals,
    /// In any queue of a subscription.
    arrivals_elsewhere: bool,
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

/// The threads that wait for messages of one kind of queue.
#[derive(Default)]
struct Receiving {
    count: usize,
    /// How many of them were woken and have not gone on yet.
    woken: usize,
}

impl Receiving {
    fn begin(&mut self) {
        self.count += 1;
    }

    fn end(&mut self) {
        self.count -= 1;
        self.woken = self.woken.saturating_sub(1);
    }

    /// Returns how many threads to wake, and counts them as woken.
    fn wake(&mut self, arrivals: Arrivals) -> Arrivals {
        match arrivals {
            arrivals if arrivals == Arrivals::None || self.count == 0 => Arrivals::None,
            Arrivals::Messages(messages) if messages < self.count => {
                self.woken = self.count.min(self.woken + messages);
                Arrivals::Messages(messages)
            }
            _ => {
                self.woken = self.count;
                Arrivals::All
            }
        }
    }
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
    /// Those that wait for messages in the client's own queue.
    pub(in crate::session) arrivals: Arrivals,
    /// Those that wait for messages of subscriptions.
    pub(in crate::session) elsewhere: bool,
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
        self.receiving(queue).begin();
    }

    /// The thread waits for messages no longer.
    pub(in crate::session) fn end_receiving(&mut self, queue: QueueId) {
        self.receiving(queue).end();
    }

    fn receiving(&mut self, queue: QueueId) -> &mut Receiving {
        match queue {
            QueueId::Client => &mut self.receiving,
            QueueId::Subscription(_) => &mut self.receiving_elsewhere,
        }
    }

    /// Returns true if any thread waits that was not woken.
    pub(super) fn anybody_waits(&self) -> bool {
        let receiving = [&self.receiving, &self.receiving_elsewhere];
        self.waiting > 0 || receiving.iter().any(|receiving| receiving.count > receiving.woken)
    }

    pub(super) fn mark_changed(&mut self) {
        self.changed = true;
    }

    /// Notes that a message was put into this queue.
    pub(super) fn mark_message(&mut self, queue: QueueId) {
        match queue {
            QueueId::Client => {
                self.arrivals = match self.arrivals {
                    Arrivals::None => Arrivals::Messages(1),
                    Arrivals::Messages(count) => Arrivals::Messages(count + 1),
                    Arrivals::All => Arrivals::All,
                }
            }
            // They may wait for different queues.
            QueueId::Subscription(_) => self.arrivals_elsewhere = true,
        }
    }

    /// Notes that messages have moved, or that no more will arrive.
    pub(super) fn mark_arrivals(&mut self) {
        (self.arrivals, self.arrivals_elsewhere) = (Arrivals::All, true);
    }

    pub(super) fn mark_tokens(&mut self) {
        self.tokens = true;
    }

    pub(super) fn mark_all(&mut self) {
        self.mark_arrivals();
        (self.changed, self.tokens) = (true, true);
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
        let arrivals = self.receiving.wake(std::mem::take(&mut self.arrivals));
        let elsewhere = std::mem::take(&mut self.arrivals_elsewhere)
            && self.receiving_elsewhere.wake(Arrivals::All) == Arrivals::All;
        let tokens = std::mem::take(&mut self.tokens);
        let settled = outbox.take_wakes();
        News { changed: wake_changed, room, arrivals, elsewhere, tokens, read: false, settled }
    }
}
