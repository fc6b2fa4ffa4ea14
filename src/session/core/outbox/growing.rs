//! The window of the outbox, and the packet ids that it needs.

use std::time::Instant;

use super::{Outbox, WindowRange};
use crate::session::core::op::Kind;
use crate::session::wire::link::IDS_PER_PLACE;

/// The most operations in flight while there is evidence against any that is not settled. A cut makes no more suspects
/// than were in flight, and each of these is sent alone.
pub(super) const CAREFUL: usize = 100;

/// By how much the highest packet id grows in one step: everything in flight is entered into a larger table then, so
/// the steps are few.
const STEP: u16 = 32;

impl Outbox {
    /// Returns how many operations may be in flight now.
    pub(in crate::session) fn window(&self) -> usize {
        if !self.suspects.is_empty() {
            return 1;
        }
        let with_ids = self.bounds.window.start.max(usize::from(self.ids.limit() / IDS_PER_PLACE));
        let size = self.in_flight.window.size(self.bounds.window).min(with_ids).min(self.in_flight.takes());
        if self.careful_until.is_some() { size.min(CAREFUL) } else { size }
    }

    /// Returns true if one more operation fills the window, so that a larger window could hold more. The server's own
    /// limit is not the window, nor is the care with suspects.
    pub(super) fn fills_window(&self) -> bool {
        self.careful_until.is_none() && self.in_flight.count + 1 >= self.in_flight.window.size(self.bounds.window)
    }

    /// Notes that the server has acknowledged an operation, before it is settled.
    pub(in crate::session) fn answered(&mut self, seq: u64, now: Instant) {
        if self.careful_until.is_some_and(|last| !self.any_open_before(last + 1)) {
            self.careful_until = None;
        }
        let Some(op) = self.ops.get(seq).filter(|op| op.kind() == Kind::Publish) else { return };
        let Some((number, since)) = op.place_in_order() else { return };
        let took = now.saturating_duration_since(since);
        self.in_flight.window.acknowledged(op.qos(), number, took, self.bounds.window);
    }

    /// Passes over packet ids that are in use, if the next one is and no request in the channel was promised a later
    /// one: a message that is never acknowledged does not hold up others for the sake of its id. The adapter has to
    /// [`skip`](crate::session::wire::link::LinkPump::skip) as many as are returned.
    pub(in crate::session) fn skip_ids(&mut self) -> Option<u16> {
        if self.given_up || self.next_id().is_some() || self.in_flight.has_promised_ids() {
            return None;
        }
        self.ids.skip(&self.in_flight.ids)
    }

    /// Returns the highest packet id.
    pub(in crate::session) fn id_limit(&self) -> u16 {
        self.ids.limit()
    }

    /// Raises the highest packet id if the window has outgrown it and rumqttc's counter can follow. The adapter has to
    /// [`grow`](crate::session::wire::link::LinkPump::grow) to the id returned before it takes another request.
    pub(in crate::session) fn grow_ids(&mut self) -> Option<u16> {
        let WindowRange { start, most } = self.bounds.window;
        let (limit, takes) = (self.ids.limit(), self.in_flight.takes());
        let size = self.in_flight.window.size(self.bounds.window).min(takes);
        let lacking = size > start && needed(size) > limit;
        if !lacking || self.given_up || !self.in_flight.ids_may_grow(&self.ids) {
            return None;
        }
        let limit = limit.saturating_mul(STEP).max(needed(size)).min(needed(most.min(takes)));
        self.ids.grow(limit);
        Some(limit)
    }
}

/// Returns the packet ids for a window of this size.
fn needed(window: usize) -> u16 {
    u16::try_from(window).unwrap_or(u16::MAX).saturating_mul(IDS_PER_PLACE)
}
