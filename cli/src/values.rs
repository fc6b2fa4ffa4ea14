//! Values of flags and settings that several commands read: QoS, seconds, rates.

use std::time::Duration;

use aliyun_mqtt::{QoS, TokenKind};
#[cfg(feature = "emulator")]
use aliyun_mqtt_emulator::Transport;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// For `value_parser`: a QoS, which completes to its levels.
pub(crate) fn qos() -> impl TypedValueParser<Value = QoS> {
    PossibleValuesParser::new(["0", "1", "2"]).try_map(|text| level(&text).ok_or("it must be 0, 1 or 2"))
}

fn level(text: &str) -> Option<QoS> {
    text.parse().ok().and_then(|level: u8| QoS::try_from(level).ok())
}

/// For `value_parser`: the type of a token, which completes to R, W and RW.
pub(crate) fn kind() -> impl TypedValueParser<Value = TokenKind> {
    PossibleValuesParser::new(KINDS.map(TokenKind::as_str))
        .try_map(|text| kind_of(&text).ok_or("it must be R, W or RW"))
}

const KINDS: [TokenKind; 3] = [TokenKind::Read, TokenKind::Write, TokenKind::ReadWrite];

/// The type of a token by its name.
pub(crate) fn kind_of(word: &str) -> Option<TokenKind> {
    KINDS.into_iter().find(|kind| kind.as_str() == word)
}

/// For `value_parser`: a transport of the emulator, which completes to its names.
#[cfg(feature = "emulator")]
pub(crate) fn transport() -> impl TypedValueParser<Value = Transport> {
    PossibleValuesParser::new(["tcp", "tls", "ws", "wss"]).try_map(|text| text.parse::<Transport>())
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
            assert!(seconds(bad).is_err() && rate(bad).is_err() && level(bad).is_none(), "{bad}");
        }
        assert!(rate("0").is_err() && level("3").is_none());
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(rate("0.001"), Ok(0.001));
    }
}
