//! One operation of the outbox.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::delivery::{Outcome, Settler, Slot};
use crate::error::{Code, Error, ErrorKind, Fate, Hint, Stage};
use crate::message::{Outgoing, QoS, block};
use crate::subscribe_options::FilterRequest;

/// What is asked of the broker.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Publish(Arc<Outgoing>),
    /// `own`: for the client's own queue, not for a stream.
    Subscribe {
        filters: Vec<FilterRequest>,
        own: bool,
    },
    Unsubscribe(String),
}

impl Body {
    /// What it counts against the outbox's bound in bytes: what it has allocated, and what is kept of an operation.
    pub(in crate::session) fn size(&self) -> usize {
        // In the outbox's trees, which may be half empty; and where its fate is told.
        let kept =
            2 * (size_of::<Op>() + size_of::<(Instant, u64)>() + 2 * size_of::<u64>()) + block(size_of::<Slot>());
        let held = match self {
            Body::Publish(message) => block(size_of::<Outgoing>()) + message.held(),
            Body::Subscribe { filters, .. } => {
                let texts = filters.iter().map(|(filter, _)| block(filter.capacity())).sum::<usize>();
                block(filters.capacity() * size_of::<FilterRequest>()) + texts
            }
            Body::Unsubscribe(filter) => block(filter.capacity()),
        };
        kept + held
    }

    /// The filters it asks for, if it is a SUBSCRIBE.
    pub(in crate::session) fn filters(&self) -> impl Iterator<Item = &str> {
        let filters = match self {
            Body::Subscribe { filters, .. } => filters.as_slice(),
            _ => &[],
        };
        filters.iter().map(|(filter, _)| filter.as_str())
    }

    /// For error messages.
    pub(in crate::session) fn describe(&self) -> String {
        match self {
            Body::Publish(message) => format!("PUBLISH to \"{}\" ({})", message.topic, message.qos),
            Body::Subscribe { filters, .. } => {
                let filters: Vec<_> = filters.iter().map(|(filter, _)| format!("\"{filter}\"")).collect();
                format!("SUBSCRIBE to {}", filters.join(", "))
            }
            Body::Unsubscribe(filter) => format!("UNSUBSCRIBE from \"{filter}\""),
        }
    }
}

/// Which of MQTT's two kinds of acknowledged requests a packet id belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Kind {
    Publish,
    Request,
}

/// How far it got on the current connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Progress {
    /// Not handed over.
    Queued,
    /// In the adapter's channel: it can no longer be withdrawn.
    InChannel,
    /// Written, or about to be.
    Written,
    /// QoS 2: PUBREC came, PUBCOMP did not.
    Released,
}

/// What a broker answers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum AckKind {
    PubAck,
    PubRec,
    PubComp,
    SubAck,
    UnsubAck,
}

pub(in crate::session) struct Op {
    /// `None` for an abandoned operation: settled, but the broker has not answered.
    body: Option<Body>,
    kind: Kind,
    qos: QoS,
    pub(in crate::session) settler: Option<Settler>,
    pub(in crate::session) deadline: Instant,
    pub(in crate::session) size: usize,
    pub(in crate::session) progress: Progress,
    /// The packet id on the current connection; 0 for none.
    pub(in crate::session) id: u16,
    /// The packet id it keeps on a resumed session.
    pub(in crate::session) kept_id: Option<u16>,
    /// On a resumed session, PUBREL is what has to be repeated.
    pub(in crate::session) released: bool,
    /// On the current connection it goes on under an id from an earlier one.
    pub(in crate::session) continued: bool,
    /// Written to any connection so far.
    pub(in crate::session) written: bool,
    pub(in crate::session) attempts: u32,
    pub(in crate::session) in_channel_since: Option<Instant>,
    /// Connections that dropped shortly after it was sent; that did so while it was the oldest in flight; while it
    /// was the only one.
    pub(in crate::session) drops: u32,
    pub(in crate::session) drops_as_oldest: u32,
    pub(in crate::session) drops_alone: u32,
    /// Its record in the spool: key and bytes.
    pub(in crate::session) record: Option<(u64, u64)>,
    /// The record is not written yet: until then it must not go out.
    pub(in crate::session) storing: bool,
}

