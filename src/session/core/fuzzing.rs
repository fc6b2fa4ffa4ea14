//! The session's bookkeeping, driven by bytes: calls of a program, valid and invalid events of a connection, passing
//! time, lost connections and ends, in any order. It must never panic, stay consistent, and leave no handle open.

mod inputs;
mod link;

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::credentials::Credentials;
use crate::delivery::{RequestEnd, Settler, Slot, Wakes};
use crate::error::{Error, ErrorKind, Fate, Result};
use crate::message::{Outgoing, QoS};
use crate::request::envelope::Envelope;
use crate::session::core::inbox::QueueId;
use crate::session::core::now::Now;
use crate::session::core::op::Body;
use crate::session::core::outbox::{Bounds, Outbox, WindowRange};
use crate::session::core::state::{Flow, State};
use crate::session::wire::link::{Arrived, Cause, ConnAck, Failure, LinkEvent};
use crate::sync::lock;
use crate::token::{Token, TokenKind};

use inputs::{Bytes, any_event, config};
use link::{IDS, Link};

const HOUR: Duration = Duration::from_secs(3600);

/// Each step takes this long.
const STEP: Duration = Duration::from_millis(1);

/// How far a byte moves the clock: over deadlines, the quiet at a suspect, notices that explain, steps that are late.
const JUMPS: [Duration; 8] = [
    Duration::ZERO,
    HOUR,
    HOUR.saturating_mul(2),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(9),
    Duration::from_secs(11),
    Duration::from_secs(31),
];

/// Runs one sequence; each byte, or a few, is a step.
pub fn session(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let Some(kind) = bytes.next() else { return };
    let mut run = Run::new(kind, bytes.next().unwrap_or_default());
    while let Some(step) = bytes.next() {
        run.step(step, &mut bytes);
        run.check();
    }
    run.end();
}

/// How often it was sent, or its fate.
type Seen = Result<u32, Option<Fate>>;

struct Run {
    state: State,
    now: Now,
    /// The connection is quiet until then: there is a suspect.
    quiet_until: Option<Instant>,
    link: Option<Link>,
    /// All events of the connection so far are valid.
    honest: bool,
    /// The slots, each with its outcome when it was first seen settled.
    slots: Vec<(Arc<Slot>, Option<Seen>)>,
    subscriptions: Vec<(u64, String)>,
    keys: Vec<u64>,
    /// Requests that nobody has given up, with what a reply would say; and those given up.
    requests: Vec<(u64, Vec<u8>, Arc<Slot>)>,
    given_up: Vec<Vec<u8>>,
    dead: bool,
}

impl Run {
    fn new(kind: u8, last_id: u8) -> Self {
        static CONFIGS: OnceLock<Vec<Config>> = OnceLock::new();
        let configs = CONFIGS.get_or_init(|| (0..16).map(config).collect());
        let mut state =
            State::new(&configs[usize::from(kind % 16)], IDS, crate::random::Key::from([kind; 32]), Now::at(0.0));
        // With a window that grows after few messages.
        let limits = configs[usize::from(kind % 16)].limits();
        state.outbox = Outbox::new(Bounds {
            window: WindowRange { start: 2, most: 8 },
            count: limits.outbox_messages,
            bytes: limits.outbox_bytes,
            ids: IDS,
        });
        // Near the end of the range, where ids begin again.
        state.outbox.set_last_id(if last_id % 2 == 0 { 0 } else { IDS - 2 });
        Run {
            state,
            now: Now::at(0.0),
            quiet_until: None,
            link: None,
            honest: true,
            slots: Vec::new(),
            subscriptions: Vec::new(),
            keys: Vec::new(),
            requests: Vec::new(),
            given_up: Vec::new(),
            dead: false,
        }
    }

