//! The effects of the end of a connection, or of the client.

use std::time::{Duration, Instant};

use super::State;
use super::connection::{Connection, Step, Verdict};
use crate::error::{Code, Error, ErrorKind, Fate, Hint};
use crate::events::{Event, Untaken};
use crate::notice::{ENABLE_ORDER, UPLOAD_TOKEN};
use crate::session::core::now::Now;
use crate::session::core::op::Kind;
use crate::session::core::op::{Op, cut_hint};
use crate::session::core::outbox::{Blame, TopicRefusal};
use crate::session::wire::link::{Cause, Failure};

/// The consequences of the end of a connection.
pub(in crate::session) struct Disconnected {
    /// Why the connection ended, with the operation that was sent last.
    pub(in crate::session) reason: Error,
    /// The operation that made the server close connections was found and settled.
    pub(in crate::session) cured: bool,
    /// Why no other connection can work, if none can.
    pub(in crate::session) fatal: Option<Error>,
    /// The service's code, if the service closed the connection because of a token.
    pub(in crate::session) ended_over_token: Option<Code>,
    /// The client ended it itself, to log in again at once.
    pub(in crate::session) relogin: bool,
}

impl State {
    /// Handles the end of a connection, or a failed attempt. The reason that it returns names the operation sent last.
    pub(in crate::session) fn disconnected(
        &mut self,
        failure: &Failure,
        now: Now,
        events: &mut Vec<Event>,
    ) -> Disconnected {
        let resumable = !self.config.clean_session();
        let connection = self.connection.take();
        let relogin = connection.as_ref().is_some_and(|connection| connection.relogin);
        let established = connection.as_ref().is_some_and(|connection| connection.sender.is_some());
        let cut = established && failure.cause == Cause::Closed;
        // A CONNACK that never arrived may have said that the session is new; the next one would call that session
        // present. Subscribing again to a filter the server has does no harm.
        self.restored &= established;
        let set_up = connection.as_ref().filter(|connection| connection.online).map(|connection| connection.since);
        // From here on, only the last step, the verdict and the quiet period of the connection matter.
        let (step, verdict, quiet) = match connection {
            Some(Connection { steps, verdict, quiet_until, .. }) => {
                (steps.into_current(), verdict, quiet_until.is_some())
            }
            None => (None, None, false),
        };
        let verdict = verdict.filter(|verdict| cut && verdict.explains_end(now.instant));
        // The code of an MQTT 5 server's DISCONNECT.
        let said = failure.error.code();
        let unseen = cut && !relogin && step.is_none() && verdict.is_none() && said.is_none();
        let unexplained = unseen && set_up.is_some() && self.outbox.last_words(now.instant).is_none();
        let lasted = set_up.map_or(Duration::ZERO, |since| now.instant.saturating_duration_since(since));
        let mut reason = self.explain(failure, cut, verdict, step.as_ref().map(|(step, _)| step), now.instant);
        if self.kicks.ended(unexplained, lasted) {
            reason = reason.with_hint(Hint::SharedClientId);
        }
        let fatal = self.tokens_cut(verdict, step.as_ref(), now, events);
        let step = step.map(|(step, _)| step);
        if quiet && cut {
            self.outbox.acquit();
            self.subscriptions.acquit();
        }
        let forbidden = verdict.filter(|verdict| verdict.code.forbids_operation());
        let excused = verdict.is_some_and(|verdict| verdict.code.invalidates_token());
        if let (true, false, Some(Step::Resubscribe(filters))) = (cut, excused, &step) {
            if let Some(filter) = self.subscriptions.dropped(filters, forbidden.is_some()) {
                let what = format!("SUBSCRIBE to \"{filter}\"");
                let reason = suspected(&what, Kind::Request, forbidden, said);
                events.push(Event::SubscriptionLost { filter, reason });
            }
        }
        self.acks.disconnected(resumable);
        let blame = match forbidden {
            _ if !cut || excused => Blame::Nobody,
            // Everything sent before the upload was sent while the previous token was valid.
            None if matches!(step, Some(Step::UploadToken(_))) => Blame::Nobody,
            None => Blame::Recent,
            Some(verdict) => Blame::Proven(self.tokens.not_permitted(verdict.code)),
        };
        self.outbox.disconnected(resumable, blame, now.instant);
        let convicted = self.outbox.convicted();
        let cured = match convicted {
            Some(seq) => self.convict(seq, forbidden, said, now.instant, events),
            None => self.outbox.is_closing_in(),
        };
        self.last_end = reason.clone();
        self.waking.mark_changed();
        let ended_over_token = verdict.filter(|_| excused).map(|verdict| verdict.code);
        Disconnected { reason, cured, fatal, ended_over_token, relogin }
    }

