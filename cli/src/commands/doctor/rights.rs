//! The steps behind the login: subscribing, publishing, sending to itself, and staying connected.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use aliyun_mqtt::{Code, Error, ErrorKind, Event, Fate, QoS, p2p_topic};

use super::cause::Cause;
use super::examination::Examination;
use super::outcome::{Facts, Outcome, Problem, words};
use crate::lang::{Phrase, phrase};

/// The longest time to wait for a message to come back.
const BACK: Duration = Duration::from_secs(10);

/// How long a connection is watched for another client with the same id.
const WATCH: Duration = Duration::from_secs(3);

/// The interval at which a waiting step checks the connection.
const TICK: Duration = Duration::from_millis(20);

/// The right that a step checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    Subscribe,
    Publish,
}

pub(super) fn subscribe(exam: &mut Examination<'_>, facts: &mut Facts) -> Outcome {
    let Some(session) = &exam.session else { return no_session() };
    let Some(topic) = &exam.topic else { return no_topic() };
    facts.note("filter", topic.as_str());
    let start = Instant::now();
    match session.client.subscribe(topic, QoS::AtLeastOnce) {
        Ok(granted) => {
            facts.note("granted_qos", granted.level());
            facts.time("suback_ms", start);
            exam.subscribed = true;
            Outcome::ok(phrase!("{granted} is granted for {topic}", granted, topic))
        }
        Err(error) => exam.judge(&error, Right::Subscribe, &topic.clone(), facts).into(),
    }
}

pub(super) fn publish(exam: &mut Examination<'_>, facts: &mut Facts) -> Outcome {
    if exam.args.no_publish {
        return no_publish();
    }
    if exam.session.is_none() {
        return no_session();
    }
    let Some(topic) = exam.topic.clone() else { return no_topic() };
    send(exam, facts, &topic, exam.subscribed, Cause::MessageNotBack)
}

pub(super) fn p2p(exam: &mut Examination<'_>, facts: &mut Facts) -> Outcome {
    if exam.args.no_publish {
        return no_publish();
    }
    let Some(session) = &exam.session else { return no_session() };
    let Some(parent) = &exam.parent else { return no_topic() };
    match p2p_topic(parent, session.client.config().client_id().as_str()) {
        Ok(topic) => send(exam, facts, &topic, true, Cause::P2pNotArriving),
        Err(error) => Problem::of(Cause::TopicMalformed, &error).into(),
    }
}

/// Publishes a marked message and, if `comes_back`, waits for it. `lost` is the cause if it does not come back.
fn send(exam: &mut Examination<'_>, facts: &mut Facts, topic: &str, comes_back: bool, lost: Cause) -> Outcome {
    let Some(session) = &exam.session else { return no_session() };
    facts.note("topic", topic);
    let mark = format!("aliyun-mqtt doctor {:016x}", RandomState::new().hash_one(Instant::now()));
    facts.note("payload", mark.as_str());
    let start = Instant::now();
    if let Err(error) = session.client.publish(topic, QoS::AtLeastOnce, mark.as_bytes()) {
        return exam.judge(&error, Right::Publish, topic, facts).into();
    }
    facts.time("puback_ms", start);
    if !comes_back {
        facts.note("back", "not awaited, since there is no subscription");
        return Outcome::ok(phrase!("acknowledged, {topic}", topic));
    }
    let limit = exam.timeout.min(BACK);
    let deadline = Instant::now() + limit;
    loop {
        match session.client.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Some(message)) if message.payload() == mark.as_bytes() => {
                facts.time("back_ms", start);
                return Outcome::ok(phrase!("acknowledged and received, {topic}", topic));
            }
            // From another client or an earlier run.
            Ok(Some(_)) if Instant::now() < deadline => {}
            Ok(_) => {
                let problem = Problem::new(lost, format!("nothing came back within {limit:?}"));
                // Publishing works, which is what this step is about.
                return if lost == Cause::MessageNotBack { Outcome::Warning(problem) } else { problem.into() };
            }
            Err(error) => return exam.judge(&error, Right::Publish, topic, facts).into(),
        }
    }
}

pub(super) fn stay(exam: &mut Examination<'_>, facts: &mut Facts) -> Outcome {
    if exam.session.is_none() {
        return no_session();
    }
    let watch = if exam.given_id.is_some() { WATCH } else { Duration::ZERO };
    facts.note("watched_s", watch.as_secs());
    let seconds = watch.as_secs();
    match exam.cut(watch) {
        None if watch.is_zero() => Outcome::ok(phrase!("still connected")),
        None => Outcome::ok(phrase!("still connected after {seconds} s", seconds)),
        Some(reason) => {
            let conflict = exam.given_id.is_some();
            let cause = if conflict { Cause::ClientIdConflict } else { Cause::ConnectionCut };
            Problem::of(by_code(&reason).unwrap_or(cause), &reason).into()
        }
    }
}