    fn step(&mut self, step: u8, bytes: &mut Bytes<'_>) {
        self.now = self.now.plus(STEP);
        match step % 25 {
            0..=3 => self.submit(bytes),
            4..=7 => {
                if let Some(event) = self.link.as_ref().and_then(Link::take) {
                    self.handle(event, true);
                }
            }
            8..=10 => {
                if let Some(event) = self.link.as_ref().and_then(Link::reply) {
                    self.handle(event, true);
                }
            }
            11 | 12 => self.connect(bytes.of(2) == 0),
            13 => self.lose(bytes),
            14 => {
                self.honest = false;
                let event = any_event(bytes);
                self.handle(event, bytes.of(2) == 0);
            }
            15 => self.arrive(bytes),
            16 => self.take(bytes),
            17 => self.subscription(bytes),
            18 => self.tokens(bytes),
            19 => {
                self.now = self.now.plus(JUMPS[usize::from(bytes.of(8))]);
                self.time_passes();
            }
            20 => {
                // As long as it takes.
                let left = self.quiet_until.map(|until| until.saturating_duration_since(self.now.instant));
                self.now = self.now.plus(left.unwrap_or_default());
                self.time_passes();
            }
            21 => {
                let _ = (self.state.snapshot(), self.state.stalled(self.now), self.state.step_overdue(self.now));
                let _ = self.state.outbox.unseen.report();
            }
            22 => self.leave(bytes),
            23 => {
                if self.state.begin_rest() {
                    self.take(bytes);
                    let goes_on = self.state.may_rest();
                    assert_eq!(self.state.take_news().read, !goes_on, "the worker is woken if it has to read");
                    self.state.end_rest(self.now);
                }
                self.after_event();
            }
            _ => self.request(bytes),
        }
    }

    /// The program closes the client, gives up an operation, or disconnects.
    fn leave(&mut self, bytes: &mut Bytes<'_>) {
        let how = bytes.of(6);
        match how {
            3 => return self.state.interrupt(),
            4 => {
                let newest = self.state.outbox.next_seq().saturating_sub(1);
                self.state.outbox.withdraw(newest.saturating_sub(u64::from(bytes.of(4))));
                return self.state.send_ready(None, self.now);
            }
            _ => self.state.life.close(),
        }
        match how {
            0 => self.state.say_goodbye(self.now.instant, self.now),
            1 => self.state.give_up(),
            _ => self.die(),
        }
    }

    fn submit(&mut self, bytes: &mut Bytes<'_>) {
        let body = match bytes.of(8) {
            0 => Body::Subscribe { filters: vec![(bytes.filter(), bytes.qos().into())], own: bytes.of(2) == 0 },
            1 => Body::Subscribe { filters: vec![(bytes.filter(), bytes.qos().into()); 2], own: true },
            2 => {
                let filter = bytes.filter();
                self.state.subscriptions.remove(&filter);
                Body::Unsubscribe(filter)
            }
            size => Body::Publish(Arc::new(Outgoing::new("t", bytes.qos(), vec![0; usize::from(size)]))),
        };
        if self.state.check_open().is_err() || !self.state.outbox.has_room(body.size()) {
            return;
        }
        let deadline = self.now.instant + HOUR * u32::from(bytes.of(3));
        let (settler, slot) = Settler::new();
        self.state.outbox.push(body, settler, deadline);
        self.state.send_ready(None, self.now);
        self.slots.push((slot, None));
    }

    /// A request is made, given up, or answered in time or late.
    fn request(&mut self, bytes: &mut Bytes<'_>) {
        const TOPIC: &str = "a/p2p/GID_fuzz@@@1";
        let payload = match bytes.of(4) {
            0 if self.requests.len() < 4 && !self.dead => {
                let (settler, slot) = Settler::new();
                // As of a message that was acknowledged.
                let _ = settler.settle(Ok(crate::delivery::Outcome::default()), &mut Wakes::default());
                let (number, correlation) = self.state.replies.expect(TOPIC, Arc::clone(&slot));
                let reply = Envelope::Reply { correlation: &correlation, payload: b"yes" }.encode();
                self.requests.push((number, reply, slot));
                return;
            }
            1 => {
                let Some((number, reply, _)) = self.requests.pop() else { return };
                self.state.replies.forget(number);
                self.given_up.push(reply);
                return;
            }
            2 => self.requests.first().map(|(_, reply, _)| reply.clone()),
            _ => self.given_up.last().cloned(),
        };
        let Some(payload) = payload else { return };
        let qos = bytes.qos();
        let id = if qos == QoS::AtMostOnce { 0 } else { bytes.id() };
        let (topic, duplicate, retained) = (TOPIC.to_string(), bytes.of(2) == 1, false);
        let before = self.state.snapshot();
        let arrived = Arrived { id, topic, qos, duplicate, retained, payload, properties: None };
        self.handle(LinkEvent::Publish(arrived), true);
        let after = self.state.snapshot();
        let known = after.replies + after.late_replies + after.redelivered;
        assert!(self.dead || known == before.replies + before.late_replies + before.redelivered + 1);
        assert_eq!(after.inbox_messages, before.inbox_messages, "a reply is for no inbox");
    }

