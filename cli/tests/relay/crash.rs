//! Whatever breaks, what was answered with 200 or 202 is at the broker.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use aliyun_mqtt_emulator::What;

use crate::http::{Http, eventually};
use crate::rig::{Rig, end};

/// The size of a run.
struct Size {
    /// Each is a process.
    callers: usize,
    messages: usize,
    kills: usize,
    /// The pause between two cuts of the line.
    cut: Duration,
}

/// An answer that counts as a promise.
struct Promise {
    status: u16,
    /// The position in the broker's log at that time.
    told: u64,
    keyed: bool,
}

/// By payload.
type Promises = Mutex<HashMap<String, Promise>>;

/// How a process calls.
#[derive(Clone, Copy)]
enum Manner {
    /// A message in each call, with a key for it.
    Keyed,
    /// A message in each call, without a key: where the answer is missing, the message is posted as a new one.
    Keyless,
    /// Ten messages in a call, with a key for all of them.
    Lines,
}

/// The messages of one call in [`Manner::Lines`].
const LINES: usize = 10;

/// The manner of a process: half of them, a quarter, a quarter.
fn manner(first: usize) -> Manner {
    match first % 4 {
        0 | 1 => Manner::Keyed,
        2 => Manner::Keyless,
        _ => Manner::Lines,
    }
}

/// The variables of a process that calls: the socket, its first message, the step to the next, and the end.
const SHARE: [&str; 4] = ["RELAY_TEST_SOCKET", "RELAY_TEST_FIRST", "RELAY_TEST_STEP", "RELAY_TEST_END"];

#[test]
fn nothing_promised_is_lost_when_the_line_is_cut_the_broker_restarted_and_the_relay_killed() {
    everything_breaks(&Size { callers: 8, messages: 800, kills: 3, cut: Duration::from_millis(100) });
}

/// The size of the promise in the documentation; takes a minute or two.
#[test]
#[ignore = "takes long; run by .ci/relay"]
fn nothing_promised_is_lost_at_full_size() {
    everything_breaks(&Size { callers: 16, messages: 20_000, kills: 10, cut: Duration::from_secs(1) });
}

fn everything_breaks(size: &Size) {
    let rig = Rig::new(&["--max-messages", "100000", "--drain", "0.2"]);
    let promises = Promises::default();
    let (done, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut relay = rig.start();
    let callers: Vec<_> = (0..size.callers).map(|first| (first, start_caller(&rig, first, size))).collect();
    thread::scope(|scope| {
        let listen = |(first, caller)| {
            let (rig, promises, done) = (&rig, &promises, &done);
            scope.spawn(move || listen(rig, caller, matches!(manner(first), Manner::Keyless), promises, done))
        };
        let callers: Vec<_> = callers.into_iter().map(listen).collect();
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                thread::sleep(size.cut);
                rig.line.cut();
            }
        });
        for kill in 1..=size.kills {
            // Spread over the run, by what has been done and not by time.
            let due = size.messages * kill / (size.kills + 1);
            eventually("the calls go on", || done.load(Ordering::SeqCst) >= due);
            // Every third time it drains for a moment, and leaves the rest to the next run.
            relay.signal(if kill % 3 == 0 { "TERM" } else { "KILL" });
            relay.child.wait().expect("it ends");
            relay = rig.start();
            if kill == size.kills / 2 + 1 {
                rig.emulator.restart().expect("the broker restarts");
            }
        }
        for caller in callers {
            caller.join().expect("a caller ends");
        }
        over.store(true, Ordering::SeqCst);
    });
    rig.line.heal();
    // A new one connects at once; this one may be in a long pause, after so many cuts.
    relay.signal("TERM");
    drop(relay.wait());
    let relay = rig.ready();
    eventually("everything is settled", || rig.metric("in_flight_messages") == 0.0);
    end(relay);

    let mut arrivals: HashMap<String, Vec<u64>> = HashMap::new();
    for entry in rig.emulator.log() {
        if let What::Published { payload, .. } = entry.what {
            let payload = String::from_utf8(payload.to_vec()).expect("UTF-8");
            arrivals.entry(payload).or_default().push(entry.sequence);
        }
    }
    let promises = promises.into_inner().expect("no panic");
    assert_eq!(promises.len(), size.messages, "every call succeeds in the end");
    let lost: Vec<_> = promises.keys().filter(|payload| !arrivals.contains_key(*payload)).collect();
    assert!(lost.is_empty(), "{} lost: {lost:?}", lost.len());
    // Repetitions come from cuts and kills between the sending of a message and its acknowledgement. Once the fate is
    // told, the message is never sent again; without a key, the relay knows nothing of what was posted before.
    let known = promises.iter().filter(|(_, promise)| promise.status == 200 && promise.keyed);
    let again = known.filter(|(payload, promise)| arrivals[*payload].iter().any(|at| *at >= promise.told));
    let again: Vec<_> = again.map(|(payload, _)| payload).collect();
    assert!(again.is_empty(), "sent again after their fate was told: {again:?}");
    let repeated = arrivals.values().filter(|times| times.len() > 1).count();
    let codes = |code: u16| promises.values().filter(|promise| promise.status == code).count();
    println!("200: {}, 202: {}, more than once: {repeated}, cuts: {}", codes(200), codes(202), rig.line.cuts());
}

