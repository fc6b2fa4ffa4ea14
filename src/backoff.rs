//! The pauses between attempts: exponential, with full jitter.

use std::time::Duration;

use crate::random::fraction;

/// A connection that lasted this long, or as long as the maximum pause if that is shorter, resets the pauses.
const LASTED: Duration = Duration::from_secs(30);

/// The pauses between connection attempts.
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(min: Duration, max: Duration) -> Self {
        Backoff { min, max: max.max(min), failures: 0 }
    }

    /// Returns the next pause: anything from zero to a bound that doubles each time.
    pub(crate) fn next(&mut self) -> Duration {
        let bound = self.min.saturating_mul(1 << self.failures.min(20)).min(self.max);
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(fraction())
    }

    /// Returns a pause at the slowest pace, for a refused login: half to all of the maximum.
    pub(crate) fn slowest(&mut self) -> Duration {
        self.max.mul_f64(0.5 + fraction() / 2.0)
    }

    /// Handles the end of a connection that lasted this long. Returns true if the pauses were reset.
    pub(crate) fn lasted(&mut self, time: Duration) -> bool {
        let good = time >= LASTED.min(self.max);
        if good {
            self.failures = 0;
        }
        good
    }

    /// Resets the pauses: the reason of the drops was found and removed.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_maximum_and_starts_again_after_a_good_connection() {
        let (min, max) = (Duration::from_secs(1), Duration::from_secs(120));
        let mut backoff = Backoff::new(min, max);
        for bound in [1, 2, 4, 8, 16, 32, 64, 120, 120] {
            assert!(backoff.next() <= Duration::from_secs(bound));
        }
        backoff.lasted(Duration::from_secs(29));
        assert_eq!(backoff.failures, 9);
        backoff.lasted(Duration::from_secs(30));
        assert!(backoff.next() <= min);
        assert!(backoff.slowest() >= max / 2);
    }
}