    fn handle(&mut self, event: LinkEvent, sure: bool) {
        let flow = self.state.handle(event, sure, self.now, &mut Vec::new());
        match flow {
            Ok(Flow::Left(_)) => self.die(),
            Ok(Flow::Go) => self.after_event(),
            Err(error) => {
                assert!(!self.honest || self.dead, "a connection like any other ended with: {error}");
                self.disconnect(Cause::Other);
            }
        }
    }

    fn after_event(&mut self) {
        let Some(mut link) = self.link.clone() else { return };
        self.state.send_ready(Some(&mut link), self.now);
        if self.state.set_up() && !self.state.is_online() && !self.dead {
            self.state.online();
            self.state.send_ready(Some(&mut link), self.now);
        }
    }

    /// Does the work of the worker and the callers when time passes.
    fn time_passes(&mut self) {
        self.state.look_at_clock(self.now);
        self.state.expire(self.now);
        self.state.send_ready(None, self.now);
        let _ = (self.state.held_back(self.now), self.state.until_renewal(self.now));
        if self.quiet_until.take_if(|until| *until <= self.now.instant).is_some() {
            self.state.end_quiet(self.now);
        }
        self.after_event();
        let late = self.state.step_overdue(self.now).is_some() || self.state.stalled(self.now);
        if late && self.link.is_some() {
            self.disconnect(Cause::Other);
        }
    }

    fn connect(&mut self, session_present: bool) {
        if self.dead {
            return;
        }
        if self.link.is_some() {
            self.disconnect(Cause::Closed);
        }
        let link = Link::new();
        self.honest = true;
        let (sender, mut pump) = (Box::new(link.clone()), link.clone());
        let ack = ConnAck { session_present, ..ConnAck::default() };
        self.quiet_until = self.state.connected(sender, ack, &mut pump, self.now);
        assert_eq!(self.state.step_overdue(self.now), None, "no step is late at its beginning");
        self.link = Some(link);
        self.after_event();
    }

    fn lose(&mut self, bytes: &mut Bytes<'_>) {
        let (mut read, mut leftovers) = (VecDeque::new(), Vec::new());
        for _ in 0..bytes.of(3) {
            let link = self.link.as_ref();
            let left = if bytes.of(2) == 0 { link.and_then(Link::take) } else { link.and_then(Link::reply) };
            if leftovers.is_empty() && bytes.of(2) == 0 { read.extend(left) } else { leftovers.extend(left) }
        }
        self.state.read_leftovers(read, leftovers, self.now, &mut Vec::new());
        self.disconnect(match bytes.of(4) {
            0 => Cause::Other,
            1 => Cause::Refused(bytes.of(7)),
            _ => Cause::Closed,
        });
    }

    fn disconnect(&mut self, cause: Cause) {
        let failure = Failure { error: Error::new(ErrorKind::ConnectionLost, "lost"), cause };
        let disconnected = self.state.disconnected(&failure, self.now, &mut Vec::new());
        (self.link, self.quiet_until) = (None, None);
        if disconnected.fatal.is_some() {
            self.die();
        }
    }

