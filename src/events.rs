//! Events of the client in the background, and their listeners.

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use crate::error::Error;
use crate::message::block;
use crate::notice::Notice;
use crate::sync::lock;
use crate::token::TokenKind;

mod text;

/// The bounds of a listener's queue, in events and in bytes: a server may send long notices and reasons. Beyond them
/// the oldest events are dropped and counted.
const KEPT: usize = 1_000;
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// Something that happened to the client in the background. `Display` is a line for people.
///
/// The manual has more about [lost connections](crate::manual::connections).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A connection is ready for messages: the login was accepted (CONNACK), and the order flag and the subscriptions
    /// are restored.
    #[non_exhaustive]
    Connected {
        /// True if the server had kept the session.
        session_present: bool,
        /// The number of this connection, from 1.
        number: u64,
    },
    /// The connection was lost, or an attempt to make one failed.
    #[non_exhaustive]
    Disconnected {
        /// The reason.
        reason: Error,
        /// The pause before the next attempt; `None` if there is no next attempt.
        retry_in: Option<Duration>,
    },
    /// A notice of the service, on one of its `$SYS/` topics.
    Notice(Notice),
    /// A subscription could not be restored and was given up.
    #[non_exhaustive]
    SubscriptionLost {
        /// The filter.
        filter: String,
        /// The reason.
        reason: Error,
    },
    /// The service refuses a topic as a whole: its notice says so, or it closed the connection for two messages to the
    /// topic and acknowledged none with these credentials. Waiting messages to the topic have failed as refused, and
    /// new ones fail until the time is over or other credentials are in use.
    #[non_exhaustive]
    TopicRefused {
        /// The topic.
        topic: String,
        /// The time for which messages to it are refused:
        /// [`refused_topic_pause`](crate::ConfigBuilder::refused_topic_pause).
        retry_in: Duration,
        /// The error of the message that decided it.
        reason: Error,
    },
    /// The service has accepted a new token on the present connection.
    #[non_exhaustive]
    TokenRenewed {
        /// The kind of the token.
        kind: TokenKind,
        /// The time at which it expires, if that is known.
        expires: Option<SystemTime>,
    },
    /// The provider returned no new token, or the service did not accept it. The connection stays until its token
    /// expires.
    #[non_exhaustive]
    TokenRenewalFailed {
        /// The reason.
        reason: Error,
        /// The pause before the next attempt; `None` if the next attempt is the next login.
        retry_in: Option<Duration>,
    },
    /// The spool's file was damaged or not a spool. It was renamed, and an empty spool was started. Kept for the first
    /// listener, since it happens while the client connects.
    #[non_exhaustive]
    SpoolSetAside {
        /// The new name of the damaged file.
        path: PathBuf,
        /// The damage.
        reason: Error,
    },
    /// A message above [`Limits::packet_len`](crate::Limits::packet_len) arrived. It was acknowledged, so that the
    /// server does not send it again, and its payload was discarded. [`Stats::set_aside`](crate::Stats::set_aside)
    /// counts such messages.
    #[non_exhaustive]
    MessageSetAside {
        /// The topic, as the publisher wrote it.
        topic: String,
        /// The size of the packet without its fixed header, in bytes: topic, properties and payload.
        size: usize,
        /// The reason, with the limit and the setting.
        reason: Error,
    },
    /// The inbox is full. Until the program takes messages, QoS 0 messages are dropped, and others are left to the
    /// server, which sends them again. Emitted once each time the inbox fills up; [`Stats`](crate::Stats) has the
    /// counts.
    InboxFull,
    /// A message that is not acknowledged has held back the acknowledgements of later messages for
    /// [`Config::timeout`](crate::Config::timeout): acknowledgements are sent in the order of receipt. The server sends
    /// the later messages again. Emitted once for each such message; while no call waits for messages, up to a
    /// keep-alive period late.
    #[non_exhaustive]
    AcksHeldBack {
        /// The topic of the message that is not acknowledged.
        topic: String,
        /// `false`: the message still waits in the inbox, in the client's own queue or that of a
        /// [`Subscription`](crate::Subscription). `true`: the program has taken it and not called
        /// [`Message::ack`](crate::Message::ack).
        taken: bool,
        /// The number of acknowledgements that wait for it.
        held_back: usize,
    },
    /// The client has ended: by [`disconnect`](crate::Client::disconnect), by the drop of its last handle, or because
    /// it has given up. Always the last event.
    #[non_exhaustive]
    Ended {
        /// The reason; [`Closed`](crate::ErrorKind::Closed) if the program itself has ended the client.
        reason: Error,
        /// The messages in the inbox that the program had not taken; `None` if the inbox was empty. They can still be
        /// taken, but not acknowledged. In a kept session the server sends the unacknowledged ones again.
        untaken: Option<Untaken>,
        /// In a kept session, the number of acknowledgements that were given but could not be sent, because an earlier
        /// message was not acknowledged or there was no connection. The server sends those messages again.
        unsent_acks: usize,
    },
}

