//! One reading of the clocks, taken by whoever calls the core. The core itself has no clock and no dice.

use std::time::{Instant, SystemTime};

/// The time of a call, on both clocks, and a source of chance.
#[derive(Debug, Clone, Copy)]
pub(in crate::session) struct Now {
    /// For deadlines and pauses.
    pub(in crate::session) instant: Instant,
    /// For the expiry of tokens, which is given as a date.
    pub(in crate::session) wall: SystemTime,
    /// Differs from call to call and from client to client.
    pub(in crate::session) seed: u64,
}

impl Now {
    /// Returns a number from 0 to just below 1.
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

#[cfg(any(test, fuzzing))]
mod tests;
