//! The clock of tests and of the fuzz target.

use super::*;

/// The clock of tests: it stands still unless the test moves it.
impl Now {
    /// Returns the time this many seconds after an arbitrary moment in the past of the real clock.
    pub(in crate::session) fn at(seconds: f64) -> Now {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        let since = std::time::Duration::from_secs_f64(seconds);
        Now {
            // An `Instant` cannot be made otherwise.
            instant: *START.get_or_init(Instant::now) + since,
            wall: SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000) + since,
            seed: seconds.to_bits(),
        }
    }

    /// Returns the time this much later.
    pub(in crate::session) fn plus(self, time: std::time::Duration) -> Now {
        Now { instant: self.instant + time, wall: self.wall + time, seed: self.seed.wrapping_add(1) }
    }
}

#[test]
fn chance_is_spread_evenly_over_seeds_that_follow_each_other() {
    let now = Now::at(0.0);
    let chances: Vec<f64> = (0..1000).map(|seed| Now { seed, ..now }.chance()).collect();
    assert!(chances.iter().all(|chance| (0.0..1.0).contains(chance)));
    let mean = chances.iter().sum::<f64>() / 1000.0;
    assert!((0.45..0.55).contains(&mean), "{mean}");
}
