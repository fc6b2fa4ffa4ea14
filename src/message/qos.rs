//! The quality of service of MQTT.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::printable::excerpt;

/// Quality of service of a publication or a subscription.
///
/// The service supports all three. It keeps offline messages only for QoS 1 with a persistent session, and has no
/// persistent sessions for QoS 2 (help page "Receive offline messages").
///
/// ```
/// use aliyun_mqtt::QoS;
/// # fn main() -> aliyun_mqtt::Result<()> {
/// assert_eq!(QoS::try_from(1)?, QoS::AtLeastOnce);
/// assert_eq!("2".parse::<QoS>()?, QoS::ExactlyOnce);
/// assert_eq!(QoS::AtMostOnce.to_string(), "QoS 0");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QoS {
    /// 0: sent once, never acknowledged; may be lost.
    AtMostOnce = 0,
    /// 1: acknowledged; may arrive more than once.
    AtLeastOnce = 1,
    /// 2: acknowledged in two steps; arrives once as long as the server keeps the session.
    ExactlyOnce = 2,
}

impl QoS {
    /// Returns the level: 0, 1 or 2.
    #[must_use]
    pub fn level(self) -> u8 {
        self as u8
    }
}

impl TryFrom<u8> for QoS {
    type Error = Error;

    /// Converts a level.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the level is above 2.
    fn try_from(level: u8) -> Result<Self> {
        match level {
            0 => Ok(QoS::AtMostOnce),
            1 => Ok(QoS::AtLeastOnce),
            2 => Ok(QoS::ExactlyOnce),
            _ => Err(Error::invalid(format!("QoS {level} does not exist; it is 0, 1 or 2"))),
        }
    }
}

impl FromStr for QoS {
    type Err = Error;

    /// Reads `0`, `1` or `2`, or what `Display` writes: `QoS 1`.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the text is anything else.
    fn from_str(text: &str) -> Result<Self> {
        match text.strip_prefix("QoS ").unwrap_or(text) {
            "0" => Ok(QoS::AtMostOnce),
            "1" => Ok(QoS::AtLeastOnce),
            "2" => Ok(QoS::ExactlyOnce),
            _ => Err(Error::invalid(format!("\"{}\" is not a QoS; it is 0, 1 or 2", excerpt(text)))),
        }
    }
}

impl fmt::Display for QoS {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QoS {}", self.level())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn levels_and_texts_both_ways() {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            assert_eq!(QoS::try_from(qos.level()).unwrap(), qos);
            assert_eq!(qos.level().to_string().parse::<QoS>().unwrap(), qos);
            assert_eq!(qos.to_string().parse::<QoS>().unwrap(), qos);
        }
        assert_eq!(QoS::try_from(3).unwrap_err().kind(), ErrorKind::Invalid);
        for bad in ["", "3", "01", " 1", "one", "QoS", "QoS 3", "+1", "１"] {
            let error = bad.parse::<QoS>().unwrap_err();
            assert!(error.to_string().contains("0, 1 or 2"), "{error}");
        }
    }
}
