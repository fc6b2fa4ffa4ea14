//! A client must answer every PUBREL with PUBCOMP, whether it knows the packet id or not (MQTT 3.1.1, section 4.3.3):
//! servers repeat PUBREL, and on a resumed session it may belong to an exchange of another process. rumqttc ends the
//! connection on an id that it does not know, so a connection starts with a state that knows all ids.
//!
//! To make such a state takes longer than a message, its acknowledgement and the end of the connection together. On a
//! new session no PUBREL precedes the PUBLISH that tells rumqttc its id, unless the server breaks a rule. So a
//! connection that asks for a new session does without, until a server of this process has sent such a PUBREL: that
//! costs one connection.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The state of rumqttc that expects PUBREL for every packet id, of one version of MQTT.
pub(super) struct ExpectingAll<S> {
    /// Kept once it is made, together with the limit of ids it was made for, and cloned from then on.
    made: OnceLock<(u16, S)>,
    /// A server has sent PUBREL for an unknown id.
    needed: AtomicBool,
}

impl<S: Clone> ExpectingAll<S> {
    pub(super) const fn new() -> Self {
        ExpectingAll { made: OnceLock::new(), needed: AtomicBool::new(false) }
    }

    /// Returns the state for a connection with this limit of ids. `clean`: it asks for a new session. `expect` makes a
    /// state expect one PUBREL.
    pub(super) fn state(&self, ids: u16, clean: bool, new: impl Fn() -> S, expect: fn(&mut S, u16)) -> S {
        let make = || {
            let mut state = new();
            (1..=u16::MAX).for_each(|id| expect(&mut state, id));
            (ids, state)
        };
        match self.made.get() {
            Some((made_for, state)) if *made_for == ids => state.clone(),
            _ if clean && !self.needed.load(Ordering::Relaxed) => new(),
            _ => match self.made.get_or_init(make) {
                (made_for, state) if *made_for == ids => state.clone(),
                _ => make().1,
            },
        }
    }

    /// Notes that a server has sent PUBREL for an unknown id.
    pub(super) fn need(&self) {
        self.needed.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(all: &ExpectingAll<(u16, u32)>, ids: u16, clean: bool) -> (u16, u32) {
        all.state(ids, clean, || (ids, 0), |state, _| state.1 += 1)
    }

    #[test]
    fn each_state_knows_all_ids_and_is_made_for_its_own_limit() {
        let all = ExpectingAll::new();
        let state = |ids| expected(&all, ids, false);
        assert_eq!([state(7), state(7), state(8), state(7)].map(|(ids, _)| ids), [7, 7, 8, 7]);
        assert_eq!([state(7).1, state(8).1], [u32::from(u16::MAX); 2]);
        assert_eq!(expected(&all, 7, true).1, u32::from(u16::MAX), "it costs nothing any more");
        assert_eq!(expected(&all, 8, true).1, 0);
    }

    #[test]
    fn a_new_session_needs_them_only_after_a_server_has_broken_the_rule() {
        let all = ExpectingAll::new();
        assert_eq!(expected(&all, 7, true), (7, 0));
        all.need();
        assert_eq!(expected(&all, 7, true), (7, u32::from(u16::MAX)));
    }
}
