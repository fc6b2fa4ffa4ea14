//! The session's side of the spool: opening it, restoring the messages of an earlier run, and handling the writer's
//! reports.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::deadline::{YEAR, later};
use crate::delivery::Delivery;
use crate::detached;
use crate::error::{Error, ErrorKind, Fate, Result, Stage};
use crate::events::Event;
use crate::printable::counted;
use crate::session::Session;
use crate::session::core::op::Op;
use crate::session::core::state::{Awaited, State};
use crate::session::locked::Locked;
use crate::spool::{self, Done, Opened, Queue, Restored};

/// The least time given to the writer to end, so that the file is free for another client.
const CLOSING: Duration = Duration::from_secs(1);

/// Opens the spool of the configuration, if it has one.
pub(in crate::session) fn open(config: &Config, deadline: Instant) -> Result<Option<Opened>> {
    config.own_spool().map(|spool| spool::open(spool, config, deadline)).transpose()
}

/// Puts the messages of an earlier run into the outbox, ahead of everything else.
pub(in crate::session) fn restore(state: &mut State, config: &Config, opened: &mut Opened) -> Option<Arc<Queue>> {
    let spool = config.own_spool()?;
    let restored = std::mem::take(&mut opened.restored);
    let sizes = restored.iter().map(|restored| (restored.key, spool::size_of(&restored.message)));
    let queue = Arc::new(Queue::new(spool, sizes));
    state.outbox.use_spool(Arc::clone(&queue), spool.bound());
    if !restored.is_empty() {
        let held = counted(restored.len(), "message");
        log::info!("the spool {} holds {held} of an earlier run", spool.path().display());
    }
    let now = Instant::now();
    for Restored { key, message, age, limit } in restored {
        let limit = limit.or(config.message_age()).unwrap_or(YEAR);
        if age < limit {
            let deadline = later(now, limit - age);
            state.outbox.restore(key, message, deadline);
        } else {
            let message = format!(
                "PUBLISH to \"{}\" ({}) of an earlier run was not delivered in time: it was accepted {} s ago, and its \
                 limit is {} s; it may have been sent",
                message.topic,
                message.qos,
                age.as_secs(),
                limit.as_secs()
            );
            let error = Error::new(ErrorKind::Timeout(Stage::Ack), message).with_fate(Fate::Unknown);
            state.outbox.unseen.note(&error);
            queue.remove(key);
        }
    }
    Some(queue)
}

impl Session {
    /// Starts the writer. It ends when the spool is closed.
    pub(in crate::session) fn start_writer(self: &Arc<Self>, opened: Opened) -> Result<()> {
        let Some(queue) = self.spool.clone() else { return Ok(()) };
        if let Some((path, reason)) = opened.set_aside {
            let event = Event::SpoolSetAside { path, reason };
            crate::session::event_log::log_event(&event, &self.config);
            self.events.hold(event);
        }
        let (store, session) = (opened.store, Arc::clone(self));
        let run = move || spool::run(&queue, store, |done| session.written(done));
        detached::start("aliyun-mqtt-spool", run).map(drop)
    }

    /// Sends the messages that the writer has stored, and settles those that it could not store.
    fn written(self: &Arc<Self>, Done { seqs, result }: Done) {
        let mut state = self.lock();
        for seq in seqs {
            match &result {
                Ok(()) => state.outbox.stored(seq),
                Err(reason) => state.outbox.not_stored(seq, |op| not_stored(op, reason)),
            }
        }
        state.mark_changed();
        state.send_ready(None, self.now());
    }

    /// Blocks until a message just accepted is on disk, at most until `until`. After an error the message is not stored
    /// and not sent.
    pub(crate) fn wait_stored(&self, delivery: Delivery, until: Instant) -> Result<Delivery> {
        if self.spool.is_none() {
            return Ok(delivery);
        }
        drop(self.wait_for_disk(self.lock(), delivery.seq(), until));
        if_stored(delivery)
    }

    /// Does the same for each message of a batch. When the time is up, all that are not stored yet fail at once.
    pub(crate) fn wait_all_stored(&self, batch: Vec<Result<Delivery>>, until: Instant) -> Vec<Result<Delivery>> {
        if self.spool.is_none() {
            return batch;
        }
        let mut state = self.lock();
        for delivery in batch.iter().flatten() {
            state = self.wait_for_disk(state, delivery.seq(), until);
        }
        drop(state);
        batch.into_iter().map(|delivery| delivery.and_then(if_stored)).collect()
    }

    /// Waits while a message is on its way to the disk, and takes it back when the time is up or the client is closed.
    fn wait_for_disk<'a>(&self, mut state: Locked<'a>, seq: u64, until: Instant) -> Locked<'a> {
        while state.outbox.is_storing(seq) {
            if state.life.is_interrupted() {
                state.outbox.withdraw(seq);
                break;
            }
            let now = self.now();
            if now.instant >= until {
                state.outbox.not_stored(seq, |op| op.expired(None));
                break;
            }
            self.expire_in(&mut state, now);
            if !state.outbox.is_storing(seq) {
                break;
            }
            let wake = state.outbox.next_deadline().map_or(until, |next| next.min(until));
            state = state.wait(Awaited::Change, wake);
        }
        state
    }

    /// Returns true if QoS 1 and 2 messages are stored.
    pub(crate) fn spools(&self) -> bool {
        self.spool.is_some()
    }

    /// Waits until everything is on disk and the file is free for another client, for a moment at least.
    pub(in crate::session) fn close_spool(&self, deadline: Instant) {
        let Some(queue) = &self.spool else { return };
        if !queue.close(deadline.max(Instant::now() + CLOSING)) {
            log::warn!("the disk does not answer: the spool stays locked until it does");
        }
    }
}

/// Returns the delivery, unless its message was not stored.
fn if_stored(delivery: Delivery) -> Result<Delivery> {
    match delivery.try_wait() {
        Err(error) if error.fate() == Some(Fate::NotSent) => Err(error),
        _ => Ok(delivery),
    }
}

fn not_stored(op: &Op, reason: &Error) -> Error {
    let message = format!("{} was not accepted: it could not be stored", op.describe());
    Error::new(ErrorKind::Spool, message).with_fate(Fate::NotSent).with_reason(reason.clone())
}

#[cfg(all(test, feature = "spool"))]
mod tests;
