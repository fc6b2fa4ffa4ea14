//! The properties of a message in MQTT 5.

use super::QoS;
use crate::error::{Error, Result};
use crate::limits::{Limits, MQTT_PACKET_LEN, MQTT_TEXT_LEN};
use crate::names;

/// The properties of a PUBLISH, of either direction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Properties {
    /// The payload is declared as UTF-8 text.
    pub(crate) text: bool,
    /// In seconds.
    pub(crate) expiry: Option<u32>,
    pub(crate) response_topic: Option<String>,
    pub(crate) correlation_data: Option<Vec<u8>>,
    pub(crate) user: Vec<(String, String)>,
    pub(crate) content_type: Option<String>,
    /// For received messages only.
    pub(crate) identifiers: Vec<u32>,
}

impl Properties {
    /// Returns their size in a packet, without the length in front (MQTT 5, section 3.3.2.3).
    pub(crate) fn encoded_len(&self) -> usize {
        let text = |text: &String| 3 + text.len();
        let pairs = self.user.iter().map(|(key, value)| 5 + key.len() + value.len());
        usize::from(self.text) * 2
            + self.expiry.map_or(0, |_| 5)
            + self.response_topic.as_ref().map_or(0, text)
            + self.correlation_data.as_ref().map_or(0, |data| 3 + data.len())
            + pairs.sum::<usize>()
            + self.content_type.as_ref().map_or(0, text)
            + self.identifiers.iter().map(|id| 1 + number_len(*id as usize)).sum::<usize>()
    }

    /// Refuses properties that MQTT 5 cannot carry or that the service would not accept.
    pub(crate) fn check(&self, payload: &[u8], limits: &Limits) -> Result<()> {
        if self.text && std::str::from_utf8(payload).is_err() {
            return Err(Error::invalid("the payload is declared as text, but is not UTF-8"));
        }
        if let Some(topic) = &self.response_topic {
            names::check_topic(topic, limits).map_err(|error| error.with_prefix("response topic: "))?;
        }
        let too_long = |what: &str, len: usize| {
            Err(Error::invalid(format!("{what} has {len} bytes; MQTT 5 can carry {MQTT_TEXT_LEN}")))
        };
        if let Some(data) = self.correlation_data.as_ref().filter(|data| data.len() > MQTT_TEXT_LEN) {
            return too_long("the correlation data", data.len());
        }
        let pairs = self.user.iter().flat_map(|(key, value)| [("a user property", key), ("a user property", value)]);
        for (what, text) in pairs.chain(self.content_type.iter().map(|text| ("the content type", text))) {
            if text.len() > MQTT_TEXT_LEN {
                return too_long(what, text.len());
            }
            if text.contains('\0') {
                return Err(Error::invalid(format!("{what} contains a NUL, which MQTT does not allow")));
            }
        }
        Ok(())
    }
}

/// Returns the size of a whole PUBLISH in MQTT 5.
pub(crate) fn publish_len(topic: &str, qos: QoS, properties: Option<&Properties>, payload: usize) -> usize {
    let properties = properties.map_or(0, Properties::encoded_len);
    let id = if qos == QoS::AtMostOnce { 0 } else { 2 };
    let rest = 2 + topic.len() + id + number_len(properties) + properties + payload;
    1 + number_len(rest) + rest
}

/// Refuses a message that no packet can hold.
pub(crate) fn check_publish_len(len: usize) -> Result<()> {
    if len > MQTT_PACKET_LEN {
        return Err(Error::invalid(format!(
            "the message and its properties make a packet of {len} bytes; MQTT can carry {MQTT_PACKET_LEN}"
        )));
    }
    Ok(())
}

/// Returns the size of a variable byte integer (MQTT 5, section 1.5.5).
pub(crate) fn number_len(number: usize) -> usize {
    match number {
        0..=127 => 1,
        128..=16_383 => 2,
        16_384..=2_097_151 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_packet_is_exact() {
        assert_eq!(publish_len("t", QoS::AtMostOnce, None, 3), 2 + 3 + 1 + 3);
        let properties = Properties {
            text: true,
            expiry: Some(1),
            response_topic: Some("r".to_string()),
            correlation_data: Some(vec![1, 2]),
            user: vec![("k".to_string(), "v".to_string())],
            content_type: Some("c".to_string()),
            identifiers: vec![128],
        };
        assert_eq!(properties.encoded_len(), 2 + 5 + 4 + 5 + 7 + 4 + 3);
        assert_eq!(publish_len("t", QoS::AtLeastOnce, Some(&properties), 3), 2 + 3 + 2 + 1 + 30 + 3);
        assert_eq!(publish_len("t", QoS::AtMostOnce, None, 124), 2 + 3 + 1 + 124 + 1, "two bytes of length");
    }

    #[test]
    fn what_mqtt_5_cannot_say_is_refused() {
        let limits = Limits::default();
        let check = |properties: Properties| properties.check(b"\xff", &limits);
        let long = "x".repeat(MQTT_TEXT_LEN + 1);
        let user = |key: &str, value: &str| vec![(key.to_string(), value.to_string())];
        for bad in [
            Properties { text: true, ..Properties::default() },
            Properties { response_topic: Some("demo/#".to_string()), ..Properties::default() },
            Properties { correlation_data: Some(vec![0; MQTT_TEXT_LEN + 1]), ..Properties::default() },
            Properties { user: user(&long, ""), ..Properties::default() },
            Properties { user: user("a", "b\0"), ..Properties::default() },
            Properties { content_type: Some(long.clone()), ..Properties::default() },
        ] {
            assert_eq!(check(bad).unwrap_err().kind(), crate::ErrorKind::Invalid);
        }
        assert!(check(Properties { user: user("", ""), ..Properties::default() }).is_ok());
    }
}
