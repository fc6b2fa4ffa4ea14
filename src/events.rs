//! What happens to the connection, for those who want to know.

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use crate::error::{Code, Error};
use crate::message::block;
use crate::printable::excerpt;
use crate::session::lock;
use crate::token::TokenKind;

/// Events a listener keeps at most, and their bytes: a server may send long notices and reasons. Beyond, the oldest are
/// dropped and counted.
const KEPT: usize = 1_000;
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// Something that happened to the connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// CONNACK came, and the order flag and the subscriptions are restored: messages flow.
    #[non_exhaustive]
    Connected {
        /// The broker had kept the session.
        session_present: bool,
        /// 1 for the first connection of this client, 2 for the next, and so on.
        number: u64,
    },
    /// The connection was lost, or an attempt to make one failed.
    #[non_exhaustive]
    Disconnected {
        /// Why.
        reason: Error,
        /// The pause before the next attempt; `None` when there will be none.
        retry_in: Option<Duration>,
    },
    /// The service said something on one of its `$SYS/` topics.
    Notice(Notice),
    /// A subscription could not be restored and was given up.
    #[non_exhaustive]
    SubscriptionLost {
        /// The filter.
        filter: String,
        /// Why.
        reason: Error,
    },
    /// The service refuses a topic as a whole: it said so, or two messages to it were found to be what it cut the
    /// connection for, and none to it was acknowledged with these credentials. What waits to be sent to it has failed as
    /// refused, and so do new messages, until the time is over or other credentials are in use.
    #[non_exhaustive]
    TopicRefused {
        /// The topic.
        topic: String,
        /// How long messages to it are refused:
        /// [`refused_topic_pause`](crate::ConfigBuilder::refused_topic_pause).
        retry_in: Duration,
        /// The error of the message that decided it.
        reason: Error,
    },
    /// The service has taken a new token, without a new connection.
    #[non_exhaustive]
    TokenRenewed {
        /// The kind of token.
        kind: TokenKind,
        /// Until when it is good, if that is known.
        expires: Option<SystemTime>,
    },
    /// A new token could not be had, or was not taken. The connection lives on while its token does.
    #[non_exhaustive]
    TokenRenewalFailed {
        /// Why.
        reason: Error,
        /// The pause before the next try; `None` when the next login is the next try.
        retry_in: Option<Duration>,
    },
    /// The spool's file was damaged or no spool, and was renamed; an empty one was started. Kept for the first listener,
    /// since it happens while the client connects.
    #[non_exhaustive]
    SpoolSetAside {
        /// The new name of the damaged file.
        path: PathBuf,
        /// What was wrong with it.
        reason: Error,
    },
    /// A message above [`Limits::packet_len`](crate::Limits::packet_len) came. It was acknowledged, since nobody can take
    /// it, and its payload discarded; [`Stats::set_aside`](crate::Stats::set_aside) counts them.
    #[non_exhaustive]
    MessageSetAside {
        /// Its topic, as the publisher wrote it.
        topic: String,
        /// The bytes of its packet behind the fixed header: topic, properties and payload.
        size: usize,
        /// Why, with the limit and the setting.
        reason: Error,
    },
    /// The inbox is full: QoS 0 messages are dropped, others are left to the broker, until the program takes some.
    /// Announced once each time it fills up; [`Stats`](crate::Stats) has the counts.
    InboxFull,
    /// A message that is not acknowledged has held back the acknowledgements of later messages for
    /// [`Config::timeout`](crate::Config::timeout): acknowledgements leave in the order of receipt. The server sends the
    /// messages behind it again. Announced once for each such message; while no call waits for messages, up to a keep-alive
    /// period late.
    #[non_exhaustive]
    AcksHeldBack {
        /// The topic of the message that is not acknowledged.
        topic: String,
        /// `false`: it waits in the inbox, in the client's own queue or that of the stream that matches, and nobody takes
        /// it. `true`: the program has taken it and not called [`Message::ack`](crate::Message::ack).
        taken: bool,
        /// The number of acknowledgements that wait behind it.
        held_back: usize,
    },
    /// The client has ended, by [`disconnect`](crate::Client::disconnect), because its last handle was dropped, or because
    /// it has given up. Always the last event.
    #[non_exhaustive]
    Ended {
        /// Why: [`Closed`](crate::ErrorKind::Closed) where the program itself has ended it.
        reason: Error,
        /// The messages in the inbox that the program had not taken; `None` when the inbox was empty. They can still be
        /// taken, but not acknowledged. On a kept session the server sends those again that were not acknowledged.
        untaken: Option<Untaken>,
        /// On a kept session, the number of acknowledgements that were given and could not be sent, because an earlier
        /// message was not acknowledged, or for want of a connection: the server sends those messages again.
        unsent_acks: usize,
    },
}

