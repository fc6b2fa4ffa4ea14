//! A process is killed again and again; nothing it was told was accepted may be lost.
#![cfg(feature = "spool")]

mod support;

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::time::Duration;

use aliyun_mqtt::{Client, ErrorKind, Outgoing, QoS, Spool};
use aliyun_mqtt_emulator::{Emulator, What};
use support::folder::Folder;
use support::matrix::{config_from_env, environment};
use support::process;
use support::{LONG, config, connect, error, eventually};

/// The spool of the child.
const PATH: &str = "SPOOL_TEST_PATH";

/// What the child says to its parent, among the words of the test harness.
fn say(words: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("#{words}\n").as_bytes()).and_then(|()| out.flush()).expect("the parent listens");
}

/// Not a test: what the child process does, by its argument: `drain`, `hold`, or the name of a run that is to be
/// killed.
#[test]
fn child() {
    let Some(role) = process::as_child() else { return };
    let path = std::env::var_os(PATH).expect("set by the parent");
    let client = connect(config_from_env().spool(Spool::at(path)));
    say("connected");
    match role.as_str() {
        "hold" => drop(std::io::stdin().read_line(&mut String::new())),
        "drain" => {
            clear(&client);
            client.disconnect().expect("all delivered");
        }
        run => publish(&client, run),
    }
}

/// Publishes until it is killed: three threads, one that waits for acknowledgements, one that does not, and one with
/// batches.
fn publish(client: &Client, run: &str) {
    let topic = |name: &str| format!("{}/{name}", aliyun_mqtt_emulator::DEFAULT_PARENT_TOPIC);
    for round in 0.. {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..20 {
                    let text = format!("nowait {run} {}", round * 100 + number);
                    let qos = if number % 5 == 4 { QoS::ExactlyOnce } else { QoS::AtLeastOnce };
                    drop(client.enqueue(Outgoing::new(topic("nowait"), qos, text.as_str())).expect("accepted"));
                    say(&text);
                }
            });
            scope.spawn(|| {
                let texts: Vec<_> = (0..20).map(|number| format!("batch {run} {}", round * 100 + number)).collect();
                let message = |text: &String| Outgoing::new(topic("batch"), QoS::AtLeastOnce, text.as_str());
                for (text, accepted) in texts.iter().zip(client.enqueue_many(texts.iter().map(message))) {
                    drop(accepted.expect("accepted"));
                    say(text);
                }
            });
            for number in 0..5 {
                let text = format!("wait {run} {}", round * 100 + number);
                client.publish(topic("wait"), QoS::AtLeastOnce, text.as_str()).expect("acknowledged");
                say(&text);
            }
        });
        if round % 2 == 1 {
            clear(client);
            say("clear");
        }
    }
}

/// Waits until everything is delivered, and no record is left.
fn clear(client: &Client) {
    client.flush(LONG).expect("all delivered");
    eventually("all records are gone", || client.stats().spooled_messages == 0);
}

