//! What callers do with the inbox.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::delivery::Settler;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Message;
use crate::session::Session;
use crate::session::core::inbox::QueueId;
use crate::session::core::op::Body;
use crate::subscribe_options::SubscribeOptions;

/// How long to wait for a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    Now,
    At(Instant),
    Forever,
}

/// Acknowledges one message by hand. Clones share the one acknowledgement.
#[derive(Clone)]
pub(crate) struct AckHandle {
    session: Arc<Session>,
    key: u64,
    given: Arc<AtomicBool>,
}

impl AckHandle {
    pub(crate) fn ack(&self) -> Result<()> {
        self.session.check_process()?;
        let mut state = self.session.lock();
        if self.given.load(Ordering::Relaxed) {
            return Ok(());
        }
        let now = self.session.now();
        if state.acknowledge(self.key, now) {
            self.given.store(true, Ordering::Relaxed);
            let held_back = state.held_back(now);
            drop(state);
            self.session.emit(held_back.as_slice());
            return Ok(());
        }
        state.check_open()?;
        let message = "the connection this message came over is gone, and its session with it: the acknowledgement no \
                       longer counts";
        Err(Error::new(ErrorKind::ConnectionLost, message))
    }
}

impl Session {
    /// The next message of a queue, or `None` when `until` has passed; the reason, once the client is dead and the
    /// queue is empty.
    pub(crate) fn take(self: &Arc<Self>, queue: QueueId, until: Until) -> Result<Option<Message>> {
        self.check_process()?;
        let mut state = self.lock();
        loop {
            // What waits is left to those who only look.
            if state.life.is_interrupted() && !matches!(until, Until::Now) {
                return Err(Error::closed());
            }
            let now = self.now();
            if let Some(held_back) = state.held_back(now) {
                drop(state);
                self.emit(&[held_back]);
                state = self.lock();
            }
            if let Some((mut message, key)) = state.take(queue, now) {
                message.ack = key.map(|key| AckHandle {
                    session: Arc::clone(self),
                    key,
                    given: Arc::new(AtomicBool::new(false)),
                });
                return Ok(Some(message));
            }
            if let Some(reason) = state.life.end() {
                return Err(reason.clone());
            }
            if state.life.is_interrupted() {
                return Err(Error::closed());
            }
            let left = match until {
                Until::Now => return Ok(None),
                Until::Forever => None,
                Until::At(instant) => match instant.saturating_duration_since(now.instant) {
                    Duration::ZERO => return Ok(None),
                    left => Some(left),
                },
            };
            // Whoever waits here keeps the time for this, too: the worker looks only when something happens.
            let held_back = state.held_back_at().map(|at| at.saturating_duration_since(now.instant));
            let left = left.into_iter().chain(held_back).min();
            state.waking.receivers += 1;
            state = match left {
                None => self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => self.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
            state.waking.receivers -= 1;
        }
    }

    /// [`take`](Session::take) without end.
    pub(crate) fn recv(self: &Arc<Self>, queue: QueueId) -> Result<Message> {
        self.take(queue, Until::Forever)?.ok_or_else(|| Error::internal("an endless wait ended"))
    }

    /// A queue for what matches the filter, with what waits in the client's own. It exists before SUBSCRIBE is sent, so
    /// nothing is missed.
    pub(crate) fn open_stream(&self, filter: &str) -> u64 {
        self.lock().inbox.open_queue(filter)
    }

    /// The stream could not be made; the server may have its subscription all the same.
    pub(crate) fn doubtful(&self, filter: &str, options: SubscribeOptions) {
        self.lock().subscriptions.doubtful(filter, options);
    }

    /// The stream is gone: its messages go to another that matches, or to the client, and its filter is unsubscribed in
    /// the background if nobody else wants it.
    pub(crate) fn close_stream(self: &Arc<Self>, queue: u64, filter: &str) {
        let mut state = self.lock();
        let unsubscribe = state.close_queue(queue, filter) && state.check_open().is_ok();
        // Decided and accepted under one lock: a new subscription to the same filter comes either before or after both.
        let delivery = unsubscribe.then(|| {
            let now = self.now();
            let deadline = now.instant + self.config.timeout();
            self.accept(&mut state, Settler::new(), Body::Unsubscribe(filter.to_string()), deadline, now)
        });
        self.notify_waiters(&mut state);
        drop(state);
        // Not under the lock, which its end may want.
        drop(delivery);
    }
}
