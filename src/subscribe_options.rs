//! The options of a subscription.

use crate::error::{Error, Hint, Result};
use crate::message::QoS;

/// The highest subscription identifier of MQTT 5 (section 3.8.2.1.2), and of the service (help page "MQTT 5.0
/// overview").
const MAX_IDENTIFIER: u32 = 268_435_455;

/// A filter with the options of its subscription.
pub(crate) type FilterRequest = (String, SubscribeOptions);

/// The options of one subscription, for [`Client::subscribe`](crate::Client::subscribe) and
/// [`Client::subscription`](crate::Client::subscription). A [`QoS`] converts into it.
///
/// All options but the QoS need MQTT 5 ([`ConfigBuilder::protocol`](crate::ConfigBuilder::protocol)). After a lost
/// session the subscription is made again with the same options.
///
/// The two options of MQTT 5 about retained messages are not offered, since the service has no retained messages (help
/// page "MQTT 5.0 overview").
///
/// ```
/// use aliyun_mqtt::{QoS, SubscribeOptions};
/// let options = SubscribeOptions::new(QoS::AtLeastOnce).no_local(true).identifier(7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscribeOptions {
    pub(crate) qos: QoS,
    pub(crate) no_local: bool,
    pub(crate) identifier: Option<u32>,
}

impl SubscribeOptions {
    /// Creates the options of a plain subscription with this QoS.
    #[must_use]
    pub fn new(qos: QoS) -> Self {
        SubscribeOptions { qos, no_local: false, identifier: None }
    }

    /// Excludes the messages that this client publishes itself. Default `false`. Needs MQTT 5.
    #[must_use]
    pub fn no_local(mut self, no_local: bool) -> Self {
        self.no_local = no_local;
        self
    }

    /// Sets a number from 1 to 268,435,455 that comes with each matching message
    /// ([`Message::subscription_identifiers`](crate::Message::subscription_identifiers)). Needs MQTT 5.
    ///
    /// Filters with identifiers must not overlap, and an overlap is refused: a message that matches several of them
    /// carries several identifiers, which the codec underneath (rumqttc 0.25.1) cannot always tell from the payload.
    #[must_use]
    pub fn identifier(mut self, identifier: u32) -> Self {
        self.identifier = Some(identifier);
        self
    }

    /// Refuses an identifier out of range, and options that MQTT 3.1.1 (`v5` false) does not have.
    pub(crate) fn check(&self, filter: &str, v5: bool) -> Result<()> {
        if let Some(bad) = self.identifier.filter(|id| !(1..=MAX_IDENTIFIER).contains(id)) {
            return Err(Error::invalid(format!(
                "the subscription identifier of \"{filter}\" is {bad}; it must be from 1 to {MAX_IDENTIFIER}"
            )));
        }
        if !v5 && *self != SubscribeOptions::new(self.qos) {
            let message = format!("the options of the subscription to \"{filter}\" need MQTT 5");
            return Err(Error::invalid(message).with_hint(Hint::UseMqtt5));
        }
        Ok(())
    }
}

impl From<QoS> for SubscribeOptions {
    fn from(qos: QoS) -> Self {
        SubscribeOptions::new(qos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_a_range_and_need_mqtt_5() {
        let plain = SubscribeOptions::new(QoS::AtLeastOnce);
        for (identifier, good) in [(0, false), (1, true), (MAX_IDENTIFIER, true), (MAX_IDENTIFIER + 1, false)] {
            assert_eq!(plain.identifier(identifier).check("a", true).is_ok(), good, "{identifier}");
        }
        assert!(plain.check("a", false).is_ok());
        for options in [plain.identifier(1), plain.no_local(true)] {
            let error = options.check("a", false).unwrap_err();
            assert!(error.to_string().contains("need MQTT 5"), "{error}");
        }
    }
}
