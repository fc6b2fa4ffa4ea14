//! The broker's door: what it took and what it acknowledged, before anything can get lost behind it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use aliyun_mqtt_emulator::What;

use super::receiver::Seen;
use super::{Key, Run, SENDER};

#[derive(Debug)]
pub(super) struct Door {
    /// PUBLISH packets, repetitions included.
    pub(super) taken: Seen,
    /// PUBACK and PUBCOMP packets, that of MQTT 5 for an unknown packet id included.
    pub(super) acknowledged: Seen,
    /// Repetitions on a kept session that are not marked as such, or come under another packet id: a broker that keeps
    /// its QoS 2 exchanges could not tell them from new messages.
    pub(super) unrecognisable: Vec<String>,
    pub(super) wrong: Vec<String>,
    /// The message behind each packet id of the sender.
    ids: HashMap<u16, Key>,
    /// The packet id of each message, since the session began.
    known: HashMap<Key, u16>,
}

impl Door {
    fn new(threads: usize) -> Door {
        Door {
            taken: Seen::new(threads),
            acknowledged: Seen::new(threads),
            unrecognisable: Vec::new(),
            wrong: Vec::new(),
            ids: HashMap::new(),
            known: HashMap::new(),
        }
    }

    fn enter(&mut self, what: What) {
        match what {
            // The ids stay: a client that did not get this CONNACK goes on where it was, if the next one calls the new
            // session present, and no client can know better.
            What::Connected { session_present: false, .. } => self.known.clear(),
            What::Published { packet_id, payload, dup, .. } => {
                let key = Key::parse(&payload);
                if let Some(id) = packet_id {
                    self.ids.remove(&id);
                }
                let Some(key) = key else { return };
                self.taken.see(key, false);
                let Some(id) = packet_id else { return };
                self.ids.insert(id, key);
                match self.known.insert(key, id) {
                    Some(before) if before != id || !dup => {
                        self.unrecognisable.push(format!("{key:?} came with id {before}, then {id}, dup {dup}"));
                    }
                    _ => {}
                }
            }
            // The second answers a PUBREL that had come on an earlier connection, whose PUBCOMP did not leave any more:
            // the exchange is complete (MQTT 5, 4.3.3). A client that did not learn that its session was lost gets it,
            // too.
            What::PublishAcknowledged { packet_id } | What::ReleaseUnknown { packet_id } => {
                if let Some(key) = self.ids.get(&packet_id) {
                    self.acknowledged.see(*key, false);
                }
            }
            What::Violation { topic, reason, .. } => {
                self.wrong.push(format!("the emulator saw a violation: {topic} {reason}"));
            }
            _ => {}
        }
    }
}

/// Reads the log as it grows; `None` for a broker that has none.
pub(super) fn watch(run: &Run<'_>, over: &AtomicBool) -> Option<Door> {
    let emulator = run.house.emulator()?;
    let mut door = Door::new(run.plan.threads);
    let mut next = 0;
    loop {
        let last = over.load(Ordering::SeqCst);
        for entry in emulator.log_since(next) {
            if entry.sequence != next {
                door.wrong.push(format!("the log lost {} entries", entry.sequence - next));
            }
            next = entry.sequence + 1;
            if entry.client_id.ends_with(SENDER) {
                door.enter(entry.what);
            }
        }
        if last {
            return Some(door);
        }
        thread::park_timeout(Duration::from_millis(2));
    }
}
