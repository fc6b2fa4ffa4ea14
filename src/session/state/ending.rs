//! What the end of a connection, or of the client, does.

use std::time::{Duration, Instant};

use super::{ORDER_TOPIC, Phase, State, Step};
use crate::error::{Code, Error, ErrorKind, Fate};
use crate::events::Event;
use crate::session::line::{Cause, Failure};
use crate::session::op::Op;
use crate::session::outbox::Outbox;

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
                let reason = self.suspected(&what, now);
                log::warn!("{reason}");
                events.push(Event::SubscriptionLost { filter, reason });
            }
        }
        self.acks.connection_lost(resumable);
        self.outbox.connection_lost(resumable, cut, now);
        let convicted = self.outbox.convicted();
        let cured = convicted.is_some_and(|seq| {
            let what = self.outbox.op(seq).map(Op::describe).unwrap_or_default();
            let error = self.suspected(&what, now);
            log::warn!("{error}");
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

    fn suspected(&self, what: &str, now: Instant) -> Error {
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
            None => error.with_hint(
                "the service cuts the connection when a topic's parent does not exist, when the AccessKey, token or \
                 device has no right to it, or when a message is too large",
            ),
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
        self.outbox.settle_all(true, |op| given_up(op, &crate::session::closed()));
    }
}

fn given_up(op: &Op, reason: &Error) -> Error {
    let fate = Outbox::fate_of(op);
    let what = match fate {
        Fate::Unknown => "may have been delivered",
        _ => "was not sent",
    };
    let error = Error::new(reason.kind(), format!("{} {what}: {reason}", op.describe())).with_fate(fate);
    match reason.code() {
        Some(code) => error.with_code(code),
        None => error,
    }
    .with_source(reason.clone())
}
