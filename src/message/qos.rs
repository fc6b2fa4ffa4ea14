//! The quality of service of MQTT.

use std::fmt;

/// Quality of service of a publication or a subscription.
///
/// The service supports all three. It keeps offline messages only for QoS 1 with a persistent session, and has no
/// persistent sessions for QoS 2 (help page "Receive offline messages").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QoS {
    /// 0: sent once, never acknowledged; may be lost.
    AtMostOnce = 0,
    /// 1: acknowledged; may arrive more than once.
    AtLeastOnce = 1,
    /// 2: acknowledged in two steps; arrives once as long as the broker keeps the session.
    ExactlyOnce = 2,
}

impl QoS {
    /// The QoS of a number from 0 to 2; `None` for any other.
    #[must_use]
    pub fn from_level(level: u8) -> Option<Self> {
        match level {
            0 => Some(QoS::AtMostOnce),
            1 => Some(QoS::AtLeastOnce),
            2 => Some(QoS::ExactlyOnce),
            _ => None,
        }
    }

    /// 0, 1 or 2.
    #[must_use]
    pub fn level(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for QoS {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QoS {}", self.level())
    }
}