    fn arrive(&mut self, bytes: &mut Bytes<'_>) {
        let kind = bytes.of(7);
        let (topic, payload): (&str, &[u8]) = match kind {
            0 => ("$SYS/tokenInvalidNotice", br#"{"code":1,"type":"RW"}"#),
            1 => ("$SYS/tokenInvalidNotice", br#"{"code":4,"type":"W"}"#),
            2 => ("$SYS/tokenExpireNotice", br#"{"expireTime":9000000000000,"type":"R"}"#),
            3 => ("a/b", b"123456789"),
            4 => ("a", b""),
            _ => ("z", b"1"),
        };
        let qos = bytes.qos();
        let id = if qos == QoS::AtMostOnce { 0 } else { bytes.id() };
        let (duplicate, retained) = (bytes.of(2) == 1, false);
        let arrived = Arrived {
            id,
            topic: topic.to_string(),
            qos,
            duplicate,
            retained,
            payload: payload.to_vec(),
            properties: None,
        };
        let oversized = kind == 6;
        self.handle(if oversized { LinkEvent::Oversized(arrived, 1 << 20) } else { LinkEvent::Publish(arrived) }, true);
    }

    fn take(&mut self, bytes: &mut Bytes<'_>) {
        let subscription = usize::from(bytes.of(4));
        let queue = self.subscriptions.get(subscription).map_or(QueueId::Client, |(id, _)| QueueId::Subscription(*id));
        if let Some((_, Some(key))) = self.state.take(queue, self.now) {
            self.keys.push(key);
        }
        if bytes.of(2) == 0 {
            if let Some(key) = self.keys.pop() {
                self.state.acknowledge(key, self.now);
            }
        }
    }

    fn subscription(&mut self, bytes: &mut Bytes<'_>) {
        if bytes.of(2) == 0 {
            let filter = bytes.filter();
            self.subscriptions.push((self.state.inbox.open_queue(&filter), filter));
        } else if let Some((id, filter)) = self.subscriptions.pop() {
            self.state.close_queue(id, &filter);
        }
    }

    fn tokens(&mut self, bytes: &mut Bytes<'_>) {
        let now = self.now;
        let kind = TokenKind::ALL[usize::from(bytes.of(3))];
        let token = Token::new(kind, ["x", "y", "z"][usize::from(bytes.of(3))]).expires_at(now.wall + HOUR);
        match bytes.of(5) {
            0 => {
                if let Ok(Some(serial)) = self.state.take_token(token, now) {
                    let _ = self.state.token_verdict(kind, serial);
                }
            }
            1 => drop(self.state.renewed(&Credentials::tokens("key", [token]), now)),
            2 => drop(self.state.renewal_failed(Error::new(ErrorKind::Credentials, "none"), now)),
            3 => drop(self.state.given(&Credentials::tokens("key", [token]), now)),
            _ => {
                let _ =
                    (self.state.wants_tokens(now, false), self.state.tokens_usable(now), self.state.until_renewal(now));
                let _ = (self.state.token_login(), self.state.login_refused(now));
            }
        }
        self.state.send_ready(None, self.now);
    }

    fn die(&mut self) {
        let ended = self.state.die(&Error::closed());
        assert_eq!(ended.is_some(), !self.dead, "the end is reported once");
        (self.link, self.quiet_until) = (None, None);
        self.dead = true;
    }

    fn check(&mut self) {
        self.state.assert_consistent();
        let waiting = &mut self.requests;
        waiting.retain(|(_, reply, slot)| match slot.wait_answer(Now::at(0.0).instant) {
            Some(RequestEnd::Reply(message)) => {
                assert_eq!(message.payload, b"yes");
                self.given_up.push(reply.clone());
                false
            }
            Some(RequestEnd::Ended(_)) => false,
            Some(RequestEnd::Failed(error)) => unreachable!("it was acknowledged: {error}"),
            None => true,
        });
        assert_eq!(self.state.replies.waiting(), waiting.len());
        assert!(waiting.is_empty() || !self.dead);
        for (slot, seen) in self.slots.iter_mut().filter(|(_, seen)| seen.is_none()) {
            *seen = look(slot);
        }
        let stats = self.state.snapshot();
        let open = self.slots.iter().filter(|(_, seen)| seen.is_none()).count();
        assert_eq!(stats.outbox_messages, open as u64, "handles that are open");
        assert!(stats.outbox_messages <= 8 && stats.inbox_messages <= 4);
        let silent = self.link.as_ref().filter(|_| self.quiet_until.is_some());
        let in_channel = silent.map_or(0, |link| lock(&link.0).channel.len());
        assert!(
            in_channel == 0 || self.state.life.is_leaving(),
            "something was sent while the connection is to be quiet"
        );
    }

    fn end(mut self) {
        self.die();
        self.check();
        for (slot, seen) in &self.slots {
            assert!(seen.is_some(), "a handle is open after the end");
            assert_eq!(*seen, look(slot), "a handle was settled twice");
        }
        let stats = self.state.snapshot();
        assert_eq!((stats.outbox_messages, stats.outbox_bytes, stats.unacknowledged), (0, 0, 0));
        let queues = self.subscriptions.iter().map(|(id, _)| QueueId::Subscription(*id)).chain([QueueId::Client]);
        for queue in queues.collect::<Vec<_>>() {
            while self.state.take(queue, self.now).is_some() {}
        }
        let stats = self.state.snapshot();
        assert_eq!((stats.inbox_messages, stats.inbox_bytes), (0, 0));
    }
}

fn look(slot: &Slot) -> Option<Seen> {
    slot.peek().map(|result| result.map(|reply| reply.attempts).map_err(|error| error.fate()))
}
