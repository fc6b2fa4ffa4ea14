//! The nonce and the time of a request.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Fate, Result};
use crate::random;

/// Returns 128 random bits, unique across threads, processes and forks.
pub(super) fn nonce() -> String {
    format!("{:032x}", u128::from_be_bytes(random::bytes()))
}

/// Formats a time in UTC to the second, as `2016-02-23T12:46:24Z`.
pub(super) fn iso_8601(time: SystemTime) -> Result<String> {
    // The last second of the year 9999.
    const MAX: u64 = 253_402_300_799;
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) if since.as_secs() <= MAX => Ok(humantime::format_rfc3339_seconds(time).to_string()),
        _ => Err(Error::config("this machine's clock is before 1970 or after 9999; set it").with_fate(Fate::NotSent)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_nonce_is_new_each_time() {
        let (first, second) = (nonce(), nonce());
        assert_ne!(first, second);
        assert_eq!((first.len(), second.len()), (32, 32));
    }

    #[test]
    fn times_of_the_signature() {
        let vector = UNIX_EPOCH + Duration::from_millis(1_456_231_584_999);
        assert_eq!(iso_8601(vector).unwrap(), "2016-02-23T12:46:24Z");
        assert!(iso_8601(UNIX_EPOCH - Duration::from_secs(1)).is_err());
        assert!(iso_8601(UNIX_EPOCH + Duration::from_secs(253_402_300_800)).is_err());
    }
}
