//! The faults that tests switch on and off.

use std::collections::BTreeSet;
use std::time::Duration;

/// The maximum number of forbidden topics and filters; each publish and subscribe looks at all.
pub(crate) const MAX_FORBIDDEN: usize = 10_000;

/// The faults that tests switch on and off.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switches {
    pub(crate) refuse_all: Option<u8>,
    /// The number of logins that are still to be refused, and their code.
    pub(crate) refuse_next: (u32, u8),
    pub(crate) forbidden: BTreeSet<String>,
    /// The number of OpenAPI calls that are still to be throttled.
    pub(crate) throttle_api: u32,
    /// The number of OpenAPI calls that are still to fail, and their status and code.
    pub(crate) fail_api: (u32, u16, String),
    /// The delay of each response of the OpenAPI.
    pub(crate) delay_api: Duration,
    /// The seconds by which the clock of the OpenAPI is ahead.
    pub(crate) clock_skew: i64,
}

impl Switches {
    pub(crate) fn refuse_logins(&mut self, code: Option<u8>) {
        self.refuse_all = code.map(connack_code);
    }

    pub(crate) fn refuse_next_logins(&mut self, count: u32, code: u8) {
        self.refuse_next = (count, connack_code(code));
    }

    /// Takes the code with which the login at hand is to be refused.
    pub(crate) fn take_refusal(&mut self) -> Option<u8> {
        if self.refuse_next.0 == 0 {
            return self.refuse_all;
        }
        self.refuse_next.0 -= 1;
        Some(self.refuse_next.1)
    }

    /// A status outside 400 to 599 is replaced by 500.
    pub(crate) fn fail_api(&mut self, count: u32, status: u16, code: &str) {
        let status = if (400..=599).contains(&status) { status } else { 500 };
        self.fail_api = (count, status, code.to_owned());
    }

    /// Returns false, without a change, if too many are forbidden already.
    pub(crate) fn forbid(&mut self, filter: &str) -> bool {
        let fits = self.forbidden.len() < MAX_FORBIDDEN || self.forbidden.contains(filter);
        if fits {
            self.forbidden.insert(filter.to_owned());
        }
        fits
    }

    /// Reverts a [`forbid`](Self::forbid) of exactly this filter. Returns true if there was one.
    pub(crate) fn allow(&mut self, filter: &str) -> bool {
        self.forbidden.remove(filter)
    }
}

fn connack_code(code: u8) -> u8 {
    if (1..=5).contains(&code) { code } else { 5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbids_are_kept_once_and_bounded() {
        let mut switches = Switches::default();
        assert!((0..2 * MAX_FORBIDDEN).all(|_| switches.forbid("demo/a")) && switches.forbidden.len() == 1);
        assert!((1..MAX_FORBIDDEN).all(|number| switches.forbid(&format!("demo/{number}"))));
        assert!(!switches.forbid("demo/more") && switches.forbid("demo/a"));
        assert!(switches.allow("demo/a") && !switches.allow("demo/a") && switches.forbid("demo/more"));
    }
}
