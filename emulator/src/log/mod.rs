//! What the emulator saw, in order. No secret, password or token is ever written here.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::token::Permission;

mod display;

/// One thing the emulator saw.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogEntry {
    /// Counts from 0 without a gap, over the whole life of the emulator, restarts included.
    pub sequence: u64,
    /// When it was seen.
    pub time: SystemTime,
    /// The client it is about; empty where there is none.
    pub client_id: String,
    /// What it was.
    pub what: What,
}

/// The kinds of log entries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// The listeners are open (again).
    Started,
    /// The listeners are closed and all connections cut; sessions are gone.
    Stopped,
    /// A login was accepted; written just before the CONNACK leaves.
    Connected {
        /// Protocol version of the connection.
        version: Version,
        /// Which listener it came in by.
        listener: Listener,
        /// Clean session (3.1.1) or clean start (5).
        clean_session: bool,
        /// What the CONNACK says about an earlier session.
        session_present: bool,
        /// The keep-alive the client asked for, in seconds.
        keep_alive: u16,
    },
    /// A login was refused.
    LoginRefused {
        /// CONNACK code in its 3.1.1 form, 1 to 5, for MQTT 5 as well.
        code: u8,
        /// Why, in words.
        reason: String,
    },
    /// A client published to a topic it may use; written before the acknowledgement.
    Published {
        /// The topic, alias resolved.
        topic: String,
        /// 0, 1 or 2.
        qos: u8,
        /// Packet id, for QoS 1 and 2.
        packet_id: Option<u16>,
        /// Whether the client marked it as sent again.
        dup: bool,
        /// Whether this connection had switched on the order flag before.
        ordered: bool,
        /// The body.
        payload: Payload,
    },
    /// A publish of the client was acknowledged to the end: PUBACK (QoS 1) or PUBCOMP (QoS 2) leaves.
    PublishAcknowledged {
        /// Packet id of the publish.
        packet_id: u16,
    },
    /// A PUBREL of MQTT 5 named a message that is not there: PUBCOMP with 0x92 leaves.
    ReleaseUnknown {
        /// Packet id of the PUBREL.
        packet_id: u16,
    },
    /// The client broke a rule and is cut.
    Violation {
        /// What it tried.
        action: Action,
        /// The topic or filter it named; empty where there is none.
        topic: String,
        /// Which rule, in words.
        reason: String,
    },
    /// A client subscribed; written before the SUBACK.
    Subscribed {
        /// The filter.
        filter: String,
        /// The QoS asked for, 0 to 2.
        qos: u8,
    },
    /// A subscription was beyond the quota: acknowledged, but no message will come by it.
    FilterIgnored {
        /// The filter.
        filter: String,
    },
    /// A client unsubscribed; written before the UNSUBACK.
    Unsubscribed {
        /// The filter.
        filter: String,
    },
    /// `$SYS/enableOrderMsg` was taken.
    OrderEnabled,
    /// `$SYS/uploadToken` was taken.
    TokenUploaded {
        /// The type of the token replaced.
        permission: Permission,
    },
    /// A message to a `$SYS` topic was acknowledged, but has no effect.
    ControlIgnored {
        /// The topic.
        topic: String,
        /// Why, in words.
        reason: String,
    },
    /// The emulator pushed a notice; written just before it leaves.
    NoticePushed {
        /// The topic of the notice.
        topic: String,
    },
    /// A message is handed to the client's connection.
    Delivered {
        /// The topic the client sees, alias resolved.
        topic: String,
        /// 0, 1 or 2.
        qos: u8,
        /// Packet id, for QoS 1 and 2.
        packet_id: Option<u16>,
        /// Whether it is sent again.
        dup: bool,
        /// The body.
        payload: Payload,
    },
    /// The client acknowledged a message to the end: PUBACK (QoS 1) or PUBCOMP (QoS 2) came.
    DeliveryAcknowledged {
        /// Packet id of the message.
        packet_id: u16,
    },
    /// A P2P message waits for its target, which is the client of this entry.
    Stored {
        /// The topic.
        topic: String,
    },
    /// The broker dropped a message meant for the client of this entry.
    Dropped {
        /// The topic.
        topic: String,
        /// Why, in words.
        reason: String,
    },
    /// `Emulator::kick`, or `CloseConnection` of the OpenAPI, was called for this client.
    Kicked,
    /// The service itself sent a message: `Emulator::publish_as_service`, or `SendMessage` of the OpenAPI.
    ServicePublished {
        /// The topic.
        topic: String,
        /// 0, 1 or 2.
        qos: u8,
        /// The body.
        payload: Payload,
    },
    /// A call of the OpenAPI was accepted and has been carried out; written before its answer leaves. The client id of
    /// the entry is the call's `ClientId` parameter, if it has one.
    ApiCalled {
        /// The action.
        action: String,
    },
    /// A call of the OpenAPI was refused; as for [`What::ApiCalled`].
    ApiRefused {
        /// The action; empty if none could be read.
        action: String,
        /// The error code of the answer.
        code: String,
    },
    /// The connection has ended.
    Disconnected {
        /// Why.
        reason: DisconnectReason,
    },
}

