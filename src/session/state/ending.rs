//! What the end of a connection, or of the client, does.

use std::time::{Duration, Instant};

use super::{ORDER_TOPIC, Phase, State, Step};
use crate::error::{Code, Error, ErrorKind, Fate};
use crate::events::Event;
use crate::session::line::{Cause, Failure};
use crate::session::op::{Op, refusal_hint};
use crate::session::outbox::{Kind, Outbox};

/// A notice this recent explains why the service then cuts the connection.
const NOTICE_EXPLAINS: Duration = Duration::from_secs(10);

impl State {
    /// The connection is gone, or could not be made. Returns the reason, in which what was sent last is named.
    pub(in crate::session) fn lost(&mut self, failure: &Failure, events: &mut Vec<Event>) -> (Error, bool) {
        let now = Instant::now();
        let resumable = !self.config.clean_session();
        let established = self.line.take().is_some();
        let cut = established && failure.cause == Cause::Closed;
        let reason = self.explain(failure, cut, now);
        let step = self.step.take();
        self.steps.clear();
        if self.quiet_until.take().is_some() && cut {
            self.outbox.acquit();
            self.subscriptions.acquit();
        }
        if let (true, Some((Step::Resubscribe(filters), _))) = (cut, &step) {
            if let Some(filter) = self.subscriptions.dropped(filters) {
                let what = format!("SUBSCRIBE to \"{filter}\"");
                let reason = self.suspected(&what, Kind::Request, now);
                events.push(Event::SubscriptionLost { filter, reason });
            }
        }
        self.acks.connection_lost(resumable);
        self.outbox.connection_lost(resumable, cut, now);
        let convicted = self.outbox.convicted();
        let cured = convicted.is_some_and(|seq| {
            let (what, kind) = match self.outbox.op(seq) {
                Some(op) => (op.describe(), op.kind()),
                None => return false,
            };
            let error = self.suspected(&what, kind, now);
            self.outbox.convict(seq, error)
        });
        if !matches!(self.phase, Phase::Dead(_)) {
            self.phase = Phase::Offline(reason.clone());
        }
        self.touch();
        (reason, cured)
    }

    fn recent_notice(&self, now: Instant) -> Option<Code> {
        let (at, code) = self.last_notice?;
        (now.saturating_duration_since(at) <= NOTICE_EXPLAINS).then_some(code)
    }

    /// The service gives no reason when it cuts a connection; what came before it often tells.
    fn explain(&self, failure: &Failure, cut: bool, now: Instant) -> Error {
        if !cut {
            return failure.error.clone();
        }
        let before = match &self.step {
            Some((Step::EnableOrder, _)) => Some(format!("after PUBLISH to \"{ORDER_TOPIC}\" (ordered mode)")),
            Some((Step::Resubscribe(_), _)) => Some("while the subscriptions were being restored".to_string()),
            None => self.outbox.last_words(now),
        };
        let mut message = failure.error.to_string();
        if let Some(before) = before {
            message = format!("{message} {before}");
        }
        let error = Error::new(ErrorKind::ConnectionLost, message).with_source(failure.error.clone());
        match self.recent_notice(now) {
            Some(code) => error.with_code(code).with_hint(code.to_string()),
            None => error,
        }
    }

    fn suspected(&self, what: &str, kind: Kind, now: Instant) -> Error {
        let error = Error::new(
            ErrorKind::SuspectedRefusal,
            format!(
                "{what} is suspected to be refused: the connection was cut each time it was sent, at last with \
                 nothing else under way"
            ),
        )
        .with_fate(Fate::Refused);
        match self.recent_notice(now) {
            Some(code) => error.with_code(code).with_hint(code.to_string()),
            None => error.with_hint(refusal_hint(kind)),
        }
    }

    /// The end: every handle is settled, every waiting call wakes up with the reason.
    pub(in crate::session) fn die(&mut self, reason: &Error) {
        self.line = None;
        if !matches!(self.phase, Phase::Dead(_)) {
            self.phase = Phase::Dead(reason.clone());
        }
        self.outbox.settle_all(false, |op| given_up(op, reason));
        self.acks.session_gone();
        (self.changed, self.arrived) = (true, true);
    }

    /// The deadline of `disconnect` has passed, or the worker is stuck: gives up what is left, and counts it as lost.
    pub(in crate::session) fn give_up(&mut self) {
        let reason = match &self.phase {
            Phase::Offline(reason) => {
                Error::new(ErrorKind::Closed, format!("there was no connection when the client was closed: {reason}"))
                    .with_source(reason.clone())
            }
            _ => crate::session::closed(),
        };
        self.outbox.settle_all(true, |op| given_up(op, &reason));
    }

    /// Why there is no connection, if there is none.
    pub(in crate::session) fn offline(&self) -> Option<&Error> {
        match &self.phase {
            Phase::Offline(reason) | Phase::Dead(reason) => Some(reason),
            Phase::Online => None,
        }
    }
}

fn given_up(op: &Op, reason: &Error) -> Error {
    let fate = Outbox::fate_of(op);
    let what = match fate {
        Fate::Unknown => op.maybe(),
        _ => "was not sent",
    };
    let error = Error::new(reason.kind(), format!("{} {what}: {reason}", op.describe())).with_fate(fate);
    match reason.code() {
        Some(code) => error.with_code(code),
        None => error,
    }
    .with_source(reason.clone())
}
