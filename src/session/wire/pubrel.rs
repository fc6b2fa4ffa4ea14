//! A client must answer every PUBREL with PUBCOMP, whether it knows the packet id or not (MQTT 3.1.1, section 4.3.3):
//! servers repeat PUBREL, and on a resumed session it may belong to an exchange of another process. rumqttc ends the
//! connection on an id that it does not know, so each new connection starts with a state that knows all ids.

use std::sync::OnceLock;

/// States that were made, each with the limit of ids it was made for: those of the first limits asked for.
pub(super) type Made<S> = [OnceLock<(u16, S)>; 3];

/// The highest limit of a state that is kept: such a state takes a megabyte at most.
const KEPT: u16 = 4_000;

/// A state of rumqttc that expects PUBREL for every packet id. `expect` makes it expect one.
///
/// Making one takes some milliseconds, so the first is kept in `made` and cloned from then on.
pub(super) fn expect_all<S: Clone>(made: &Made<S>, ids: u16, new: impl Fn() -> S, expect: fn(&mut S, u16)) -> S {
    let make = || {
        let mut state = new();
        (1..=u16::MAX).for_each(|id| expect(&mut state, id));
        (ids, state)
    };
    let mut kept = made.iter().filter(|_| ids <= KEPT).map(|slot| slot.get_or_init(make));
    match kept.find(|(made_for, _)| *made_for == ids) {
        Some((_, state)) => state.clone(),
        None => make().1,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn each_state_knows_all_ids_and_is_made_for_its_own_limit() {
        let made = Made::default();
        let count = Cell::new(0);
        let new = |ids| {
            count.set(count.get() + 1);
            (ids, 0_u32)
        };
        let state = |ids| expect_all(&made, ids, || new(ids), |state, _| state.1 += 1);
        let limits = [7, 7, 8, 7, 5_000, 8, 9, 5_000, 10, 9, 10];
        assert_eq!(limits.map(state), limits.map(|ids| (ids, u32::from(u16::MAX))));
        assert_eq!(count.get(), 3 + 2 + 2, "a large one and the fourth are not kept");
    }
}
