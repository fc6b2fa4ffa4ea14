//! Receiving messages from the inbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

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

/// Acknowledges one message in manual mode. Clones share one acknowledgement.
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
    /// Takes the next message of a queue; `None` once `until` has passed. Fails with the reason once the client has
    /// ended and the queue is empty.
    pub(crate) fn take(self: &Arc<Self>, queue: QueueId, until: Until) -> Result<Option<Message>> {
        self.check_process()?;
        let mut state = self.lock();
        loop {
            // After a `Closer`, only non-blocking calls take the remaining messages.
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
            let until = match until {
                Until::Now => return Ok(None),
                Until::Forever => None,
                Until::At(instant) if instant <= now.instant => return Ok(None),
                Until::At(instant) => Some(instant),
            };
            // The waiting caller watches this time, too: the worker looks only when something happens.
            let wake = until.into_iter().chain(state.held_back_at()).min();
            state = state.wait_for_message(queue, wake);
        }
    }

    /// Calls [`take`](Session::take) without a time limit.
    pub(crate) fn recv(self: &Arc<Self>, queue: QueueId) -> Result<Message> {
        self.take(queue, Until::Forever)?.ok_or_else(|| Error::internal("an endless wait ended"))
    }

    /// Opens a queue for messages that match the filter, with those that wait in the client's own queue. It exists
    /// before SUBSCRIBE is sent, so no message is missed.
    pub(crate) fn open_queue(&self, filter: &str) -> u64 {
        self.lock().inbox.open_queue(filter)
    }

    /// Notes a failed subscription, which the server may have granted nevertheless.
    pub(crate) fn doubtful(&self, filter: &str, options: SubscribeOptions) {
        self.lock().subscriptions.doubtful(filter, options);
    }

    /// Closes the queue of a dropped handle: its messages move to another matching queue or to the client's own, and
    /// its filter is unsubscribed in the background if nothing else uses it.
    pub(crate) fn close_queue(self: &Arc<Self>, queue: u64, filter: &str) {
        let mut state = self.lock();
        let unsubscribe = state.close_queue(queue, filter) && state.check_open().is_ok();
        // Decided and accepted under one lock: a new subscription to the same filter comes either before or after both.
        let delivery = unsubscribe.then(|| {
            let now = self.now();
            let deadline = now.instant + self.config.timeout();
            self.accept(&mut state, Settler::new(), Body::Unsubscribe(filter.to_string()), deadline, now)
        });
        drop(state);
        // Not under the lock, which the drop may need.
        drop(delivery);
    }
}
