//! The faults that tests switch on and off.

use std::time::Duration;

/// The faults that tests switch on and off.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switches {
    pub(crate) refuse_all: Option<u8>,
    /// The number of logins that are still to be refused, and their code.
    pub(crate) refuse_next: (u32, u8),
    pub(crate) forbidden: Vec<String>,
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

    pub(crate) fn forbid(&mut self, filter: &str) {
        self.forbidden.push(filter.to_owned());
    }

    /// Reverts a [`forbid`](Self::forbid) of exactly this filter. Returns true if there was one.
    pub(crate) fn allow(&mut self, filter: &str) -> bool {
        let before = self.forbidden.len();
        self.forbidden.retain(|forbidden| forbidden != filter);
        self.forbidden.len() < before
    }
}

fn connack_code(code: u8) -> u8 {
    if (1..=5).contains(&code) { code } else { 5 }
}