/// The messages a client had received and not given to the program when it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Untaken {
    /// The number of messages, in all queues; 1 or more.
    pub count: usize,
    /// The topic of the first one received.
    pub first_topic: String,
}

impl Event {
    /// About what it takes in memory.
    fn held(&self) -> usize {
        let rest = match self {
            Event::Connected { .. } | Event::TokenRenewed { .. } | Event::InboxFull => 0,
            Event::Disconnected { reason, .. } | Event::TokenRenewalFailed { reason, .. } => reason.held(),
            Event::Notice(Notice::TokenExpire { token_type, .. } | Notice::TokenInvalid { token_type, .. }) => {
                block(token_type.capacity())
            }
            Event::Notice(Notice::Other { topic, payload }) => block(topic.capacity()) + block(payload.capacity()),
            Event::SubscriptionLost { filter, reason } => block(filter.capacity()) + reason.held(),
            Event::SpoolSetAside { path, reason } => block(path.as_os_str().len()) + reason.held(),
            Event::AcksHeldBack { topic, .. } => block(topic.capacity()),
            Event::MessageSetAside { topic, reason, .. } | Event::TopicRefused { topic, reason, .. } => {
                block(topic.capacity()) + reason.held()
            }
            Event::Ended { reason, untaken, .. } => {
                reason.held() + untaken.as_ref().map_or(0, |untaken| block(untaken.first_topic.capacity()))
            }
        };
        size_of::<Event>() + rest
    }
}

/// A notice of the service, pushed without a subscription. Notices may be lost.
///
/// Source: help.aliyun.com/document_detail/54282.html.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// `$SYS/tokenExpireNotice`: a token is going to expire, in about five minutes.
    #[non_exhaustive]
    TokenExpire {
        /// When: milliseconds since 1970.
        expire_time: Option<i64>,
        /// The kind of token: `R`, `W` or `RW`.
        token_type: String,
    },
    /// `$SYS/tokenInvalidNotice`: a token is not good, and the connection is about to be cut.
    #[non_exhaustive]
    TokenInvalid {
        /// Why.
        code: Code,
        /// The kind of token: `R`, `W` or `RW`.
        token_type: String,
    },
    /// One of these topics with a payload that could not be understood.
    #[non_exhaustive]
    Other {
        /// The topic.
        topic: String,
        /// The payload, where it is text.
        payload: String,
    },
}

impl Notice {
    /// Reads a message on one of the notice topics; `None` if the topic is none of them.
    pub(crate) fn parse(topic: &str, payload: &[u8]) -> Option<Notice> {
        let json = || serde_json::from_slice::<serde_json::Value>(payload).ok();
        let text = |value: &serde_json::Value| excerpt(value["type"].as_str().unwrap_or_default());
        let notice = match topic {
            // The service's FAQ shows a captured notice with an extra "r" in both the topic and the field.
            "$SYS/tokenExpireNotice" | "$SYS/tokenExprireNotice" => json().map(|value| Notice::TokenExpire {
                expire_time: value["expireTime"].as_i64().or_else(|| value["exprireTime"].as_i64()),
                token_type: text(&value),
            }),
            "$SYS/tokenInvalidNotice" => json().and_then(|value| {
                let code = Code::TokenInvalid(value["code"].as_i64()?);
                Some(Notice::TokenInvalid { code, token_type: text(&value) })
            }),
            _ => return None,
        };
        Some(notice.unwrap_or_else(|| Notice::Other {
            topic: topic.to_string(),
            payload: String::from_utf8_lossy(payload).into_owned(),
        }))
    }
}

/// A listener for [`Event`]s, from [`Client::events`](crate::Client::events). It hears what happens from then on.
///
/// It keeps up to 1,000 events that were not taken, of up to 4 MiB in all; beyond, the oldest are dropped.
pub struct Events {
    queue: Arc<Queue>,
    /// The process it was made in: after a fork, the child's copy hears nothing, and must not touch a lock.
    process: u32,
}

#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    filled: Condvar,
}

