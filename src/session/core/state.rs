//! The state of a session, which callers and the worker share under one mutex: grouped by lifetime.
//!
//! [`Connection`] lives as long as one connection, [`Tokens`] holds the tokens, and everything else lives as long as
//! the client.

mod connection;
mod ending;
mod incoming;
mod interrupt;
mod kicks;
mod life;
mod limits;
mod renewing;
mod resting;
mod sending;
mod tokens;
mod waking;

use std::time::Instant;

use crate::config::{AckMode, Config};
use crate::error::{Error, ErrorKind};
use crate::message::Message;
use crate::random;
use crate::session::core::acks::{Acks, fingerprint};
use crate::session::core::inbox::{Inbox, QueueId};
use crate::session::core::now::Now;
use crate::session::core::outbox::{Bounds, Outbox, WindowRange};
use crate::session::core::rate::Rate;
use crate::session::core::replies::Replies;
use crate::session::core::subscriptions::Subscriptions;
use crate::stats::Stats;
use connection::Connection;
pub(in crate::session) use ending::{Disconnected, topic_refused};
use kicks::Kicks;
use life::Life;
use tokens::Tokens;
use waking::Waking;
pub(in crate::session) use waking::{Arrivals, Awaited, News};

/// The next action of the worker.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::session) enum Flow {
    Go,
    /// The requested DISCONNECT is written; the worker may read until this instant, which has come if there is nothing
    /// to read.
    Left(Instant),
}

pub(in crate::session) struct State {
    config: Config,
    pub(in crate::session) life: Life,
    /// The current connection, from CONNACK on.
    connection: Option<Connection>,
    /// Why the last connection ended, or why none was made.
    last_end: Error,
    kicks: Kicks,
    pub(in crate::session) outbox: Outbox,
    pub(in crate::session) inbox: Inbox,
    pub(in crate::session) replies: Replies,
    pub(in crate::session) rate: Option<Rate>,
    pub(in crate::session) stats: Stats,
    pub(in crate::session) waking: Waking,
    acks: Acks,
    pub(in crate::session) subscriptions: Subscriptions,
    /// The session kept by the server has all subscriptions, as far as the client can know.
    restored: bool,
    /// Acknowledgements given by the program but not sent when the client ended.
    unsent_acks: usize,
    tokens: Tokens,
}

impl State {
    /// Packet ids run from 1 to `ids`. `key`: a secret of this client.
    pub(in crate::session) fn new(config: &Config, ids: u16, key: random::Key, now: Now) -> Self {
        let limits = config.limits();
        let window = WindowRange { start: config.window().into(), most: config.max_window().into() };
        let bounds = Bounds { window, count: limits.outbox_messages, bytes: limits.outbox_bytes, ids };
        let mut outbox = Outbox::new(bounds);
        outbox.refuse_topics_for(config.refused_topic_pause());
        if !config.clean_session() {
            // An earlier process may have left QoS 2 exchanges open on the server. Every process begins with low ids,
            // so the server could take a new message for a repetition of an old one and discard it.
            outbox.set_last_id((now.chance() * f64::from(bounds.ids)) as u16);
        }
        State {
            life: Life::new(),
            connection: None,
            last_end: Error::new(ErrorKind::ConnectionLost, "the connection has not been made yet"),
            kicks: Kicks::default(),
            outbox,
            inbox: Inbox::new(limits.inbox_messages, limits.inbox_bytes),
            replies: Replies::new(config.client_id().as_str(), config.response_topic(), key),
            rate: config.max_publish_rate().map(Rate::new),
            stats: Stats::default(),
            waking: Waking::default(),
            acks: Acks::default(),
            subscriptions: Subscriptions::default(),
            restored: true,
            unsent_acks: 0,
            tokens: Tokens::new(config, now),
            config: config.clone(),
        }
    }

    /// Fails with the reason if the client accepts no new operations.
    pub(in crate::session) fn check_open(&self) -> Result<(), Error> {
        match self.life.end() {
            Some(reason) => Err(reason.clone()),
            None if self.life.refuses_work() => Err(Error::closed()),
            None => Ok(()),
        }
    }

    /// Returns why messages cannot be sent now; `None` if the client is online.
    pub(in crate::session) fn offline(&self) -> Option<&Error> {
        match self.life.end() {
            Some(reason) => Some(reason),
            None => (!self.is_online()).then_some(&self.last_end),
        }
    }

