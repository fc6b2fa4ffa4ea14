//! One message of the outbox, and what a call sees of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aliyun_mqtt::{Delivery, Error, ErrorKind, Fate, Outgoing, QoS};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::super::problem::{Problem, Reason};
use super::super::store::Sending;

/// QoS 1 and 2 messages have no deadline for the client: one whose call has waited long enough is stored.
const ENDLESS: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The fate of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum Answer {
    /// The server has acknowledged it; at QoS 0, it was written.
    Done {
        qos: u8,
        attempts: u32,
    },
    Failed(Problem),
}

/// The state of a message as its waiting call sees it.
#[derive(Debug, Clone)]
pub(in super::super) enum Progress {
    Open,
    /// It is on disk.
    Stored,
    /// It is on its way, but could not be stored.
    Unstored(String),
    /// It is settled. `repeated`: this is the answer of an earlier call with the same key.
    Over {
        answer: Arc<Answer>,
        repeated: bool,
    },
}

/// A call's view of its message.
#[derive(Debug)]
pub(in super::super) struct Ticket {
    pub(in super::super) progress: watch::Receiver<Progress>,
    /// An earlier call with the same key has brought the message.
    pub(in super::super) joined: bool,
}

/// A message that is not settled yet.
pub(super) struct Op {
    pub(super) sending: Arc<Sending>,
    pub(super) size: usize,
    pub(super) disk: Disk,
    pub(super) since: Instant,
    /// When its call has waited long enough; `None`: it is on disk by then, or it was at that time.
    pub(super) deadline: Option<Instant>,
    pub(super) delivery: Option<Delivery>,
    pub(super) progress: watch::Sender<Progress>,
    /// The fate, while the store notes it.
    pub(super) answer: Option<Answer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disk {
    No,
    Writing,
    Yes,
}

impl Op {
    pub(super) fn new(sending: Sending, disk: Disk, deadline: Option<Instant>, progress: Progress) -> Self {
        Op {
            size: size_of(&sending),
            sending: Arc::new(sending),
            disk,
            since: Instant::now(),
            deadline,
            delivery: None,
            progress: watch::Sender::new(progress),
            answer: None,
        }
    }

    /// Returns the message for the client.
    pub(super) fn message(&self) -> Outgoing {
        let timeout = match (self.sending.qos, self.deadline) {
            (QoS::AtMostOnce, Some(deadline)) => deadline.saturating_duration_since(Instant::now()),
            _ => ENDLESS,
        };
        self.sending.message().timeout(timeout)
    }
}

/// Returns the approximate memory of a message.
pub(super) fn size_of(sending: &Sending) -> usize {
    let user: usize = sending.properties.user.iter().map(|(key, value)| key.len() + value.len()).sum();
    sending.topic.len() + sending.payload.len() + user + 512
}

pub(super) fn key_reused() -> Problem {
    Problem::new(Reason::KeyReused, "the Idempotency-Key was used for a different call")
        .hint("make a new key for each message, and repeat a call with its own key and body only")
}

/// Returns true if the error is the fate of its message also when the client has ended.
pub(super) fn is_final(error: &Error) -> bool {
    error.fate() == Some(Fate::Refused) || error.kind() == ErrorKind::Invalid
}
