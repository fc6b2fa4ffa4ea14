//! Deadlines from timeouts.

use std::time::{Duration, Instant};

/// Practically unlimited within one run, and within what a clock can say.
pub(crate) const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Returns the instant this long from now; a year from now at most, so that a clock can say it.
pub(crate) fn after(timeout: Duration) -> Instant {
    later(Instant::now(), timeout)
}

/// Returns the instant this long after `start`, with the same bound.
pub(crate) fn later(start: Instant, timeout: Duration) -> Instant {
    start + timeout.min(YEAR)
}