fn no_session() -> Outcome {
    Outcome::skipped(phrase!("there is no login"))
}

fn no_topic() -> Outcome {
    Outcome::skipped(phrase!("no topic is given: -t, or --parent-topic"))
}

fn no_publish() -> Outcome {
    Outcome::skipped(Phrase::untranslated("--no-publish"))
}

impl Examination<'_> {
    /// Returns why the connection was lost, if that happened and was not reported yet, or happens within this time.
    fn cut(&self, within: Duration) -> Option<Error> {
        let session = self.session.as_ref()?;
        let deadline = Instant::now() + within;
        loop {
            match session.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Some(Event::Disconnected { reason, .. }) => return Some(reason),
                Some(_) => {}
                None => return None,
            }
        }
    }

    /// Waits for the next connection, and discards the losses until then: their cause is known.
    fn forget_cuts(&self) {
        let Some(session) = &self.session else { return };
        let deadline = Instant::now() + self.timeout;
        // The event of a loss comes before the next attempt to connect. A dead client makes no attempt.
        while !session.client.is_connected() && session.client.try_recv().is_ok() && Instant::now() < deadline {
            let _ = session.events.recv_timeout(TICK);
        }
        while session.events.try_recv().is_some() {}
    }

    fn judge(&mut self, error: &Error, right: Right, topic: &str, facts: &mut Facts) -> Problem {
        let cuts: Vec<Error> = std::iter::from_fn(|| self.cut(Duration::ZERO)).collect();
        if !error.is_timeout() {
            self.forget_cuts();
        }
        let said = |cause| Problem::of(cause, error);
        if let Some(code) = error.code().or_else(|| cuts.iter().find_map(Error::code)) {
            facts.note("code", code.to_string());
        }
        if let Some(cause) = by_code(error).or_else(|| cuts.iter().find_map(by_code)) {
            return said(cause);
        }
        // Counts lost connections, not failed attempts to connect.
        let lost = cuts.iter().filter(|cut| cut.kind() == ErrorKind::ConnectionLost).count();
        match error.kind() {
            ErrorKind::SuspectedRefusal => self.suspected(error, right, topic),
            // Lost each time it was sent; the timeout expired before the library could be sure.
            ErrorKind::Timeout(_) if lost > 1 && error.fate() == Some(Fate::Unknown) => {
                self.forget_cuts();
                self.suspected(error, right, topic)
            }
            ErrorKind::Timeout(_) if cuts.is_empty() => said(Cause::NoAcknowledgement),
            ErrorKind::Invalid => said(Cause::TopicMalformed),
            ErrorKind::Refused | ErrorKind::Credentials => self.refusal(error, facts),
            _ => said(Cause::ConnectionCut),
        }
    }

    /// Finds out whether the server closes the connection because of this operation, and why.
    fn suspected(&self, error: &Error, right: Right, topic: &str) -> Problem {
        // If it also closes while nothing is sent, the operation is not the reason.
        if let Some(reason) = self.given_id.as_ref().and_then(|_| self.cut(WATCH)) {
            return Problem::new(
                Cause::ClientIdConflict,
                format!("{}; and with nothing in flight: {}", words(error), words(&reason)),
            );
        }
        let cause = match (self.topic_exists(topic), right) {
            (Some(false), _) => Cause::TopicNotCreated,
            (Some(true), Right::Subscribe) => Cause::SubscribeNotPermitted,
            (Some(true), Right::Publish) => Cause::PublishNotPermitted,
            (None, _) => Cause::TopicOrPermission,
        };
        Problem::of(cause, error)
    }
}

/// Finds the cause by the code alone.
fn by_code(error: &Error) -> Option<Cause> {
    Some(match error.code()? {
        Code::TokenInvalid(code) => match code {
            1 => Cause::TokenForged,
            2 => Cause::TokenExpired,
            3 => Cause::TokenRevoked,
            4 => Cause::TokenOtherTopic,
            5 => Cause::TokenWrongKind,
            8 => Cause::TokenSignature,
            -1 => Cause::TokenAccount,
            _ => return None,
        },
        Code::SubAck(_) => Cause::SubscribeRefused,
        Code::PubAck(_) => Cause::PublishRefused,
        Code::Disconnect(0x8E) => Cause::ClientIdConflict,
        _ => return None,
    })
}
