//! Values of flags and settings that several commands read: QoS, seconds, rates.

use std::str::FromStr;
use std::time::Duration;

use aliyun_mqtt::{QoS, TokenKind};
#[cfg(feature = "emulator")]
use aliyun_mqtt_emulator::Format;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// The values that `--protocol` completes to.
pub(crate) const PROTOCOLS: [&str; 2] = ["3.1.1", "5"];

const LEVELS: [&str; 3] = ["0", "1", "2"];

const KINDS: [TokenKind; 3] = [TokenKind::Read, TokenKind::Write, TokenKind::ReadWrite];

#[cfg(feature = "emulator")]
const FORMATS: [&str; 3] = ["shell", "powershell", "plain"];

/// For `value_parser`: a QoS, which completes to its levels.
pub(crate) fn qos() -> impl TypedValueParser<Value = QoS> {
    listed(LEVELS)
}

/// For `value_parser`: the type of a token, which completes to R, W and RW.
pub(crate) fn kind() -> impl TypedValueParser<Value = TokenKind> {
    listed(KINDS.map(TokenKind::as_str))
}

/// For `value_parser`: how the emulator's variables are written.
#[cfg(feature = "emulator")]
pub(crate) fn env_format() -> impl TypedValueParser<Value = Format> {
    listed(FORMATS)
}

/// Accepts and completes to these values only, and parses them as their type does.
fn listed<T, const N: usize>(values: [&'static str; N]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(values).try_map(|text| text.parse::<T>())
}

/// Parses a window of the library.
pub(crate) fn window() -> impl TypedValueParser<Value = u16> {
    clap::value_parser!(u16).range(1..=10_000)
}

/// For `value_parser`: a time in seconds, with or without a fraction.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let time = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| "it must be a number of seconds".to_string())
}

/// For `value_parser`: the timeout of a request, in the range of the library.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    let range = Duration::from_secs(1)..=Duration::from_secs(3600);
    let time = seconds(text).ok().filter(|time| range.contains(time));
    time.ok_or_else(|| "it must be a number of seconds from 1 to 3600".to_string())
}

/// For `value_parser`: messages per second.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.001..=1_000_000.0).contains(rate));
    rate.ok_or_else(|| "it must be a number from 0.001 to 1000000".to_string())
}

#[cfg(test)]
mod tests {
    use aliyun_mqtt::Protocol;
    use clap::Command;

    use super::*;

    /// Completion would otherwise leave out a value, or offer one that is refused.
    #[test]
    fn the_listed_values_are_those_of_their_types() {
        let parsed = LEVELS.map(|text| text.parse::<QoS>().unwrap());
        assert_eq!(parsed, [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]);
        let parsed = PROTOCOLS.map(|text| text.parse::<Protocol>().unwrap());
        assert_eq!(parsed, [Protocol::V311, Protocol::V5]);
        assert_eq!(KINDS.map(|kind| kind.as_str().parse::<TokenKind>().unwrap()), KINDS);
        #[cfg(feature = "emulator")]
        assert_eq!(Format::ALL.map(|format| format.to_string()), FORMATS);
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        let command = Command::new("test");
        let level = |text: &str| qos().parse_ref(&command, None, text.as_ref());
        for bad in ["", "nan", "NaN", "inf", "-1", "1e400", "x"] {
            assert!(seconds(bad).is_err() && rate(bad).is_err() && level(bad).is_err(), "{bad}");
        }
        assert!(rate("0").is_err() && level("3").is_err());
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(rate("0.001"), Ok(0.001));
    }
}
