//! Sending: accepting operations, and waiting until they are settled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::deadline::later;
use crate::delivery::{Delivery, Settler, Slot, Wakes};
use crate::error::{Error, ErrorKind, Fate, Result, Stage};
use crate::printable::counted;
use crate::session::Session;
use crate::session::core::now::Now;
use crate::session::core::op::{Body, Op};
use crate::session::core::outbox::TopicRefusal;
use crate::session::core::state::{Awaited, State, topic_refused};
use crate::session::locked::Locked;

/// The behaviour when there is no room.
#[derive(Debug, Clone, Copy)]
pub(crate) enum WhenFull {
    /// Wait for room until this instant.
    WaitUntil(Instant),
    /// Wait for the publish rate, at most until then, and fail where the outbox or the spool is full.
    WaitForRate(Instant),
    Fail,
}

/// The result of [`Session::wait_for_room`].
struct Room {
    /// The topic is refused: no room was looked for.
    refusal: Option<TopicRefusal>,
    /// The time at which it was found.
    now: Now,
}

impl Session {
    /// Accepts an operation if there is room in time, and sends it if the window has room. It is settled by the
    /// deadline.
    pub(crate) fn submit(self: &Arc<Self>, body: Body, deadline: Instant, full: WhenFull) -> Result<Delivery> {
        self.submit_with(Settler::new(), body, deadline, full)
    }

    /// Does the same with a slot for the outcome that already exists.
    pub(in crate::session) fn submit_with(
        self: &Arc<Self>,
        place: (Settler, Arc<Slot>),
        body: Body,
        deadline: Instant,
        full: WhenFull,
    ) -> Result<Delivery> {
        self.check_process()?;
        let (mut state, room) = self.wait_for_room(self.lock(), &body, full);
        self.enter(&mut state, room?, place, body, deadline)
    }

    /// Accepts messages in their order, each with the time it may stay unsettled, and waits for room within that time
    /// and until `until`. From then on none is accepted, so that no message overtakes one that found no room. A spool
    /// writes those that need not wait for room in one go.
    pub(crate) fn submit_many(
        self: &Arc<Self>,
        messages: Vec<Result<(Body, Duration)>>,
        until: Instant,
    ) -> Vec<Result<Delivery>> {
        if let Err(error) = self.check_process() {
            return messages.iter().map(|_| Err(error.clone())).collect();
        }
        let mut deliveries = Vec::with_capacity(messages.len());
        let start = Instant::now();
        let mut late: Option<Error> = None;
        let mut state = self.lock();
        let mut gathering = Some(state.outbox.gather());
        for message in messages {
            let (body, deadline) = match message {
                Ok((body, age)) => (body, later(start, age)),
                Err(error) => {
                    deliveries.push(Err(error));
                    continue;
                }
            };
            if let Some(late) = &late {
                deliveries.push(Err(behind(&body, late)));
                continue;
            }
            // The gathered records must be written first: they may take the room that is waited for.
            let (guard, mut room) = self.wait_for_room(state, &body, WhenFull::Fail);
            state = guard;
            if room.as_ref().is_err_and(|error| error.kind() == ErrorKind::Full) {
                gathering = None;
                (state, room) = self.wait_for_room(state, &body, WhenFull::WaitUntil(until.min(deadline)));
                gathering.get_or_insert_with(|| state.outbox.gather());
                let timed_out = |error: &&Error| matches!(error.kind(), ErrorKind::Timeout(_)) && until <= deadline;
                late = room.as_ref().err().filter(timed_out).cloned();
            }
            deliveries.push(room.and_then(|room| self.enter(&mut state, room, Settler::new(), body, deadline)));
        }
        drop(gathering);
        deliveries
    }

    /// Accepts an operation for which there is room, or settles it if its topic is refused.
    fn enter(
        self: &Arc<Self>,
        state: &mut State,
        Room { refusal, now }: Room,
        place: (Settler, Arc<Slot>),
        body: Body,
        deadline: Instant,
    ) -> Result<Delivery> {
        match refusal {
            Some(refusal) => Ok(self.refuse(state, place, body, deadline, &refusal, now)),
            None => self.admit(state, place, body, deadline, now),
        }
    }