fn start(role: &str, dir: &Folder, emulator: &Emulator) -> Child {
    process::child(module_path!(), "child", role)
        .envs(environment(emulator, dir))
        .env(PATH, dir.spool().path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started")
}

/// What the child said, one by one.
fn words(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    // A killed child may leave half a line.
    lines.map_while(Result::ok).filter_map(|line| Some(line.split_once('#')?.1.to_string()))
}

/// A plain random number generator: the same seed, the same numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

#[derive(Default)]
struct Told {
    accepted: Vec<String>,
    /// Where the emulator's log was when these were known to be gone from the spool.
    cleared: HashMap<String, u64>,
}

/// Runs the child this often, kills it each time, and lets a last run deliver what is left.
fn kill_and_go_on(kills: usize) {
    let seed = std::env::var("SPOOL_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()) << 20 | kills as u64 | 1 << 19);
    println!("SPOOL_TEST_SEED={seed}");
    let mut random = Random(seed);
    let emulator = Emulator::builder().log_capacity(10_000_000).start().expect("the emulator starts");
    let dir = Folder::new();
    let mut told = Told::default();
    let mut connects = 0;
    for run in 0..kills {
        let mut child = start(&format!("{run}"), &dir, &emulator);
        let mut words = words(&mut child);
        // Most runs get somewhere; some are killed while they start.
        let enough = random.below(120);
        if enough > 10 {
            for word in words.by_ref().take(enough as usize) {
                note(word, &mut told, &mut connects, &emulator);
            }
        }
        std::thread::park_timeout(Duration::from_micros(random.below(20_000)));
        child.kill().expect("killed");
        child.wait().expect("ended");
        // What it said before it died counts.
        for word in words {
            note(word, &mut told, &mut connects, &emulator);
        }
    }
    let mut last = start("drain", &dir, &emulator);
    assert_eq!(words(&mut last).collect::<Vec<_>>(), ["connected"]);
    assert!(last.wait().expect("ended").success(), "the last run delivers what is left");
    check(&told, &emulator, kills, connects);
}

fn note(word: String, told: &mut Told, connects: &mut usize, emulator: &Emulator) {
    match word.as_str() {
        "connected" => *connects += 1,
        "clear" => {
            // It is older than this, so nothing may come from here on.
            let position = emulator.log_position();
            for text in &told.accepted {
                told.cleared.entry(text.clone()).or_insert(position);
            }
        }
        _ => told.accepted.push(word),
    }
}

fn check(told: &Told, emulator: &Emulator, kills: usize, connects: usize) {
    let mut first = HashSet::new();
    let mut of_one_run = HashSet::new();
    let mut newest: HashMap<String, (u64, u64)> = HashMap::new();
    let mut arrivals = 0;
    for entry in emulator.log() {
        let What::Published { payload, dup, .. } = entry.what else { continue };
        let text = String::from_utf8(payload.to_vec()).expect("text");
        arrivals += 1;
        assert!(!dup, "a new run sends a new message: {text}");
        assert!(of_one_run.insert((entry.client_id, text.clone())), "twice in one run, on one connection: {text}");
        if let Some(position) = told.cleared.get(&text) {
            assert!(entry.sequence < *position, "it was gone from the spool, and came again: {text}");
        }
        if first.insert(text.clone()) {
            let mut parts = text.split(' ');
            let sender = parts.next().expect("a sender").to_string();
            let mut number = || parts.next().and_then(|part| part.parse().ok()).expect("a number");
            let place = (number(), number());
            let before = newest.insert(sender, place);
            assert!(before.is_none_or(|before| before < place), "{text} came after {before:?}");
        }
    }
    let lost: Vec<_> = told.accepted.iter().filter(|text| !first.contains(*text)).collect();
    println!(
        "{kills} kills, {connects} runs that connected: {} accepted, {} lost; {} arrivals, {} of them repeated; {} \
         known to be gone from the spool in between",
        told.accepted.len(),
        lost.len(),
        arrivals,
        arrivals - first.len(),
        told.cleared.len()
    );
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(connects > 0 && !told.accepted.is_empty(), "nothing was tested");
}

#[test]
fn nothing_accepted_is_lost_when_the_process_is_killed() {
    kill_and_go_on(25);
}

#[test]
#[ignore = "minutes long: the same with 300 kills"]
fn nothing_accepted_is_lost_in_300_kills() {
    kill_and_go_on(300);
}

#[test]
fn another_process_is_kept_out_and_let_in_after_a_kill() {
    let emulator = support::emulator();
    let dir = Folder::new();
    let mut child = start("hold", &dir, &emulator);
    assert_eq!(words(&mut child).next().as_deref(), Some("connected"));
    let mine = || config(&emulator).spool(dir.spool());
    let refused = error(Client::connect(mine().build().expect("good")));
    assert_eq!(refused.kind(), ErrorKind::Spool);
    assert!(refused.to_string().contains("in use by another process"), "{refused}");
    child.kill().expect("killed");
    child.wait().expect("ended");
    connect(mine());
}
