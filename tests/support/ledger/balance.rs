//! Holds the books against each other.

use super::door::Door;
use super::receiver::Seen;
use super::report::Report;
use super::sender::{Book, End};
use super::{Key, Run};

/// How many of a kind are told in full.
const TOLD: usize = 5;

pub(super) fn balance(run: &Run<'_>, books: &[Book], arrived: &Seen, door: Option<&Door>) -> Report {
    let mut report = Report { seed: run.plan.seed, name: run.house.name(), kept: run.plan.kept, ..Report::default() };
    let mut lost = Vec::new();
    // A broker that forgets its sessions loses what it has not passed on: then only its door counts.
    let forgets = run.plan.restarts > 0 && !run.house.keeps_sessions();
    for (thread, book) in books.iter().enumerate() {
        report.add_book(book);
        for (qos, entries) in book.entries.iter().enumerate() {
            for (number, end) in entries.iter().enumerate() {
                let key = Key { thread, qos, number };
                let (times, at_door) = (arrived.count(key), door.map(|door| door.taken.count(key)));
                report.messages += 1;
                let Some(end) = *end else {
                    report.unsettled.push(format!("{key:?}"));
                    continue;
                };
                report.count(end, qos, times);
                let copies = times.max(at_door.unwrap_or(0));
                if end == End::NotSent && copies > 0 {
                    report.sent_after_all.push(format!("{key:?} was reported as not sent, and came {copies} times"));
                }
                if qos > 0 && end == End::Acknowledged {
                    if !forgets && times == 0 {
                        lost.push(format!("{key:?} was acknowledged, and did not arrive (at the door: {at_door:?})"));
                    }
                    if let Some(door) = door {
                        if door.taken.count(key) == 0 || door.acknowledged.count(key) == 0 {
                            lost.push(format!("{key:?} was acknowledged, but not by the broker"));
                        }
                    }
                }
                if qos == 2 && times > 1 {
                    report.twice += 1;
                    if run.plan.kept && run.house.keeps_sessions() {
                        report.twice_on_kept.push(format!("{key:?} came {times} times, {end:?}"));
                    }
                }
                if qos == 1 && times > 1 {
                    report.repeated += 1;
                }
            }
        }
    }
    report.lost = lost;
    report.redelivered = arrived.redelivered;
    if !forgets {
        // A receiver that has to subscribe again misses what comes meanwhile, and may see only its repetition.
        report.disorder = arrived.disorder.clone();
    }
    report.wrong.extend(arrived.wrong.iter().cloned());
    if let Some(door) = door {
        report.disorder.extend(door.taken.disorder.iter().map(|what| format!("{what}, at the door")));
        report.unrecognisable = door.unrecognisable.clone();
        report.wrong.extend(door.wrong.iter().chain(&door.taken.wrong).cloned());
    }
    report
}

/// The number, and the first ones in full.
pub(super) fn told(list: &[String]) -> String {
    let mut text = list.len().to_string();
    for line in list.iter().take(TOLD) {
        text.push_str("\n      ");
        text.push_str(line);
    }
    text
}