    /// Returns true if messages can be sent.
    pub(in crate::session) fn is_online(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.online)
    }

    pub(in crate::session) fn session_present(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.session_present)
    }

    /// Settles the operations past their deadline. Called before every look at the outbox.
    pub(in crate::session) fn expire(&mut self, now: Now) -> bool {
        if self.outbox.next_deadline().is_none_or(|deadline| deadline > now.instant) {
            return false;
        }
        let offline = self.offline().cloned();
        self.outbox.expire(now.instant, offline.as_ref())
    }

    /// Takes a message for the program, and acknowledges it in automatic mode. In manual mode, returns the key for the
    /// later acknowledgement.
    pub(in crate::session) fn take(&mut self, queue: QueueId, now: Now) -> Option<(Message, Option<u64>)> {
        let (message, key) = self.inbox.pop(queue)?;
        match (self.config.ack_mode(), key) {
            (AckMode::OnTake, Some(key)) => drop(self.acknowledge(key, now)),
            (AckMode::Manual, Some(key)) => self.acks.taken(key, &message.topic),
            _ => {}
        }
        if let Some(key) = key {
            // Does nothing for a message that was acknowledged just now.
            self.acks.name(key, || fingerprint(&message.topic, &message.payload, message.qos));
        }
        Some((message, key.filter(|_| self.config.ack_mode() == AckMode::Manual)))
    }

    /// Acknowledges a message on behalf of the program. Returns false if the acknowledgement comes too late.
    pub(in crate::session) fn acknowledge(&mut self, key: u64, now: Now) -> bool {
        let counts = self.acks.done(key);
        self.send_acks(now);
        counts
    }

    /// Returns the number of received QoS 2 messages for which PUBREC was sent and PUBREL has not arrived.
    pub(in crate::session) fn unfinished_exchanges(&self) -> usize {
        self.acks.unfinished()
    }

    /// Queues DISCONNECT behind everything in the channel; nothing is sent after it. The worker reads until `by` at the
    /// latest.
    pub(in crate::session) fn say_goodbye(&mut self, by: Instant, now: Now) {
        self.life.leave(by);
        self.send_acks(now);
        self.waking.mark_tokens();
        self.waking.mark_changed();
        if let Some(sender) = self.connection.as_mut().and_then(|connection| connection.sender.take()) {
            sender.disconnect();
        }
        self.end_acks();
    }

    /// Notes that the waiters on `changed` have to be woken.
    pub(in crate::session) fn mark_changed(&mut self) {
        self.waking.mark_changed();
    }

    /// Returns whom to wake, and forgets it.
    pub(in crate::session) fn take_news(&mut self) -> News {
        let read = self.must_read();
        News { read, ..self.waking.take(&mut self.outbox) }
    }

    /// Closes the queue of a dropped handle. Returns true if its filter has to be unsubscribed.
    pub(in crate::session) fn close_queue(&mut self, queue: u64, filter: &str) -> bool {
        self.waking.mark_arrivals();
        !self.inbox.close_queue(queue)
            && self.subscriptions.only_for_handles(filter)
            && !self.outbox.pending_own(filter)
    }

    /// Panics if the state is inconsistent.
    #[cfg(any(test, fuzzing))]
    pub(in crate::session) fn assert_consistent(&self) {
        self.outbox.assert_consistent();
        self.inbox.assert_consistent();
        self.acks.assert_consistent();
        assert!(self.acks.places().all(|place| self.inbox.at(place).is_some()), "messages without a fingerprint wait");
    }

    /// Returns the current counters and gauges.
    pub(in crate::session) fn snapshot(&self) -> Stats {
        Stats {
            outbox_messages: self.outbox.open() as u64,
            outbox_bytes: self.outbox.bytes() as u64,
            window: self.outbox.window() as u64,
            waiting_requests: self.replies.waiting() as u64,
            inbox_messages: self.inbox.count() as u64,
            inbox_bytes: self.inbox.bytes() as u64,
            unacknowledged: self.acks.owed() as u64,
            held_back: self.acks.held_back() as u64,
            ..self.stats
        }
    }
}

#[cfg(test)]
mod tests;