impl Op {
    pub(in crate::session) fn new(body: Body, settler: Settler, deadline: Instant) -> Self {
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
            deadline,
            progress: Progress::Queued,
            id: 0,
            kept_id: None,
            released: false,
            continued: false,
            written: false,
            attempts: 0,
            in_channel_since: None,
            drops: 0,
            drops_as_oldest: 0,
            drops_alone: 0,
            record: None,
            storing: false,
        }
    }

    pub(in crate::session) fn body(&self) -> Option<&Body> {
        self.body.as_ref()
    }

    pub(in crate::session) fn kind(&self) -> Kind {
        self.kind
    }

    /// The topic of a message.
    pub(in crate::session) fn topic(&self) -> Option<&str> {
        match &self.body {
            Some(Body::Publish(message)) => Some(&message.topic),
            _ => None,
        }
    }

    /// Whether this answer can be its.
    pub(in crate::session) fn fits(&self, answer: AckKind) -> bool {
        match (answer, self.kind, self.progress) {
            (AckKind::PubAck, Kind::Publish, Progress::Written) => self.qos == QoS::AtLeastOnce,
            (AckKind::PubRec, Kind::Publish, Progress::Written | Progress::Released) => self.qos == QoS::ExactlyOnce,
            (AckKind::PubComp, Kind::Publish, Progress::Released) => true,
            // Which of the two an abandoned operation is, nobody knows any more.
            (AckKind::SubAck, Kind::Request, Progress::Written) => !matches!(self.body, Some(Body::Unsubscribe(_))),
            (AckKind::UnsubAck, Kind::Request, Progress::Written) => !matches!(self.body, Some(Body::Subscribe { .. })),
            _ => false,
        }
    }

    /// QoS 2, on the line, and the broker has not answered yet.
    pub(in crate::session) fn awaits_pubrec(&self) -> bool {
        self.qos == QoS::ExactlyOnce && matches!(self.progress, Progress::InChannel | Progress::Written)
    }

    /// Whether the broker acknowledges it.
    pub(in crate::session) fn needs_id(&self) -> bool {
        self.qos != QoS::AtMostOnce
    }

    pub(in crate::session) fn is_open(&self) -> bool {
        self.settler.is_some()
    }

    /// Whether it is on disk, for the next run to go on with.
    pub(in crate::session) fn is_kept(&self) -> bool {
        self.record.is_some() && !self.storing
    }

    pub(in crate::session) fn is_abandoned(&self) -> bool {
        self.body.is_none()
    }

    pub(in crate::session) fn in_flight(&self) -> bool {
        self.progress != Progress::Queued
    }

    /// On this connection it may have been written, or it was on an earlier one.
    pub(in crate::session) fn maybe_written(&self) -> bool {
        self.written || self.in_flight()
    }

    /// Open, and handed to the current connection this short a time ago.
    pub(in crate::session) fn sent_within(&self, time: Duration, now: Instant) -> bool {
        let recent = self.in_channel_since.is_some_and(|at| now.saturating_duration_since(at) <= time);
        self.is_open() && matches!(self.progress, Progress::Written | Progress::Released) && recent
    }

    /// The drops were not its fault.
    pub(in crate::session) fn acquit(&mut self) {
        (self.drops, self.drops_as_oldest, self.drops_alone) = (0, 0, 0);
    }

    pub(in crate::session) fn reply(&self) -> Outcome {
        Outcome { attempts: self.attempts, ..Outcome::default() }
    }

    pub(in crate::session) fn describe(&self) -> String {
        self.body.as_ref().map_or_else(|| "an operation already given up".to_string(), Body::describe)
    }

    /// Its answer is still awaited after the user was told: on this connection, or, for QoS 2, on a resumed session,
    /// where the exchange must be completed before the id can serve another message.
    pub(in crate::session) fn outlives_its_caller(&self) -> bool {
        self.in_flight() || (self.kept_id.is_some() && self.qos == QoS::ExactlyOnce)
    }

    /// The user was told; only the exchange with the broker is left to end. The message itself is not sent again: on
    /// a resumed session PUBREL closes the exchange, which makes the broker deliver what it has, if anything.
    pub(in crate::session) fn abandon(&mut self) {
        self.body = None;
        self.released |= self.kept_id.is_some();
    }

    /// The connection is gone. `resumable`: an exchange that was begun goes on under its id, if the broker agrees.
    pub(in crate::session) fn back_to_queue(&mut self, resumable: bool) {
        let begun = match self.progress {
            Progress::Queued => self.kept_id,
            Progress::InChannel => self.continued.then_some(self.id),
            Progress::Written | Progress::Released => Some(self.id),
        };
        let completes = !self.is_abandoned() || self.qos == QoS::ExactlyOnce;
        let goes_on = resumable && completes && self.kind == Kind::Publish && self.needs_id();
        self.kept_id = begun.filter(|_| goes_on);
        self.released =
            self.kept_id.is_some() && (self.released || self.progress == Progress::Released || self.is_abandoned());
        self.progress = Progress::Queued;
        self.continued = false;
        self.id = 0;
        self.in_channel_since = None;
    }

    pub(in crate::session) fn unknown(&self, why: &str) -> Error {
        Error::new(ErrorKind::ConnectionLost, format!("{}: {why}; it {}", self.describe(), self.maybe()))
            .with_fate(Fate::Unknown)
    }

    /// The error of a passed deadline. `offline`: why there is no connection, if there is none.
    pub(in crate::session) fn expired(&self, offline: Option<&Error>) -> Error {
        let what = self.describe();
        let (stage, fate, happened) = if self.storing {
            let happened = "was not stored in time, and is not sent".to_string();
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
                // What was cut short may itself be what the service cuts connections for, unless it gave another reason.
                let explained = reason.kind() != ErrorKind::ConnectionLost || reason.code().is_some();
                let explained = explained || reason.hint().is_some();
                if fate == Fate::Unknown && !explained { error.with_hint(refusal_hint(self.kind)) } else { error }
            }
            None => Error::new(kind, format!("{what} {happened}")),
        }
        .with_fate(fate)
    }

    /// What may have become of it once it was written.
    pub(in crate::session) fn maybe(&self) -> &'static str {
        match self.kind {
            Kind::Publish => "may have been delivered",
            Kind::Request => "may have taken effect",
        }
    }
}

/// What to do about an operation that the server refused with this code.
pub(in crate::session) fn answered_hint(kind: Kind, code: Code) -> Option<Hint> {
    if !code.may_be_about_rights() {
        return code.cure();
    }
    Some(match kind {
        Kind::Publish => Hint::PublishRights,
        Kind::Request => Hint::ReadRights,
    })
}

/// What to do about an operation that the connection was ended for. `said`: the server's code, if it gave one.
pub(in crate::session) fn cut_hint(kind: Kind, said: Option<Code>) -> Option<Hint> {
    match said {
        Some(code) if !code.may_be_about_rights() => code.cure(),
        _ => Some(refusal_hint(kind)),
    }
}

/// What the service cuts a connection for. Source: alibabacloud.com/help/doc-detail/151304.htm.
pub(in crate::session) fn refusal_hint(kind: Kind) -> Hint {
    match kind {
        Kind::Publish => Hint::PublishCut,
        Kind::Request => Hint::ReadCut,
    }
}
