//! The state of one connection: made at CONNACK, dropped at its end.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::error::Code;
use crate::session::wire::link::{LinkSender, ServerLimits};
use crate::subscribe_options::FilterRequest;
use crate::token::{Token, TokenKind};

/// A notice explains the end of a connection for this long.
const NOTICE_EXPLAINS: Duration = Duration::from_secs(10);

pub(super) struct Connection {
    /// `None` once nothing may follow: after DISCONNECT, and while the last packets of a dead connection are read.
    pub(super) sender: Option<Box<dyn LinkSender>>,
    /// The limits from CONNACK.
    pub(super) limits: ServerLimits,
    pub(super) session_present: bool,
    /// When CONNACK came.
    pub(super) since: Instant,
    /// All steps of the set-up are acknowledged: messages may be sent.
    pub(super) online: bool,
    pub(super) steps: Steps,
    /// Nothing is sent before this instant.
    pub(super) quiet_until: Option<Instant>,
    /// The last verdict of the service on a token.
    pub(super) verdict: Option<Verdict>,
    /// The message that holds back later acknowledgements, and since when.
    pub(super) blocker: Option<(u64, Instant)>,
    /// The acknowledgements that were put into the channel and are not written.
    pub(super) acks_in_channel: usize,
    /// The connection ends as soon as nothing is in flight: its login is to be replaced.
    pub(super) relogin: bool,
    /// The worker leaves the connection unread.
    pub(super) resting: bool,
    pub(super) expected: Expected,
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
            since: now,
            online: false,
            steps: Steps::new(now),
            quiet_until: None,
            verdict: None,
            blocker: None,
            acks_in_channel: 0,
            relogin: false,
            resting: false,
            expected: Expected::default(),
        }
    }

    /// Returns the sender if anything may be sent now.
    pub(super) fn free_sender(&self) -> Option<&dyn LinkSender> {
        self.sender.as_deref().filter(|_| self.quiet_until.is_none())
    }
}

/// The account of what the server may still send on a connection.
///
/// Closing a connection with unread data, or data that is still to come, resets it, and what was written last may then
/// be lost on its way. Reading until the server has closed prevents that, and takes one round trip more. It is not
/// needed where every request was acknowledged, so that only DISCONNECT could be lost, and nothing else comes: no
/// message without a subscription on a new session, as long as none has come (the service sends P2P messages and
/// notices without a subscription, too).
#[derive(Default)]
pub(super) struct Expected {
    /// The requests that were sent and not acknowledged. QoS 0 messages stay among them.
    unacknowledged: usize,
    /// Something was acknowledged.
    acknowledged: bool,
    /// A filter was subscribed to, a request awaits a reply, a token was uploaded, or a message has arrived.
    messages: bool,
}

impl Expected {
    /// Notes that a request was sent.
    pub(super) fn sent(&mut self) {
        self.unacknowledged += 1;
    }

    /// Notes that a request was acknowledged.
    pub(super) fn acknowledged(&mut self) {
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
        self.acknowledged = true;
    }

    /// Notes that messages may come.
    pub(super) fn messages(&mut self) {
        self.messages = true;
    }

    /// Returns true if the server has nothing more to send.
    pub(super) fn nothing(&self) -> bool {
        self.unacknowledged == 0 && self.acknowledged && !self.messages
    }
}

/// A request that must be acknowledged before anything from the outbox is sent.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Asks the service to keep this connection's messages in order.
    EnableOrder,
    Resubscribe(Vec<FilterRequest>),
    UploadToken(Upload),
}

/// The steps of a connection's set-up, sent one at a time.
pub(super) struct Steps {
    waiting: VecDeque<Step>,
    /// The step in flight, and when it was put into the channel.
    current: Option<(Step, Instant)>,
    /// Since when the first waiting step could be sent.
    since: Instant,
}

impl Steps {
    fn new(now: Instant) -> Self {
        Steps { waiting: VecDeque::new(), current: None, since: now }
    }

    pub(super) fn add(&mut self, step: Step) {
        self.waiting.push_back(step);
    }

    /// Puts these uploads ahead of all steps; they replace all uploads that wait.
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

    /// Returns the step in flight.
    pub(super) fn current(&self) -> Option<&Step> {
        self.current.as_ref().map(|(step, _)| step)
    }

    /// Returns the step that was in flight when the connection ended, and when it was sent.
    pub(super) fn into_current(self) -> Option<(Step, Instant)> {
        self.current
    }

    /// Returns the step to send next.
    pub(super) fn first(&self) -> Option<&Step> {
        self.waiting.front()
    }

    /// Notes that the first step was put into the channel.
    pub(super) fn put_in_channel(&mut self, now: Instant) {
        self.current = self.waiting.pop_front().map(|step| (step, now));
    }

    /// Ends the current step, which was acknowledged.
    pub(super) fn done(&mut self, now: Instant) -> Option<Step> {
        self.since = now;
        self.current.take().map(|(step, _)| step)
    }

    /// Notes that steps can be sent from now on.
    pub(super) fn start(&mut self, now: Instant) {
        self.since = now;
    }

    /// Returns the step that waits for its acknowledgement or for a free packet id, and since when.
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
    /// Returns true if the notice explains why the connection ends now.
    pub(super) fn explains_end(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) <= NOTICE_EXPLAINS
    }
}
