//! Rates: how many times a second something may happen.

use std::collections::HashMap;
use std::time::Instant;

/// The documented rates of the OpenAPI, in calls a second.
const API_RATES: &[(&str, u32)] = &[
    ("ApplyToken", 100),
    ("QueryToken", 100),
    ("RevokeToken", 5),
    ("SendMessage", 1000),
    ("QuerySessionByClientId", 500),
    ("BatchQuerySessionByClientIds", 100),
    ("RegisterDeviceCredential", 500),
    ("GetDeviceCredential", 500),
    ("RefreshDeviceCredential", 500),
    ("UnRegisterDeviceCredential", 500),
    ("QueryMqttTraceDevice", 500),
    ("QueryMqttTraceMessageOfClient", 500),
    ("QueryMqttTraceMessagePublish", 500),
    ("QueryMqttTraceMessageSubscribe", 500),
];

/// A bucket of tokens: lets `rate` events through at once, and then `rate` a second.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: u32,
    /// The events that are left.
    left: f64,
    filled: Instant,
}

impl Bucket {
    pub(crate) fn new(rate: u32, now: Instant) -> Self {
        Self { rate, left: f64::from(rate), filled: now }
    }

    /// Returns true if the event is within the rate.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let rate = f64::from(self.rate);
        let elapsed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.left = (self.left + elapsed * rate).min(rate);
        self.filled = now;
        let is_within = self.left >= 1.0;
        if is_within {
            self.left -= 1.0;
        }
        is_within
    }
}

/// The rates of the actions of the OpenAPI.
#[derive(Debug, Default)]
pub(crate) struct ApiRates(HashMap<&'static str, Bucket>);

impl ApiRates {
    /// Returns true if the call is within the documented rate of its action; true for actions without one.
    pub(crate) fn take(&mut self, action: &str, now: Instant) -> bool {
        let Some((action, rate)) = API_RATES.iter().find(|(known, _)| *known == action) else { return true };
        self.0.entry(action).or_insert_with(|| Bucket::new(*rate, now)).take(now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_lets_its_rate_through_each_second() {
        let start = Instant::now();
        let mut bucket = Bucket::new(20, start);
        let through = |bucket: &mut Bucket, at| (0..100).filter(|_| bucket.take(start + at)).count();
        assert_eq!(through(&mut bucket, Duration::ZERO), 20);
        assert_eq!(through(&mut bucket, Duration::from_millis(100)), 2);
        assert_eq!(through(&mut bucket, Duration::from_secs(60)), 20);
        // A clock that stands still or goes back gives nothing.
        assert_eq!(through(&mut bucket, Duration::ZERO), 0);
    }

    #[test]
    fn only_actions_with_a_documented_rate_have_one() {
        let (mut rates, now) = (ApiRates::default(), Instant::now());
        assert_eq!((0..10).filter(|_| rates.take("RevokeToken", now)).count(), 5);
        assert!((0..10_000).all(|_| rates.take("ListGroupId", now)));
    }
}
