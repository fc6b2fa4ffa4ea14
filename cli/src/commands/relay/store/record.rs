//! The records of the store as bytes.

use aliyun_mqtt::{Bytes, Message, Outgoing, QoS};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::command::KeyUse;
use crate::commands::publish::Properties;
use crate::message::View;

/// A message to send, with the key of its call.
#[derive(Debug, Clone)]
pub(crate) struct Sending {
    pub(crate) topic: String,
    pub(crate) qos: QoS,
    pub(crate) properties: Properties,
    pub(crate) payload: Bytes,
    pub(crate) key: Option<KeyUse>,
}

/// The record of an idempotency key.
#[derive(Debug)]
pub(super) struct KeyRecord {
    /// In milliseconds since 1970.
    pub(super) since: u64,
    /// The fingerprint of the call.
    pub(super) print: [u8; 32],
    /// `None` while the message is on its way.
    pub(super) answer: Option<Vec<u8>>,
}

/// The fields of a record besides the payload. Short names: every message has them.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Head {
    t: String,
    q: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    c: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    u: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    d: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    x: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<(String, String)>,
}

impl Sending {
    pub(crate) fn message(&self) -> Outgoing {
        self.properties.clone().put_on(Outgoing::new(&self.topic, self.qos, self.payload.clone()))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let properties = &self.properties;
        let head = Head {
            t: self.topic.clone(),
            q: self.qos.level(),
            c: properties.content_type.clone(),
            u: properties.user.clone(),
            e: properties.expiry,
            r: properties.response_topic.clone(),
            d: properties.correlation.as_ref().map(|data| STANDARD.encode(data)),
            x: properties.text,
            k: self.key.as_ref().map(|key| (STANDARD.encode(key.hash), STANDARD.encode(key.print))),
        };
        // Texts and numbers: there is nothing to fail.
        join(&serde_json::to_vec(&head).unwrap_or_default(), &self.payload)
    }

    pub(crate) fn decode(record: &[u8]) -> Option<Self> {
        let (head, payload) = split(record)?;
        let head: Head = serde_json::from_slice(head).ok()?;
        let bytes = |text: &str| STANDARD.decode(text).ok();
        let fixed = |text: &str| bytes(text)?.try_into().ok();
        let key = match &head.k {
            Some((hash, print)) => Some(KeyUse { hash: fixed(hash)?, print: fixed(print)? }),
            None => None,
        };
        let correlation = match &head.d {
            Some(data) => Some(bytes(data)?),
            None => None,
        };
        let properties = Properties {
            content_type: head.c,
            user: head.u,
            expiry: head.e,
            response_topic: head.r,
            correlation,
            text: head.x,
        };
        let qos = QoS::try_from(head.q).ok()?;
        Some(Sending { topic: head.t, qos, properties, payload: Bytes::copy_from_slice(payload), key })
    }
}

/// Returns the record of a received message.
pub(crate) fn received(message: &Message) -> Vec<u8> {
    let time = crate::time::now();
    let head = View::new(message, &time).json_without_payload().value();
    join(head.to_string().as_bytes(), message.payload())
}

/// Returns the object of a received message, with its payload.
pub(crate) fn shown(record: &[u8]) -> Option<Value> {
    let (head, payload) = split(record)?;
    let mut object: Value = serde_json::from_slice(head).ok()?;
    match std::str::from_utf8(payload) {
        Ok(text) => object["payload"] = json!(text),
        Err(_) => object["payload_b64"] = json!(STANDARD.encode(payload)),
    }
    Some(object)
}

/// Returns the topic of a received message.
pub(crate) fn topic(record: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Topic {
        topic: String,
    }
    Some(serde_json::from_slice::<Topic>(split(record)?.0).ok()?.topic)
}

impl KeyRecord {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.since.to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.print);
        bytes.push(u8::from(self.answer.is_some()));
        bytes.extend_from_slice(self.answer.as_deref().unwrap_or_default());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (since, rest) = bytes.split_first_chunk::<8>()?;
        let (print, rest) = rest.split_first_chunk::<32>()?;
        let (settled, answer) = rest.split_first()?;
        let answer = (*settled == 1).then(|| answer.to_vec());
        Some(KeyRecord { since: u64::from_le_bytes(*since), print: *print, answer })
    }
}

fn join(head: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(head.len()).unwrap_or(u32::MAX);
    [length.to_le_bytes().as_slice(), head, payload].concat()
}

fn split(record: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = record.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_to_send_is_read_as_it_was_written() {
        let properties = Properties {
            content_type: Some("text/plain".to_string()),
            user: vec![("k".to_string(), "1".to_string()), ("k".to_string(), String::new())],
            expiry: Some(9),
            response_topic: Some("demo/r".to_string()),
            correlation: Some(vec![0, 255]),
            text: true,
        };
        for (properties, key) in
            [(properties, Some(KeyUse { hash: [7; 32], print: [9; 32] })), (Properties::default(), None)]
        {
            let sending = Sending {
                topic: "demo/中".to_string(),
                qos: QoS::ExactlyOnce,
                properties,
                payload: Bytes::from_static(&[0, 1, 255]),
                key,
            };
            let read = Sending::decode(&sending.encode()).unwrap();
            assert_eq!(format!("{read:?}"), format!("{sending:?}"));
        }
        assert!(Sending::decode(b"").is_none() && Sending::decode(&[255, 0, 0, 0, b'{']).is_none());
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        for answer in [None, Some(Vec::new()), Some(b"{}".to_vec())] {
            let record = KeyRecord { since: 5, print: [3; 32], answer };
            assert_eq!(format!("{:?}", KeyRecord::decode(&record.encode()).unwrap()), format!("{record:?}"));
        }
        assert!(KeyRecord::decode(&[0; 40]).is_none());
    }
}
