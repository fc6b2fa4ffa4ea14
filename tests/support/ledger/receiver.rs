//! The receiver's book, and the table that both it and the broker's door keep.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aliyun_mqtt::Client;

use super::{Key, LONG, Run};

/// The payload of the last message of each QoS.
pub(super) const LAST: &str = "last";

/// How often each message was seen, and whether the first sights were in order.
#[derive(Debug)]
pub(super) struct Seen {
    /// By thread, QoS and number.
    counts: Vec<[Vec<u8>; 3]>,
    /// Seen before, and marked as a redelivery: by QoS. The broker sent it again, whoever had published it, and they
    /// are not in the counts.
    pub(super) redelivered: [u64; 3],
    pub(super) disorder: Vec<String>,
    pub(super) wrong: Vec<String>,
}

impl Seen {
    pub(super) fn new(threads: usize) -> Seen {
        Seen { counts: vec![Default::default(); threads], redelivered: [0; 3], disorder: Vec::new(), wrong: Vec::new() }
    }

    pub(super) fn see(&mut self, key: Key, redelivery: bool) {
        let Some(counts) = self.counts.get_mut(key.thread).and_then(|levels| levels.get_mut(key.qos)) else {
            self.wrong.push(format!("{key:?} was never sent"));
            return;
        };
        if key.number >= counts.len() {
            counts.resize(key.number + 1, 0);
        } else if counts[key.number] == 0 {
            let last = counts.len() - 1;
            self.disorder.push(format!("{key:?} came first after number {last}"));
        }
        if redelivery && counts[key.number] > 0 {
            self.redelivered[key.qos] += 1;
            return;
        }
        counts[key.number] = counts[key.number].saturating_add(1);
    }

    pub(super) fn count(&self, key: Key) -> u8 {
        self.counts[key.thread][key.qos].get(key.number).copied().unwrap_or(0)
    }
}

/// Receives until the last message of each QoS has come.
pub(super) fn listen(run: &Run<'_>, receiver: &Client, over: &AtomicBool) -> Seen {
    let mut seen = Seen::new(run.plan.threads);
    let mut last = [false; 2];
    let mut since = Instant::now();
    while !last.iter().all(|came| *came) {
        let message = match receiver.recv_timeout(Duration::from_millis(100)) {
            Ok(Some(message)) => message,
            // A settled run whose last messages do not come: the missing ones are told by the balance.
            Ok(None) if over.load(Ordering::SeqCst) && since.elapsed() > LONG => {
                seen.wrong.push("the last messages did not arrive".to_string());
                return seen;
            }
            Ok(None) => continue,
            Err(error) => {
                seen.wrong.push(format!("the receiver died: {error}"));
                return seen;
            }
        };
        since = Instant::now();
        if message.payload() == LAST.as_bytes() {
            last[usize::from(message.qos().level()) - 1] = true;
            continue;
        }
        run.received.fetch_add(1, Ordering::SeqCst);
        match Key::parse(message.payload()) {
            Some(key) => seen.see(key, message.is_duplicate()),
            None => seen.wrong.push(format!("not a message of the ledger: {message:?}")),
        }
    }
    seen
}
