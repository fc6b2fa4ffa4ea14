//! A received message as the commands print it.

mod json;

use std::time::Duration;

use aliyun_mqtt::{Message, QoS};
use jiff::ZonedDateTime;

use crate::time::rfc3339_exact;

pub(crate) use json::MessageJson;

/// The parts of a received message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    /// The time of receipt.
    pub(crate) time: &'a ZonedDateTime,
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) dup: bool,
    pub(crate) content_type: Option<&'a str>,
    /// The sender marked the payload as UTF-8 text.
    pub(crate) text: bool,
    pub(crate) expiry: Option<Duration>,
    pub(crate) response_topic: Option<&'a str>,
    pub(crate) correlation_data: Option<&'a [u8]>,
    pub(crate) subscription_identifiers: &'a [u32],
    pub(crate) user_properties: &'a [(String, String)],
}

impl<'a> View<'a> {
    pub(crate) fn new(message: &'a Message, time: &'a ZonedDateTime) -> Self {
        View {
            time,
            topic: message.topic(),
            payload: message.payload(),
            qos: message.qos(),
            retain: message.is_retained(),
            dup: message.is_duplicate(),
            content_type: message.content_type(),
            text: message.payload_format_utf8(),
            expiry: message.message_expiry(),
            response_topic: message.response_topic(),
            correlation_data: message.correlation_data(),
            subscription_identifiers: message.subscription_identifiers(),
            user_properties: message.user_properties(),
        }
    }

    /// Returns the object of `--json`.
    pub(crate) fn json(&self) -> MessageJson {
        let mut object = self.json_without_payload();
        match std::str::from_utf8(self.payload) {
            Ok(text) => object.payload = Some(text.to_string()),
            Err(_) => object.payload_b64 = Some(self.payload.to_vec()),
        }
        object
    }

    /// Returns the object of `--json` without the payload.
    pub(crate) fn json_without_payload(&self) -> MessageJson {
        MessageJson {
            time: Some(rfc3339_exact(self.time)),
            topic: Some(self.topic.to_string()),
            qos: Some(self.qos),
            retained: Some(self.retain),
            duplicate: Some(self.dup),
            payload_len: Some(self.payload.len()),
            content_type: self.content_type.map(str::to_string),
            text: self.text.then_some(true),
            message_expiry: self.expiry.map(|expiry| expiry.as_secs()),
            response_topic: self.response_topic.map(str::to_string),
            correlation_data_b64: self.correlation_data.map(<[u8]>::to_vec),
            subscription_identifiers: some(self.subscription_identifiers),
            user_properties: some(self.user_properties),
            ..MessageJson::default()
        }
    }
}

fn some<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    /// 2026-07-03T04:05:06.123456789 in a zone eight hours ahead.
    pub(crate) fn sample_time() -> ZonedDateTime {
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
        jiff::civil::date(2026, 7, 3).at(4, 5, 6, 123_456_789).to_zoned_datetime(zone).unwrap()
    }

    /// A message with nothing but a topic and a payload.
    pub(crate) fn plain<'a>(time: &'a ZonedDateTime, topic: &'a str, payload: &'a [u8]) -> View<'a> {
        View {
            time,
            topic,
            payload,
            qos: QoS::AtLeastOnce,
            retain: false,
            dup: false,
            content_type: None,
            text: false,
            expiry: None,
            response_topic: None,
            correlation_data: None,
            subscription_identifiers: &[],
            user_properties: &[],
        }
    }

    #[test]
    fn text_is_text_and_anything_else_base64() {
        let time = sample_time();
        let object = plain(&time, "a/b", "中文".as_bytes()).json().value();
        let expected = json!({
            "time": "2026-07-03T04:05:06.123456+08:00",
            "topic": "a/b", "qos": 1, "retained": false, "duplicate": false, "payload_len": 6, "payload": "中文",
        });
        assert_eq!(object, expected);
        let object = plain(&time, "a/b", b"\0\xff").json().value();
        assert_eq!(object["payload_b64"], "AP8=");
        assert!(object.get("payload").is_none());
    }

    #[test]
    fn properties_keep_their_order_and_repeats() {
        let time = sample_time();
        let pairs = [("k", "1"), ("a", ""), ("k", "2")].map(|(key, value)| (key.to_string(), value.to_string()));
        let view = View {
            retain: true,
            dup: true,
            content_type: Some("text/plain"),
            text: true,
            expiry: Some(Duration::from_secs(9)),
            response_topic: Some("r"),
            correlation_data: Some(b"\xff"),
            subscription_identifiers: &[7],
            user_properties: &pairs,
            ..plain(&time, "t", b"")
        };
        let expected = json!({
            "time": "2026-07-03T04:05:06.123456+08:00",
            "topic": "t", "qos": 1, "retained": true, "duplicate": true, "payload_len": 0,
            "content_type": "text/plain", "text": true, "message_expiry": 9,
            "response_topic": "r", "correlation_data_b64": "/w==",
            "subscription_identifiers": [7], "user_properties": [["k", "1"], ["a", ""], ["k", "2"]],
        });
        assert_eq!(view.json_without_payload().value(), expected);
    }
}
