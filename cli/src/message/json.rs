//! A message as one JSON object: `sub --json` prints it, and `pub --jsonl` reads it.

use aliyun_mqtt::QoS;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::small_text;

/// The keys of a message, each at most once.
///
/// The keys about the receipt of a message are printed, and ignored where a message to be sent is read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MessageJson {
    /// Other programs name themselves and the kind of the object.
    #[serde(rename = "type", skip_serializing)]
    pub(crate) kind: IgnoredAny,
    #[serde(skip_serializing)]
    pub(crate) client_id: IgnoredAny,

    #[serde(deserialize_with = "read::ignored", skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<String>,
    #[serde(deserialize_with = "read::ignored", skip_serializing_if = "Option::is_none")]
    pub(crate) retained: Option<bool>,
    #[serde(deserialize_with = "read::ignored", skip_serializing_if = "Option::is_none")]
    pub(crate) duplicate: Option<bool>,
    #[serde(deserialize_with = "read::ignored", skip_serializing_if = "Option::is_none")]
    pub(crate) payload_len: Option<usize>,
    #[serde(deserialize_with = "read::ignored", skip_serializing_if = "Option::is_none")]
    pub(crate) subscription_identifiers: Option<Vec<u32>>,
    /// The file that has the payload. It may hold anything by now: it is not read again.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,

    #[serde(deserialize_with = "read::topic", skip_serializing_if = "Option::is_none")]
    pub(crate) topic: Option<String>,
    #[serde(deserialize_with = "read::qos", serialize_with = "level", skip_serializing_if = "Option::is_none")]
    pub(crate) qos: Option<QoS>,
    /// Text. Any other JSON is read as the text that it was written as.
    #[serde(deserialize_with = "read::payload", skip_serializing_if = "Option::is_none")]
    pub(crate) payload: Option<String>,
    #[serde(
        deserialize_with = "read::payload_b64",
        serialize_with = "base64",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) payload_b64: Option<Vec<u8>>,
    #[serde(deserialize_with = "read::content_type", skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(deserialize_with = "read::text", skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<bool>,
    /// Whole seconds.
    #[serde(deserialize_with = "read::message_expiry", skip_serializing_if = "Option::is_none")]
    pub(crate) message_expiry: Option<u64>,
    #[serde(deserialize_with = "read::response_topic", skip_serializing_if = "Option::is_none")]
    pub(crate) response_topic: Option<String>,
    #[serde(deserialize_with = "read::correlation_data", skip_serializing_if = "Option::is_none")]
    pub(crate) correlation_data: Option<String>,
    #[serde(
        deserialize_with = "read::correlation_data_b64",
        serialize_with = "base64",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) correlation_data_b64: Option<Vec<u8>>,
    /// Pairs, since keys may repeat and their order counts. An object is read as well.
    #[serde(deserialize_with = "read::user_properties", skip_serializing_if = "Option::is_none")]
    pub(crate) user_properties: Option<Vec<(String, String)>>,
}

impl MessageJson {
    /// Reads one object; the error names the key or the column, not the line, which is the caller's to count.
    pub(crate) fn read(line: &[u8]) -> Result<Self, String> {
        // JSON has no NUL of its own.
        if small_text::is_utf_16(line) {
            return Err(small_text::UTF_16.to_string());
        }
        let object = line.trim_ascii_start().starts_with(b"{");
        // serde would take an array for the fields in their order.
        let read = if object { serde_json::from_slice(line).map(Some) } else { any(line).map(|()| None) };
        match read {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err("it is not a JSON object".to_string()),
            Err(error) => {
                // Its own "line 1" would be taken for the line of the input.
                let (text, place) = (error.to_string(), format!(" at line {} column {}", error.line(), error.column()));
                let text = text.trim_end_matches(&place);
                let what = if error.is_data() { String::new() } else { "it is not valid JSON: ".to_string() };
                Err(format!("{what}{text} at column {}", error.column()))
            }
        }
    }

    /// The payload, as text or in base64; `None` if there is neither.
    pub(crate) fn take_payload(&mut self) -> Result<Option<Vec<u8>>, String> {
        one_of("payload", self.payload.take(), self.payload_b64.take())
    }

    /// The correlation data, as text or in base64; `None` if there is neither.
    pub(crate) fn take_correlation_data(&mut self) -> Result<Option<Vec<u8>>, String> {
        one_of("correlation_data", self.correlation_data.take(), self.correlation_data_b64.take())
    }

    /// The object as a value.
    pub(crate) fn value(&self) -> Value {
        // Numbers, texts and lists of them: there is nothing to fail.
        serde_json::to_value(self).unwrap_or_default()
    }
}

fn any(line: &[u8]) -> serde_json::Result<()> {
    serde_json::from_slice::<IgnoredAny>(line).map(drop)
}

