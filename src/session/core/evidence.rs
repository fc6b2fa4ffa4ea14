//! The evidence against an operation that the server may be closing connections for.
//!
//! The service gives no reason when it closes a connection because of a forbidden publish or subscribe. The client
//! therefore searches for the operation:
//!
//! * An operation is *suspect* once two connections were cut shortly after it was sent. While there are suspects,
//!   operations are sent one at a time.
//! * It is *convicted*, and fails, when a connection is cut while it is the only one in flight: twice, or once if it
//!   had been the oldest in flight at two cuts before. The service's own notice, where it can only be about one
//!   operation, convicts at once.
//! * All are *acquitted* when a connection is cut on which nothing had been sent yet: the network, not an operation, is
//!   at fault.

/// The number of cuts that make an operation a suspect.
const CUTS: u32 = 2;

/// Connections that were cut shortly after one operation was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::session) struct Evidence {
    cuts: u32,
    /// Cuts while it was the oldest in flight.
    as_oldest: u32,
    /// Cuts while it was the only one in flight, after suspects had been found.
    alone: u32,
}

impl Evidence {
    /// Counts one more cut.
    pub(in crate::session) fn add(&mut self, oldest: bool, alone: bool) {
        self.cuts += 1;
        self.as_oldest += u32::from(oldest);
        self.alone += u32::from(alone);
    }

    /// Makes it a suspect: the service's notice is about one of several operations, among them this operation.
    pub(in crate::session) fn name(&mut self) {
        self.cuts = self.cuts.max(CUTS);
    }

    /// Acquits it: the cuts were not its fault.
    pub(in crate::session) fn acquit(&mut self) {
        *self = Evidence::default();
    }

    pub(in crate::session) fn makes_suspect(self) -> bool {
        self.cuts >= CUTS
    }

    pub(in crate::session) fn convicts(self) -> bool {
        self.alone >= 1 && self.alone + u32::from(self.as_oldest > CUTS) >= 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(cuts: &[(bool, bool)]) -> Evidence {
        let mut evidence = Evidence::default();
        cuts.iter().for_each(|(oldest, alone)| evidence.add(*oldest, *alone));
        evidence
    }

    #[test]
    fn two_cuts_make_a_suspect() {
        assert!(!evidence(&[(true, true)]).makes_suspect());
        assert!(evidence(&[(false, false); 2]).makes_suspect());
        let mut named = Evidence::default();
        named.name();
        assert!(named.makes_suspect() && !named.convicts());
        named.acquit();
        assert!(!named.makes_suspect());
    }

    #[test]
    fn being_alone_at_a_cut_convicts_the_second_time_or_after_having_been_the_oldest_twice() {
        assert!(!evidence(&[(true, false); 5]).convicts(), "never alone");
        assert!(!evidence(&[(false, false), (true, false), (true, true)]).convicts());
        assert!(evidence(&[(true, false), (true, false), (true, true)]).convicts());
        assert!(evidence(&[(false, false), (false, false), (false, true), (false, true)]).convicts());
    }
}
