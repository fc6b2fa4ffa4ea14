//! What the Rust clients share: the arguments, the clock, and the line of JSON with which each run ends.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::str::FromStr;
use std::time::{Duration, Instant};

pub const TOPIC: &str = "demo/bench";

/// `CLIENT ROLE name=value...`
pub struct Args {
    pub role: String,
    values: HashMap<String, String>,
}

impl Args {
    pub fn parse() -> Args {
        let mut args = std::env::args().skip(1);
        let role = args.next().expect("a role");
        let pair = |arg: String| arg.split_once('=').map(|(name, value)| (name.to_string(), value.to_string()));
        Args { role, values: args.map(|arg| pair(arg).expect("name=value")).collect() }
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub fn maybe<T: FromStr>(&self, name: &str) -> Option<T> {
        self.text(name).map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
    }

    fn number<T: FromStr>(&self, name: &str, default: T) -> T {
        self.maybe(name).unwrap_or(default)
    }

    pub fn port(&self) -> u16 {
        self.maybe("port").expect("port=")
    }

    /// The file with the certificate of the CA; none means TCP.
    pub fn ca(&self) -> Option<&str> {
        self.text("ca")
    }

    pub fn qos(&self) -> u8 {
        self.number("qos", 1)
    }

    pub fn count(&self) -> usize {
        self.number("count", 1)
    }

    pub fn payload(&self) -> Vec<u8> {
        vec![b'x'; self.number("size", 64)]
    }

    pub fn is_v5(&self) -> bool {
        self.number("version", 4) == 5
    }

    /// Between two messages of the role `latency`.
    pub fn pause(&self) -> Duration {
        Duration::from_secs(1) / self.number("rate", 1000)
    }
}

/// Wall clock and CPU time of the process since some moment.
pub struct Clock {
    started: Instant,
    cpu: f64,
}

impl Clock {
    pub fn start() -> Clock {
        Clock { cpu: cpu_seconds(), started: Instant::now() }
    }

    /// Ends the measurement of so many messages, and prints it. `lost`: the messages that did not come.
    pub fn stop(&self, count: usize, lost: usize) {
        let (seconds, cpu) = (self.started.elapsed().as_secs_f64(), cpu_seconds() - self.cpu);
        print(&[("count", count as f64), ("lost", lost as f64), ("seconds", seconds), ("cpu", cpu)]);
    }

    /// As `stop`, with the percentiles of the times of single operations.
    pub fn stop_with_times(&self, mut times: Vec<Duration>) {
        let (seconds, cpu) = (self.started.elapsed().as_secs_f64(), cpu_seconds() - self.cpu);
        times.sort_unstable();
        let at = |part: f64| times[((times.len() - 1) as f64 * part).round() as usize].as_secs_f64() * 1e6;
        print(&[
            ("count", times.len() as f64),
            ("seconds", seconds),
            ("cpu", cpu),
            ("p50", at(0.5)),
            ("p99", at(0.99)),
            ("p999", at(0.999)),
        ]);
    }
}

/// Prints one line of JSON.
pub fn print(values: &[(&str, f64)]) {
    let mut line = String::new();
    for (name, value) in values {
        let _ = write!(line, "{}\"{name}\": {value}", if line.is_empty() { "" } else { ", " });
    }
    println!("{{{line}}}");
}

/// Says that the subscription is made.
pub fn ready() {
    println!("ready");
    std::io::stdout().flush().expect("read");
}

/// Connects so many clients one after another, holds them, and prints the pace and the memory of each.
pub fn hold<C>(count: usize, connect: impl Fn(usize) -> C) {
    // The first one takes with it what all share.
    let first = connect(0);
    let (before, clock) = (resident_bytes(), Clock::start());
    let clients: Vec<C> = (1..=count).map(connect).collect();
    let seconds = clock.started.elapsed().as_secs_f64();
    let each = (resident_bytes() - before) / count as f64;
    print(&[("count", count as f64), ("seconds", seconds), ("cpu", cpu_seconds() - clock.cpu), ("bytes", each)]);
    drop((first, clients));
    // Ending thousands of connections properly is not measured.
    std::process::exit(0);
}

/// Does something at a steady pace, without drift.
pub fn paced(count: usize, pause: Duration, mut act: impl FnMut()) {
    let started = Instant::now();
    for number in 0..count {
        let due = started + pause * u32::try_from(number).expect("a few");
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        act();
    }
}

/// A payload with the time of its sending at its front, for the role `latency`.
pub fn stamped(since: Instant, mut payload: Vec<u8>) -> Vec<u8> {
    payload[..8].copy_from_slice(&u64::try_from(since.elapsed().as_nanos()).expect("fits").to_le_bytes());
    payload
}

/// How long ago that was.
pub fn age(since: Instant, payload: &[u8]) -> Duration {
    let sent = u64::from_le_bytes(payload[..8].try_into().expect("eight bytes"));
    since.elapsed().saturating_sub(Duration::from_nanos(sent))
}

fn cpu_seconds() -> f64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call fills the structure it is given.
    let usage = unsafe {
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()), 0);
        usage.assume_init()
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

fn resident_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|text| text.parse::<f64>().ok()).expect("kB") * 1024.0
}