#[derive(Default)]
struct QueueState {
    /// Each with what it takes in memory.
    events: VecDeque<(Event, usize)>,
    bytes: usize,
    dropped: u64,
    closed: bool,
}

impl QueueState {
    fn pop(&mut self) -> Option<Event> {
        let (event, size) = self.events.pop_front()?;
        self.bytes -= size;
        Some(event)
    }

    /// The newest is kept, whatever its size.
    fn push(&mut self, event: Event) {
        let size = event.held();
        while self.events.len() >= KEPT || (self.bytes + size > KEPT_BYTES && !self.events.is_empty()) {
            self.pop();
            self.dropped += 1;
        }
        self.bytes += size;
        self.events.push_back((event, size));
    }
}

impl Events {
    /// Blocks until something happens; `None` once the client is gone and everything was taken.
    #[must_use]
    pub fn recv(&self) -> Option<Event> {
        self.take(None)
    }

    /// Blocks at most this long; `None` when nothing happened.
    #[must_use]
    pub fn recv_timeout(&self, timeout: Duration) -> Option<Event> {
        self.take(Instant::now().checked_add(timeout))
    }

    /// Looks without blocking.
    #[must_use]
    pub fn try_recv(&self) -> Option<Event> {
        if self.process != std::process::id() {
            return None;
        }
        lock(&self.queue.state).pop()
    }

