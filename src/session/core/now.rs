//! One reading of the clocks, taken by whoever calls the core. The core itself has no clock and no dice.

use std::time::{Instant, SystemTime};

/// The time of a call, on both clocks, and a source of chance.
#[derive(Debug, Clone, Copy)]
pub(in crate::session) struct Now {
    /// For deadlines and pauses.
    pub(in crate::session) instant: Instant,
    /// For the ends of tokens, which are given as dates.
    pub(in crate::session) wall: SystemTime,
    /// Differs from call to call and from client to client.
    pub(in crate::session) seed: u64,
}

impl Now {
    /// A number from 0 to just below 1.
    pub(in crate::session) fn chance(self) -> f64 {
        // The finaliser of splitmix64: seeds that differ in one bit give unrelated numbers.
        let mut bits = self.seed;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // 53 bits, which an f64 holds exactly.
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The clock of tests: it stands still unless the test moves it.
#[cfg(any(test, fuzzing))]
impl Now {
    /// So many seconds after an arbitrary moment, which is in the past of the real clock.
    pub(in crate::session) fn at(seconds: f64) -> Now {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        let since = std::time::Duration::from_secs_f64(seconds);
        Now {
            // The only reading of a clock in the core: an `Instant` cannot be made otherwise.
            instant: *START.get_or_init(Instant::now) + since,
            wall: SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000) + since,
            seed: seconds.to_bits(),
        }
    }

    /// This much later.
    pub(in crate::session) fn plus(self, time: std::time::Duration) -> Now {
        Now { instant: self.instant + time, wall: self.wall + time, seed: self.seed.wrapping_add(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_spread_evenly_over_seeds_that_follow_each_other() {
        let now = Now::at(0.0);
        let chances: Vec<f64> = (0..1000).map(|seed| Now { seed, ..now }.chance()).collect();
        assert!(chances.iter().all(|chance| (0.0..1.0).contains(chance)));
        let mean = chances.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
