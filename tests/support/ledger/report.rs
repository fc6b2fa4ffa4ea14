//! What a run found, and whether it is as promised.

use std::fmt;
use std::time::Duration;

use aliyun_mqtt::Stats;

use super::balance::told;
use super::sender::{Book, End};
use super::{OUTBOX_BYTES, OUTBOX_MESSAGES, Plan};
use crate::support::fault_proxy::schedule::Tally;
use crate::support::matrix::{protocol, transport};

/// What this process may take, emulator and all.
const MEMORY: u64 = 1024 * 1024 * 1024;

#[derive(Debug, Default)]
pub struct Report {
    pub seed: u64,
    pub name: &'static str,
    pub kept: bool,
    pub lasted: Duration,
    pub messages: u64,
    /// Acknowledged, not sent, unknown, refused; by QoS.
    pub ends: [[u64; 3]; 4],
    /// Of those, how many arrived at the receiver.
    pub came: [[u64; 3]; 4],
    pub accepted: u64,
    pub full: u64,
    pub calls: u64,
    pub worst: Duration,
    pub cuts: usize,
    pub restarts: u32,
    pub connections: u64,
    pub retransmitted: u64,
    pub faults: Tally,
    /// Connections that found no session, of the sender and of the receiver.
    pub sessions_lost: [usize; 2],
    pub most_open: u64,
    pub memory: u64,
    /// QoS 1 messages, and QoS 2 messages, that came more than once.
    pub repeated: u64,
    pub twice: u64,
    /// Redeliveries by the broker, marked as such, that the receiver got to see; by QoS.
    pub redelivered: [u64; 3],
    // What must not be.
    pub unsettled: Vec<String>,
    pub lost: Vec<String>,
    pub sent_after_all: Vec<String>,
    pub twice_on_kept: Vec<String>,
    pub unrecognisable: Vec<String>,
    pub disorder: Vec<String>,
    pub late: Vec<String>,
    pub wrong: Vec<String>,
}

impl Report {
    pub(super) fn count(&mut self, end: End, qos: usize, times: u8) {
        self.ends[end as usize][qos] += 1;
        self.came[end as usize][qos] += u64::from(times > 0);
    }

    pub(super) fn add_book(&mut self, book: &Book) {
        self.accepted += book.accepted;
        self.full += book.full;
        self.calls += book.calls;
        self.worst = self.worst.max(book.worst);
        self.late.extend(book.late.iter().cloned());
        self.wrong.extend(book.wrong.iter().cloned());
    }

    /// What the client's own counters say in the end.
    pub(super) fn check_client(&mut self, plan: &Plan, stats: &Stats, most_bytes: u64) {
        (self.connections, self.retransmitted) = (stats.connections, stats.retransmitted);
        let mut demand = |holds: bool, what: String| {
            if !holds {
                self.wrong.push(what);
            }
        };
        demand(stats.outbox_messages == 0, format!("{} operations are left in the outbox", stats.outbox_messages));
        demand(stats.outbox_bytes == 0, format!("{} bytes are left in the outbox", stats.outbox_bytes));
        demand(self.most_open <= OUTBOX_MESSAGES as u64, format!("the outbox held {} messages", self.most_open));
        demand(most_bytes <= OUTBOX_BYTES as u64, format!("the outbox held {most_bytes} bytes"));
        // The last two are beyond the books.
        let published = self.accepted + 2;
        demand(stats.published == published, format!("{published} accepted, but {} published", stats.published));
        let acknowledged = self.ends[End::Acknowledged as usize][1] + self.ends[End::Acknowledged as usize][2];
        demand(
            stats.acknowledged >= acknowledged,
            format!("{acknowledged} acknowledged, but the client counts {}", stats.acknowledged),
        );
        demand(self.memory < MEMORY, format!("{} MiB of memory", self.memory >> 20));
        // Chance may cut a line a few times in just the moments in which one message is under suspicion, but not often.
        let (refused, cuts) = (self.ends[End::Refused as usize].iter().sum::<u64>(), self.cuts as u64);
        demand(refused <= 2 + cuts / 50, format!("{refused} messages were suspected, after {cuts} cuts"));
        if plan.restarts == 0 {
            // The receiver's line is never cut. mosquitto 2.0.11, restarted, repeats the PUBLISH of QoS 2 messages
            // whose PUBREC it had answered with PUBREL (MQTT 3.1.1, section 4.3.3, demands PUBREL): no receiver can
            // tell.
            demand(self.redelivered == [0; 3], format!("redelivered on a whole line: {:?}", self.redelivered));
        }
        if plan.kept && plan.restarts == 0 {
            demand(self.sessions_lost == [0, 0], format!("kept sessions were lost: {:?}", self.sessions_lost));
        }
    }

    /// Fails unless everything is as promised.
    pub fn check(&self) {
        let bad = [
            &self.unsettled,
            &self.lost,
            &self.sent_after_all,
            &self.twice_on_kept,
            &self.unrecognisable,
            &self.disorder,
            &self.late,
            &self.wrong,
        ];
        assert!(bad.iter().all(|list| list.is_empty()), "LEDGER_SEED={} repeats this\n{self}", self.seed);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = if self.kept { "kept" } else { "clean" };
        let rate = self.messages as f64 / self.lasted.as_secs_f64().max(0.001);
        writeln!(
            f,
            "ledger of {}, {session} session, {} over {}, seed {}",
            self.name,
            protocol(),
            transport(),
            self.seed
        )?;
        writeln!(f, "  {} messages in {:.1} s ({rate:.0}/s)", self.messages, self.lasted.as_secs_f64())?;
        writeln!(
            f,
            "  {} cuts, {} restarts, {} connections, sessions lost {:?} (sender, receiver), {} sent again",
            self.cuts, self.restarts, self.connections, self.sessions_lost, self.retransmitted
        )?;
        writeln!(f, "  faults: {:?}", self.faults)?;
        for (name, (ends, came)) in
            ["acknowledged", "not sent", "unknown", "refused"].iter().zip(self.ends.iter().zip(&self.came))
        {
            writeln!(f, "  {name}: {ends:?} (QoS 0, 1, 2), arrived {came:?}")?;
        }
        writeln!(
            f,
            "  repeated: QoS 1 {}, QoS 2 {}; redelivered by the broker {:?}",
            self.repeated, self.twice, self.redelivered
        )?;
        writeln!(f, "  outbox: at most {} messages, {} times full", self.most_open, self.full)?;
        writeln!(f, "  {} calls, the latest {:?} after its deadline", self.calls, self.worst)?;
        writeln!(f, "  memory: at most {} MiB", self.memory >> 20)?;
        writeln!(f, "  unsettled: {}", told(&self.unsettled))?;
        writeln!(f, "  lost: {}", told(&self.lost))?;
        writeln!(f, "  sent, though reported as not sent: {}", told(&self.sent_after_all))?;
        writeln!(f, "  QoS 2 twice on a kept session: {}", told(&self.twice_on_kept))?;
        writeln!(f, "  repetitions a broker could not recognise: {}", told(&self.unrecognisable))?;
        writeln!(f, "  out of order: {}", told(&self.disorder))?;
        writeln!(f, "  past the deadline: {}", told(&self.late))?;
        write!(f, "  other faults: {}", told(&self.wrong))
    }
}

/// The memory this process holds, in bytes; 0 where the system does not tell.
pub(super) fn resident() -> u64 {
    let Ok(text) = std::fs::read_to_string("/proc/self/status") else { return 0 };
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}