    /// How many events were dropped because nobody took them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        if self.process != std::process::id() {
            return 0;
        }
        lock(&self.queue.state).dropped
    }

    /// A listener that hears nothing.
    pub(crate) fn deaf() -> Self {
        Events { queue: Arc::new(Queue::ended()), process: std::process::id() }
    }

    fn take(&self, until: Option<Instant>) -> Option<Event> {
        if self.process != std::process::id() {
            return None;
        }
        let mut state = lock(&self.queue.state);
        loop {
            if let Some(event) = state.pop() {
                return Some(event);
            }
            if state.closed {
                return None;
            }
            state = match until {
                None => self.queue.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    self.queue.filled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("dropped", &self.dropped()).finish_non_exhaustive()
    }
}

impl Queue {
    fn ended() -> Self {
        Queue { state: Mutex::new(QueueState { closed: true, ..QueueState::default() }), filled: Condvar::new() }
    }
}

/// Where events are sent from.
pub(crate) struct EventHub {
    /// `None` once nothing more will happen.
    listeners: Mutex<Option<Vec<Weak<Queue>>>>,
    /// For the first listener.
    held: Mutex<Vec<Event>>,
}

impl EventHub {
    pub(crate) fn new() -> Self {
        EventHub { listeners: Mutex::new(Some(Vec::new())), held: Mutex::default() }
    }

    pub(crate) fn listen(&self) -> Events {
        let mut listeners = lock(&self.listeners);
        let queue = match listeners.as_mut() {
            Some(listeners) => {
                listeners.retain(|listener| listener.strong_count() > 0);
                let queue = Arc::new(Queue::default());
                let mut state = lock(&queue.state);
                std::mem::take(&mut *lock(&self.held)).into_iter().for_each(|event| state.push(event));
                drop(state);
                listeners.push(Arc::downgrade(&queue));
                queue
            }
            None => Arc::new(Queue::ended()),
        };
        Events { queue, process: std::process::id() }
    }

    /// Keeps what happened before anybody could listen for the first who does.
    pub(crate) fn hold(&self, event: Event) {
        lock(&self.held).push(event);
    }

    /// Nothing more happens after the end, though a thread that is stuck may go on for a while.
    pub(crate) fn send(&self, event: &Event) {
        self.each(|queue, state| {
            state.push(event.clone());
            queue.filled.notify_all();
        });
        if matches!(event, Event::Ended { .. }) {
            self.close();
        }
    }

    /// Nothing more will happen.
    pub(crate) fn close(&self) {
        let listeners = lock(&self.listeners).take();
        for queue in listeners.iter().flatten().filter_map(Weak::upgrade) {
            lock(&queue.state).closed = true;
            queue.filled.notify_all();
        }
    }

    fn each(&self, mut visit: impl FnMut(&Queue, &mut QueueState)) {
        for queue in lock(&self.listeners).iter().flatten().filter_map(Weak::upgrade) {
            visit(&queue, &mut lock(&queue.state));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::Relaxed;

    use super::*;

    #[test]
    fn notices_are_read_in_both_spellings() {
        let body = br#"{"exprireTime":1655798142873,"type":"RW"}"#;
        for (topic, body) in [
            ("$SYS/tokenExprireNotice", &body[..]),
            ("$SYS/tokenExpireNotice", &br#"{"expireTime":1655798142873,"type":"RW"}"#[..]),
        ] {
            let notice = Notice::parse(topic, body);
            let expected = Notice::TokenExpire { expire_time: Some(1_655_798_142_873), token_type: "RW".into() };
            assert_eq!(notice, Some(expected));
        }
        let invalid = Notice::parse("$SYS/tokenInvalidNotice", br#"{"code":4,"type":"R"}"#);
        assert_eq!(invalid, Some(Notice::TokenInvalid { code: Code::TokenInvalid(4), token_type: "R".into() }));
        assert!(matches!(Notice::parse("$SYS/tokenInvalidNotice", b"{"), Some(Notice::Other { .. })));
        assert_eq!(Notice::parse("$SYS/other", b"{}"), None);
    }

    #[test]
    fn a_listener_that_sleeps_keeps_no_more_bytes_than_events() {
        let hub = EventHub::new();
        let events = hub.listen();
        let text = "x".repeat(100_000);
        for number in 0..100 {
            let notice = Notice::Other { topic: format!("{number}"), payload: text.clone() };
            let reason = Error::internal("why").with_source(std::io::Error::other(text.clone()));
            hub.send(&Event::Notice(notice));
            hub.send(&Event::Disconnected { reason, retry_in: None });
        }
        let kept = 200 - usize::try_from(events.dropped()).expect("a count");
        assert!((35..=KEPT_BYTES / 100_000).contains(&kept), "{kept}");
        assert_eq!(std::iter::from_fn(|| events.try_recv()).count(), kept);
        assert_eq!(lock(&events.queue.state).bytes, 0);
        let long = Notice::Other { topic: String::new(), payload: "x".repeat(2 * KEPT_BYTES) };
        hub.send(&Event::InboxFull);
        hub.send(&Event::Notice(long));
        assert!(matches!(events.try_recv(), Some(Event::Notice(_))), "the newest, whatever its size");
    }

    /// A program's error, which shows itself by the program's code, and counts how often.
    #[derive(Debug)]
    struct Shows(Arc<AtomicUsize>);

    impl fmt::Display for Shows {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}", "shown".repeat(100 * self.0.fetch_add(1, Relaxed)))
        }
    }

    impl std::error::Error for Shows {}

    #[test]
    fn what_counts_for_an_event_is_found_out_where_its_error_is_made() {
        let times = Arc::new(AtomicUsize::new(7));
        let hub = EventHub::new();
        let events = hub.listen();
        let reason = Error::internal("why").with_source(Shows(Arc::clone(&times))).with_prefix("again: ");
        let reason = Error::internal("because").with_source(reason);
        let made = times.load(Relaxed);
        for _ in 0..3 {
            hub.send(&Event::Disconnected { reason: reason.clone(), retry_in: None });
        }
        assert!(lock(&events.queue.state).bytes > 3 * 7 * 100 * "shown".len());
        while events.try_recv().is_some() {}
        assert_eq!((lock(&events.queue.state).bytes, times.load(Relaxed)), (0, made));
    }

    #[test]
    fn the_end_is_the_last_event() {
        let hub = EventHub::new();
        let events = hub.listen();
        hub.send(&Event::InboxFull);
        hub.send(&Event::Ended { reason: Error::internal("why"), untaken: None, unsent_acks: 0 });
        hub.send(&Event::InboxFull);
        assert!(matches!(events.recv(), Some(Event::InboxFull)));
        assert!(matches!(events.recv(), Some(Event::Ended { .. })));
        assert!(events.recv().is_none() && hub.listen().recv().is_none());
    }

    #[test]
    fn a_listener_that_sleeps_loses_the_oldest() {
        let hub = EventHub::new();
        let events = hub.listen();
        for number in 0..1_005 {
            hub.send(&Event::Connected { session_present: false, number });
        }
        assert_eq!(events.dropped(), 5);
        assert!(matches!(events.try_recv(), Some(Event::Connected { number: 5, .. })));
        hub.close();
        assert_eq!(std::iter::from_fn(|| events.recv()).count(), 999);
        assert!(events.recv_timeout(Duration::from_secs(5)).is_none());
        assert!(hub.listen().recv().is_none(), "nothing more will happen");
    }
}