    /// Settles the operation that the connection was closed for and, if its whole topic is refused, what waits for the
    /// same topic. Returns true if the client may reconnect without a longer pause.
    fn convict(
        &mut self,
        seq: u64,
        forbidden: Option<Verdict>,
        said: Option<Code>,
        now: Instant,
        events: &mut Vec<Event>,
    ) -> bool {
        let Some(op) = self.outbox.op(seq) else { return false };
        let error = suspected(&op.describe(), op.kind(), forbidden, said);
        // A code about the message or a quota says nothing about other messages to the same topic.
        let topic = if said.is_none_or(Code::may_be_about_rights) {
            self.outbox.convict_topic(seq, forbidden.map(|verdict| verdict.code), now)
        } else {
            None
        };
        let cured = self.outbox.convict(seq, error.clone());
        if let Some((topic, refusal)) = topic {
            self.stats.refused_topic += self.outbox.refuse_topic(&topic, |op| topic_refused(op, &refusal, now));
            let retry_in = refusal.until.saturating_duration_since(now);
            events.push(Event::TopicRefused { topic, retry_in, reason: error });
        }
        cured
    }

    /// Adds what happened last to the reason: the service gives none when it closes a connection.
    fn explain(
        &self,
        failure: &Failure,
        cut: bool,
        verdict: Option<Verdict>,
        step: Option<&Step>,
        now: Instant,
    ) -> Error {
        if !cut {
            return failure.error.clone();
        }
        let before = match step {
            Some(Step::EnableOrder) => Some(format!("after PUBLISH to \"{ENABLE_ORDER}\" (ordered mode)")),
            Some(Step::UploadToken(_)) => Some(format!("after PUBLISH to \"{UPLOAD_TOKEN}\" (a new token)")),
            Some(Step::Resubscribe(_)) => Some("while the subscriptions were being restored".to_string()),
            None => self.outbox.last_words(now),
        };
        let mut message = failure.error.message().to_string();
        if let Some(before) = before {
            message = format!("{message} {before}");
        }
        let error = Error::new(ErrorKind::ConnectionLost, message).with_source(failure.error.clone());
        match verdict {
            Some(verdict) => {
                error.with_code(verdict.code).with_hint(Hint::TokenNotice { meaning: verdict.code.to_string() })
            }
            None => match failure.error.code() {
                Some(code) => error.with_code(code).with_hint(code.cure()),
                None => error,
            },
        }
    }

    /// Ends the client: settles every handle and wakes every waiting call with the reason. Returns the event of the end
    /// on the first call.
    #[must_use]
    pub(in crate::session) fn die(&mut self, reason: &Error) -> Option<Event> {
        self.connection = None;
        let first = self.life.die(reason);
        self.outbox.settle_all(false, |op| given_up(op, reason));
        self.replies.end(reason);
        self.end_acks();
        self.waking.mark_all();
        first.then(|| self.end_event(reason.clone()))
    }

