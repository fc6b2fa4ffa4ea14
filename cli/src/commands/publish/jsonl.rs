//! One line of `--jsonl`: an object that is a message.

use std::fmt;

use aliyun_mqtt::{Outgoing, QoS};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::message::{Properties, Template};
use crate::exit::{Failure, Result};
use crate::small_text;

/// What `sub --json` says of a message it received, and what means nothing for one to be sent.
const IGNORED: [&str; 7] =
    ["type", "time", "duplicate", "retained", "payload_len", "client_id", "subscription_identifiers"];

/// The most bytes a line needs for a payload of so many: each byte may stand there as `\u00XX`.
pub(super) fn longest_line(payload: usize) -> usize {
    payload.saturating_mul(6).saturating_add(512 * 1024)
}

/// The message of a line; `None` where it is blank.
pub(super) fn message(line: &[u8], template: &Template) -> Result<Option<Outgoing>> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let object = parse(line).map_err(Failure::usage)?;
    Fields(object).message(template).map(Some)
}

fn parse(line: &[u8]) -> Result<Map<String, Value>, String> {
    // JSON has no NUL of its own.
    if small_text::is_utf_16(line) {
        return Err(small_text::UTF_16.to_string());
    }
    match serde_json::from_slice(line) {
        Ok(Unambiguous(Value::Object(object))) => Ok(object),
        Ok(_) => Err("it is no JSON object".to_string()),
        Err(error) => {
            // Its own "line 1" would be taken for the line of the input.
            let (text, place) = (error.to_string(), format!(" at line {} column {}", error.line(), error.column()));
            if error.is_data() {
                return Err(format!("{} at column {}", text.trim_end_matches(&place), error.column()));
            }
            Err(format!("it is no valid JSON: {} at column {}", text.trim_end_matches(&place), error.column()))
        }
    }
}

/// A value none of whose objects has a key twice: one of the two would be lost without a word.
struct Unambiguous(Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Whole).map(Unambiguous)
    }
}

struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unambiguous(value)) = from.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = from.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {key:?} stands twice")));
            }
            let Unambiguous(value) = from.next_value()?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// What is left of an object.
struct Fields(Map<String, Value>);

impl Fields {
    fn message(mut self, template: &Template) -> Result<Outgoing> {
        let (topic, qos) = (self.text("topic"), self.qos());
        let (payload, properties) = (self.bytes("payload"), self.properties(template));
        // A key that is unknown is the likeliest reason for all the rest.
        if let Some(key) = self.0.keys().find(|key| !IGNORED.contains(&key.as_str())) {
            return Err(Failure::usage(format!("{key:?} is no key of a message")));
        }
        let payload = payload.map_err(Failure::usage)?.ok_or_else(|| {
            Failure::usage("it has no payload").hint("give payload (text) or payload_b64; \"\" for an empty message")
        })?;
        let topic = topic.map_err(Failure::usage)?.or_else(|| template.topic.clone());
        let topic = topic.ok_or_else(|| Failure::usage("it has no topic").hint("give topic, or -t for all lines"))?;
        let qos = qos.map_err(Failure::usage)?.unwrap_or(template.qos);
        let properties = properties.map_err(Failure::usage)?;
        properties.check(&template.config)?;
        let message = properties.put_on(Outgoing::new(topic, qos, payload));
        template.config.check(&message)?;
        Ok(message)
    }

    fn properties(&mut self, template: &Template) -> Result<Properties, String> {
        let common = &template.properties;
        Ok(Properties {
            content_type: self.text("content_type")?.or_else(|| common.content_type.clone()),
            user: self.user()?.unwrap_or_else(|| common.user.clone()),
            expiry: self.seconds("message_expiry")?.or(common.expiry),
            response_topic: self.text("response_topic")?.or_else(|| common.response_topic.clone()),
            correlation: self.bytes("correlation_data")?.or_else(|| common.correlation.clone()),
            text: self.flag("text")?.unwrap_or(common.text),
        })
    }

    /// A field that is there; `null` is none.
    fn take(&mut self, key: &str) -> Option<Value> {
        self.0.remove(key).filter(|value| !value.is_null())
    }

    fn text(&mut self, key: &str) -> Result<Option<String>, String> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{key} is no text")),
        }
    }

    fn flag(&mut self, key: &str) -> Result<Option<bool>, String> {
        let Some(value) = self.take(key) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| format!("{key} is neither true nor false"))
    }

    fn seconds(&mut self, key: &str) -> Result<Option<u32>, String> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let seconds = value.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
        seconds.map(Some).ok_or_else(|| format!("{key} is no whole number of seconds from 0 to {}", u32::MAX))
    }

    fn qos(&mut self) -> Result<Option<QoS>, String> {
        let Some(value) = self.take("qos") else { return Ok(None) };
        let qos = value.as_u64().and_then(|level| u8::try_from(level).ok()).and_then(QoS::from_level);
        qos.map(Some).ok_or_else(|| "qos is neither 0, 1 nor 2".to_string())
    }

    /// Bytes as text, or in base64 under the key with `_b64` behind it.
    fn bytes(&mut self, key: &str) -> Result<Option<Vec<u8>>, String> {
        let coded = format!("{key}_b64");
        match (self.text(key), self.text(&coded)) {
            (Ok(Some(_)), Ok(Some(_))) => Err(format!("it has both {key} and {coded}")),
            (Err(why), _) | (_, Err(why)) => Err(why),
            (Ok(text), Ok(None)) => Ok(text.map(String::into_bytes)),
            (Ok(None), Ok(Some(text))) => {
                STANDARD.decode(text).map(Some).map_err(|error| format!("{coded} is no base64: {error}"))
            }
        }
    }

    /// An object, or pairs in an array.
    fn user(&mut self) -> Result<Option<Vec<(String, String)>>, String> {
        let bad = || "user_properties is neither an object of texts nor an array of pairs of texts".to_string();
        let pairs: Option<Vec<_>> = match self.take("user_properties") {
            None => return Ok(None),
            Some(Value::Object(object)) => {
                object.into_iter().map(|(key, value)| Some((key, value.as_str()?.to_string()))).collect()
            }
            Some(Value::Array(pairs)) => pairs.iter().map(pair).collect(),
            Some(_) => None,
        };
        pairs.map(Some).ok_or_else(bad)
    }
}

