//! A client must answer every PUBREL with PUBCOMP, whether it knows the packet id or not (MQTT 3.1.1, section 4.3.3):
//! servers repeat PUBREL, and on a resumed session it may belong to an exchange of another process. rumqttc ends the
//! connection on an id that it does not know, so a connection starts with a state that knows all ids.
//!
//! To make such a state takes longer than a message, its acknowledgement and the end of the connection together. On a
//! new session no PUBREL precedes the PUBLISH that tells rumqttc its id, unless the server breaks a rule. So a
//! connection that asks for a new session does without until it subscribes or a message arrives. A server that sends
//! PUBREL before that costs one connection, the first of the process.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The most states that are kept: for the first limits of ids asked for.
const STATES: usize = 3;

/// The highest limit of a state that is kept: such a state takes a megabyte at most.
const KEPT: u16 = 4_000;

/// The states of rumqttc that expect PUBREL for every packet id, of one version of MQTT.
pub(super) struct ExpectingAll<S> {
    /// Kept once they are made, each together with the limit of ids it was made for, and cloned from then on.
    made: [OnceLock<(u16, S)>; STATES],
    /// A server has sent PUBREL for an unknown id.
    needed: AtomicBool,
}

impl<S: Clone> ExpectingAll<S> {
    pub(super) const fn new() -> Self {
        ExpectingAll { made: [const { OnceLock::new() }; STATES], needed: AtomicBool::new(false) }
    }

    /// Returns the state for the beginning of a connection with this limit of ids, and true if it expects all. `clean`:
    /// the connection asks for a new session. `expect` makes a state expect one PUBREL.
    pub(super) fn begin(&self, ids: u16, clean: bool, new: impl Fn() -> S, expect: fn(&mut S, u16)) -> (S, bool) {
        let made = || self.made.iter().filter_map(OnceLock::get).find(|(made_for, _)| *made_for == ids);
        match made() {
            Some((_, state)) => (state.clone(), true),
            None if clean && !self.needed.load(Ordering::Relaxed) => (new(), false),
            None => (self.all(ids, new, expect), true),
        }
    }

    /// Returns a state that expects all, for this limit of ids.
    pub(super) fn all(&self, ids: u16, new: impl Fn() -> S, expect: fn(&mut S, u16)) -> S {
        let make = || {
            let mut state = new();
            (1..=u16::MAX).for_each(|id| expect(&mut state, id));
            (ids, state)
        };
        let mut kept = self.made.iter().filter(|_| ids <= KEPT).map(|slot| slot.get_or_init(make));
        match kept.find(|(made_for, _)| *made_for == ids) {
            Some((_, state)) => state.clone(),
            None => make().1,
        }
    }

    /// Notes that a server has sent PUBREL for an unknown id.
    pub(super) fn need(&self) {
        self.needed.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn begun(all: &ExpectingAll<(u16, u32)>, ids: u16, clean: bool) -> (u16, u32) {
        let (state, expects_all) = all.begin(ids, clean, || (ids, 0), |state, _| state.1 += 1);
        assert_eq!(expects_all, state.1 > 0);
        state
    }

    #[test]
    fn each_state_knows_all_ids_and_is_made_for_its_own_limit() {
        let all = ExpectingAll::new();
        let count = Cell::new(0);
        let new = |ids| {
            count.set(count.get() + 1);
            (ids, 0_u32)
        };
        let state = |ids| all.all(ids, || new(ids), |state, _| state.1 += 1);
        let limits = [7, 7, 8, 7, 5_000, 8, 9, 5_000, 10, 9, 10];
        assert_eq!(limits.map(state), limits.map(|ids| (ids, u32::from(u16::MAX))));
        assert_eq!(count.get(), 3 + 2 + 2, "a large one and the fourth are not kept");
        assert_eq!(begun(&all, 7, true).1, u32::from(u16::MAX), "it costs nothing any more");
        assert_eq!(begun(&all, 10, true).1, 0);
    }

    #[test]
    fn a_new_session_needs_them_only_after_a_server_has_broken_the_rule() {
        let all = ExpectingAll::new();
        assert_eq!(begun(&all, 7, true), (7, 0));
        assert_eq!(begun(&all, 8, false), (8, u32::from(u16::MAX)));
        all.need();
        assert_eq!(begun(&all, 7, true), (7, u32::from(u16::MAX)));
    }
}
