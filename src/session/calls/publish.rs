//! What callers do to send: handing a message over, and waiting for all that were.

use std::sync::Arc;
use std::time::Instant;

use crate::delivery::{Delivery, Settler, Slot};
use crate::error::{Error, ErrorKind, Fate, Result, Stage};
use crate::session::Session;
use crate::session::core::op::{Body, Op};
use crate::session::core::state::{State, topic_refused};

/// What to do when there is no room.
#[derive(Debug, Clone, Copy)]
pub(crate) enum WhenFull {
    /// Wait for some, at most until then.
    WaitUntil(Instant),
    Fail,
}

impl Session {
    /// Accepts an operation, if there is room in time, and hands it over if the window has room. It is settled by the
    /// deadline.
    pub(crate) fn submit(self: &Arc<Self>, body: Body, deadline: Instant, full: WhenFull) -> Result<Delivery> {
        self.submit_with(Settler::new(), body, deadline, full)
    }

    /// The same, with a place for its fate that somebody knows already.
    pub(in crate::session) fn submit_with(
        self: &Arc<Self>,
        (settler, slot): (Settler, Arc<Slot>),
        body: Body,
        deadline: Instant,
        full: WhenFull,
    ) -> Result<Delivery> {
        self.check_process()?;
        let size = body.size();
        let is_publish = matches!(body, Body::Publish(_));
        #[cfg(feature = "spool")]
        let accepted = crate::spool::wall_clock();
        let mut state = self.lock();
        loop {
            state.check_open().map_err(|error| error.with_fate(Fate::NotSent))?;
            let now = Instant::now();
            self.expire_in(&mut state, now);
            let refusal = match &body {
                Body::Publish(message) => state.outbox.topic_refusal(&message.topic, now),
                _ => None,
            };
            if let Some(refusal) = refusal {
                state.stats.refused_topic += 1;
                let op = Op::new(body, settler, deadline);
                let error = topic_refused(&op, &refusal, now);
                if let Some(settler) = op.settler {
                    settler.settle(Err(error));
                }
                return Ok(Delivery::new(Arc::clone(self), slot, 0, deadline));
            }
            let disk = has_disk_room(&state, &body);
            let room = state.outbox.has_room(size) && disk;
            let slot = state.rate.as_ref().filter(|_| is_publish).and_then(|rate| rate.wait_until(now));
            if room && slot.is_none() {
                break;
            }
            let lacking = if room {
                "rate"
            } else if disk {
                "outbox"
            } else {
                "spool"
            };
            let until = match full {
                WhenFull::Fail => return Err(no_room(ErrorKind::Full, &body, lacking)),
                WhenFull::WaitUntil(until) if now >= until => {
                    return Err(no_room(ErrorKind::Timeout(Stage::Window), &body, lacking));
                }
                WhenFull::WaitUntil(until) => until,
            };
            let wake = [slot, state.outbox.next_deadline()].into_iter().flatten().fold(until, Instant::min);
            state = self.wait(state, wake);
        }
        self.check_count(&state, &body)?;
        if is_publish {
            state.stats.published += 1;
            if let Some(rate) = &mut state.rate {
                rate.used(Instant::now());
            }
        }
        #[cfg(feature = "spool")]
        if let Some(message) = state.outbox.to_be_stored(&body) {
            let seq = state.outbox.push(body, settler, deadline);
            state.outbox.store(seq, message, accepted);
            return Ok(Delivery::new(Arc::clone(self), slot, seq, deadline));
        }
        let delivery = self.accept(&mut state, (settler, slot), body, deadline);
        self.notify_waiters(&mut state);
        Ok(delivery)
    }

    /// Puts an operation into the outbox.
    pub(in crate::session) fn accept(
        self: &Arc<Self>,
        state: &mut State,
        (settler, slot): (Settler, Arc<Slot>),
        body: Body,
        deadline: Instant,
    ) -> Delivery {
        if let Body::Unsubscribe(filter) = &body {
            // From now on it is not restored; should the broker not hear of it before the session ends, that ends it too.
            state.subscriptions.remove(filter);
        }
        let seq = state.outbox.push(body, settler, deadline);
        state.send_ready(None);
        Delivery::new(Arc::clone(self), slot, seq, deadline)
    }

    /// Waits until everything accepted before is settled; reports what failed without anybody seeing it.
    pub(crate) fn flush(&self, deadline: Instant) -> Result<()> {
        self.check_process()?;
        let mut state = self.lock();
        let mark = state.outbox.next_seq();
        loop {
            let now = Instant::now();
            self.expire_in(&mut state, now);
            if !state.outbox.any_open_before(mark) {
                return state.outbox.unseen.report().map_or(Ok(()), Err);
            }
            if now >= deadline {
                let open = state.outbox.open_before(mark);
                let message = format!("{open} message(s) are still not acknowledged (stage: ack)");
                let kind = ErrorKind::Timeout(Stage::Ack);
                return Err(match state.offline() {
                    Some(reason) => Error::new(kind, format!("{message}; there is no connection: {reason}"))
                        .with_source(reason.clone()),
                    None => Error::new(kind, message),
                });
            }
            let wake = state.outbox.next_deadline().map_or(deadline, |next| next.min(deadline));
            state = self.wait(state, wake);
        }
    }

    /// Settles operations past their deadline.
    pub(crate) fn expire(&self) {
        self.expire_in(&mut self.lock(), Instant::now());
    }

    pub(in crate::session) fn expire_in(&self, state: &mut State, now: Instant) {
        if state.expire(now) {
            // What was behind may have room now.
            state.send_ready(None);
            self.notify_waiters(state);
        }
    }

    pub(crate) fn note_lost(&self, error: &Error) {
        self.lock().outbox.unseen.note(error);
    }
}

/// Whether the spool has room for it, if it has to go there.
fn has_disk_room(state: &State, body: &Body) -> bool {
    #[cfg(feature = "spool")]
    return state.outbox.to_be_stored(body).is_none_or(|message| state.outbox.has_disk_room(&message));
    #[cfg(not(feature = "spool"))]
    {
        let _ = (state, body);
        true
    }
}

/// `lacking`: `rate`, or what is full.
fn no_room(kind: ErrorKind, body: &Body, lacking: &str) -> Error {
    let why = match (lacking, kind) {
        ("rate", _) => "the publish rate leaves no slot".to_string(),
        (_, ErrorKind::Full) => format!("the {lacking} is full of messages that are not acknowledged yet"),
        _ => format!("the {lacking} stayed full of messages that are not acknowledged yet"),
    };
    let stage = if kind == ErrorKind::Full { "" } else { " (stage: window)" };
    Error::new(kind, format!("{} was not sent: {why}{stage}", body.describe())).with_fate(Fate::NotSent)
}
