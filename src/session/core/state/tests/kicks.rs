//! Connections that another program with the same client id closes.

use super::*;

/// Connects at this time, and is cut a second later. Returns the key of the hint.
fn cut_after_login(state: &mut State, seconds: f64, sent: Option<&str>) -> Option<&'static str> {
    let mut pump = Wire::default();
    state.connected(Box::new(pump.clone()), ConnAck::default(), &mut pump, Now::at(seconds));
    state.online();
    if let Some(topic) = sent {
        publish(state, topic);
        state.send_ready(Some(&mut pump), Now::at(seconds));
        let mut events = Vec::new();
        state.handle(LinkEvent::Sent(Sent::Publish(1)), true, Now::at(seconds), &mut events).expect("in step");
    }
    state.disconnected(&failure(Cause::Closed), Now::at(seconds + 1.0), &mut Vec::new()).reason.hint_key()
}

#[test]
fn the_third_cut_in_a_row_with_nothing_in_flight_hints_at_another_program() {
    let mut state = state(config());
    for (seconds, hint) in [(0.0, None), (2.0, None), (4.0, Some("shared-client-id"))] {
        assert_eq!(cut_after_login(&mut state, seconds, None), hint);
    }
    let offline = state.offline().expect("there is no connection");
    assert_eq!(offline.hint_key(), Some("shared-client-id"));
}

#[test]
fn a_cut_after_a_message_was_sent_has_another_explanation() {
    let mut state = state(config());
    for (seconds, sent) in [(0.0, None), (2.0, None), (4.0, Some("t"))] {
        assert_eq!(cut_after_login(&mut state, seconds, sent), None);
    }
}
