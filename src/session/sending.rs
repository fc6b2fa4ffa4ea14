//! What callers do with the outbox.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use super::Session;
use super::op::{Body, Op};
use super::state::{State, topic_refused};
use super::subscriptions::packet_len;
use crate::config::{Config, Protocol};
use crate::delivery::{Delivery, Settler, Slot};
use crate::error::{Code, Error, ErrorKind, Fate, Result, Stage};
use crate::identity;
use crate::message::QoS;
use crate::subscribe::Asked;

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
    pub(super) fn submit_with(
        self: &Arc<Self>,
        (settler, slot): (Settler, Arc<Slot>),
        body: Body,
        deadline: Instant,
        full: WhenFull,
    ) -> Result<Delivery> {
        self.check_process()?;
        let size = body.size();
        let is_publish = matches!(body, Body::Publish(_));
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
        if let Some(message) = state.outbox.to_be_stored(&body) {
            let seq = state.outbox.push(body, settler, deadline);
            state.outbox.store(seq, message, accepted);
            return Ok(Delivery::new(Arc::clone(self), slot, seq, deadline));
        }
        let delivery = self.accept(&mut state, (settler, slot), body, deadline);
        self.announce(&mut state);
        Ok(delivery)
    }

    /// Puts an operation into the outbox.
    pub(super) fn accept(
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
        state.push_out(None);
        Delivery::new(Arc::clone(self), slot, seq, deadline)
    }

    /// Beyond 30 the service accepts filters but sends nothing for them, so one too many is refused here.
    fn check_count(&self, state: &State, body: &Body) -> Result<()> {
        let mut all: BTreeSet<&str> = body.filters().collect();
        if all.is_empty() {
            return Ok(());
        }
        all.extend(state.subscriptions.filters());
        all.extend(state.outbox.pending_filters());
        if let Some(overlap) = overlap(state, body) {
            return Err(overlap);
        }
        let limit = self.config.limits().filters;
        if all.len() <= limit {
            return Ok(());
        }
        let message = format!(
            "{} would make {} filters, but a client may have {limit}; the service sends nothing for those beyond",
            body.describe(),
            all.len()
        );
        Err(Error::invalid(message)
            .with_hint("use a wildcard filter, or raise Limits::filters if your instance allows more"))
    }

    /// SUBSCRIBE, blocking to SUBACK; the granted QoS of each filter, or an error if any was refused. `own`: for the
    /// client's own queue.
    pub(crate) fn subscribe(self: &Arc<Self>, filters: &[Asked], own: bool, deadline: Instant) -> Result<Vec<QoS>> {
        let body = Body::Subscribe { filters: filters.to_vec(), own };
        let delivery = self.submit(body, deadline, WhenFull::WaitUntil(deadline))?;
        let reply = delivery.wait_reply(deadline)?.ok_or_else(overdue)?;
        let said = reply.reason.as_deref();
        let verdicts = filters.iter().zip(reply.granted);
        verdicts.map(|((filter, _), verdict)| verdict.map_err(|code| refused_filter(filter, code, said))).collect()
    }

    /// UNSUBSCRIBE, blocking to UNSUBACK.
    pub(crate) fn unsubscribe(self: &Arc<Self>, filter: &str, deadline: Instant) -> Result<()> {
        let body = Body::Unsubscribe(filter.to_string());
        let delivery = self.submit(body, deadline, WhenFull::WaitUntil(deadline))?;
        delivery.wait_reply(deadline)?.map(drop).ok_or_else(overdue)
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
                return state.outbox.lost.report().map_or(Ok(()), Err);
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

    pub(super) fn expire_in(&self, state: &mut State, now: Instant) {
        if state.expire(now) {
            // What was behind may have room now.
            state.push_out(None);
            self.announce(state);
        }
    }

    pub(crate) fn note_lost(&self, error: &Error) {
        self.lock().outbox.lost.note(error);
    }
}

/// Filters with identifiers that could both match a message: it would carry several identifiers, and rumqttc 0.25.1
/// counts the bytes of those wrongly, so that properties behind them may end up in the payload.
fn overlap(state: &State, body: &Body) -> Option<Error> {
    let Body::Subscribe { filters, .. } = body else { return None };
    let (filter, _) = filters.iter().find(|(_, asked)| asked.identifier.is_some())?;
    let other = state.subscriptions.overlapping(filter).or_else(|| state.outbox.overlapping(filter))?;
    let message = format!(
        "\"{filter}\" overlaps \"{other}\", and both subscriptions have identifiers: a message that matches both could \
         not be read"
    );
    Some(Error::invalid(message).with_hint("give only one of them an identifier"))
}

/// Refuses bad filters before anything is accepted.
pub(crate) fn check_filters(filters: &[Asked], config: &Config) -> Result<()> {
    if filters.is_empty() {
        return Err(Error::invalid("a subscription needs at least one filter"));
    }
    let limits = config.limits();
    let v5 = config.protocol() == Protocol::V5;
    filters.iter().try_for_each(|(filter, asked)| {
        identity::check_filter(filter, limits)?;
        asked.check(filter, v5)
    })?;
    let size = packet_len(filters);
    if size > limits.packet_len {
        let message = format!(
            "a SUBSCRIBE with these {} filters has {size} bytes, more than Limits::packet_len ({})",
            filters.len(),
            limits.packet_len
        );
        return Err(Error::invalid(message).with_hint("subscribe to them in several calls"));
    }
    Ok(())
}

/// `said`: the broker's own words.
pub(super) fn refused_filter(filter: &str, code: u8, said: Option<&str>) -> Error {
    let code = Code::SubAck(code);
    let said = said.map(|said| format!("; the broker says: {said}")).unwrap_or_default();
    let error =
        Error::new(ErrorKind::Rejected, format!("the broker refused the subscription to \"{filter}\": {code}{said}"))
            .with_code(code)
            .with_fate(Fate::Refused);
    match super::op::answered_hint(super::outbox::Kind::Request, code) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn overdue() -> Error {
    Error::internal("an operation stayed open past its deadline")
}

/// Whether the spool has room for it, if it has to go there.
fn has_disk_room(state: &State, body: &Body) -> bool {
    state.outbox.to_be_stored(body).is_none_or(|message| state.outbox.has_disk_room(&message))
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
