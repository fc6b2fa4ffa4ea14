//! `bench subscribe`: measures the time from publishing to receiving.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, Outgoing, Subscription};

use super::args::MessageArgs;
use super::report::{Part, Report};
use super::run::{Run, leave, panicked, payload};
use crate::exit::Result;
use crate::threads;

/// How long to wait for another message after the last one was published.
const LAST: Duration = Duration::from_secs(5);

/// The interval at which a receiver checks for the end.
const LOOK: Duration = Duration::from_millis(50);

/// The state shared by the publisher and the receivers.
struct Shared {
    /// The beginning of each payload, to ignore messages of others.
    mark: u32,
    start: Instant,
    /// Increased before a message is sent, so that its number is known when it arrives.
    sent: AtomicU32,
    done: AtomicBool,
}

/// Runs one publisher; each client receives all of its messages.
pub(super) fn run(args: &MessageArgs, run: &Run) -> Result<Report> {
    let publisher = Client::connect(run.config(args).build()?)?;
    let receivers = run.connect(args)?;
    let streams: Vec<Subscription> = receivers
        .iter()
        .map(|client| client.subscription(&args.topic, args.qos))
        .collect::<aliyun_mqtt::Result<_>>()?;
    let shared = Shared { mark: mark(), start: run.begin(), sent: AtomicU32::new(0), done: AtomicBool::new(false) };
    let (failure, parts) = thread::scope(|scope| {
        let shared = &shared;
        let started = |stream| threads::scoped(scope, "bench", move || receive(stream, run, shared));
        let threads: Result<Vec<_>> = streams.iter().map(started).collect();
        let failure = threads.is_ok().then(|| send(&publisher, args, run, shared)).flatten();
        shared.done.store(true, Ordering::SeqCst);
        let parts: Result<Vec<Part>> = threads.and_then(|threads| {
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(panicked()))).collect()
        });
        (failure, parts)
    });
    let elapsed = shared.start.elapsed();
    let mut parts = parts?;
    if let (Some(error), Some(part)) = (failure, parts.first_mut()) {
        part.fail(error);
    }
    drop(streams);
    leave(receivers.iter().chain([&publisher]));
    Report::new(("subscribe", "messages"), elapsed, run.interrupt.happened(), parts)
}

/// Returns the error that ended it early, or that of an unacknowledged message.
fn send(client: &Client, args: &MessageArgs, run: &Run, shared: &Shared) -> Option<aliyun_mqtt::Error> {
    let end = run.end(shared.start);
    for number in 0..u32::try_from(run.count).unwrap_or(u32::MAX) {
        if run.is_over(end) {
            break;
        }
        let mut head = [0; 16];
        head[..4].copy_from_slice(&shared.mark.to_be_bytes());
        head[4..8].copy_from_slice(&number.to_be_bytes());
        head[8..].copy_from_slice(&nanos(shared.start).to_be_bytes());
        shared.sent.store(number + 1, Ordering::SeqCst);
        if let Err(error) = client.enqueue(Outgoing::new(&args.topic, args.qos, payload(args.size, head))) {
            shared.sent.store(number, Ordering::SeqCst);
            return Some(error);
        }
    }
    client.flush(client.config().timeout()).err()
}

/// Returns a mark that differs between runs, also in containers with equal process ids.
fn mark() -> u32 {
    let [a, b, c, d, ..] = RandomState::new().hash_one(std::process::id()).to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

fn nanos(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Counts each message once. Messages that do not arrive count as failed.
fn receive(stream: &Subscription, run: &Run, shared: &Shared) -> Result<Part> {
    let mut part = Part::new()?;
    let mut seen: Vec<bool> = Vec::new();
    let mut received = 0;
    let mut last = Instant::now();
    loop {
        let done = shared.done.load(Ordering::SeqCst);
        let sent = shared.sent.load(Ordering::SeqCst);
        if done && (received == sent || last.elapsed() >= LAST) || run.interrupt.happened() {
            part.failed += u64::from(sent.saturating_sub(received));
            return Ok(part);
        }
        let message = match stream.recv_timeout(LOOK) {
            Ok(Some(message)) => message,
            Ok(None) => continue,
            Err(error) => {
                part.fail(error);
                return Ok(part);
            }
        };
        let read = read(message.payload(), shared.mark);
        // A made-up number must not fill the memory.
        let Some((number, sent_at)) = read.filter(|(number, _)| *number < shared.sent.load(Ordering::SeqCst)) else {
            continue;
        };
        last = Instant::now();
        let index = number as usize;
        if index >= seen.len() {
            seen.resize(index + 1, false);
        }
        if !std::mem::replace(&mut seen[index], true) {
            received += 1;
            part.record(Duration::from_nanos(nanos(shared.start).saturating_sub(sent_at)));
        }
    }
}

/// Returns number and time of a message of this run.
fn read(payload: &[u8], mark: u32) -> Option<(u32, u64)> {
    let (head, rest) = payload.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (time, _) = rest.split_first_chunk()?;
    (u32::from_be_bytes(*head) == mark).then(|| (u32::from_be_bytes(*number), u64::from_be_bytes(*time)))
}
