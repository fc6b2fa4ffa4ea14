//! Promises 1 to 3, 5 and 7 under fire: every message has a number, and at the end the books are compared.
//!
//! `LEDGER_SEED` repeats a run's faults and messages. The long runs are ignored tests; `docs/survival.md` tells how to
//! run them, and what they found.

mod support;

use support::ledger::{House, Plan, run};

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
        let plan = Plan { restarts: 3, messages: 1_500, ..Plan::new(kept) };
        run(&plan, &House::emulator_house()).check();
    }
}
