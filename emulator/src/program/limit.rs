//! The limits by their names, for the option `--limit` and the table `[limits]` of the settings file.

use crate::error::Error;
use crate::settings::Limits;

/// The names of all limits.
const NAMES: &str = "payload, packet, topic_length, filters, wildcards, rate, parent_topics, api_rates";

/// The value of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// The limit that the service documents.
    On,
    Off,
    Number(u32),
}

/// Sets a limit. Not all can be turned off.
pub(super) fn set(limits: &mut Limits, name: &str, value: Value) -> Result<(), Error> {
    let documented = Limits::strict();
    let or = |documented: usize| match value {
        Value::On => Some(documented),
        Value::Off => None,
        Value::Number(number) => usize::try_from(number).ok(),
    };
    let needed = |documented: usize| {
        or(documented).ok_or_else(|| Error::Invalid(format!("the limit {name} cannot be turned off")))
    };
    match name {
        "payload" => limits.payload = needed(documented.payload)?,
        "packet" => limits.packet = needed(documented.packet)?,
        "topic_length" => limits.topic_length = needed(documented.topic_length)?,
        "filters" => limits.filters = or(documented.filters).unwrap_or(usize::MAX),
        "wildcards" => limits.wildcards = or(documented.wildcards).unwrap_or(usize::MAX),
        "rate" => {
            limits.rate = match value {
                Value::On => documented.rate,
                Value::Off => None,
                Value::Number(number) => Some(number),
            }
        }
        "parent_topics" => limits.parent_topics = or(documented.parent_topics).unwrap_or(usize::MAX),
        "api_rates" if !matches!(value, Value::Number(_)) => limits.api_rates = value == Value::On,
        "api_rates" => return Err(Error::Invalid("the limit api_rates is on or off".into())),
        _ => return Err(Error::Invalid(format!("there is no limit {name:?}; the limits are {NAMES}"))),
    }
    Ok(())
}

/// Reads the value of a limit: a number, `off`, or `on` for what the service documents.
pub(super) fn parse(name: &str, text: &str) -> Result<Value, Error> {
    match text {
        "off" => Ok(Value::Off),
        "on" => Ok(Value::On),
        number => number
            .parse()
            .map(Value::Number)
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
            let value = if name == "api_rates" { Value::On } else { Value::Number(1) };
            set(&mut limits, name, value).unwrap();
        }
        let Limits { payload, packet, topic_length, filters, wildcards, rate, parent_topics, api_rates } = limits;
        assert!([payload, packet, topic_length, filters, wildcards, parent_topics].iter().all(|limit| *limit == 1));
        assert_eq!((rate, api_rates), (Some(1), true));
        assert!(
            set(&mut Limits::default(), "payloads", Value::On).unwrap_err().to_string().contains("payload, packet")
        );
        assert!(set(&mut Limits::default(), "payload", Value::Off).is_err());
        assert_eq!((parse("rate", "off").unwrap(), parse("rate", "7").unwrap()), (Value::Off, Value::Number(7)));
        assert!(parse("rate", "-1").is_err());
        assert!(set(&mut limits, "api_rates", Value::Number(1)).is_err());
    }

    #[test]
    fn on_stands_for_what_the_service_documents() {
        let mut limits = Limits::default();
        for name in NAMES.split(", ") {
            set(&mut limits, name, parse(name, "on").unwrap()).unwrap();
        }
        assert_eq!(limits, Limits::strict());
        assert_eq!((limits.wildcards, limits.rate, limits.payload), (100, Some(20), 65_536));
    }
}
