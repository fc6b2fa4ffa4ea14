//! Values of flags and settings that several commands read: QoS, seconds, rates.

use std::time::Duration;

use aliyun_mqtt::QoS;

/// For `value_parser`: a QoS, 0 to 2.
pub(crate) fn qos(text: &str) -> Result<QoS, String> {
    text.parse().ok().and_then(QoS::from_level).ok_or_else(|| "it must be 0, 1 or 2".to_string())
}

/// For `value_parser`: a time in seconds, with or without a fraction.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let time = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| "it must be a number of seconds".to_string())
}

/// For `value_parser`: messages per second.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.001..=1_000_000.0).contains(rate));
    rate.ok_or_else(|| "it must be a number from 0.001 to 1000000".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_none_are_refused() {
        for bad in ["", "nan", "NaN", "inf", "-1", "1e400", "x"] {
            assert!(seconds(bad).is_err() && rate(bad).is_err() && qos(bad).is_err(), "{bad}");
        }
        assert!(rate("0").is_err() && qos("3").is_err());
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(rate("0.001"), Ok(0.001));
    }
}
