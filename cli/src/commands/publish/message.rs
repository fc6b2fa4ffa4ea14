//! Builds the messages of a run from what they have in common.

use aliyun_mqtt::{Config, Outgoing, Protocol, QoS};

use crate::exit::{Failure, Result};
use crate::lang::phrase;

/// The parts that all messages have in common.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) topic: Option<String>,
    pub(crate) qos: QoS,
    pub(crate) properties: Properties,
    pub(crate) config: Config,
}

impl Template {
    pub(crate) fn new(topic: Option<String>, qos: QoS, properties: Properties, config: &Config) -> Result<Self> {
        properties.check(config)?;
        Ok(Template { topic, qos, properties, config: config.clone() })
    }

    /// Returns a message for the topic of the command line.
    pub(crate) fn message(&self, payload: Vec<u8>) -> Result<Outgoing> {
        let topic = self
            .topic
            .as_deref()
            .ok_or_else(|| Failure::usage("no topic is specified").hint(phrase!("use -t TOPIC")))?;
        let message = self.properties.put_on(Outgoing::new(topic, self.qos, payload));
        self.config.check(&message)?;
        Ok(message)
    }
}

/// The MQTT 5 properties of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Properties {
    pub(crate) content_type: Option<String>,
    pub(crate) user: Vec<(String, String)>,
    /// In seconds.
    pub(crate) expiry: Option<u32>,
    pub(crate) response_topic: Option<String>,
    pub(crate) correlation: Option<Vec<u8>>,
    pub(crate) text: bool,
}

impl Properties {
    /// Fails if there are properties and the protocol is MQTT 3.1.1.
    pub(crate) fn check(&self, config: &Config) -> Result<()> {
        if *self == Properties::default() || config.protocol() == Protocol::V5 {
            return Ok(());
        }
        Err(Failure::usage("message properties need MQTT 5, but the connection uses MQTT 3.1.1")
            .hint(phrase!("use --protocol 5, or omit the properties")))
    }

    pub(crate) fn put_on(&self, mut message: Outgoing) -> Outgoing {
        if let Some(text) = &self.content_type {
            message = message.content_type(text);
        }
        for (key, value) in &self.user {
            message = message.user_property(key, value);
        }
        if let Some(seconds) = self.expiry {
            message = message.message_expiry(std::time::Duration::from_secs(seconds.into()));
        }
        if let Some(topic) = &self.response_topic {
            message = message.response_topic(topic);
        }
        if let Some(data) = &self.correlation {
            message = message.correlation_data(data.as_slice());
        }
        if self.text { message.payload_format_utf8() } else { message }
    }
}

/// For `value_parser`: KEY=VALUE; the value may contain `=` and be empty.
pub(crate) fn user_property(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it must be KEY=VALUE")?;
    Ok((key.to_string(), value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_property_is_split_at_its_first_equals_sign() {
        let pair = |key: &str, value: &str| Ok((key.to_string(), value.to_string()));
        assert_eq!(user_property("a=b=c"), pair("a", "b=c"));
        assert_eq!(user_property("a="), pair("a", ""));
        assert!(user_property("a").is_err());
    }
}