    /// Notes that no more acknowledgements can be sent.
    pub(super) fn end_acks(&mut self) {
        // Without a kept session, the server does not send the messages again.
        if !self.config.clean_session() {
            self.unsent_acks += self.acks.unsent();
        }
        self.acks.session_gone();
        if let Some(connection) = &mut self.connection {
            connection.blocker = None;
        }
    }

    /// Returns the event of the end, with what is left in the inbox.
    fn end_event(&mut self, reason: Error) -> Event {
        let count = self.inbox.count();
        self.stats.untaken = count as u64;
        let untaken = self.inbox.oldest().map(|topic| Untaken { count, first_topic: topic.to_string() });
        Event::Ended { reason, untaken, unsent_acks: self.unsent_acks }
    }

    /// Gives up what is left and counts it as undelivered: the deadline of `disconnect` has passed, or the worker is
    /// stuck.
    pub(in crate::session) fn give_up(&mut self) {
        let reason = match self.offline().filter(|_| self.life.end().is_none()) {
            Some(reason) => Error::new(ErrorKind::Closed, "there was no connection when the client was closed")
                .with_reason(reason.clone()),
            None => Error::closed(),
        };
        self.outbox.settle_all(true, |op| given_up(op, &reason));
    }
}

/// The error of an operation that the connection was closed for. `forbidden`: the service's notice about the token
/// then. `said`: the code with which the server ended the connection, if it gave one.
fn suspected(what: &str, kind: Kind, forbidden: Option<Verdict>, said: Option<Code>) -> Error {
    let error = match forbidden {
        Some(verdict) => {
            let message = format!("{what} was refused by the service: {}", verdict.code);
            Error::new(ErrorKind::Rejected, message).with_code(verdict.code).with_hint(Hint::TokenRights)
        }
        None => {
            let why = said.map(|code| format!(" ({code})")).unwrap_or_default();
            let message = format!(
                "{what} was probably refused: the server closed the connection{why} every time it was sent, most \
                 recently with nothing else in flight"
            );
            let error = Error::new(ErrorKind::SuspectedRefusal, message).with_hint(cut_hint(kind, said));
            match said {
                Some(code) => error.with_code(code),
                None => error,
            }
        }
    };
    error.with_fate(Fate::Refused)
}

/// The error of a message that is not sent because its whole topic is refused.
pub(in crate::session) fn topic_refused(op: &Op, refusal: &TopicRefusal, now: Instant) -> Error {
    let what = op.describe();
    let rest = refusal.until.saturating_duration_since(now).as_secs_f64().ceil();
    let kept = if op.is_kept() { "it stays in the spool for the next run; " } else { "" };
    let (kind, why) = match refusal.code {
        Some(code) => (ErrorKind::Rejected, format!("the service refuses the topic: {code}")),
        None => {
            let why = format!(
                "the connection was cut for {} earlier messages to this topic, and none to it was acknowledged",
                refusal.convicted
            );
            (ErrorKind::SuspectedRefusal, why)
        }
    };
    // A message sent before may have had no chance to be acknowledged.
    let sent = if op.maybe_written() { "and is not sent again" } else { "without being sent" };
    let message = format!("{what} is refused {sent}: {why}; {kept}messages to it are refused for {rest} s");
    let error = Error::new(kind, message)
        .with_fate(if op.is_kept() { Fate::Spooled } else { Fate::Refused })
        .with_hint(Hint::TopicRefused);
    match refusal.code {
        Some(code) => error.with_code(code),
        None => error,
    }
}

fn given_up(op: &Op, reason: &Error) -> Error {
    let fate = op.fate_if_given_up();
    let what = match fate {
        Fate::Unknown => op.maybe(),
        Fate::Spooled => "was not delivered, but stays in the spool for the next run",
        _ => "was not sent",
    };
    let error = Error::new(reason.kind(), format!("{} {what}", op.describe())).with_fate(fate);
    match reason.code() {
        Some(code) => error.with_code(code),
        None => error,
    }
    .with_reason(reason.clone())
}
