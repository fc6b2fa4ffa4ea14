//! That the models find what is broken: a checker that is always content proves nothing.

#[path = "support/scenes.rs"]
mod scenes;
mod support;

use aliyun_mqtt_model_ground::faults::{self, Fault};
use support::*;

/// Enough for each model to reach every wake-up it needs.
const RUNS: usize = 1_000;

const SCENES: [(&str, fn()); 16] = [
    ("blocking", scenes::blocking),
    ("crowded", scenes::crowded),
    ("draining", scenes::draining),
    ("leaving", scenes::leaving),
    ("dropping", scenes::dropping),
    ("receiving", scenes::receiving),
    ("resting", scenes::resting),
    ("neglecting", scenes::neglecting),
    ("listening", scenes::listening),
    ("resumed", scenes::resumed),
    ("expiring", scenes::expiring),
    ("stranding", scenes::stranding),
    ("panicking", scenes::panicking),
    ("tokens", scenes::tokens),
    ("asking", scenes::asking),
    ("unanswered", scenes::unanswered),
];

/// The first model that finds it.
fn found_by(fault: Fault) -> Option<&'static str> {
    faults::set(fault);
    let found = SCENES.into_iter().find(|(_, scene)| finds(RUNS, *scene)).map(|(name, _)| name);
    faults::set(Fault::None);
    println!("{fault:?} is found by {found:?}");
    found
}

/// Every `notify_all` of the library, made to do nothing, leaves somebody waiting.
#[test]
fn every_wake_up_is_needed() {
    for (_, scene) in SCENES {
        explore(50, scene);
    }
    let places = faults::places();
    assert!(places.len() >= 6, "{places:?}");
    let idle = places.into_iter().filter(|(file, line)| found_by(Fault::Mute(file, *line)).is_none());
    // Who waits for a provider looks every 50 ms all the same.
    let idle: Vec<_> = idle.filter(|(file, _)| !file.ends_with("asking.rs")).collect();
    assert!(idle.is_empty(), "nobody misses a wake-up from {idle:?}");
}

#[test]
fn a_wait_that_begins_outside_the_lock_is_found() {
    assert!(found_by(Fault::Gap).is_some());
}

#[test]
fn a_message_handed_over_twice_is_found() {
    assert!(found_by(Fault::Twice).is_some());
}

#[test]
fn messages_out_of_order_are_found() {
    assert!(found_by(Fault::Reordered).is_some());
}

#[test]
fn an_acknowledgement_of_what_never_arrived_is_found() {
    assert!(found_by(Fault::Forgetful).is_some());
}

#[test]
fn a_window_that_is_overrun_is_found() {
    assert!(found_by(Fault::NarrowWindow).is_some());
}
