//! Promises 1 to 3, 5 and 7 under fire: every message has a number, and at the end the books are compared.
//!
//! `LEDGER_SEED` repeats a run's faults and messages. The long runs are ignored tests; `docs/survival.md` tells how to
//! run them, and what they found.

mod support;

use std::sync::{Mutex, PoisonError};

use support::ledger::{House, Plan, run};

/// Long runs go one after another, so that each has the machine, and the memory it takes is its own.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

#[test]
fn clean_sessions_survive_cuts_and_lose_nothing_that_was_acknowledged() {
    run(&Plan::new(false), &House::emulator_house()).check();
}

#[test]
fn kept_sessions_survive_cuts_and_deliver_qos_2_once() {
    run(&Plan::new(true), &House::emulator_house()).check();
}

#[test]
fn a_restarted_broker_has_taken_what_it_acknowledged() {
    for kept in [false, true] {
        let plan = Plan { restarts: 2, messages: 1_000, ..Plan::new(kept) };
        run(&plan, &House::emulator_house()).check();
    }
}

/// `LEDGER_BROKER` can choose one of the two.
fn long(kept: bool, broker: &str, house: fn() -> House) {
    if std::env::var("LEDGER_BROKER").is_ok_and(|chosen| chosen != broker) {
        println!("ledger: not on {broker}");
        return;
    }
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    run(&Plan::long(kept), &house()).check();
}

#[test]
#[ignore = "takes minutes: a quarter of a million messages"]
fn a_long_run_of_clean_sessions_on_the_emulator() {
    long(false, "emulator", House::emulator_house);
}

#[test]
#[ignore = "takes minutes: a quarter of a million messages"]
fn a_long_run_of_kept_sessions_on_the_emulator() {
    long(true, "emulator", House::emulator_house);
}

#[test]
#[ignore = "needs mosquitto, and takes minutes: a quarter of a million messages"]
fn a_long_run_of_clean_sessions_on_mosquitto() {
    long(false, "mosquitto", House::mosquitto_house);
}

#[test]
#[ignore = "needs mosquitto, and takes minutes: a quarter of a million messages"]
fn a_long_run_of_kept_sessions_on_mosquitto() {
    long(true, "mosquitto", House::mosquitto_house);
}