/// The messages that a client had received, and the program had not taken, when the client ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Untaken {
    /// The number of messages, in all queues; 1 or more.
    pub count: usize,
    /// The topic of the oldest of them.
    pub first_topic: String,
}

impl Event {
    /// Returns its approximate memory in bytes.
    fn held(&self) -> usize {
        let rest = match self {
            Event::Connected { .. } | Event::TokenRenewed { .. } | Event::InboxFull => 0,
            Event::Disconnected { reason, .. } | Event::TokenRenewalFailed { reason, .. } => reason.held(),
            Event::Notice(notice) => notice.held(),
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

/// A listener for [`Event`]s; from [`Client::events`](crate::Client::events). It receives the events from then on.
///
/// It keeps up to 1,000 events of up to 4 MiB in all. Beyond that, the oldest are dropped.
pub struct Events {
    queue: Arc<Queue>,
    /// The process it was made in: after a fork, the child's copy receives nothing, and must not touch a lock.
    process: u32,
}

#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    filled: Condvar,
}

#[derive(Default)]
struct QueueState {
    /// The events, each with its memory in bytes.
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

    /// Adds an event. The newest is always kept, whatever its size.
    fn push(&mut self, event: Event) {
        if self.closed {
            return;
        }
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
    /// Takes the next event. Blocks until there is one, without a deadline. Returns `None` once the client has ended
    /// and every event was taken.
    #[must_use]
    pub fn recv(&self) -> Option<Event> {
        self.take(None)
    }

    /// Takes the next event. Blocks at most this long. Returns `None` if there was none in time, or the client has
    /// ended.
    #[must_use]
    pub fn recv_timeout(&self, timeout: Duration) -> Option<Event> {
        self.take(Instant::now().checked_add(timeout))
    }

    /// Takes the next event, if there is one. Does not block.
    #[must_use]
    pub fn try_recv(&self) -> Option<Event> {
        if self.process != std::process::id() {
            return None;
        }
        lock(&self.queue.state).pop()
    }

    /// Returns the number of events that were dropped because the queue was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        if self.process != std::process::id() {
            return 0;
        }
        lock(&self.queue.state).dropped
    }

    /// Returns true once the client has ended, or the listener was closed, and every event was taken.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        if self.process != std::process::id() {
            return true;
        }
        let state = lock(&self.queue.state);
        state.closed && state.events.is_empty()
    }

    /// Ends the waits of this listener, from any thread. It receives nothing more, and drops what it has.
    pub fn close(&self) {
        if self.process != std::process::id() {
            return;
        }
        let mut state = lock(&self.queue.state);
        state.closed = true;
        state.bytes = 0;
        let dropped = std::mem::take(&mut state.events);
        drop(state);
        self.queue.filled.notify_all();
        drop(dropped);
    }

    /// Creates a listener that receives nothing.
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

/// Sends events to all listeners.
pub(crate) struct EventHub {
    /// `None` after the last event.
    listeners: Mutex<Option<Vec<Weak<Queue>>>>,
    /// Events kept for the first listener.
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

    /// Keeps an event for the first listener: it happened before there could be one.
    pub(crate) fn hold(&self, event: Event) {
        lock(&self.held).push(event);
    }

    /// Sends an event. Does nothing after the end, although a stuck thread may still emit events.
    pub(crate) fn send(&self, event: &Event) {
        self.each(|queue, state| {
            state.push(event.clone());
            queue.filled.notify_all();
        });
        if matches!(event, Event::Ended { .. }) {
            self.close();
        }
    }

    /// Closes the hub: there are no more events.
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

    /// An error of a program that counts how often it is displayed.
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
    fn a_closed_listener_waits_no_longer_and_receives_nothing() {
        let hub = EventHub::new();
        let (events, other) = (hub.listen(), hub.listen());
        hub.send(&Event::InboxFull);
        assert!(!events.has_ended());
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| std::iter::from_fn(|| events.recv()).count());
            events.close();
            assert!(waits.join().expect("no panic") <= 1);
        });
        hub.send(&Event::InboxFull);
        assert!(events.has_ended() && events.try_recv().is_none());
        assert!(!other.has_ended() && other.try_recv().is_some() && other.try_recv().is_some());
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
