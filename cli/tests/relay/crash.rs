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

/// The answers that count as a promise, by payload: the status, and the position in the broker's log at that time.
type Promises = Mutex<HashMap<String, (u16, u64)>>;

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
    let callers: Vec<Child> = (0..size.callers).map(|first| start_caller(&rig, first, size)).collect();
    thread::scope(|scope| {
        let callers: Vec<_> =
            callers.into_iter().map(|caller| scope.spawn(|| listen(&rig, caller, &promises, &done))).collect();
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
    // told, the message is never sent again.
    let known = promises.iter().filter(|(_, (status, _))| *status == 200);
    let again: Vec<_> = known.filter(|(payload, (_, told))| arrivals[*payload].iter().any(|at| at >= told)).collect();
    assert!(again.is_empty(), "sent again after their fate was told: {again:?}");
    let repeated = arrivals.values().filter(|times| times.len() > 1).count();
    let codes = |code: u16| promises.values().filter(|(status, _)| *status == code).count();
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
fn listen(rig: &Rig, mut caller: Child, promises: &Promises, done: &AtomicUsize) {
    for line in BufReader::new(caller.stdout.take().expect("its output")).lines() {
        let line = line.expect("text");
        // The rest is the frame of a test program.
        let Some((status, payload)) = line.strip_prefix("answered ").and_then(|line| line.split_once(' ')) else {
            continue;
        };
        let position = rig.emulator.log_position();
        let status = status.parse().expect("a status");
        promises.lock().expect("no panic").insert(payload.to_string(), (status, position));
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
    for number in (first..end).step_by(step) {
        // Some wait for the fate, the others do not.
        let wait = (number / step) % 8 == first % 8;
        println!("answered {} {number}", call(Path::new(&socket), number, wait));
    }
}

/// Posts a message until that is answered, as an HTTP library would, with a key for each. Returns the status.
fn call(socket: &Path, number: usize, wait: bool) -> u16 {
    let payload = format!("{number}");
    let key = format!("Idempotency-Key: key-{number}");
    let headers = [key.as_str(), "Prefer: respond-async"];
    let headers = if wait { &headers[..1] } else { &headers };
    let qos = if number.is_multiple_of(5) { 2 } else { 1 };
    let uri = format!("/v1/messages?topic=emulator/a&wait=1&qos={qos}");
    loop {
        let answer = Http::unix(socket).and_then(|mut http| http.try_call("POST", &uri, headers, payload.as_bytes()));
        match answer {
            Ok(answer) if matches!(answer.status, 200 | 202) => return answer.status,
            Ok(answer) => assert_eq!(answer.status, 503, "{}", String::from_utf8_lossy(&answer.body)),
            // It was killed.
            Err(_) => {}
        }
        thread::sleep(Duration::from_millis(5));
    }
}