/// Starts this program again as a process that calls.
fn start_caller(rig: &Rig, first: usize, size: &Size) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "crash::caller", "--nocapture", "--test-threads", "1"]);
    let share = [first, size.callers, size.messages].map(|number| number.to_string());
    command.env(SHARE[0], rig.socket()).envs(SHARE[1..].iter().zip(share)).stdout(Stdio::piped());
    command.spawn().expect("a process")
}

/// Notes what a process was answered.
fn listen(rig: &Rig, mut caller: Child, is_keyless: bool, promises: &Promises, done: &AtomicUsize) {
    for line in BufReader::new(caller.stdout.take().expect("its output")).lines() {
        let line = line.expect("text");
        // The rest is the frame of a test program.
        let Some((status, number)) = line.strip_prefix("answered ").and_then(|line| line.split_once(' ')) else {
            continue;
        };
        let told = rig.emulator.log_position();
        let promise = Promise { status: status.parse().expect("a status"), told, keyed: !is_keyless };
        promises.lock().expect("no panic").insert(number.to_string(), promise);
        done.fetch_add(1, Ordering::SeqCst);
    }
    assert!(caller.wait().expect("it ends").success());
}

/// Runs one of the processes that call; does nothing where it is run as a test.
#[test]
fn caller() {
    let share = SHARE.map(|name| std::env::var(name).ok());
    let [Some(socket), Some(first), Some(step), Some(end)] = share else { return };
    let [first, step, end] = [first, step, end].map(|number| number.parse::<usize>().expect("a number"));
    // The frame of a test program may leave its line open.
    println!();
    let numbers: Vec<usize> = (first..end).step_by(step).collect();
    let at_once = if matches!(manner(first), Manner::Lines) { LINES } else { 1 };
    for (call, numbers) in numbers.chunks(at_once).enumerate() {
        // Some wait for the fate, the others do not.
        let wait = call % 8 == first % 8;
        for (number, status) in numbers.iter().zip(post(Path::new(&socket), numbers, manner(first), wait)) {
            println!("answered {status} {number}");
        }
    }
}

/// Posts messages until that is answered, as an HTTP library would. Returns the status of each.
fn post(socket: &Path, numbers: &[usize], manner: Manner, wait: bool) -> Vec<u64> {
    let key = format!("Idempotency-Key: key-{}", numbers[0]);
    let mut headers = match manner {
        Manner::Keyed => vec![key.as_str()],
        Manner::Keyless => vec![],
        Manner::Lines => vec![key.as_str(), "Content-Type: application/x-ndjson"],
    };
    if !wait {
        headers.push("Prefer: respond-async");
    }
    let qos = if numbers[0].is_multiple_of(5) { 2 } else { 1 };
    let uri = format!("/v1/messages?topic=emulator/a&wait=1&qos={qos}");
    let body: String = match manner {
        Manner::Lines => numbers.iter().map(|number| format!("{{\"payload\":\"{number}\"}}\n")).collect(),
        _ => numbers[0].to_string(),
    };
    loop {
        let answer = Http::unix(socket).and_then(|mut http| http.try_call("POST", &uri, &headers, body.as_bytes()));
        // An error: it was killed.
        if let Ok(answer) = answer {
            let statuses: Vec<u64> = match (manner, answer.status) {
                (Manner::Lines, 200) => {
                    answer.lines().iter().map(|line| line["status"].as_u64().expect("a status")).collect()
                }
                (_, status) => vec![status.into(); numbers.len()],
            };
            assert_eq!(statuses.len(), numbers.len(), "{}", String::from_utf8_lossy(&answer.body));
            if statuses.iter().all(|status| matches!(status, 200 | 202)) {
                return statuses;
            }
            let known = statuses.iter().all(|status| matches!(status, 200 | 202 | 503));
            assert!(known, "{}", String::from_utf8_lossy(&answer.body));
        }
        thread::sleep(Duration::from_millis(5));
    }
}
