//! Waiting between attempts: exponential, with full jitter.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A connection that lasted this long, or the longest pause if that is shorter, was a good one.
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

    /// The next pause: anything from zero to a bound that doubles each time.
    pub(crate) fn next(&mut self) -> Duration {
        let bound = self.min.saturating_mul(1 << self.failures.min(20)).min(self.max);
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(fraction())
    }

    /// The pause at the slowest pace, for a refused login: half to all of the maximum.
    pub(crate) fn slowest(&mut self) -> Duration {
        self.max.mul_f64(0.5 + fraction() / 2.0)
    }

    /// A connection ended after this long. Whether it was a good one.
    pub(crate) fn lasted(&mut self, time: Duration) -> bool {
        let good = time >= LASTED.min(self.max);
        if good {
            self.failures = 0;
        }
        good
    }

    /// The reason of the drops was found and removed.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A number from 0 to 1, from the seed the standard library takes from the system for each hasher.
pub(crate) fn fraction() -> f64 {
    // 53 bits, which an f64 holds exactly.
    (random() >> 11) as f64 / (1u64 << 53) as f64
}

/// A random number that is good enough to spread load.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(std::time::SystemTime::now())
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

    #[test]
    fn spreads() {
        let fractions: Vec<f64> = (0..1000).map(|_| fraction()).collect();
        assert!(fractions.iter().all(|value| (0.0..=1.0).contains(value)));
        let mean = fractions.iter().sum::<f64>() / 1000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }
}