fn one_of(key: &str, text: Option<String>, bytes: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, String> {
    match (text, bytes) {
        (Some(_), Some(_)) => Err(format!("it has both {key} and {key}_b64")),
        (text, bytes) => Ok(text.map(String::into_bytes).or(bytes)),
    }
}

#[expect(clippy::ref_option, reason = "as serde calls it")]
fn base64<S: Serializer>(bytes: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
    bytes.as_ref().map(|bytes| STANDARD.encode(bytes)).serialize(to)
}

#[expect(clippy::ref_option, reason = "as serde calls it")]
fn level<S: Serializer>(qos: &Option<QoS>, to: S) -> Result<S::Ok, S::Error> {
    qos.map(QoS::level).serialize(to)
}

/// Reads the value of each key, with errors that name it; `null` is as good as no key.
mod read {
    use super::*;

    macro_rules! keys {
        ($($key:ident: $type:ty = $read:ident),* $(,)?) => {
            $(pub(super) fn $key<'de, D: Deserializer<'de>>(from: D) -> Result<Option<$type>, D::Error> {
                let Some(value) = Option::<Value>::deserialize(from)? else { return Ok(None) };
                $read(stringify!($key), &value).map(Some).map_err(D::Error::custom)
            })*
        };
    }

    keys! {
        topic: String = string,
        qos: QoS = level,
        payload_b64: Vec<u8> = bytes,
        content_type: String = string,
        text: bool = flag,
        message_expiry: u64 = seconds,
        response_topic: String = string,
        correlation_data: String = string,
        correlation_data_b64: Vec<u8> = bytes,
    }

    pub(super) fn ignored<'de, D: Deserializer<'de>, T>(from: D) -> Result<Option<T>, D::Error> {
        IgnoredAny::deserialize(from).map(|_| None)
    }

    /// The text as it was written, where it is no string: digits and the order of keys stay as they are.
    pub(super) fn payload<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
        let Some(raw) = Option::<Box<RawValue>>::deserialize(from)? else { return Ok(None) };
        if !raw.get().starts_with('"') {
            return Ok(Some(Box::<str>::from(raw).into_string()));
        }
        serde_json::from_str(raw.get()).map(Some).map_err(|error| {
            let text = error.to_string();
            D::Error::custom(format!("payload: {}", text.split(" at line ").next().unwrap_or_default()))
        })
    }

    pub(super) fn user_properties<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Vec<(String, String)>>, D::Error> {
        from.deserialize_any(Pairs)
    }

    fn string(key: &str, value: &Value) -> Result<String, String> {
        value.as_str().map(str::to_string).ok_or_else(|| format!("{key} is not a string"))
    }

    fn flag(key: &str, value: &Value) -> Result<bool, String> {
        value.as_bool().ok_or_else(|| format!("{key} is neither true nor false"))
    }

    fn level(key: &str, value: &Value) -> Result<QoS, String> {
        let level = value.as_u64().and_then(|level| u8::try_from(level).ok());
        level.and_then(|level| QoS::try_from(level).ok()).ok_or_else(|| format!("{key} is neither 0, 1 nor 2"))
    }

    fn seconds(key: &str, value: &Value) -> Result<u64, String> {
        let seconds = value.as_u64().filter(|seconds| u32::try_from(*seconds).is_ok());
        seconds.ok_or_else(|| format!("{key} is not a whole number of seconds from 0 to {}", u32::MAX))
    }

    fn bytes(key: &str, value: &Value) -> Result<Vec<u8>, String> {
        STANDARD.decode(string(key, value)?).map_err(|error| format!("{key} is not valid base64: {error}"))
    }
}

/// User properties: an object of strings, or pairs of strings in an array.
struct Pairs;

const BAD_PAIRS: &str = "user_properties is neither an object of strings nor an array of pairs of strings";

impl<'de> Visitor<'de> for Pairs {
    type Value = Option<Vec<(String, String)>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("user_properties as an object of strings or an array of pairs of strings")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(value) = from.next_element::<Value>()? {
            match value.as_array().map(Vec::as_slice) {
                Some([Value::String(key), Value::String(value)]) => pairs.push((key.clone(), value.clone())),
                _ => return Err(A::Error::custom(BAD_PAIRS)),
            }
        }
        Ok(Some(pairs))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        while let Some((key, value)) = from.next_entry::<String, Value>()? {
            let Value::String(value) = value else { return Err(A::Error::custom(BAD_PAIRS)) };
            if pairs.iter().any(|(known, _)| *known == key) {
                // One of the two would be lost where objects are read as others do.
                return Err(A::Error::custom(format!("duplicate field `{key}` in user_properties")));
            }
            pairs.push((key, value));
        }
        Ok(Some(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> MessageJson {
        MessageJson::read(line.as_bytes()).unwrap()
    }

    #[test]
    fn a_payload_that_is_no_string_is_the_text_it_was_written_as() {
        for text in [r#"{"b": 1.10, "a":[12345678901234567890123, "\u00e9"], "b":2}"#, "[1, 2]", "21.50", "true"] {
            let message = read(&format!("{{\"payload\": {text} }}"));
            assert_eq!(message.payload.as_deref(), Some(text));
        }
        assert_eq!(read(r#"{"payload":"{\"a\":1}"}"#).payload.as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(read(r#"{"payload":null}"#).payload, None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let message = MessageJson {
            topic: Some("demo/中".to_string()),
            qos: Some(QoS::ExactlyOnce),
            payload: Some("\0\"\n".to_string()),
            content_type: Some("text/plain".to_string()),
            text: Some(true),
            message_expiry: Some(u32::MAX.into()),
            response_topic: Some("demo/r".to_string()),
            correlation_data_b64: Some(vec![0, 255]),
            user_properties: Some(vec![("k".to_string(), "1".to_string()), ("k".to_string(), String::new())]),
            ..MessageJson::default()
        };
        assert_eq!(read(&message.value().to_string()), message);
        let bytes = MessageJson { payload_b64: Some(vec![255, 0]), ..MessageJson::default() };
        assert_eq!(read(&bytes.value().to_string()).take_payload().unwrap(), Some(vec![255, 0]));
    }

    #[test]
    fn what_tells_of_the_receipt_is_ignored_whatever_it_is() {
        for key in ["type", "client_id", "time", "retained", "duplicate", "payload_len", "subscription_identifiers"] {
            for value in ["1", "[]", "{}", "null", "\"\""] {
                assert_eq!(read(&format!("{{\"{key}\":{value}}}")), MessageJson::default(), "{key}");
            }
        }
    }
}
