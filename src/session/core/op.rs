//! One operation of the outbox.

mod body;
mod place;

use std::time::{Duration, Instant};

use crate::delivery::{Outcome, Settler};
use crate::error::{Code, Error, ErrorKind, Fate, Hint, Stage};
use crate::message::QoS;
use crate::session::core::evidence::Evidence;
pub(crate) use body::Body;
pub(in crate::session) use place::Progress;
use place::{Exchange, OnLink, Place};

/// Which of MQTT's two kinds of acknowledged requests a packet id belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Kind {
    Publish,
    Request,
}

/// The packets that acknowledge an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum AckKind {
    PubAck,
    PubRec,
    PubComp,
    SubAck,
    UnsubAck,
}

pub(in crate::session) struct Op {
    /// `None` for an abandoned operation: settled, but the server has not answered.
    body: Option<Body>,
    kind: Kind,
    qos: QoS,
    pub(in crate::session) settler: Option<Settler>,
    pub(in crate::session) size: usize,
    place: Place,
    /// It was written to a connection, current or earlier.
    pub(in crate::session) written: bool,
    pub(in crate::session) attempts: u32,
    pub(in crate::session) evidence: Evidence,
    /// Its record in the spool: key and bytes.
    pub(in crate::session) record: Option<(u64, u64)>,
}

impl Op {
    pub(in crate::session) fn new(body: Body, settler: Settler) -> Self {
        let (kind, qos) = match &body {
            Body::Publish(message) => (Kind::Publish, message.qos),
            Body::Subscribe { .. } | Body::Unsubscribe(_) => (Kind::Request, QoS::AtLeastOnce),
        };
        Op {
            size: body.size(),
            body: Some(body),
            kind,
            qos,
            settler: Some(settler),
            place: Place::Queued(None),
            written: false,
            attempts: 0,
            evidence: Evidence::default(),
            record: None,
        }
    }

    pub(in crate::session) fn body(&self) -> Option<&Body> {
        self.body.as_ref()
    }

    pub(in crate::session) fn kind(&self) -> Kind {
        self.kind
    }

    pub(in crate::session) fn qos(&self) -> QoS {
        self.qos
    }

    /// The topic of a message.
    pub(in crate::session) fn topic(&self) -> Option<&str> {
        match &self.body {
            Some(Body::Publish(message)) => Some(&message.topic),
            _ => None,
        }
    }

    /// The packet id on the current connection.
    #[cfg(any(test, fuzzing))]
    pub(in crate::session) fn current_id(&self) -> Option<u16> {
        self.on_link().map(|on_link| on_link.id)
    }

    fn on_link(&self) -> Option<&OnLink> {
        match &self.place {
            Place::OnLink(on_link) => Some(on_link),
            _ => None,
        }
    }

    fn exchange(&self) -> Option<Exchange> {
        match self.place {
            Place::Queued(exchange) => exchange,
            _ => None,
        }
    }

    /// Returns the packet id that it keeps on a resumed session.
    pub(in crate::session) fn kept_id(&self) -> Option<u16> {
        self.exchange().map(|exchange| exchange.id)
    }

    /// Returns true if, on a resumed session, PUBREL has to be repeated instead of the message.
    pub(in crate::session) fn releases(&self) -> bool {
        self.exchange().is_some_and(|exchange| exchange.released)
    }

    /// Returns true if, on the current connection, it continues under a packet id from an earlier one.
    pub(in crate::session) fn is_continued(&self) -> bool {
        self.on_link().is_some_and(|on_link| on_link.continued)
    }

    pub(in crate::session) fn progress(&self) -> Option<Progress> {
        self.on_link().map(|on_link| on_link.progress)
    }

    /// Returns when it was put into the channel of the current connection.
    pub(in crate::session) fn sent_since(&self) -> Option<Instant> {
        self.on_link().map(|on_link| on_link.since)
    }

    /// Returns its number in the order of sending on the current connection, and when it was sent.
    pub(in crate::session) fn place_in_order(&self) -> Option<(u32, Instant)> {
        self.on_link().map(|on_link| (on_link.number, on_link.since))
    }

