//! The ledger: every message has a number, and in the end everything that happened to it is held together.
//!
//! Threads publish through a proxy that a random schedule torments, a receiver listens on a direct line, and the
//! broker may be restarted. `sender`, `receiver` and `door` each keep a book; `balance` compares them.

mod balance;
mod door;
mod house;
mod receiver;
mod report;
mod sender;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, Event, Events, QoS};

use super::fault_proxy::Proxy;
use super::fault_proxy::schedule::{Pace, torment};
use super::matrix::{protocol, transport};
use super::random::Random;
use super::{LONG, connect};
pub use house::House;
pub use report::Report;

/// How much later than its deadline a call may return on a busy machine.
pub const MARGIN: Duration = Duration::from_secs(5);

/// Bounds of the outbox, low enough to be met.
const OUTBOX_MESSAGES: usize = 1_000;
const OUTBOX_BYTES: usize = 1024 * 1024;

/// The shortest there is, so that a silent line is noticed soon.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// The device ids.
const SENDER: &str = "ledger-sender";
const RECEIVER: &str = "ledger-receiver";

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub threads: usize,
    /// Messages in all.
    pub messages: u64,
    /// The run ends after this time, if not before.
    pub time: Option<Duration>,
    /// Whether sender and receiver ask for a session that is kept.
    pub kept: bool,
    pub pace: Pace,
    /// How often the broker is restarted.
    pub restarts: u32,
}

impl Plan {
    /// A small plan. `LEDGER_SEED` gives the seed; else it is a new one each time.
    pub fn new(kept: bool) -> Plan {
        let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
        Plan {
            seed: number("LEDGER_SEED").unwrap_or(clock.as_nanos() as u64 % 1_000_000_000),
            threads: 8,
            messages: 2_000,
            time: None,
            kept,
            pace: Pace { bytes: 40_000, longest: 100, silence: false },
            restarts: 0,
        }
    }

    /// A part of a long plan, whose size comes from the environment: `LEDGER_MESSAGES` in all, or as many as can be
    /// done in `LEDGER_SECONDS` for each part.
    pub fn long(kept: bool) -> Plan {
        const PARTS: u64 = 4;
        let time = number("LEDGER_SECONDS").map(Duration::from_secs);
        let messages = number("LEDGER_MESSAGES").or(time.map(|_| u64::MAX)).unwrap_or(1_000_000);
        Plan {
            messages: messages / PARTS,
            time,
            pace: Pace { bytes: number("LEDGER_PACE").unwrap_or(1_000_000), longest: 500, silence: true },
            restarts: number("LEDGER_RESTARTS").unwrap_or(10) as u32,
            ..Plan::new(kept)
        }
    }
}

/// A number from the environment.
pub fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.replace('_', "").parse().unwrap_or_else(|_| panic!("{name} is {text:?}, not a number")))
}

/// Which message: thread, QoS level, and the number among those.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    thread: usize,
    qos: usize,
    number: usize,
}

impl Key {
    fn parse(payload: &[u8]) -> Option<Key> {
        let text = std::str::from_utf8(payload).ok()?;
        let mut words = text.split(' ').map(str::parse::<usize>);
        let mut next = || words.next()?.ok();
        Some(Key { thread: next()?, qos: next()?, number: next()? })
    }
}

/// What all threads of a run share.
struct Run<'a> {
    plan: &'a Plan,
    house: &'a House,
    started: Instant,
    sent: AtomicU64,
    received: AtomicU64,
    /// All messages are settled.
    settled: AtomicBool,
    /// The most the client held, as far as was seen.
    most_open: AtomicU64,
    most_bytes: AtomicU64,
}

impl Run<'_> {
    /// How much is done, from 0 to 1.
    fn part(&self) -> f64 {
        let of_messages = self.sent.load(Ordering::SeqCst) as f64 / self.plan.messages as f64;
        let of_time = self.plan.time.map_or(0.0, |time| self.started.elapsed().as_secs_f64() / time.as_secs_f64());
        of_messages.max(of_time)
    }

    fn topic(&self, thread: usize) -> String {
        format!("{}/ledger/{thread}", self.house.parent())
    }
}

