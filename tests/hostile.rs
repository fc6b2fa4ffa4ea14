//! Hostile servers (docs/survival.md): whatever a server says, wherever it says it, the client panics never, no call
//! outlasts its deadline, memory stays bounded, and the client is back when the server is good again.
#![cfg(target_os = "linux")]

#[path = "support/hostile/mod.rs"]
mod hostile;
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aliyun_mqtt::Protocol;
use aliyun_mqtt_emulator::Transport;
use hostile::client::Certificate;
use hostile::lanes::{self, MEMORY, Plan, Report};
use hostile::place::{PLACES, Place};
use hostile::{Scenario, count_kinds, scenarios};
use support::{certificate, matrix, process};

/// The test that a child runs as.
const CHILD: &str = "each_kind_at_one_place";

/// Each kind once, at a place that the seed chooses, in the tests' version and over their transport.
///
/// Not on the idle connection: there is nothing but waiting.
#[test]
fn each_kind_at_one_place() {
    let levels = [if support::protocol() == Protocol::V5 { 5 } else { 4 }];
    let transports = [matrix::transport()];
    if let Some(argument) = process::as_child() {
        return as_child(&argument);
    }
    assert!(count_kinds() >= 150);
    let seed = seed();
    let mut chosen: BTreeMap<&str, Vec<Scenario>> = BTreeMap::new();
    for scenario in scenarios(seed, &levels, &transports) {
        if scenario.place != Place::BeforePingResp && !scenario.is_heavy() {
            chosen.entry(scenario.kind_name()).or_default().push(scenario);
        }
    }
    let chosen: Vec<Scenario> =
        chosen.into_values().map(|mut places| places.swap_remove(seed_of(&places) % places.len())).collect();
    let report = run(&chosen, seed, &levels, &transports);
    check(&report);
}

/// Of the seeds of these.
fn seed_of(scenarios: &[Scenario]) -> usize {
    scenarios.iter().fold(0, |sum: u64, scenario| sum.wrapping_add(scenario.seed)) as usize
}

/// Everything, or what answers to all the words of `HOSTILE_ONLY`: a part of a kind's name, a place, `3.1.1` or `5`,
/// a transport; of that, one in `HOSTILE_SHARE`, by the seed.
#[test]
#[ignore = "takes minutes; see docs/survival.md"]
fn every_kind_at_every_place() {
    let mut transports = vec![Transport::Tcp, Transport::Tls];
    if cfg!(feature = "websocket") {
        transports.extend([Transport::Ws, Transport::Wss]);
    }
    let seed = seed();
    let only = std::env::var("HOSTILE_ONLY").unwrap_or_default();
    let mut chosen = scenarios(seed, &[4, 5], &transports);
    let share = number("HOSTILE_SHARE", 1) as u64;
    // The lowest bits of a seed choose how often it is played.
    let is_in_share = |scenario: &Scenario| (scenario.seed / 8) % share == 0;
    chosen.retain(|scenario| is_in_share(scenario) && only.split_whitespace().all(|word| scenario.answers_to(word)));
    // Those of one kind wait alike: not all at once.
    chosen.sort_by_key(|scenario| scenario.seed);
    let report = run(&chosen, seed, &[4, 5], &transports);
    check(&report);
    let mended: Vec<_> = report.marked.iter().filter(|(_, failed)| !**failed).map(|(kind, _)| kind).collect();
    let is_whole = only.is_empty() && share == 1;
    assert!(!is_whole || mended.is_empty(), "these are marked as known to fail, and pass: {mended:?}");
}

/// The seed, by `HOSTILE_SEED`; without one, a new one.
fn seed() -> u64 {
    let given = std::env::var("HOSTILE_SEED").ok();
    let seed = given.map_or_else(
        || u64::from(std::time::UNIX_EPOCH.elapsed().map_or(0, |time| time.subsec_nanos())),
        |text| text.parse().expect("HOSTILE_SEED is a number"),
    );
    println!("HOSTILE_SEED={seed}");
    seed
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn run(chosen: &[Scenario], seed: u64, levels: &[u8], transports: &[Transport]) -> Report {
    // What a child needs to find the same scenarios: their names.
    let argument = format!(
        "{seed} {} {}",
        levels.iter().map(u8::to_string).collect::<Vec<_>>().join(","),
        transports.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    );
    let all: BTreeMap<String, usize> = scenarios(seed, levels, transports)
        .iter()
        .enumerate()
        .map(|(number, scenario)| (scenario.to_string(), number))
        .collect();
    let wanted = chosen.iter().map(|scenario| all[&scenario.to_string()]).collect();
    println!("{} scenarios", chosen.len());
    let plan = Plan {
        scenarios: scenarios(seed, levels, transports),
        wanted,
        processes: number("HOSTILE_PROCESSES", 6),
        each: number("HOSTILE_EACH", 8),
        test: CHILD,
        argument,
    };
    let report = lanes::run(&plan);
    println!("{}", table(chosen, &report));
    report
}

fn as_child(argument: &str) {
    let mut words = argument.split(' ');
    let mut next = || words.next().expect("a word");
    let seed = next().parse().expect("a seed");
    let levels: Vec<u8> = next().split(',').map(|level| level.parse().expect("a level")).collect();
    let transports: Vec<Transport> = next().split(',').map(|name| name.parse().expect("a transport")).collect();
    lanes::serve(&scenarios(seed, &levels, &transports), &certificate());
}

/// The figures, as docs/survival.md has them.
fn table(chosen: &[Scenario], report: &Report) -> String {
    let names = |level: u8| {
        let of_level = chosen.iter().filter(|scenario| scenario.level == level);
        of_level.map(Scenario::kind_name).collect::<std::collections::BTreeSet<_>>().len()
    };
    let places = PLACES.iter().filter(|place| chosen.iter().any(|scenario| scenario.place == **place)).count();
    let mut text = String::new();
    let mut row = |what: &str, value: String| writeln!(text, "| {what} | {value} |").expect("a string");
    row("kinds: all, those played in MQTT 3.1.1, in MQTT 5", format!("{}, {}, {}", count_kinds(), names(4), names(5)));
    row("places", places.to_string());
    row("scenarios", report.runs.to_string());
    row("calls, **late**", format!("{}, {}", report.calls, report.late));
    let (latest, which) = &report.latest;
    row("latest return after a deadline", format!("{} ms ({which})", latest.as_millis()));
    row("**panics**, **deaths of the process**", format!("{}, {}", report.panics, report.deaths));
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    let (alone, whose) = &report.memory_alone;
    row("the most that a process held, with several scenarios at a time", mib(report.memory));
    row("the same, with one", format!("{} ({whose})", mib(*alone)));
    row("run once more, alone, since they took too long beside others", report.repeated.to_string());
    row("a fresh client was needed", report.fresh.to_string());
    row("**failed**", report.failed.len().to_string());
    row("known to fail", report.known.len().to_string());
    row("time", format!("{} s", report.time.as_secs()));
    text
}

fn check(report: &Report) {
    for (scenario, why) in &report.known {
        println!("known: {scenario}: {why}");
    }
    for (scenario, why) in &report.failed {
        println!("failed: {scenario}: {why}");
    }
    assert!(report.failed.is_empty(), "{} scenarios failed; they are named above", report.failed.len());
    assert_eq!((report.panics, report.deaths), (0, 0));
    assert!(report.memory < MEMORY, "{} bytes", report.memory);
}

/// A certificate for `localhost`.
fn certificate() -> Certificate {
    let (tls, ca) = certificate::for_names(&["localhost"]);
    Certificate { tls, ca }
}
