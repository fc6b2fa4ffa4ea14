//! Whatever breaks, what the broker was told is received is handed out until it is deleted.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::http::{Http, eventually};
use crate::receive::messages;
use crate::rig::{Rig, end};

const CONSUMERS: usize = 4;

#[test]
fn nothing_received_is_lost_when_the_line_is_cut_and_the_relay_killed() {
    everything_breaks(800, 3, Duration::from_millis(100));
}

#[test]
#[ignore = "takes long; run by .ci/relay"]
fn nothing_received_is_lost_at_full_size() {
    everything_breaks(10_000, 10, Duration::from_millis(500));
}

/// The work of the consumers.
#[derive(Default)]
struct Work {
    /// The ids whose deletion was answered.
    deleted: HashSet<String>,
    /// The ids with which this payload was handed out.
    payloads: HashMap<String, HashSet<String>>,
    /// Ids that were handed out after that.
    again: Vec<String>,
}

fn everything_breaks(count: usize, kills: usize, cut: Duration) {
    // A lease that a kill interrupts counts; nobody fails to process a message here.
    let rig = Rig::receiving(&["--lease", "1", "--max-leases", "1000", "--max-messages", "100000"]);
    let (work, over) = (Mutex::new(Work::default()), AtomicBool::new(false));
    let mut relay = rig.ready();
    thread::scope(|scope| {
        let consumers: Vec<_> = (0..CONSUMERS).map(|_| scope.spawn(|| consume(&rig, &work, &over))).collect();
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                thread::sleep(cut);
                rig.line.cut();
            }
        });
        let mut published = 0;
        for kill in 1..=kills + 1 {
            let part = count * kill / (kills + 1);
            for number in published..part {
                let topic = if number.is_multiple_of(2) { "emulator/a" } else { "emulator/b" };
                rig.emulator.publish_as_service(topic, 1, number.to_string()).expect("published");
            }
            published = part;
            if kill <= kills {
                // In the middle of the work on this part.
                let due = part - count / (kills + 1) / 2;
                eventually("the work goes on", || work.lock().expect("no panic").payloads.len() >= due);
                relay.signal("KILL");
                relay.child.wait().expect("it ends");
                relay = rig.start();
            }
        }
        eventually("all is received", || work.lock().expect("no panic").payloads.len() == count);
        eventually("all is deleted", || rig.metric("stored_messages") == 0.0);
        over.store(true, Ordering::SeqCst);
        for consumer in consumers {
            consumer.join().expect("no panic");
        }
    });
    let work = work.into_inner().expect("no panic");
    assert!(work.again.is_empty(), "handed out after they were deleted: {:?}", work.again);
    let twice = work.payloads.values().filter(|ids| ids.len() > 1).count();
    println!("received: {count}, more than once: {twice}, kills: {kills}, cuts: {}", rig.line.cuts());
    end(relay);
}

/// Takes messages and deletes each, until it is over.
fn consume(rig: &Rig, work: &Mutex<Work>, over: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        // An error: it was killed. What was deleted before this call may not come again.
        let before = work.lock().expect("no panic").deleted.clone();
        let taken = Http::unix(&rig.socket()).and_then(|mut http| {
            http.try_call("GET", "/v1/messages?max=20&wait=1", &[], b"").map(|taken| (http, taken))
        });
        let Ok((mut http, taken)) = taken else {
            thread::sleep(Duration::from_millis(5));
            continue;
        };
        for message in messages(&taken.expect(200)) {
            let text = |name: &str| message[name].as_str().expect("text").to_string();
            let (id, payload) = (text("id"), text("payload"));
            {
                let mut work = work.lock().expect("no panic");
                work.payloads.entry(payload).or_default().insert(id.clone());
                if before.contains(&id) {
                    work.again.push(id.clone());
                }
            }
            let Ok(answer) = http.try_call("DELETE", &format!("/v1/messages/{id}"), &[], b"") else { break };
            // Not there: it was deleted, and the answer to that was lost; or its lease has ended, and another has it.
            if answer.status != 204 {
                answer.expect(404);
            }
            work.lock().expect("no panic").deleted.insert(id);
        }
    }
}
