//! What the identity may do once it is logged in: subscribe, publish, send to itself; and whether it is left alone.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use aliyun_mqtt::{Code, Error, ErrorKind, Event, Fate, QoS, p2p_topic};

use super::Patient;
use super::cause::Cause;
use super::show::{Outcome, Saw, Trouble, words};

/// How long a message may take to come back, at most.
const BACK: Duration = Duration::from_secs(10);

/// How long a connection is watched for another client with the same id.
const WATCH: Duration = Duration::from_secs(3);

/// How often somebody who waits looks up.
const TICK: Duration = Duration::from_millis(20);

/// What is being tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    Subscribe,
    Publish,
}

const NO_LINE: &str = "there is no login";
const NO_TOPIC: &str = "no topic is given: -t, or --parent-topic";
const NO_PUBLISH: &str = "--no-publish";

pub(super) fn subscribe(patient: &mut Patient<'_>, saw: &mut Saw) -> Outcome {
    let Some(line) = &patient.line else { return Outcome::skipped(NO_LINE) };
    let Some(topic) = &patient.topic else { return Outcome::skipped(NO_TOPIC) };
    saw.note("filter", topic.as_str());
    let start = Instant::now();
    match line.client.subscribe(topic, QoS::AtLeastOnce) {
        Ok(granted) => {
            saw.note("granted_qos", granted.level());
            saw.time("suback_ms", start);
            patient.subscribed = true;
            Outcome::ok(format!("QoS {} is granted for {topic}", granted.level()))
        }
        Err(error) => patient.judge(&error, Right::Subscribe, &topic.clone(), saw).into(),
    }
}

pub(super) fn publish(patient: &mut Patient<'_>, saw: &mut Saw) -> Outcome {
    if patient.args.no_publish {
        return Outcome::skipped(NO_PUBLISH);
    }
    let Some(topic) = patient.topic.clone() else { return Outcome::skipped(NO_TOPIC) };
    send(patient, saw, &topic, patient.subscribed, Cause::MessageNotBack)
}

pub(super) fn p2p(patient: &mut Patient<'_>, saw: &mut Saw) -> Outcome {
    if patient.args.no_publish {
        return Outcome::skipped(NO_PUBLISH);
    }
    let Some(line) = &patient.line else { return Outcome::skipped(NO_LINE) };
    let Some(parent) = &patient.parent else { return Outcome::skipped(NO_TOPIC) };
    match p2p_topic(parent, line.client.config().client_id().as_str()) {
        Ok(topic) => send(patient, saw, &topic, true, Cause::P2pNotArriving),
        Err(error) => Trouble::of(Cause::TopicMalformed, &error).into(),
    }
}

/// Sends a marked message, and, where it should come back, waits for it. `lost`: what it means if it does not.
fn send(patient: &mut Patient<'_>, saw: &mut Saw, topic: &str, comes_back: bool, lost: Cause) -> Outcome {
    let Some(line) = &patient.line else { return Outcome::skipped(NO_LINE) };
    saw.note("topic", topic);
    let mark = format!("aliyun-mqtt doctor {:016x}", RandomState::new().hash_one(Instant::now()));
    saw.note("payload", mark.as_str());
    let start = Instant::now();
    if let Err(error) = line.client.publish(topic, QoS::AtLeastOnce, mark.as_bytes()) {
        return patient.judge(&error, Right::Publish, topic, saw).into();
    }
    saw.time("puback_ms", start);
    if !comes_back {
        saw.note("back", "not waited for: there is no subscription");
        return Outcome::ok(format!("acknowledged, {topic}"));
    }
    let limit = patient.timeout.min(BACK);
    let deadline = Instant::now() + limit;
    loop {
        match line.client.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Some(message)) if message.payload() == mark.as_bytes() => {
                saw.time("back_ms", start);
                return Outcome::ok(format!("acknowledged and received, {topic}"));
            }
            // Somebody else's, or of an earlier run.
            Ok(Some(_)) if Instant::now() < deadline => {}
            Ok(_) => {
                let trouble = Trouble::new(lost, format!("nothing came back within {limit:?}"));
                // The right to publish is there; what is missing is less than that.
                return if lost == Cause::MessageNotBack { Outcome::Warning(trouble) } else { trouble.into() };
            }
            Err(error) => return patient.judge(&error, Right::Publish, topic, saw).into(),
        }
    }
}

