//! The version of MQTT.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::{Error, Result};

/// The session expiry that is requested by default: as long as the service keeps offline messages (3 days, help page
/// "Limits").
pub(super) const SESSION_EXPIRY: Duration = Duration::from_secs(3 * 24 * 3600);

/// The texts that are parsed as a version.
pub(super) const ACCEPTED: &str = "3.1.1 or 5";

/// A version of MQTT.
///
/// The service supports MQTT 5 on Professional, Enterprise Platinum and Serverless instances; for existing instances a
/// ticket is needed (help page "MQTT 5.0 overview"). MQTT 5 adds properties of messages
/// ([`Outgoing`](crate::Outgoing), [`Message`](crate::Message)), options of subscriptions
/// ([`SubscribeOptions`](crate::SubscribeOptions)), and reasons for refusals. With neither version does the service
/// support retained messages, wills or shared subscriptions.
///
/// Topic aliases are not used, although the service supports them: the underlying codec (rumqttc 0.25.1) returns a
/// received message with an empty topic if an alias stands for it, and an alias for sending saves only a few bytes.
///
/// It is parsed from `3.1.1` or `5`, and converted from the protocol level of CONNECT, 4 or 5.
///
/// The manual has more about [MQTT 5](crate::manual::mqtt5).
///
/// ```
/// use aliyun_mqtt::Protocol;
/// assert_eq!("5".parse::<Protocol>().unwrap(), Protocol::V5);
/// assert_eq!(Protocol::try_from(4).unwrap(), Protocol::V311);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Protocol {
    /// MQTT 3.1.1, which every instance supports.
    #[default]
    V311,
    /// MQTT 5.
    V5,
}

impl FromStr for Protocol {
    type Err = Error;

    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the text is not `3.1.1`, `5` or `5.0`, with or without `MQTT ` in front.
    fn from_str(text: &str) -> Result<Self> {
        match text.strip_prefix("MQTT ").unwrap_or(text) {
            "3.1.1" => Ok(Protocol::V311),
            "5" | "5.0" => Ok(Protocol::V5),
            _ => Err(Error::invalid(format!("the protocol is {text:?}; it must be {ACCEPTED}"))),
        }
    }
}

impl TryFrom<u8> for Protocol {
    type Error = Error;

    /// Converts the protocol level of CONNECT.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the level is not 4 or 5.
    fn try_from(level: u8) -> Result<Self> {
        match level {
            4 => Ok(Protocol::V311),
            5 => Ok(Protocol::V5),
            _ => Err(Error::invalid(format!("the protocol level is {level}; it must be 4 (MQTT 3.1.1) or 5 (MQTT 5)"))),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::V311 => "MQTT 3.1.1",
            Protocol::V5 => "MQTT 5",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_version_is_parsed_from_what_it_is_called() {
        for (text, version) in [("3.1.1", Protocol::V311), ("5", Protocol::V5), ("5.0", Protocol::V5)] {
            assert_eq!(text.parse::<Protocol>().unwrap(), version);
            assert_eq!(version.to_string().parse::<Protocol>().unwrap(), version);
        }
        for bad in ["", "4", "3.1", "mqtt", "MQTT"] {
            let error = bad.parse::<Protocol>().unwrap_err();
            assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains(ACCEPTED), "{error}");
        }
    }

    #[test]
    fn a_version_has_a_protocol_level() {
        assert_eq!(Protocol::try_from(4).unwrap(), Protocol::V311);
        assert_eq!(Protocol::try_from(5).unwrap(), Protocol::V5);
        for bad in [0, 3, 6, 255] {
            assert!(Protocol::try_from(bad).unwrap_err().to_string().contains("4 (MQTT 3.1.1) or 5 (MQTT 5)"));
        }
    }
}