fn pair(value: &Value) -> Option<(String, String)> {
    match value.as_array()?.as_slice() {
        [Value::String(key), Value::String(value)] => Some((key.clone(), value.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aliyun_mqtt::{Config, Credentials, Protocol};

    fn template(topic: Option<&str>, protocol: Protocol) -> Template {
        let config = Config::builder()
            .endpoint("mqtt://localhost")
            .instance_id("post-cn-test")
            .group_id("GID_test")
            .protocol(protocol)
            .credentials(Credentials::signature("test-id", "not-a-secret"))
            .build()
            .unwrap();
        Template::new(topic.map(str::to_string), QoS::AtLeastOnce, Properties::default(), &config).unwrap()
    }

    fn read(line: &str) -> Result<Option<Outgoing>> {
        message(line.as_bytes(), &template(Some("demo/all"), Protocol::V5))
    }

    #[test]
    fn what_a_line_leaves_out_comes_from_the_command_line() {
        let message = read(r#"{"payload":"x"}"#).unwrap().unwrap();
        assert_eq!(
            (message.topic(), message.qos(), message.payload()),
            ("demo/all", QoS::AtLeastOnce, b"x".as_slice())
        );
        let message = read(r#"{"topic":"demo/own","qos":0,"payload_b64":"/wA=","time":"ignored"}"#).unwrap().unwrap();
        assert_eq!(
            (message.topic(), message.qos(), message.payload()),
            ("demo/own", QoS::AtMostOnce, [255, 0].as_slice())
        );
        assert!(read("  \t").unwrap().is_none());
    }

    #[test]
    fn a_bad_line_is_told_and_why() {
        for (line, word) in [
            ("{", "no valid JSON: EOF while parsing an object at column 1"),
            ("[1]", "no JSON object"),
            ("\u{feff}{}", "no valid JSON"),
            (r#"{"payload":"x","payload":"y"}"#, "the key \"payload\" stands twice at column"),
            (r#"{"payload":null,"payload":"y"}"#, "\"payload\" stands twice"),
            (r#"{"payload":"x","t\u006fpic":"demo/a","topic":"demo/b"}"#, "\"topic\" stands twice"),
            (r#"{"payload":"x","user_properties":{"a":"1","a":"2"}}"#, "\"a\" stands twice"),
            (r#"{"payload":"x","topics":"demo/a"}"#, "\"topics\" is no key"),
            (r#"{"topic":"demo/a"}"#, "no payload"),
            (r#"{"payload":{"a":1}}"#, "payload is no text"),
            (r#"{"payload":"a","payload_b64":"YQ=="}"#, "both payload and payload_b64"),
            (r#"{"payload_b64":"not base64"}"#, "payload_b64 is no base64"),
            (r#"{"payload":"a","qos":3}"#, "qos is neither"),
            (r#"{"payload":"a","qos":-1}"#, "qos is neither"),
            (r#"{"payload":"a","topic":"demo/#"}"#, "demo/#"),
            (r#"{"payload":"a","user_properties":{"a":1}}"#, "user_properties is neither"),
            (r#"{"payload":"a","message_expiry":1.5}"#, "whole number of seconds"),
            (r#"{"payload":"a","text":1}"#, "text is neither"),
        ] {
            let failure = read(line).unwrap_err();
            assert_eq!(failure.exit, crate::exit::Exit::Usage, "{line}");
            assert!(failure.message.contains(word), "{line}: {failure:?}");
        }
        let none = message(br#"{"payload":"x"}"#, &template(None, Protocol::V311)).unwrap_err();
        assert!(none.message.contains("no topic"), "{none:?}");
        let old = message(br#"{"payload":"x","topic":"demo/a","content_type":"b"}"#, &template(None, Protocol::V311));
        assert!(old.unwrap_err().message.contains("MQTT 5"));
    }

    #[test]
    fn every_character_of_a_payload_fits_its_line() {
        let payload = "\0".repeat(1000);
        let line = serde_json::json!({ "payload": payload }).to_string();
        assert!(line.len() <= longest_line(payload.len()));
        assert_eq!(read(&line).unwrap().unwrap().payload(), payload.as_bytes());
    }
}
