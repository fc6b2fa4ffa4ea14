//! Runs scenarios in processes of their own, each with several at a time, which hold the client and the server only.
//!
//! The parent writes the number of a scenario for each that is to be run, and reads a line when it begins and when it
//! ends. So it knows what was under way where a process dies; those are run once more, each alone.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::panic::AssertUnwindSafe;
use std::process::{ChildStdin, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::client::{self, Certificate};
use super::{Scenario, known};
use crate::support::process;

/// In front of each line that is meant for the parent.
const MARK: &str = "hostile:";

/// Faults that a busy machine may make: they count where nothing else runs beside the scenario.
const TIMED: [&str; 3] = ["late:", "stalled:", "not back:"];

/// What every process may hold at the most, client and server together.
pub const MEMORY: u64 = 64 << 20;

/// What a run is made of.
pub struct Plan {
    /// All that a child can be asked for, and the numbers of those that are.
    pub scenarios: Vec<Scenario>,
    pub wanted: Vec<usize>,
    /// Processes at a time, and scenarios at a time in each.
    pub processes: usize,
    pub each: usize,
    /// The test that calls [`serve`] in a child.
    pub test: &'static str,
    /// What a child needs to make the same scenarios.
    pub argument: String,
}

/// What became of a run.
#[derive(Debug, Default)]
pub struct Report {
    pub runs: usize,
    pub calls: usize,
    pub fresh: usize,
    /// The latest return after a deadline, and which call it was.
    pub latest: (Duration, String),
    /// The most that a process of several scenarios at a time held, in bytes.
    pub memory: u64,
    /// The most that a process of a single scenario held, and which.
    pub memory_alone: (u64, String),
    /// Scenarios that failed, and why.
    pub failed: BTreeMap<String, String>,
    /// Those of which it is known.
    pub known: BTreeMap<String, String>,
    /// Kinds of which it is known that they fail, and whether any of them did.
    pub marked: BTreeMap<&'static str, bool>,
    pub panics: usize,
    pub deaths: usize,
    pub late: usize,
    /// Scenarios that were run once more, alone, since the machine may have been too busy.
    pub repeated: usize,
    pub time: Duration,
}

impl Report {
    /// Puts down how a scenario ended.
    fn note(&mut self, scenario: &Scenario, fault: Option<&str>) {
        self.runs += 1;
        if self.runs % 1_000 == 0 {
            println!("{} scenarios have ended", self.runs);
        }
        let reason = known::reason(scenario);
        if let Some(what) = known::has_to_fail(scenario) {
            *self.marked.entry(what).or_default() |= fault.is_some();
        }
        match (fault, reason) {
            (Some(fault), Some(reason)) => {
                self.known.insert(scenario.to_string(), format!("{reason}: {fault}"));
            }
            (Some(fault), None) => {
                self.late += usize::from(fault.contains("late: "));
                eprintln!("FAILED {scenario}: {fault}");
                self.failed.insert(scenario.to_string(), fault.to_string());
            }
            (None, _) => {}
        }
    }
}

/// A queue of scenarios, by their number in the plan.
type Queue = Mutex<VecDeque<usize>>;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs them all.
pub fn run(plan: &Plan) -> Report {
    let start = Instant::now();
    let (mut many, mut alone) = (VecDeque::new(), VecDeque::new());
    for &number in &plan.wanted {
        let scenario = &plan.scenarios[number];
        let queue = if scenario.is_heavy() || known::is_deadly(scenario) { &mut alone } else { &mut many };
        queue.push_back(number);
    }
    let (many, alone): (Queue, Queue) = (Mutex::new(many), Mutex::new(alone));
    let report = Mutex::new(Report::default());
    std::thread::scope(|scope| {
        for lane in 0..plan.processes {
            let (many, alone, report) = (&many, &alone, &report);
            scope.spawn(move || {
                if lane > 0 {
                    drain(plan, many, plan.each, alone, report);
                }
                drain(plan, alone, 1, alone, report);
                drain(plan, many, plan.each, alone, report);
                drain(plan, alone, 1, alone, report);
            });
        }
    });
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.time = start.elapsed();
    report
}

/// Starts processes until the queue is empty.
fn drain(plan: &Plan, queue: &Queue, each: usize, alone: &Queue, report: &Mutex<Report>) {
    while !lock(queue).is_empty() {
        one_process(plan, queue, each, alone, report);
    }
}

/// How many scenarios a process runs at the most: what it holds at its end is of them alone.
///
/// Where one runs at a time, it is the only one of its process, so that the memory is its own.
const MOST: usize = 1_000;

fn one_process(plan: &Plan, queue: &Queue, each: usize, alone: &Queue, report: &Mutex<Report>) {
    let mut command = process::child(env!("CARGO_CRATE_NAME"), plan.test, &plan.argument);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("a process");
    let mut input = child.stdin.take();
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut open: Vec<usize> = Vec::new();
    let most = if each == 1 { 1 } else { MOST };
    let (mut begun, mut ended_well) = (0, false);
    // Of the only one, until its memory is known.
    let mut only = None;
    let list = std::env::var_os("HOSTILE_LIST").is_some();
    let feed = |open: &mut Vec<usize>, input: &mut Option<ChildStdin>, begun: &mut usize| {
        while open.len() < each && *begun < most {
            let Some(number) = lock(queue).pop_front() else { break };
            open.push(number);
            *begun += 1;
            let pipe = input.as_mut().expect("open while there is work");
            if writeln!(pipe, "{number}").and_then(|()| pipe.flush()).is_err() {
                return;
            }
        }
        if open.is_empty() {
            // The end.
            *input = None;
        }
    };
    feed(&mut open, &mut input, &mut begun);
    for line in output.lines() {
        let Ok(line) = line else { break };
        let Some((_, line)) = line.split_once(MARK) else { continue };
        let mut words = line.splitn(7, ' ');
        let mut next = || words.next().unwrap_or_default();
        match next() {
            "done" => {
                let number: usize = next().parse().expect("a number");
                let [calls, latest, fresh, panics] = [(); 4].map(|()| next().parse::<usize>().expect("a number"));
                let (fault, details) = next().split_once('\t').expect("three texts");
                let (call, ended) = details.split_once('\t').expect("three texts");
                if list {
                    println!("{}\t{latest} ms {call}\t{ended}", plan.scenarios[number]);
                }
                let late = Duration::from_millis(latest as u64);
                open.retain(|open| *open != number);
                let mut report = lock(report);
                let unsure =
                    known::reason(&plan.scenarios[number]).is_none() && TIMED.iter().any(|word| fault.contains(word));
                if each > 1 && (panics > 0 || unsure) {
                    // Of this one, or of one beside it; or a busy machine's.
                    report.panics += panics;
                    report.repeated += usize::from(unsure);
                    lock(alone).push_back(number);
                    drop(report);
                    feed(&mut open, &mut input, &mut begun);
                    continue;
                }
                report.panics += if known::reason(&plan.scenarios[number]).is_none() { panics } else { 0 };
                report.calls += calls;
                report.fresh += fresh;
                if late > report.latest.0 {
                    report.latest = (late, format!("{call}: {}", plan.scenarios[number]));
                }
                if each == 1 {
                    only = Some((number, fault.to_string()));
                } else {
                    report.note(&plan.scenarios[number], (!fault.is_empty()).then_some(fault));
                }
                drop(report);
                feed(&mut open, &mut input, &mut begun);
            }
            "end" => {
                let memory: u64 = next().parse().expect("bytes");
                let mut report = lock(report);
                let too_much = memory > MEMORY;
                let held = format!("memory: {} KiB", memory >> 10);
                if let Some((number, fault)) = only.take() {
                    let scenario = &plan.scenarios[number];
                    if known::reason(scenario).is_none() {
                        let alone = (memory, scenario.to_string());
                        report.memory_alone = std::mem::take(&mut report.memory_alone).max(alone);
                    }
                    let held = if too_much { held.as_str() } else { "" };
                    let faults: Vec<&str> =
                        [fault.as_str(), held].into_iter().filter(|text| !text.is_empty()).collect();
                    report.note(scenario, (!faults.is_empty()).then_some(faults.join("; ").as_str()));
                } else {
                    report.memory = report.memory.max(memory);
                    if too_much {
                        report.failed.insert(format!("a process of up to {each} scenarios at a time"), held);
                    }
                }
                ended_well = true;
            }
            _ => {}
        }
    }
    drop(input);
    let status = child.wait().expect("a status");
    if open.is_empty() && ended_well {
        return;
    }
    let mut report = lock(report);
    if let [number] = open[..] {
        if each == 1 {
            let scenario = &plan.scenarios[number];
            report.deaths += usize::from(known::reason(scenario).is_none());
            report.note(scenario, Some(&format!("died: the process ended with {status}")));
            return;
        }
    }
    assert!(begun > 0, "no process can be started: {status}");
    eprintln!("a process ended with {status}; what was under way is run once more, each alone");
    lock(alone).extend(open);
}

/// What a child does: reads numbers, runs those scenarios, and writes how they ended.
pub fn serve(scenarios: &[Scenario], certificate: &Certificate) {
    let panics = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&panics);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        counted.fetch_add(1, Ordering::SeqCst);
        hook(info);
    }));
    std::thread::scope(|scope| {
        for line in std::io::stdin().lock().lines() {
            let Ok(number) = line.expect("a line").parse::<usize>() else { continue };
            let (scenario, panics) = (scenarios[number], &panics);
            scope.spawn(move || {
                let before = panics.load(Ordering::SeqCst);
                let mut seen = run_one(scenario, certificate);
                let panics = panics.load(Ordering::SeqCst) - before;
                if panics > 0 {
                    seen.faults.push(format!("panic: {panics} while it ran"));
                }
                let faults = seen.faults.join("; ").replace(['\n', '\r'], " ");
                let (calls, latest, fresh) = (seen.calls, seen.latest.as_millis(), u8::from(seen.fresh));
                let ended = seen.ended.unwrap_or_default().replace(['\n', '\r', '\t'], " ");
                let call = seen.latest_call;
                println!("\n{MARK}done {number} {calls} {latest} {fresh} {panics} {faults}\t{call}\t{ended}");
            });
        }
    });
    println!("\n{MARK}end {}", peak_memory());
}

/// The most that this process has held so far.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

/// A panic of the scenario's own is counted by the hook.
fn run_one(scenario: Scenario, certificate: &Certificate) -> client::Seen {
    std::panic::catch_unwind(AssertUnwindSafe(|| client::run(scenario, certificate))).unwrap_or_default()
}
