//! What lives as long as one connection: made at CONNACK, dropped at its end.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::error::Code;
use crate::session::wire::link::{LinkSender, ServerLimits};
use crate::subscribe_options::FilterRequest;
use crate::token::{Token, TokenKind};

/// A notice this recent explains why the service then cuts the connection.
const NOTICE_EXPLAINS: Duration = Duration::from_secs(10);

pub(super) struct Connection {
    /// `None` once nothing may follow: after DISCONNECT, and while the last packets of a dead connection are read.
    pub(super) sender: Option<Box<dyn LinkSender>>,
    /// What the server takes.
    pub(super) limits: ServerLimits,
    pub(super) session_present: bool,
    /// All steps of the set-up are acknowledged: messages flow.
    pub(super) online: bool,
    pub(super) steps: Steps,
    /// Nothing is sent before this instant.
    pub(super) quiet_until: Option<Instant>,
    /// The last verdict of the service on a token.
    pub(super) verdict: Option<Verdict>,
    /// The message that holds back later acknowledgements, and since when.
    pub(super) blocker: Option<(u64, Instant)>,
}

impl Connection {
    pub(super) fn new(
        sender: Box<dyn LinkSender>,
        limits: ServerLimits,
        session_present: bool,
        now: Instant,
    ) -> Connection {
        Connection {
            sender: Some(sender),
            limits,
            session_present,
            online: false,
            steps: Steps::new(now),
            quiet_until: None,
            verdict: None,
            blocker: None,
        }
    }

    /// The way to the server, if anything may be sent now.
    pub(super) fn free_sender(&self) -> Option<&dyn LinkSender> {
        self.sender.as_deref().filter(|_| self.quiet_until.is_none())
    }
}

/// A barrier: one request that must be acknowledged before anything of the outbox is sent.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Asks the service to keep this connection's messages in order.
    EnableOrder,
    Resubscribe(Vec<FilterRequest>),
    UploadToken(Upload),
}

/// The steps of a connection, which are taken one at a time.
pub(super) struct Steps {
    waiting: VecDeque<Step>,
    /// The step that was handed over, and when.
    current: Option<(Step, Instant)>,
    /// Since when the first of those that wait could be handed over.
    since: Instant,
}

impl Steps {
    fn new(now: Instant) -> Self {
        Steps { waiting: VecDeque::new(), current: None, since: now }
    }

    pub(super) fn add(&mut self, step: Step) {
        self.waiting.push_back(step);
    }

    /// Puts these uploads, in the place of all others that wait, ahead of all steps.
    pub(super) fn upload(&mut self, uploads: Vec<Upload>, now: Instant) {
        self.waiting.retain(|step| !matches!(step, Step::UploadToken(_)));
        if self.is_empty() {
            self.since = now;
        }
        let under_way = match &self.current {
            Some((Step::UploadToken(upload), _)) => Some(upload.serial),
            _ => None,
        };
        for upload in uploads.into_iter().rev().filter(|upload| under_way != Some(upload.serial)) {
            self.waiting.push_front(Step::UploadToken(upload));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.current.is_none() && self.waiting.is_empty()
    }

    /// The step that was handed over.
    pub(super) fn current(&self) -> Option<&Step> {
        self.current.as_ref().map(|(step, _)| step)
    }

    /// The step that was handed over, and when, of a connection that has ended.
    pub(super) fn into_current(self) -> Option<(Step, Instant)> {
        self.current
    }

    /// The step to be handed over next.
    pub(super) fn first(&self) -> Option<&Step> {
        self.waiting.front()
    }

    /// The first step was handed over.
    pub(super) fn put_in_channel(&mut self, now: Instant) {
        self.current = self.waiting.pop_front().map(|step| (step, now));
    }

    /// The current step was answered.
    pub(super) fn done(&mut self, now: Instant) -> Option<Step> {
        self.since = now;
        self.current.take().map(|(step, _)| step)
    }

    /// From now on steps can be handed over.
    pub(super) fn start(&mut self, now: Instant) {
        self.since = now;
    }

    /// The step that waits, and since when. One that waits for a free packet id is as late as one that waits for its
    /// acknowledgement.
    pub(super) fn pending(&self) -> Option<(&Step, Instant)> {
        let waiting = || self.waiting.front().map(|step| (step, self.since));
        self.current.as_ref().map(|(step, since)| (step, *since)).or_else(waiting)
    }
}

/// A token to be uploaded.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) token: Token,
    pub(super) serial: u64,
}

/// The service's notice about a token, which it sends shortly before it cuts the connection.
#[derive(Debug, Clone, Copy)]
pub(in crate::session) struct Verdict {
    pub(super) at: Instant,
    pub(super) code: Code,
    /// `None` where the notice names none of the three.
    pub(super) kind: Option<TokenKind>,
}

impl Verdict {
    /// Returns true if it explains the end of the connection now.
    pub(super) fn explains_end(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) <= NOTICE_EXPLAINS
    }
}
