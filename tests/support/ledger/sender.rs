//! One thread that publishes, and its book.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, Delivery, Error, ErrorKind, Fate, Outgoing, QoS};

use super::{Key, LONG, MARGIN, Run};
use crate::support::random::Random;

/// Deliveries a thread leaves open at most. All threads together may leave more than the outbox holds.
const OPEN: usize = 400;

/// How far the receiver may lag behind, in messages: what a broker keeps for it is not what is looked at here.
const LAG: u64 = 10_000;

/// What became of one message, as the client said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Acknowledged,
    NotSent,
    Unknown,
    Refused,
}

/// What one thread knows in the end.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// By QoS and number.
    pub(super) entries: [Vec<Option<End>>; 3],
    /// Messages that were accepted, and how often there was no room.
    pub(super) accepted: u64,
    pub(super) full: u64,
    /// Calls that were measured, and those that came back too late.
    pub(super) calls: u64,
    pub(super) late: Vec<String>,
    /// The most that a call took beyond its deadline.
    pub(super) worst: Duration,
    pub(super) wrong: Vec<String>,
}

/// A message under way.
struct Open {
    delivery: Delivery,
    key: Key,
    due: Instant,
}

struct Sender<'a> {
    run: &'a Run<'a>,
    client: &'a Client,
    thread: usize,
    random: Random,
    book: Book,
    open: VecDeque<Open>,
}

/// Publishes until the plan is fulfilled, and waits until everything is settled.
pub(super) fn publish(run: &Run<'_>, client: &Client, thread: usize, random: Random) -> Book {
    let mut sender = Sender { run, client, thread, random, book: Book::default(), open: VecDeque::new() };
    let mut flush_at = 500;
    while run.part() < 1.0 {
        run.sent.fetch_add(1, Ordering::SeqCst);
        sender.publish_one();
        while sender.open.len() > OPEN {
            sender.settle_oldest();
        }
        if sender.book.accepted >= flush_at {
            flush_at += sender.random.within(500..2_000);
            sender.flush();
            sender.await_receiver();
        }
    }
    sender.flush();
    while !sender.open.is_empty() {
        sender.settle_oldest();
    }
    sender.book
}

impl Sender<'_> {
    /// One message by one of the three ways.
    fn publish_one(&mut self) {
        let qos = self.random.within(0..3) as usize;
        let key = Key { thread: self.thread, qos, number: self.book.entries[qos].len() };
        self.book.entries[qos].push(None);
        let filler = ".".repeat(self.random.within(0..200) as usize);
        let payload = format!("{} {} {} {filler}", key.thread, key.qos, key.number);
        let level = QoS::try_from(qos as u8).expect("a level");
        let topic = self.run.topic(self.thread);
        // Some are in a hurry, so that all kinds of ends come up.
        let hurry = self.random.one_in(50);
        let timeout = if hurry { Duration::from_millis(self.random.within(1..200)) } else { LONG };
        let client = self.client.with_timeout(timeout);
        // Every fourth thread mostly waits for each message; the others fill the outbox.
        let way = if self.thread % 4 == 0 { self.random.within(0..3) } else { self.random.within(0..80) };
        loop {
            let start = Instant::now();
            let due = start + timeout;
            let accepted = match way {
                0 => {
                    let result = client.publish(&topic, level, payload);
                    self.returned("publish", due);
                    // One that was refused at the door of the outbox never counts as published.
                    let refused = result.as_ref().err().is_some_and(no_room);
                    self.book.accepted += u64::from(!refused);
                    self.enter(key, result);
                    return;
                }
                1..=40 => {
                    let result = client.enqueue(Outgoing::new(&topic, level, payload.as_str()));
                    self.returned("enqueue", due);
                    result
                }
                _ => {
                    let result = client.try_enqueue(Outgoing::new(&topic, level, payload.as_str()));
                    self.returned("try_enqueue", start);
                    result
                }
            };
            match accepted {
                Ok(delivery) => {
                    self.book.accepted += 1;
                    self.open.push_back(Open { delivery, key, due });
                    return;
                }
                Err(error) if error.kind() == ErrorKind::Full => {
                    self.book.full += 1;
                    if self.open.is_empty() {
                        thread::park_timeout(Duration::from_millis(1));
                    } else {
                        self.settle_oldest();
                    }
                }
                Err(error) => return self.enter(key, Err(error)),
            }
        }
    }

    fn settle_oldest(&mut self) {
        let Some(Open { delivery, key, due }) = self.open.pop_front() else { return };
        // It may be looked at long after its deadline; then the answer is there at once.
        let due = due.max(Instant::now());
        let result = delivery.wait();
        self.returned("Delivery::wait", due);
        let again = delivery.try_wait();
        let same = match (&result, &again) {
            (Ok(_), Ok(Some(_))) => true,
            (Err(one), Err(other)) => one.fate() == other.fate(),
            _ => false,
        };
        if !same {
            self.book.wrong.push(format!("{key:?} was settled twice: {result:?}, then {again:?}"));
        }
        self.enter(key, result.map(drop));
    }

    fn flush(&mut self) {
        let timeout = LONG + LONG;
        let due = Instant::now() + timeout;
        if let Err(error) = self.client.flush(timeout) {
            self.book.wrong.push(format!("flush: {error}"));
        }
        self.returned("flush", due);
    }

    fn enter(&mut self, key: Key, result: Result<(), Error>) {
        let end = match result {
            Ok(()) => End::Acknowledged,
            Err(error) => match error.fate() {
                Some(Fate::NotSent) => End::NotSent,
                Some(Fate::Unknown) => End::Unknown,
                Some(Fate::Refused) => End::Refused,
                fate => {
                    self.book.wrong.push(format!("{key:?} failed with the fate {fate:?}: {error}"));
                    End::Unknown
                }
            },
        };
        if self.book.entries[key.qos][key.number].replace(end).is_some() {
            self.book.wrong.push(format!("{key:?} was settled twice"));
        }
    }

    /// Holds a call's return against its deadline.
    fn returned(&mut self, call: &str, due: Instant) {
        let over = Instant::now().saturating_duration_since(due);
        self.book.calls += 1;
        self.book.worst = self.book.worst.max(over);
        if over > MARGIN {
            self.book.late.push(format!("{call} returned {over:?} after its deadline"));
        }
    }

    /// Waits until the receiver has caught up, or gets nothing more: what a restarted broker has lost never comes.
    fn await_receiver(&self) {
        let received = || self.run.received.load(Ordering::SeqCst);
        let (mut known, mut since) = (received(), Instant::now());
        while self.run.sent.load(Ordering::SeqCst) > known + LAG && since.elapsed() < Duration::from_millis(200) {
            thread::park_timeout(Duration::from_millis(1));
            let now = received();
            if now != known {
                (known, since) = (now, Instant::now());
            }
        }
    }
}

fn no_room(error: &Error) -> bool {
    error.kind() == ErrorKind::Timeout(aliyun_mqtt::Stage::Window) && error.to_string().contains("outbox")
}