/// The protocol version of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.
    V5,
}

/// The way a connection came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listener {
    /// Plain TCP.
    Tcp,
    /// TLS.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

/// What a client was doing when it broke a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// PUBLISH.
    Publish,
    /// SUBSCRIBE.
    Subscribe,
    /// A publish to `$SYS/uploadToken`.
    UploadToken,
    /// A token ran out, or was revoked, while the client was connected.
    HoldToken,
    /// A packet that cannot be read, or that has no place here.
    Packet,
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client sent DISCONNECT.
    DisconnectedByClient,
    /// The client's end of the connection was closed without a DISCONNECT.
    ClosedByClient,
    /// A rule was broken: see the [`What::Violation`] before it.
    Violation,
    /// Another connection logged in with the same client id.
    ClientIdConflict,
    /// Nothing was heard of the client for its keep-alive time and half of it again.
    NoHeartbeat,
    /// [`Emulator::kick`](crate::Emulator::kick).
    Kicked,
    /// The emulator was stopped.
    Stopped,
    /// The broker inside closed the connection for another reason.
    ClosedByBroker,
}

/// The body of a message. Its `Debug` shows at most 64 bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Payload(Arc<[u8]>);

impl Payload {
    /// Bytes in front of the body: how often it is shared.
    const HEADER: usize = 2 * size_of::<usize>();
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(64)];
        write!(f, "{:?} ({} bytes)", String::from_utf8_lossy(shown), self.0.len())
    }
}

impl LogEntry {
    /// Bytes of memory, texts and payload included.
    fn size(&self) -> usize {
        size_of::<Self>() + self.client_id.len() + self.what.size_of_contents()
    }
}

impl What {
    fn size_of_contents(&self) -> usize {
        match self {
            What::Published { topic, payload, .. }
            | What::Delivered { topic, payload, .. }
            | What::ServicePublished { topic, payload, .. } => topic.len() + Payload::HEADER + payload.len(),
            What::Violation { topic, reason, .. }
            | What::ControlIgnored { topic, reason }
            | What::Dropped { topic, reason } => topic.len() + reason.len(),
            What::ApiRefused { action, code } => action.len() + code.len(),
            What::LoginRefused { reason: text, .. }
            | What::Subscribed { filter: text, .. }
            | What::FilterIgnored { filter: text }
            | What::Unsubscribed { filter: text }
            | What::NoticePushed { topic: text }
            | What::Stored { topic: text }
            | What::ApiCalled { action: text } => text.len(),
            What::Started
            | What::Stopped
            | What::Connected { .. }
            | What::PublishAcknowledged { .. }
            | What::ReleaseUnknown { .. }
            | What::OrderEnabled
            | What::TokenUploaded { .. }
            | What::DeliveryAcknowledged { .. }
            | What::Kicked
            | What::Disconnected { .. } => 0,
        }
    }
}

/// How much a log keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

/// The log itself: bounded, shared by all connections, and awaited by tests.
#[derive(Debug)]
pub(crate) struct Log {
    entries: Mutex<Entries>,
    grown: Condvar,
}

#[derive(Debug)]
struct Entries {
    kept: VecDeque<LogEntry>,
    /// Of those kept.
    bytes: usize,
    next: u64,
    bounds: Bounds,
}

impl Entries {
    fn push(&mut self, entry: LogEntry) {
        self.bytes += entry.size();
        self.kept.push_back(entry);
        // The newest is kept whatever its size.
        while self.kept.len() > 1 && (self.kept.len() > self.bounds.entries || self.bytes > self.bounds.bytes) {
            self.bytes -= self.kept.pop_front().map_or(0, |oldest| oldest.size());
        }
    }
}

