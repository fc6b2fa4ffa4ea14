//! An even publish rate.

use std::time::{Duration, Instant};

/// Allows messages at equal distances: never more in any second than configured.
pub(in crate::session) struct Rate {
    distance: Duration,
    next: Option<Instant>,
}

impl Rate {
    /// Creates a rate of `per_second` messages a second.
    pub(in crate::session) fn new(per_second: f64) -> Self {
        Rate { distance: Duration::try_from_secs_f64(1.0 / per_second).unwrap_or(Duration::ZERO), next: None }
    }

    /// Returns when the next message may be accepted; `None` means now.
    pub(in crate::session) fn wait_until(&self, now: Instant) -> Option<Instant> {
        self.next.filter(|next| *next > now)
    }

    /// Notes that a message was accepted.
    pub(in crate::session) fn used(&mut self, now: Instant) {
        self.next = now.checked_add(self.distance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::core::now::Now;

    #[test]
    fn spaces_messages_evenly() {
        let start = Now::at(0.0).instant;
        let mut rate = Rate::new(20.0);
        assert_eq!(rate.wait_until(start), None);
        rate.used(start);
        let next = start + Duration::from_millis(50);
        assert_eq!(rate.wait_until(start), Some(next));
        assert_eq!(rate.wait_until(next), None);
    }

    #[test]
    fn what_was_not_used_is_not_saved_up() {
        let mut rate = Rate::new(2.0);
        let times = [0.0, 100.0].map(|seconds| Now::at(seconds).instant);
        rate.used(times[0]);
        rate.used(times[1]);
        assert_eq!(rate.wait_until(times[1]), Some(Now::at(100.5).instant));
        assert_eq!(rate.wait_until(Now::at(100.5).instant), None);
    }
}
