//! The broker's door: what it took and what it acknowledged, before anything can get lost behind it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use aliyun_mqtt_emulator::What;

use super::receiver::Seen;
use super::{Key, Run};

pub(super) struct Door {
    /// PUBLISH packets, repetitions included.
    pub(super) taken: Seen,
    /// PUBACK and PUBCOMP packets.
    pub(super) acknowledged: Seen,
    pub(super) wrong: Vec<String>,
}

/// Reads the log as it grows; `None` for a broker that has none.
pub(super) fn watch(run: &Run<'_>, over: &AtomicBool) -> Option<Door> {
    let emulator = run.house.emulator()?;
    let threads = run.plan.threads;
    let mut door = Door { taken: Seen::new(threads), acknowledged: Seen::new(threads), wrong: Vec::new() };
    // The message behind each packet id of the sender.
    let mut ids: HashMap<u16, Key> = HashMap::new();
    let mut next = 0;
    loop {
        let last = over.load(Ordering::SeqCst);
        for entry in emulator.log_since(next) {
            if entry.sequence != next {
                door.wrong.push(format!("the log lost {} entries", entry.sequence - next));
            }
            next = entry.sequence + 1;
            if !entry.client_id.ends_with("ledger-sender") {
                continue;
            }
            match entry.what {
                What::Published { packet_id, payload, .. } => {
                    if let Some(key) = Key::parse(&payload) {
                        door.taken.see(key);
                        packet_id.map(|id| ids.insert(id, key));
                    } else if let Some(id) = packet_id {
                        ids.remove(&id);
                    }
                }
                What::PublishAcknowledged { packet_id } => {
                    if let Some(key) = ids.get(&packet_id) {
                        door.acknowledged.see(*key);
                    }
                }
                What::Violation { topic, reason, .. } => {
                    door.wrong.push(format!("the emulator saw a violation: {topic} {reason}"));
                }
                _ => {}
            }
        }
        if last {
            return Some(door);
        }
        thread::park_timeout(Duration::from_millis(2));
    }
}