    /// Waits until there is room for an operation, or its topic is refused.
    fn wait_for_room<'a>(&self, mut state: Locked<'a>, body: &Body, full: WhenFull) -> (Locked<'a>, Result<Room>) {
        let size = body.size();
        let is_publish = matches!(body, Body::Publish(_));
        loop {
            if let Err(error) = state.check_open() {
                return (state, Err(error.with_fate(Fate::NotSent)));
            }
            let now = self.now();
            self.expire_in(&mut state, now);
            let refusal = match body {
                Body::Publish(message) => state.outbox.topic_refusal(&message.topic, now.instant),
                _ => None,
            };
            if refusal.is_some() {
                return (state, Ok(Room { refusal, now }));
            }
            let disk = has_disk_room(&state, body);
            let room = state.outbox.has_room(size) && disk;
            let slot = state.rate.as_ref().filter(|_| is_publish).and_then(|rate| rate.wait_until(now.instant));
            if room && slot.is_none() {
                return (state, Ok(Room { refusal: None, now }));
            }
            let lacking = if room {
                "rate"
            } else if disk {
                "outbox"
            } else {
                "spool"
            };
            let until = match full {
                WhenFull::Fail => return (state, Err(no_room(ErrorKind::Full, body, lacking))),
                WhenFull::WaitForRate(_) if !room => return (state, Err(no_room(ErrorKind::Full, body, lacking))),
                WhenFull::WaitUntil(until) | WhenFull::WaitForRate(until) if now.instant >= until => {
                    return (state, Err(no_room(ErrorKind::Timeout(Stage::Window), body, lacking)));
                }
                WhenFull::WaitUntil(until) | WhenFull::WaitForRate(until) => until,
            };
            let wake = [slot, state.outbox.next_deadline()].into_iter().flatten().fold(until, Instant::min);
            state = state.wait(if disk { Awaited::Room(size) } else { Awaited::DiskRoom }, wake);
        }
    }

    /// Settles a message at once because its whole topic is refused.
    fn refuse(
        self: &Arc<Self>,
        state: &mut State,
        (settler, slot): (Settler, Arc<Slot>),
        body: Body,
        deadline: Instant,
        refusal: &TopicRefusal,
        now: Now,
    ) -> Delivery {
        state.stats.refused_topic += 1;
        let op = Op::new(body, settler);
        let error = topic_refused(&op, refusal, now.instant);
        if let Some(settler) = op.settler {
            settler.settle(Err(error), &mut Wakes::default());
        }
        Delivery::new(Arc::clone(self), slot, 0, deadline)
    }

    /// Accepts an operation for which there is room.
    fn admit(
        self: &Arc<Self>,
        state: &mut State,
        place: (Settler, Arc<Slot>),
        body: Body,
        deadline: Instant,
        now: Now,
    ) -> Result<Delivery> {
        self.check_count(state, &body)?;
        if matches!(body, Body::Publish(_)) {
            state.stats.published += 1;
            if let Some(rate) = &mut state.rate {
                rate.used(now.instant);
            }
        }
        if let Some(message) = state.outbox.to_be_stored(&body) {
            let (settler, slot) = place;
            let seq = state.outbox.push(body, settler, deadline);
            state.outbox.store(seq, message, crate::spool::wall_clock());
            return Ok(Delivery::new(Arc::clone(self), slot, seq, deadline));
        }
        Ok(self.accept(state, place, body, deadline, now))
    }

    /// Puts an operation into the outbox.
    pub(in crate::session) fn accept(
        self: &Arc<Self>,
        state: &mut State,
        (settler, slot): (Settler, Arc<Slot>),
        body: Body,
        deadline: Instant,
        now: Now,
    ) -> Delivery {
        if let Body::Unsubscribe(filter) = &body {
            // From now on the filter is not restored. If UNSUBSCRIBE does not reach the server, the end of the session
            // removes it, too.
            state.subscriptions.remove(filter);
        }
        let seq = state.outbox.push(body, settler, deadline);
        state.send_ready(None, now);
        Delivery::new(Arc::clone(self), slot, seq, deadline)
    }

    /// Waits until everything accepted before is settled; reports the failures that the program has not seen.
    pub(crate) fn flush(&self, deadline: Instant) -> Result<()> {
        self.check_process()?;
        let mut state = self.lock();
        let mark = state.outbox.next_seq();
        loop {
            let now = self.now();
            self.expire_in(&mut state, now);
            if !state.outbox.any_open_before(mark) {
                return state.outbox.unseen.report().map_or(Ok(()), Err);
            }
            if state.life.is_interrupted() {
                let open = state.outbox.open_before(mark);
                let were = if open == 1 { "was" } else { "were" };
                let message =
                    format!("the client was closed while {} {were} still not acknowledged", counted(open, "message"));
                return Err(Error::new(ErrorKind::Closed, message));
            }
            if now.instant >= deadline {
                let open = state.outbox.open_before(mark);
                let are = if open == 1 { "is" } else { "are" };
                let message = format!("{} {are} still not acknowledged", counted(open, "message"));
                let kind = ErrorKind::Timeout(Stage::Ack);
                return Err(match state.offline() {
                    Some(reason) => {
                        Error::new(kind, format!("{message}; there is no connection")).with_reason(reason.clone())
                    }
                    None => Error::new(kind, message),
                });
            }
            let wake = state.outbox.next_deadline().map_or(deadline, |next| next.min(deadline));
            state = state.wait(Awaited::SettledBefore(mark), wake);
        }
    }

    /// Settles operations past their deadline.
    pub(crate) fn expire(&self) {
        let mut state = self.lock();
        self.expire_in(&mut state, self.now());
    }

    pub(in crate::session) fn expire_in(&self, state: &mut State, now: Now) {
        if state.expire(now) {
            // The operations behind may have room now.
            state.send_ready(None, now);
        }
    }

    /// Gives up an operation whose caller has stopped waiting.
    pub(crate) fn withdraw(&self, seq: u64) {
        let mut state = self.lock();
        state.outbox.withdraw(seq);
        // The operations behind may have room now.
        state.send_ready(None, self.now());
    }

    pub(crate) fn note_lost(&self, error: &Error) {
        self.lock().outbox.unseen.note(error);
    }
}

/// Returns true if the spool has room for the message, or if the message is not stored.
fn has_disk_room(state: &State, body: &Body) -> bool {
    state.outbox.to_be_stored(body).is_none_or(|message| state.outbox.has_disk_room(&message))
}

/// The error of a message for which there is no room. `lacking`: `rate`, or the name of the full store.
fn no_room(kind: ErrorKind, body: &Body, lacking: &str) -> Error {
    let why = match (lacking, kind) {
        ("rate", _) => "the publish rate leaves no slot".to_string(),
        (_, ErrorKind::Full) => format!("the {lacking} is full of messages that are not acknowledged yet"),
        _ => format!("the {lacking} stayed full of messages that are not acknowledged yet"),
    };
    Error::new(kind, format!("{} was not sent: {why}", body.describe())).with_fate(Fate::NotSent)
}

/// The error of a message behind one of the same batch for which there was no room in time.
fn behind(body: &Body, late: &Error) -> Error {
    let message = format!("{} was not sent: there was no room in time for a message before it", body.describe());
    Error::new(late.kind(), message).with_fate(Fate::NotSent).with_reason(late.clone())
}
