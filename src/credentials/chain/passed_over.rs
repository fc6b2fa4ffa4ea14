//! A place of the chain without a usable key.

use std::fmt;

/// A place of an [`AccessKeyChain`](super::AccessKeyChain) that was asked and has no usable key. `Display` gives the
/// place and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    place: &'static str,
    reason: String,
    is_empty: bool,
}

impl PassedOver {
    /// Makes one for a place that has something which cannot be used.
    pub(super) fn broken(place: &'static str, reason: &str) -> Self {
        PassedOver { place, reason: reason.to_string(), is_empty: false }
    }

    /// Makes one for a place that has nothing.
    pub(super) fn empty(place: &'static str, reason: &str) -> Self {
        PassedOver { place, reason: reason.to_string(), is_empty: true }
    }

    /// Returns the place, for people: `the environment`, `~/.aliyun/config.json` and so on.
    #[must_use]
    pub fn place(&self) -> &str {
        self.place
    }

    /// Returns the reason, for people.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns true if the place has nothing, so that nothing is wrong with it; false if something in it cannot be
    /// used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.is_empty
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty {
            write!(f, "{} ({})", self.place, self.reason)
        } else {
            write!(f, "{}: {}", self.place, self.reason)
        }
    }
}
