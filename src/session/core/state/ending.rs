//! What the end of a connection, or of the client, does.

use std::time::Instant;

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

/// What the end of a connection means.
pub(in crate::session) struct Disconnected {
    /// Why, with what was sent last.
    pub(in crate::session) reason: Error,
    /// The operation that made the server cut connections was found and taken out.
    pub(in crate::session) cured: bool,
    /// Why no other connection can work, if so.
    pub(in crate::session) fatal: Option<Error>,
    /// The code with which the service has ended the connection over its token, if it has.
    pub(in crate::session) ended_over_token: Option<Code>,
}

impl State {
    /// The connection is gone, or could not be made. Returns the reason, in which what was sent last is named.
    pub(in crate::session) fn disconnected(
        &mut self,
        failure: &Failure,
        now: Now,
        events: &mut Vec<Event>,
    ) -> Disconnected {
        let resumable = !self.config.clean_session();
        let connection = self.connection.take();
        let established = connection.as_ref().is_some_and(|connection| connection.sender.is_some());
        let cut = established && failure.cause == Cause::Closed;
        // The CONNACK may have been lost on its way, and with it the word that the session is a new one: the next would
        // call that session present. A filter the server has already does no harm.
        self.restored &= established;
        // From here on the connection is only its last step, a verdict that may explain its end, and its quiet.
        let (step, verdict, quiet) = match connection {
            Some(Connection { steps, verdict, quiet_until, .. }) => {
                (steps.into_current(), verdict, quiet_until.is_some())
            }
            None => (None, None, false),
        };
        let verdict = verdict.filter(|verdict| cut && verdict.explains_end(now.instant));
        let reason = self.explain(failure, cut, verdict, step.as_ref().map(|(step, _)| step), now.instant);
        // What a broker of MQTT 5 said with its DISCONNECT.
        let said = failure.error.code();
        let fatal = self.tokens_cut(verdict, step.as_ref(), now, events);
        let step = step.map(|(step, _)| step);
        if quiet && cut {
            self.outbox.acquit();
            self.subscriptions.acquit();
        }
        let forbidden = verdict.filter(|verdict| verdict.code.forbids_operation());
        let excused = verdict.is_some_and(|verdict| verdict.code.condemns_token());
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
            // Whatever was sent before the token was sent while the one before was good.
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
        Disconnected { reason, cured, fatal, ended_over_token }
    }

    /// Settles the operation that the connection was cut for, and with it, where the whole topic is refused, what waits
    /// for the same topic. Returns true if there is no reason to hurry back less.
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
        // A code about the message, or about a quota, says nothing about others to the same topic.
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

    /// The service gives no reason when it cuts a connection; what came before it often tells.
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

    /// Ends the client: every handle is settled, every waiting call wakes up with the reason. Returns the event of the
    /// end the first time.
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

    /// No acknowledgement can leave any more.
    pub(super) fn end_acks(&mut self) {
        // Without a session to come back to, nothing comes again for want of them.
        if !self.config.clean_session() {
            self.unsent_acks += self.acks.unsent();
        }
        self.acks.session_gone();
        if let Some(connection) = &mut self.connection {
            connection.blocker = None;
        }
    }

    /// What is left in the inbox at the end.
    fn end_event(&mut self, reason: Error) -> Event {
        let count = self.inbox.count();
        self.stats.untaken = count as u64;
        let untaken = self.inbox.oldest().map(|topic| Untaken { count, first_topic: topic.to_string() });
        Event::Ended { reason, untaken, unsent_acks: self.unsent_acks }
    }

    /// The deadline of `disconnect` has passed, or the worker is stuck: gives up what is left, and counts it as
    /// undelivered.
    pub(in crate::session) fn give_up(&mut self) {
        let reason = match self.offline().filter(|_| self.life.end().is_none()) {
            Some(reason) => Error::new(ErrorKind::Closed, "there was no connection when the client was closed")
                .with_reason(reason.clone()),
            None => Error::closed(),
        };
        self.outbox.settle_all(true, |op| given_up(op, &reason));
    }
}

/// The error of an operation that the connection was cut for. `forbidden`: what the service said of the token then.
/// `said`: the code with which the server ended the connection, if it gave one.
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

/// The error of a message that is not sent, since its topic is refused as a whole.
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
    // Of what was sent before, the connection was cut ahead of the answer.
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
