//! The sign of a second program with the same client id.
//!
//! The service closes one of two connections with one client id, without a reason. Both programs then reconnect, and
//! close each other's connections again and again.

use std::time::Duration;

/// A connection that lasted this long says nothing.
const LASTED: Duration = Duration::from_secs(60);

/// How many short connections in a row are the sign.
const MANY: u32 = 3;

/// Short connections in a row that the server closed without a reason to be seen.
#[derive(Default)]
pub(super) struct Kicks(u32);

impl Kicks {
    /// Counts the end of a connection, or of an attempt. `unexplained`: the server closed a connection that was set up,
    /// with nothing in flight. Returns true if another program probably uses the same client id.
    pub(super) fn ended(&mut self, unexplained: bool, lasted: Duration) -> bool {
        self.0 = if unexplained && lasted < LASTED { self.0.saturating_add(1) } else { 0 };
        self.0 >= MANY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_connections_in_a_row_that_nothing_explains_are_the_sign() {
        let (mut kicks, short) = (Kicks::default(), Duration::from_secs(1));
        for expected in [false, false, true, true] {
            assert_eq!(kicks.ended(true, short), expected);
        }
        for (unexplained, lasted) in [(true, LASTED), (false, short)] {
            assert!(!kicks.ended(unexplained, lasted));
            assert!(!kicks.ended(true, short) && !kicks.ended(true, short));
            assert!(kicks.ended(true, short));
        }
    }
}
