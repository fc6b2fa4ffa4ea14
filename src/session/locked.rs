//! The lock on the state. Unlocking wakes the threads that can go on: no change can be made without that, and no thread
//! wakes up only to find the state still locked.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::core::inbox::QueueId;
use super::core::state::{Arrivals, Awaited, News, State};
use crate::sync::lock;

/// How often a thread that waits for room looks for it: it is woken only when there is ample room, and the server may
/// pause before that.
const LOOK: Duration = Duration::from_millis(100);

/// The conditions that the threads of a client wait for.
#[derive(Default)]
pub(super) struct Conditions {
    /// The client's life, its connection, or what a caller waits for has changed.
    changed: Condvar,
    /// There is room for operations.
    room: Condvar,
    /// A message arrived in the client's own queue, or no more will.
    arrived: Condvar,
    /// A message arrived in the queue of a subscription, or no more will. Apart from the other, so that a thread woken
    /// for one message is one that takes it.
    arrived_elsewhere: Condvar,
    /// The thread that renews tokens has something to do.
    tokens: Condvar,
    /// The worker has to read again.
    rested: Condvar,
}

/// The locked state.
pub(super) struct Locked<'a> {
    /// `None` only inside of a wait.
    state: Option<MutexGuard<'a, State>>,
    // Dropped last: nobody is woken under the lock.
    wake: Wake<'a>,
}

/// Wakes threads when dropped.
pub(super) struct Wake<'a> {
    conditions: &'a Conditions,
    news: News,
}

impl<'a> Locked<'a> {
    pub(super) fn new(state: &'a Mutex<State>, conditions: &'a Conditions) -> Self {
        Locked { state: Some(lock(state)), wake: Wake { conditions, news: News::default() } }
    }

    /// Waits for this, at most until `until`. Returns early at times.
    pub(super) fn wait(mut self, awaited: Awaited, until: Instant) -> Self {
        self.deliver();
        self.waking.begin(awaited);
        self.end_rest_of_worker();
        let conditions = self.wake.conditions;
        match awaited {
            // Its wake-up may stay out although there is some room.
            Awaited::Room(_) => self.wait_on(&conditions.room, Some(until.min(Instant::now() + LOOK))),
            _ => self.wait_on(&conditions.changed, Some(until)),
        }
        self.waking.end();
        self
    }

    /// Waits for a message in this queue.
    pub(super) fn wait_for_message(mut self, queue: QueueId, until: Option<Instant>) -> Self {
        self.deliver();
        self.waking.begin_receiving(queue);
        self.end_rest_of_worker();
        let conditions = self.wake.conditions;
        match queue {
            QueueId::Client => self.wait_on(&conditions.arrived, until),
            QueueId::Subscription(_) => self.wait_on(&conditions.arrived_elsewhere, until),
        }
        self.waking.end_receiving(queue);
        self
    }

    /// Waits until the thread that renews tokens has something to do.
    pub(super) fn wait_for_tokens(mut self, until: Instant) -> Self {
        self.deliver();
        self.wait_on(&self.wake.conditions.tokens, Some(until));
        self
    }

    /// Waits while the worker may leave the connection unread, at most until `until`.
    pub(super) fn rest(mut self, until: Instant) -> Self {
        while self.may_rest() && Instant::now() < until {
            self.wait_on(&self.wake.conditions.rested, Some(until));
        }
        self
    }

    /// Unlocks the state. The threads that can go on are woken when the returned value is dropped.
    pub(super) fn unlock(mut self) -> Wake<'a> {
        let news = self.take_news();
        drop(self.state.take());
        Wake { conditions: self.wake.conditions, news }
    }

    /// Wakes others before this thread begins to wait, and then counts as one that can be woken.
    fn deliver(&mut self) {
        let news = self.take_news();
        self.wake.conditions.notify(news);
    }

    /// Wakes the worker if it may not leave the connection unread, now that this thread waits, too.
    fn end_rest_of_worker(&self) {
        if self.must_read() {
            self.wake.conditions.rested.notify_all();
        }
    }

    fn wait_on(&mut self, condition: &Condvar, until: Option<Instant>) {
        let Some(state) = self.state.take() else { return };
        self.state = Some(match until {
            None => condition.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                condition.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
            }
        });
    }
}

impl Deref for Locked<'_> {
    type Target = State;

    #[allow(clippy::expect_used, reason = "only `wait_on` takes it, and puts it back")]
    fn deref(&self) -> &State {
        self.state.as_deref().expect("locked outside of a wait")
    }
}

impl DerefMut for Locked<'_> {
    #[allow(clippy::expect_used, reason = "only `wait_on` takes it, and puts it back")]
    fn deref_mut(&mut self) -> &mut State {
        self.state.as_deref_mut().expect("locked outside of a wait")
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if let Some(state) = &mut self.state {
            self.wake.news = state.take_news();
        }
    }
}

impl Drop for Wake<'_> {
    fn drop(&mut self) {
        self.conditions.notify(std::mem::take(&mut self.news));
    }
}

impl Conditions {
    fn notify(&self, news: News) {
        let News { changed, room, arrivals, elsewhere, tokens, read, settled } = news;
        // First those that wait longest for the answer of the server.
        drop(settled);
        if changed {
            self.changed.notify_all();
        }
        if room {
            self.room.notify_all();
        }
        match arrivals {
            Arrivals::None => {}
            Arrivals::Messages(count) => (0..count).for_each(|_| self.arrived.notify_one()),
            Arrivals::All => self.arrived.notify_all(),
        }
        if elsewhere {
            self.arrived_elsewhere.notify_all();
        }
        if tokens {
            self.tokens.notify_all();
        }
        if read {
            self.rested.notify_all();
        }
    }
}