    /// Returns true if this acknowledgement is valid for the operation in its current state.
    pub(in crate::session) fn fits(&self, answer: AckKind) -> bool {
        let Some(progress) = self.progress() else { return false };
        match (answer, self.kind, progress) {
            (AckKind::PubAck, Kind::Publish, Progress::Written) => self.qos == QoS::AtLeastOnce,
            (AckKind::PubRec, Kind::Publish, Progress::Written | Progress::Released) => self.qos == QoS::ExactlyOnce,
            (AckKind::PubComp, Kind::Publish, Progress::Released) => true,
            // For an abandoned operation, which of the two it was is no longer known.
            (AckKind::SubAck, Kind::Request, Progress::Written) => !matches!(self.body, Some(Body::Unsubscribe(_))),
            (AckKind::UnsubAck, Kind::Request, Progress::Written) => !matches!(self.body, Some(Body::Subscribe { .. })),
            _ => false,
        }
    }

    /// Returns true for a QoS 2 message in flight that the server has not answered yet.
    pub(in crate::session) fn awaits_pubrec(&self) -> bool {
        self.qos == QoS::ExactlyOnce && matches!(self.progress(), Some(Progress::InChannel | Progress::Written))
    }

    /// Returns true if the server acknowledges it.
    pub(in crate::session) fn needs_id(&self) -> bool {
        self.qos != QoS::AtMostOnce
    }

    pub(in crate::session) fn is_open(&self) -> bool {
        self.settler.is_some()
    }

    /// Returns true if it is on disk, so that the next run can send it.
    pub(in crate::session) fn is_kept(&self) -> bool {
        self.record.is_some() && !self.is_storing()
    }

    pub(in crate::session) fn is_abandoned(&self) -> bool {
        self.body.is_none()
    }

    pub(in crate::session) fn in_flight(&self) -> bool {
        self.on_link().is_some()
    }

    /// Returns true if its record is not on disk yet.
    pub(in crate::session) fn is_storing(&self) -> bool {
        self.place == Place::Storing
    }

    /// Returns true if it may be sent.
    pub(in crate::session) fn is_queued(&self) -> bool {
        matches!(self.place, Place::Queued(_))
    }

    /// Returns true if it may have been written to the current connection, or was written to an earlier one.
    pub(in crate::session) fn maybe_written(&self) -> bool {
        self.written || self.in_flight()
    }

    /// Returns true if it is open and was written to the current connection within this time.
    pub(in crate::session) fn sent_within(&self, time: Duration, now: Instant) -> bool {
        let recent = |on_link: &OnLink| {
            on_link.progress != Progress::InChannel && now.saturating_duration_since(on_link.since) <= time
        };
        self.is_open() && self.on_link().is_some_and(recent)
    }

    pub(in crate::session) fn outcome(&self) -> Outcome {
        Outcome { attempts: self.attempts, ..Outcome::default() }
    }

    pub(in crate::session) fn describe(&self) -> String {
        self.body.as_ref().map_or_else(|| "an operation already given up".to_string(), Body::describe)
    }

    /// Returns the fate of the operation if it is given up now.
    pub(in crate::session) fn fate_if_given_up(&self) -> Fate {
        match self.is_kept() {
            true => Fate::Spooled,
            false if self.maybe_written() => Fate::Unknown,
            false => Fate::NotSent,
        }
    }

    /// Returns true if its acknowledgement is still awaited after it was settled: on this connection, or, for QoS 2, on
    /// a resumed session, where the exchange must be completed before its packet id can be used again.
    pub(in crate::session) fn outlives_its_caller(&self) -> bool {
        self.in_flight() || (self.exchange().is_some() && self.qos == QoS::ExactlyOnce)
    }

    /// Marks it as settled while its exchange with the server is still open. The message is not sent again: on a
    /// resumed session PUBREL ends the exchange, which makes the server deliver the message if it has it.
    pub(in crate::session) fn abandon(&mut self) {
        self.body = None;
        if let Place::Queued(Some(exchange)) = &mut self.place {
            exchange.released = true;
        }
    }

    /// Notes that its record has to be written first.
    pub(in crate::session) fn store(&mut self) {
        self.place = Place::Storing;
    }

    /// Notes that its record is written.
    pub(in crate::session) fn stored(&mut self) {
        self.place = Place::Queued(None);
    }

    /// Notes that it was put into the channel of the current connection under this packet id, as message `number` of
    /// its QoS. Returns the exchange that it continues.
    pub(in crate::session) fn put_in_channel(&mut self, id: u16, number: u32, now: Instant) -> Option<Exchange> {
        let exchange = self.exchange();
        let released = exchange.is_some_and(|exchange| exchange.released);
        let progress = if released { Progress::Released } else { Progress::InChannel };
        self.place = Place::OnLink(OnLink { id, number, progress, since: now, continued: exchange.is_some() });
        self.attempts += 1;
        exchange
    }