impl Log {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let entries = Entries { kept: VecDeque::new(), bytes: 0, next: 0, bounds };
        Self { entries: Mutex::new(entries), grown: Condvar::new() }
    }

    /// Returns the number of the new entry.
    pub(crate) fn write(&self, client_id: &str, what: What) -> u64 {
        let mut entries = self.lock();
        let sequence = entries.next;
        entries.next += 1;
        let client_id = client_id.to_owned();
        entries.push(LogEntry { sequence, time: SystemTime::now(), client_id, what });
        drop(entries);
        self.grown.notify_all();
        sequence
    }

    /// Looks through all entries without a copy. Nobody can write meanwhile: `look` must not wait for anything.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&VecDeque<LogEntry>) -> R) -> R {
        look(&self.lock().kept)
    }

    /// The number the next entry will get.
    pub(crate) fn position(&self) -> u64 {
        self.lock().next
    }

    pub(crate) fn since(&self, sequence: u64) -> Vec<LogEntry> {
        let entries = self.lock();
        let start = entries.kept.partition_point(|entry| entry.sequence < sequence);
        entries.kept.range(start..).cloned().collect()
    }

    /// The first entry from `sequence` on that `wanted` accepts, waiting for it no longer than `timeout`.
    pub(crate) fn wait(
        &self,
        mut sequence: u64,
        timeout: Duration,
        mut wanted: impl FnMut(&LogEntry) -> bool,
    ) -> Option<LogEntry> {
        const BATCH: usize = 256;
        // Within what a clock can say.
        let deadline = Instant::now() + timeout.min(Duration::from_secs(100 * 365 * 86_400));
        let mut entries = self.lock();
        loop {
            let start = entries.kept.partition_point(|entry| entry.sequence < sequence);
            let batch: Vec<_> = entries.kept.range(start..).take(BATCH).cloned().collect();
            if let Some(last) = batch.last() {
                sequence = last.sequence + 1;
                // `wanted` may be slow, or look into the log itself.
                drop(entries);
                if let Some(found) = batch.into_iter().find(|entry| wanted(entry)) {
                    return Some(found);
                }
                entries = self.lock();
            } else {
                let left = deadline.checked_duration_since(Instant::now())?;
                entries = self.grown.wait_timeout(entries, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: Bounds = Bounds { entries: 10_000, bytes: usize::MAX };

    fn published(size: usize) -> What {
        let (topic, payload) = ("emulator/x".to_owned(), Payload::from(&vec![0; size][..]));
        What::ServicePublished { topic, qos: 1, payload }
    }

    #[test]
    fn a_log_is_bounded_in_bytes() {
        let log = Log::new(Bounds { entries: usize::MAX, bytes: 100_000 });
        for number in 0..1000 {
            log.write("client", published(number));
            log.write("client", What::Kicked);
            log.look(|kept| assert!(kept.iter().map(LogEntry::size).sum::<usize>() <= 100_000));
        }
        let kept = log.since(0);
        assert!(kept.len() > 100 && kept.len() < 300, "{}", kept.len());
        assert!(kept.iter().rev().zip((0..2000).rev()).all(|(entry, number)| entry.sequence == number), "the newest");
        // The last one is there, however large.
        log.write("client", published(1_000_000));
        assert_eq!(log.since(0).len(), 1);
        log.write("client", What::Kicked);
        assert_eq!(log.since(0).into_iter().map(|entry| entry.what).collect::<Vec<_>>(), [What::Kicked]);
        assert!(log.lock().bytes < 1000);
    }

    #[test]
    fn a_full_log_forgets_the_oldest_and_keeps_counting() {
        let log = Log::new(Bounds { entries: 2, bytes: usize::MAX });
        for name in ["a", "b", "c"] {
            log.write(name, What::Kicked);
        }
        let kept: Vec<_> = log.since(0).into_iter().map(|entry| (entry.sequence, entry.client_id)).collect();
        assert_eq!(kept, [(1, "b".to_owned()), (2, "c".to_owned())]);
        assert_eq!(log.position(), 3);
        assert_eq!(log.since(2).len(), 1);
    }

    #[test]
    fn waiting_finds_what_is_there_and_what_comes_and_gives_up_in_time() {
        let log = Arc::new(Log::new(LARGE));
        log.write("early", What::Kicked);
        assert!(log.wait(0, Duration::ZERO, |entry| entry.client_id == "early").is_some());
        assert!(log.wait(1, Duration::from_millis(20), |_| true).is_none());
        // Many times, so that some of the entries come while the wait is on; each missed one would cost 10 s.
        let before = Instant::now();
        for number in 1..=100 {
            let writer = Arc::clone(&log);
            let thread = std::thread::spawn(move || writer.write("late", What::Kicked));
            let found = log.wait(number, Duration::from_secs(10), |entry| entry.client_id == "late");
            assert_eq!(found.map(|entry| entry.sequence), Some(number));
            thread.join().unwrap();
        }
        assert!(before.elapsed() < Duration::from_secs(9), "woken, not timed out");
    }

    #[test]
    fn a_long_log_is_searched_to_its_end_and_may_be_read_meanwhile() {
        let log = Log::new(LARGE);
        for _ in 0..1000 {
            log.write("many", What::Kicked);
        }
        log.write("last", What::Kicked);
        let mut shown = 0;
        let found = log.wait(0, Duration::ZERO, |entry| {
            shown += 1;
            assert_eq!(log.position(), 1001);
            entry.client_id == "last"
        });
        assert_eq!((found.map(|entry| entry.sequence), shown), (Some(1000), 1001));
    }

    #[test]
    fn a_long_payload_is_shown_cut() {
        let shown = format!("{:?}", Payload::from(&[b'x'; 1000][..]));
        assert!(shown.len() < 100 && shown.contains("1000 bytes"), "{shown}");
    }
}
