//! A client must answer every PUBREL with PUBCOMP, whether it knows the packet id or not (MQTT 3.1.1, section 4.3.3):
//! servers repeat PUBREL, and on a resumed session it may belong to an exchange of another process. rumqttc ends the
//! connection on an id that it does not know, so each new connection starts with a state that knows all ids.

use std::sync::OnceLock;

/// A state of rumqttc that expects PUBREL for every packet id. `expect` makes it expect one.
///
/// Making one takes some milliseconds, so the first is kept in `made`, together with the limit of ids it was made for,
/// and cloned from then on.
pub(super) fn expect_all<S: Clone>(
    made: &OnceLock<(u16, S)>,
    ids: u16,
    new: impl Fn() -> S,
    expect: fn(&mut S, u16),
) -> S {
    let make = || {
        let mut state = new();
        (1..=u16::MAX).for_each(|id| expect(&mut state, id));
        (ids, state)
    };
    match made.get_or_init(make) {
        (made_for, state) if *made_for == ids => state.clone(),
        _ => make().1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_knows_all_ids_and_is_made_for_its_own_limit() {
        let made = OnceLock::new();
        let state = |ids| expect_all(&made, ids, || (ids, 0_u32), |state, _| state.1 += 1);
        assert_eq!([state(7), state(7), state(8), state(7)].map(|(ids, _)| ids), [7, 7, 8, 7]);
        assert_eq!([state(7).1, state(8).1], [u32::from(u16::MAX); 2]);
    }
}