    /// Notes that it was taken from the channel.
    pub(in crate::session) fn written(&mut self) {
        self.advance(Progress::Written);
        self.written = true;
    }

    /// Notes PUBREC.
    pub(in crate::session) fn released(&mut self) {
        self.advance(Progress::Released);
    }

    fn advance(&mut self, progress: Progress) {
        if let Place::OnLink(on_link) = &mut self.place {
            on_link.progress = progress;
        }
    }

    /// Handles the end of the connection. `resumable`: an exchange that was begun continues under its packet id if the
    /// server kept the session.
    pub(in crate::session) fn back_to_queue(&mut self, resumable: bool) {
        let begun = match self.place {
            Place::Storing => return,
            Place::Queued(exchange) => exchange,
            Place::OnLink(OnLink { progress: Progress::InChannel, continued: false, .. }) => None,
            Place::OnLink(OnLink { id, progress, .. }) => {
                Some(Exchange { id, released: progress == Progress::Released || self.is_abandoned() })
            }
        };
        let completes = !self.is_abandoned() || self.qos == QoS::ExactlyOnce;
        let goes_on = resumable && completes && self.kind == Kind::Publish && self.needs_id();
        self.place = Place::Queued(begun.filter(|_| goes_on));
    }

    pub(in crate::session) fn unknown(&self, why: &str) -> Error {
        Error::new(ErrorKind::ConnectionLost, format!("{}: {why}; it {}", self.describe(), self.maybe()))
            .with_fate(Fate::Unknown)
    }

    /// The error of an operation past its deadline. `offline`: why there is no connection, if there is none.
    pub(in crate::session) fn expired(&self, offline: Option<&Error>) -> Error {
        let what = self.describe();
        let (stage, fate, happened) = if self.is_storing() {
            let happened = "was not stored in time and is not sent".to_string();
            return Error::new(ErrorKind::Timeout(Stage::Spool), format!("{what} {happened}"))
                .with_fate(Fate::NotSent)
                .with_hint(Hint::DiskSlow);
        } else if self.maybe_written() {
            let effect = self.maybe();
            (Stage::Ack, Fate::Unknown, format!("was sent but not acknowledged in time; it {effect}"))
        } else if let Some(reason) = offline {
            let stage = reason.stage().unwrap_or(Stage::Connect);
            (stage, Fate::NotSent, "was not sent: no connection in time".to_string())
        } else {
            let why = "too many earlier messages are still unacknowledged";
            (Stage::Window, Fate::NotSent, format!("was not sent in time: {why}"))
        };
        let kind = ErrorKind::Timeout(stage);
        match offline {
            Some(reason) => {
                let message = format!("{what} {happened}; last failure");
                let error = Error::new(kind, message).with_reason(reason.clone());
                // The service may close connections because of this operation, unless it gave another reason.
                let explained = reason.kind() != ErrorKind::ConnectionLost || reason.code().is_some();
                let explained = explained || reason.hint().is_some();
                if fate == Fate::Unknown && !explained { error.with_hint(refusal_hint(self.kind)) } else { error }
            }
            None => Error::new(kind, format!("{what} {happened}")),
        }
        .with_fate(fate)
    }

    /// Returns the possible effect of an operation that was written.
    pub(in crate::session) fn maybe(&self) -> &'static str {
        match self.kind {
            Kind::Publish => "may have been delivered",
            Kind::Request => "may have taken effect",
        }
    }
}

/// The hint for an operation that the server refused with this code.
pub(in crate::session) fn answered_hint(kind: Kind, code: Code) -> Option<Hint> {
    if !code.may_be_about_rights() {
        return code.cure();
    }
    Some(match kind {
        Kind::Publish => Hint::PublishRights,
        Kind::Request => Hint::ReadRights,
    })
}

/// The hint for an operation that the connection was closed for. `said`: the server's code, if it gave one.
pub(in crate::session) fn cut_hint(kind: Kind, said: Option<Code>) -> Option<Hint> {
    match said {
        Some(code) if !code.may_be_about_rights() => code.cure(),
        _ => Some(refusal_hint(kind)),
    }
}

/// The hint about the reasons for which the service closes a connection. Source:
/// alibabacloud.com/help/doc-detail/151304.htm.
pub(in crate::session) fn refusal_hint(kind: Kind) -> Hint {
    match kind {
        Kind::Publish => Hint::PublishCut,
        Kind::Request => Hint::ReadCut,
    }
}
