//! Faults at random, one after another, with time in between in which messages get through.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::random::Random;
use super::{Proxy, Way};

/// How long no byte may pass before the next fault comes all the same: the client may be waiting for a fault's end.
const STILL: Duration = Duration::from_secs(1);

/// How much goes well between two faults.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Bytes that pass, both ways, at the most.
    pub bytes: u64,
    /// How long a fault lasts, in milliseconds, at the most.
    pub longest: u64,
    /// Whether a line may fall silent until the client itself gives it up, which takes up to two keep-alives.
    pub silence: bool,
}

/// How long a client may take to notice that a line is dead, far beyond its keep-alive in tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often each fault was made.
pub type Tally = BTreeMap<&'static str, usize>;

/// Makes faults until it is done; all is calm afterwards.
pub fn torment(proxy: &Proxy, mut random: Random, pace: Pace, done: &AtomicBool) -> Tally {
    let mut tally = Tally::new();
    while !done.load(Ordering::SeqCst) {
        await_progress(proxy, random.within(pace.bytes / 16..pace.bytes), done);
        if done.load(Ordering::SeqCst) {
            break;
        }
        let last = Duration::from_millis(random.within(1..pace.longest));
        let name = if pace.silence && random.one_in(25) {
            fall_silent(proxy, done)
        } else {
            fault(proxy, &mut random, last, done)
        };
        *tally.entry(name).or_default() += 1;
    }
    proxy.calm();
    tally
}

fn fall_silent(proxy: &Proxy, done: &AtomicBool) -> &'static str {
    let connections = proxy.connections();
    proxy.swallow_way(Way::Up, true);
    proxy.swallow_way(Way::Down, true);
    // What it sends on the line after it is swallowed, too.
    wait_for(PATIENCE, done, || proxy.connections() > connections);
    proxy.heal();
    "silent until noticed"
}

fn fault(proxy: &Proxy, random: &mut Random, last: Duration, done: &AtomicBool) -> &'static str {
    let end = |cut: bool| {
        wait(last, done);
        if cut {
            proxy.heal();
        } else {
            proxy.calm();
        }
    };
    let lose = |way, bytes, random: &mut Random| {
        let cuts = proxy.cuts();
        proxy.cut_after(way, random.within(0..bytes) as usize, random.within(0..bytes) as usize);
        // The client may have nothing more to say before it is answered.
        wait_for(last, done, || proxy.cuts() > cuts);
        proxy.heal();
    };
    let some = random.one_in(2);
    match random.within(0..14) {
        0..=3 => {
            proxy.cut();
            "cut"
        }
        4 => {
            lose(Way::Up, 300, random);
            "cut losing what was sent"
        }
        5 => {
            lose(Way::Down, 50, random);
            "cut losing answers"
        }
        6 => {
            let ways: &[Way] = match random.within(0..3) {
                0 => &[Way::Up],
                1 => &[Way::Down],
                _ => &[Way::Up, Way::Down],
            };
            ways.iter().for_each(|way| proxy.swallow_way(*way, true));
            end(true);
            "half-open, then cut"
        }
        7 => {
            proxy.delay(Duration::from_millis(random.within(1..50)));
            end(some);
            "delay"
        }
        8 => {
            proxy.throttle(Some(random.within(1_000..100_000)));
            end(some);
            "throttle"
        }
        9 => {
            proxy.split(true);
            end(some);
            "split"
        }
        10 | 11 => {
            proxy.hold_acks(true);
            end(some);
            if some { "acknowledgements held, then lost" } else { "acknowledgements held" }
        }
        12 => {
            proxy.refuse(true);
            proxy.cut();
            end(false);
            "refused"
        }
        _ => {
            proxy.mute(true);
            proxy.cut();
            end(true);
            "never answered"
        }
    }
}

/// Waits until so many bytes have passed, or none does any more.
fn await_progress(proxy: &Proxy, bytes: u64, done: &AtomicBool) {
    let goal = proxy.passed() + bytes;
    let (mut known, mut since) = (proxy.passed(), Instant::now());
    while known < goal && since.elapsed() < STILL && !done.load(Ordering::SeqCst) {
        thread::park_timeout(Duration::from_millis(1));
        let now = proxy.passed();
        if now != known {
            (known, since) = (now, Instant::now());
        }
    }
}

fn wait(time: Duration, done: &AtomicBool) {
    wait_for(time, done, || false);
}

fn wait_for(time: Duration, done: &AtomicBool, enough: impl Fn() -> bool) {
    let until = Instant::now() + time;
    while Instant::now() < until && !enough() && !done.load(Ordering::SeqCst) {
        thread::park_timeout(Duration::from_millis(1));
    }
}