/// Runs a plan; the report holds everything that is wrong.
pub fn run(plan: &Plan, house: &House) -> Report {
    println!("ledger: {plan:?} on {}, {} over {}", house.name(), protocol(), transport());
    let mut random = Random::new(plan.seed);
    let proxy = Proxy::start(house.addr());
    let device = |name: &str, kept: bool| house.config().device_id(name).clean_session(!kept);
    // Where the broker can keep what it took for the receiver, it is to do so: then nothing may be lost behind its
    // door.
    let receiver = connect(device(RECEIVER, plan.kept || house.keeps_sessions()));
    receiver.subscribe(format!("{}/ledger/#", house.parent()), QoS::ExactlyOnce).expect("subscribed");
    let limits = house.limits().outbox(OUTBOX_MESSAGES, OUTBOX_BYTES);
    let sender = connect(device(SENDER, plan.kept).endpoint(proxy.endpoint()).limits(limits).keep_alive(KEEP_ALIVE));
    let events = [sender.events(), receiver.events()];
    let run = Run {
        plan,
        house,
        started: Instant::now(),
        sent: AtomicU64::new(0),
        received: AtomicU64::new(0),
        settled: AtomicBool::new(false),
        most_open: AtomicU64::new(0),
        most_bytes: AtomicU64::new(0),
    };
    let (run, sender, receiver, proxy) = (&run, &sender, &receiver, &proxy);
    let over = &AtomicBool::new(false);
    let mut report = thread::scope(|scope| {
        let (faults, restarts) = (random.fork(), random.fork());
        let door = scope.spawn(|| door::watch(run, over));
        let listening = scope.spawn(|| receiver::listen(run, receiver, over));
        let tally = scope.spawn(|| torment(proxy, faults, plan.pace, &run.settled));
        let restarted = scope.spawn(|| restart(run, restarts));
        let watched = scope.spawn(|| watch(run, sender, &events, over));
        let senders: Vec<_> = (0..plan.threads)
            .map(|thread| {
                let random = random.fork();
                scope.spawn(move || sender::publish(run, sender, thread, random))
            })
            .collect();
        let books: Vec<_> = senders.into_iter().map(|thread| thread.join().expect("a sender")).collect();
        let lasted = run.started.elapsed();
        run.settled.store(true, Ordering::SeqCst);
        let tally = tally.join().expect("a schedule");
        let restarts = restarted.join().expect("restarts");
        finish(run, sender, receiver);
        over.store(true, Ordering::SeqCst);
        let arrived = listening.join().expect("a receiver");
        let door = door.join().expect("a door");
        let mut report = balance::balance(run, &books, &arrived, door.as_ref());
        report.faults = tally;
        report.lasted = lasted;
        report.restarts = restarts;
        (report.memory, report.sessions_lost) = watched.join().expect("a watch");
        report
    });
    report.cuts = proxy.cuts();
    report.most_open = run.most_open.load(Ordering::SeqCst);
    report.check_client(run.plan, &sender.stats(), run.most_bytes.load(Ordering::SeqCst));
    for (who, client) in [("sender", sender), ("receiver", receiver)] {
        if let Err(error) = client.disconnect() {
            report.wrong.push(format!("the {who} did not leave cleanly: {error}"));
        }
    }
    println!("{report}");
    report
}

/// Restarts the broker so many times, spread over the run.
fn restart(run: &Run<'_>, mut random: Random) -> u32 {
    for number in 1..=run.plan.restarts {
        let at = f64::from(number) / f64::from(run.plan.restarts + 1);
        while run.part() < at {
            if run.settled.load(Ordering::SeqCst) {
                return number - 1;
            }
            thread::park_timeout(Duration::from_millis(5));
        }
        run.house.restart(Duration::from_millis(random.within(0..200)));
    }
    run.plan.restarts
}

/// Looks at the gauges, the memory and the events. Returns the most memory this process took, in bytes, and how many
/// connections after the first found no session.
fn watch(run: &Run<'_>, sender: &Client, events: &[Events; 2], over: &AtomicBool) -> (u64, [usize; 2]) {
    let mut memory = 0;
    let mut lost = [0; 2];
    loop {
        let last = over.load(Ordering::SeqCst);
        let stats = sender.stats();
        run.most_open.fetch_max(stats.outbox_messages, Ordering::SeqCst);
        run.most_bytes.fetch_max(stats.outbox_bytes, Ordering::SeqCst);
        memory = memory.max(report::resident());
        for (events, lost) in events.iter().zip(&mut lost) {
            while let Some(event) = events.try_recv() {
                *lost += usize::from(matches!(event, Event::Connected { session_present: false, .. }));
            }
        }
        if last {
            return (memory, lost);
        }
        thread::park_timeout(Duration::from_millis(10));
    }
}

/// Sends a last message at QoS 1 and 2, behind which nothing that was published before can be on its way.
fn finish(run: &Run<'_>, sender: &Client, receiver: &Client) {
    // It may just be connecting again, without its subscription yet.
    receiver.subscribe(format!("{}/ledger/#", run.house.parent()), QoS::ExactlyOnce).expect("subscribed");
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        sender.with_timeout(LONG).publish(run.topic(usize::from(qos.level())), qos, receiver::LAST).expect("the last");
    }
}
