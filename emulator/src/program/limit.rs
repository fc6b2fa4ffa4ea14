//! The limits by their names, for the option `--limit` and the table `[limits]` of the settings file.

use crate::error::Error;
use crate::settings::Limits;

/// The names of all limits.
const NAMES: &str = "payload, packet, topic_length, filters, wildcards, rate, parent_topics, api_rates";

/// Sets a limit. `None` turns off a limit that can be turned off.
pub(super) fn set(limits: &mut Limits, name: &str, value: Option<u32>) -> Result<(), Error> {
    let number = value.and_then(|number| usize::try_from(number).ok());
    let needed = || number.ok_or_else(|| Error::Invalid(format!("the limit {name} cannot be turned off")));
    match name {
        "payload" => limits.payload = needed()?,
        "packet" => limits.packet = needed()?,
        "topic_length" => limits.topic_length = needed()?,
        "filters" => limits.filters = number.unwrap_or(usize::MAX),
        "wildcards" => limits.wildcards = number.unwrap_or(usize::MAX),
        "rate" => limits.rate = value,
        "parent_topics" => limits.parent_topics = number.unwrap_or(usize::MAX),
        "api_rates" if value.is_none_or(|value| value <= 1) => limits.api_rates = value == Some(1),
        "api_rates" => return Err(Error::Invalid("the limit api_rates is on or off".into())),
        _ => return Err(Error::Invalid(format!("there is no limit {name:?}; the limits are {NAMES}"))),
    }
    Ok(())
}

/// Reads the value of a limit: a number, `off`, or `on` for 1.
pub(super) fn parse(name: &str, text: &str) -> Result<Option<u32>, Error> {
    match text {
        "off" => Ok(None),
        "on" => Ok(Some(1)),
        number => number
            .parse()
            .map(Some)
            .map_err(|_| Error::Invalid(format!("the limit {name} is {text:?}; it must be a whole number, on or off"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_a_name() {
        let mut limits = Limits::default();
        for name in NAMES.split(", ") {
            set(&mut limits, name, Some(1)).unwrap();
        }
        let Limits { payload, packet, topic_length, filters, wildcards, rate, parent_topics, api_rates } = limits;
        assert!([payload, packet, topic_length, filters, wildcards, parent_topics].iter().all(|limit| *limit == 1));
        assert_eq!((rate, api_rates), (Some(1), true));
        assert!(set(&mut Limits::default(), "payloads", Some(1)).unwrap_err().to_string().contains("payload, packet"));
        assert!(set(&mut Limits::default(), "payload", None).is_err());
        assert_eq!((parse("rate", "off").unwrap(), parse("rate", "7").unwrap()), (None, Some(7)));
        assert!(parse("rate", "-1").is_err());
    }
}
