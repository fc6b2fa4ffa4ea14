//! The nonces of OpenAPI calls.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

/// The nonces of the last hour. Each is valid for one call of its AccessKey.
#[derive(Default)]
pub(crate) struct Nonces {
    seen: HashMap<(String, String), Instant>,
    swept: usize,
}

impl Nonces {
    /// Remembers a nonce. Returns true if it is new.
    pub(crate) fn take(&mut self, access_key_id: &str, nonce: &str) -> bool {
        // A call can be replayed as long as its timestamp is valid: from 31 min before to 31 min after it.
        const MEMORY: Duration = Duration::from_secs(2 * 31 * 60);
        let now = Instant::now();
        if self.seen.len() > 2 * self.swept + 1000 {
            self.seen.retain(|_, taken| now.duration_since(*taken) <= MEMORY);
            self.swept = self.seen.len();
        }
        self.seen.insert((access_key_id.to_owned(), nonce.to_owned()), now).is_none()
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonces({})", self.seen.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_once_for_each_key() {
        let mut nonces = Nonces::default();
        assert!(nonces.take("a", "1") && nonces.take("a", "2") && nonces.take("b", "1"));
        assert!(!nonces.take("a", "1") && !nonces.take("b", "1"));
        for number in 0..10_000 {
            assert!(nonces.take("flood", &number.to_string()));
        }
        assert!(!nonces.take("a", "1"), "sweeping keeps what is young");
    }
}