pub(super) fn stay(patient: &mut Patient<'_>, saw: &mut Saw) -> Outcome {
    if patient.line.is_none() {
        return Outcome::skipped(NO_LINE);
    }
    let watch = if patient.given_id.is_some() { WATCH } else { Duration::ZERO };
    saw.note("watched_s", watch.as_secs());
    match patient.cut(watch) {
        None if watch.is_zero() => Outcome::ok("still connected"),
        None => Outcome::ok(format!("still connected after {} s", watch.as_secs())),
        Some(reason) => {
            let conflict = patient.given_id.is_some();
            let cause = if conflict { Cause::ClientIdConflict } else { Cause::ConnectionCut };
            Trouble::of(by_code(&reason).unwrap_or(cause), &reason).into()
        }
    }
}

impl Patient<'_> {
    /// The reason of a loss of the connection that was not told yet, or that comes within this time.
    fn cut(&self, within: Duration) -> Option<Error> {
        let line = self.line.as_ref()?;
        let deadline = Instant::now() + within;
        loop {
            match line.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Some(Event::Disconnected { reason, .. }) => return Some(reason),
                Some(_) => {}
                None => return None,
            }
        }
    }

    /// Waits for the next connection, and forgets what happened until then: it is explained.
    fn forget_cuts(&self) {
        let Some(line) = &self.line else { return };
        let deadline = Instant::now() + self.timeout;
        // A loss is told before the next connection is tried. A client that is dead will have none.
        while !line.client.is_connected() && line.client.try_recv().is_ok() && Instant::now() < deadline {
            let _ = line.events.recv_timeout(TICK);
        }
        while line.events.try_recv().is_some() {}
    }

    fn judge(&mut self, error: &Error, right: Right, topic: &str, saw: &mut Saw) -> Trouble {
        let cuts: Vec<Error> = std::iter::from_fn(|| self.cut(Duration::ZERO)).collect();
        if !error.is_timeout() {
            self.forget_cuts();
        }
        let said = |cause| Trouble::of(cause, error);
        if let Some(code) = error.code().or_else(|| cuts.iter().find_map(Error::code)) {
            saw.note("code", code.to_string());
        }
        if let Some(cause) = by_code(error).or_else(|| cuts.iter().find_map(by_code)) {
            return said(cause);
        }
        // Of connections that stood; those that could not be made are something else.
        let lost = cuts.iter().filter(|cut| cut.kind() == ErrorKind::ConnectionLost).count();
        match error.kind() {
            ErrorKind::SuspectedRefusal => self.suspected(error, right, topic),
            // Each time it was sent, and time ran out before the library was sure of it.
            ErrorKind::Timeout(_) if lost > 1 && error.fate() == Some(Fate::Unknown) => {
                self.forget_cuts();
                self.suspected(error, right, topic)
            }
            ErrorKind::Timeout(_) if cuts.is_empty() => said(Cause::NoAcknowledgement),
            ErrorKind::Invalid => said(Cause::TopicMalformed),
            ErrorKind::Refused | ErrorKind::Credentials => self.refusal(error, saw),
            _ => said(Cause::ConnectionCut),
        }
    }

    /// The connection is cut for it. Is it really for it, and for what?
    fn suspected(&self, error: &Error, right: Right, topic: &str) -> Trouble {
        // The other experiment: nothing is sent.
        if let Some(reason) = self.given_id.as_ref().and_then(|_| self.cut(WATCH)) {
            return Trouble::new(
                Cause::ClientIdConflict,
                format!("{}; and with nothing under way: {}", words(error), words(&reason)),
            );
        }
        let cause = match (self.topic_exists(topic), right) {
            (Some(false), _) => Cause::TopicNotCreated,
            (Some(true), Right::Subscribe) => Cause::SubscribeNotPermitted,
            (Some(true), Right::Publish) => Cause::PublishNotPermitted,
            (None, _) => Cause::TopicOrPermission,
        };
        Trouble::of(cause, error)
    }
}

/// What a code says by itself.
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
