//! Prints a message in a format.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use aliyun_mqtt::printable;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::piece::{Field, Format, Piece, Shape};
use crate::message::View;
use crate::report;

/// The output, which distinguishes text of the message from text of the format.
pub(crate) trait Target {
    /// Writes text of the format.
    fn own(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Writes a part of the message.
    fn foreign(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// The value of a field, before padding and truncation.
enum Rendered<'a> {
    Text(&'a str),
    Made(String),
    Number(Option<u64>),
    Bytes(&'a [u8]),
    Hex(String),
}

impl<'a> Rendered<'a> {
    /// Text other than a payload, with line breaks escaped.
    fn word(text: &'a str) -> Self {
        match printable(text) {
            Cow::Borrowed(text) => Rendered::Text(text),
            Cow::Owned(text) => Rendered::Made(text),
        }
    }
}

impl Format {
    /// Writes the message in this format, without a line end.
    pub(crate) fn write(&self, view: &View<'_>, to: &mut impl Target) -> io::Result<()> {
        write(&self.pieces, view, to)
    }
}

fn write(pieces: &[Piece], view: &View<'_>, to: &mut impl Target) -> io::Result<()> {
    for piece in pieces {
        match piece {
            Piece::Text(text) => to.own(text.as_bytes())?,
            Piece::Time(directive) => to.own(view.time.strftime(directive).to_string().as_bytes())?,
            Piece::Field(Field::JsonString, _) => to.foreign(json(view).to_string().as_bytes())?,
            Piece::Field(Field::JsonValue, _) => match embedded(view) {
                Some(value) => to.foreign(value.to_string().as_bytes())?,
                None => report::warning(format!("the payload on topic {} is not JSON", view.topic)),
            },
            Piece::Field(field, shape) => padded(&render(*field, view, *shape), *shape, to)?,
        }
    }
    Ok(())
}

fn render<'a>(field: Field, view: &View<'a>, shape: Shape) -> Rendered<'a> {
    // The precision limits the bytes of the payload.
    let payload = &view.payload[..view.payload.len().min(shape.precision.unwrap_or(usize::MAX))];
    match field {
        Field::Topic => Rendered::word(view.topic),
        Field::Payload => Rendered::Bytes(payload),
        Field::HexLower => Rendered::Hex(hex(payload, false)),
        Field::HexUpper => Rendered::Hex(hex(payload, true)),
        Field::Length => Rendered::Number(Some(view.payload.len() as u64)),
        Field::Qos => Rendered::Number(Some(view.qos.level().into())),
        Field::Retain => Rendered::Number(Some(view.retain.into())),
        Field::Iso => Rendered::Made(view.time.strftime("%Y-%m-%dT%H:%M:%S%z").to_string()),
        Field::Unix => {
            let time = view.time.timestamp();
            Rendered::Made(format!("{}.{:09}", time.as_second(), time.subsec_nanosecond()))
        }
        Field::Alias => Rendered::Number(None),
        Field::ContentType => Rendered::word(view.content_type.unwrap_or_default()),
        Field::Correlation => Rendered::Bytes(view.correlation_data.unwrap_or_default()),
        Field::Expiry => Rendered::Number(view.expiry.map(|time| time.as_secs())),
        Field::TextFlag => Rendered::Number(view.text.then_some(1)),
        Field::UserProperties => {
            let pairs = view.user_properties.iter().map(|(key, value)| format!("{key}:{value}"));
            Rendered::Made(printable(&pairs.collect::<Vec<_>>().join(" ")).into_owned())
        }
        Field::ResponseTopic => Rendered::word(view.response_topic.unwrap_or_default()),
        Field::SubscriptionIds => match view.subscription_identifiers {
            [] => Rendered::Number(None),
            [one] => Rendered::Number(Some(u64::from(*one))),
            several => {
                let several: Vec<_> = several.iter().map(u32::to_string).collect();
                Rendered::Made(several.join(" "))
            }
        },
        // Handled by the caller; they have no shape.
        Field::JsonString | Field::JsonValue => Rendered::Text(""),
    }
}

fn padded(value: &Rendered<'_>, shape: Shape, to: &mut impl Target) -> io::Result<()> {
    let number;
    let (bytes, length, zeros) = match value {
        Rendered::Text(text) => cut(text, shape.precision),
        Rendered::Made(text) => cut(text, shape.precision),
        Rendered::Number(value) => {
            number = value.map_or(String::new(), |value| value.to_string());
            (number.as_bytes(), number.len(), value.is_some())
        }
        Rendered::Bytes(bytes) => (*bytes, bytes.len(), false),
        Rendered::Hex(text) => (text.as_bytes(), text.len(), true),
    };
    let missing = shape.width.saturating_sub(length);
    if shape.left {
        to.foreign(bytes)?;
        return to.own(" ".repeat(missing).as_bytes());
    }
    let pad = if shape.zero && zeros { "0" } else { " " };
    to.own(pad.repeat(missing).as_bytes())?;
    to.foreign(bytes)
}

/// Truncates text; returns it with its number of characters, and false since text is not padded with zeros.
fn cut(text: &str, precision: Option<usize>) -> (&[u8], usize, bool) {
    let end = precision.and_then(|most| text.char_indices().nth(most)).map_or(text.len(), |(at, _)| at);
    let text = &text[..end];
    (text.as_bytes(), text.chars().count(), false)
}

fn hex(bytes: &[u8], upper: bool) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = if upper { write!(text, "{byte:02X}") } else { write!(text, "{byte:02x}") };
    }
    text
}

/// Returns the object of `%j`, with the keys of mosquitto.
fn json(view: &View<'_>) -> Value {
    let mut object = head(view);
    match std::str::from_utf8(view.payload) {
        Ok(text) => object.insert("payload".to_string(), text.into()),
        Err(_) => object.insert("payload_b64".to_string(), STANDARD.encode(view.payload).into()),
    };
    Value::Object(object)
}

/// Returns the object of `%J`; `None` if the payload is not JSON. An empty payload is null.
fn embedded(view: &View<'_>) -> Option<Value> {
    let payload = match view.payload {
        [] => Value::Null,
        some => serde_json::from_slice(some).ok()?,
    };
    let mut object = head(view);
    object.insert("payload".to_string(), payload);
    Some(Value::Object(object))
}

fn head(view: &View<'_>) -> Map<String, Value> {
    let mut object = Map::new();
    let mut properties = Map::new();
    let time = view.time.strftime("%Y-%m-%dT%H:%M:%S.%6f%z").to_string();
    for (key, value) in [
        ("tst", Value::from(time)),
        ("topic", view.topic.into()),
        ("qos", view.qos.level().into()),
        ("retain", u8::from(view.retain).into()),
        ("payloadlen", view.payload.len().into()),
    ] {
        object.insert(key.to_string(), value);
    }
    let all = view.json_without_payload().value();
    for (key, theirs) in [
        ("content_type", "content-type"),
        ("message_expiry", "message-expiry-interval"),
        ("response_topic", "response-topic"),
        ("correlation_data_b64", "correlation-data_b64"),
        ("subscription_identifiers", "subscription-identifiers"),
        ("user_properties", "user-properties"),
    ] {
        if let Some(value) = all.get(key) {
            properties.insert(theirs.to_string(), value.clone());
        }
    }
    if view.text {
        properties.insert("payload-format-indicator".to_string(), 1.into());
    }
    if !properties.is_empty() {
        object.insert("properties".to_string(), Value::Object(properties));
    }
    object
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::message::tests::{plain, sample_time};

    impl Target for Vec<u8> {
        fn own(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.extend_from_slice(bytes);
            Ok(())
        }

        fn foreign(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.own(bytes)
        }
    }

    fn bytes(format: &str, view: &View<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        super::super::parse(format).unwrap().write(view, &mut out).unwrap();
        out
    }

    fn text(format: &str, view: &View<'_>) -> String {
        String::from_utf8(bytes(format, view)).unwrap()
    }

    #[test]
    fn fields_are_as_the_manual_page_of_mosquitto_sub_has_them() {
        let time = sample_time();
        let view = plain(&time, "a/topic", b"Hello\xff");
        for (format, expected) in [
            ("%t", "a/topic"),
            ("%l", "6"),
            ("%q%r", "10"),
            ("%x", "48656c6c6fff"),
            ("%X", "48656C6C6FFF"),
            ("%I", "2026-07-03T04:05:06+0800"),
            ("%U", "1783022706.123456789"),
            ("[%A][%C][%D][%E][%F][%P][%R][%S]", "[][][][][][][][]"),
            ("100%% %t@@x\\\\", "100% a/topic@x\\"),
            ("\\0\\a\\e\\n\\r\\t\\v", "\0\u{7}\u{1b}\n\r\t\u{b}"),
        ] {
            assert_eq!(text(format, &view), expected, "{format}");
        }
        assert_eq!(bytes("<%p>", &view), b"<Hello\xff>");
    }

    #[test]
    fn width_precision_and_flags_are_as_in_printf() {
        let time = sample_time();
        let view = plain(&time, "中/topic", b"Hello");
        for (format, expected) in [
            ("[%10t]", "[   中/topic]"),
            ("[%-10t]", "[中/topic   ]"),
            ("[%010t]", "[   中/topic]"),
            ("[%3t]", "[中/topic]"),
            ("[%.2t]", "[中/]"),
            ("[%6.3t]", "[   中/t]"),
            ("[%-6.3t]", "[中/t   ]"),
            ("[%.t]", "[]"),
            ("[%.99t]", "[中/topic]"),
            ("[%4l]", "[   5]"),
            ("[%04l]", "[0005]"),
            ("[%-4l]", "[5   ]"),
            ("[%-04l]", "[5   ]"),
            ("[%0-4l]", "[5   ]"),
            ("[%8p]", "[   Hello]"),
            ("[%08p]", "[   Hello]"),
            ("[%-8p]", "[Hello   ]"),
            ("[%2p]", "[Hello]"),
            ("[%.2p]", "[He]"),
            ("[%12x]", "[  48656c6c6f]"),
            ("[%012x]", "[0048656c6c6f]"),
            ("[%-012X]", "[48656C6C6F  ]"),
            ("[%.1x]", "[48]"),
            ("[%4A%4C%04E]", "[            ]"),
            ("[%30I]", "[      2026-07-03T04:05:06+0800]"),
            ("[%.10I]", "[2026-07-03]"),
        ] {
            assert_eq!(text(format, &view), expected, "{format}");
        }
    }

    #[test]
    fn times_are_as_strftime_has_them_in_the_c_locale() {
        let time = sample_time();
        let view = plain(&time, "t", b"");
        for (format, expected) in [
            ("@Y-@m-@dT@H:@M:@S.@N@z", "2026-07-03T04:05:06.123456789+0800"),
            ("@F @T", "2026-07-03 04:05:06"),
            ("@c", "Fri Jul  3 04:05:06 2026"),
            ("@D|@x|@X|@r|@R", "07/03/26|07/03/26|04:05:06|04:05:06 AM|04:05"),
            ("@a @A @b @B @h", "Fri Friday Jul July Jul"),
            ("@C @y @e @k @l @I @p @P", "20 26  3  4  4 04 AM am"),
            ("@j @u @w @U @V @W @G @g", "184 5 5 26 27 26 2026 26"),
            ("@s", "1783022706"),
            ("@n@t@%", "\n\t%"),
        ] {
            assert_eq!(text(format, &view), expected, "{format}");
        }
    }

    #[test]
    fn properties_of_mqtt_5() {
        let time = sample_time();
        let pairs = [("k", "1"), ("k", "2")].map(|(key, value)| (key.to_string(), value.to_string()));
        let view = View {
            text: true,
            content_type: Some("text/plain"),
            expiry: Some(Duration::from_secs(90)),
            response_topic: Some("re/ply"),
            correlation_data: Some(b"\x01id"),
            subscription_identifiers: &[7],
            user_properties: &pairs,
            ..plain(&time, "t", b"")
        };
        let all = text("%C %D %06E %F %P %R [%-3S]", &view);
        assert_eq!(all, "text/plain \x01id 000090 1 k:1 k:2 re/ply [7  ]");
        assert_eq!(text("%S", &View { subscription_identifiers: &[7, 8], ..view }), "7 8");
        let object: Value = serde_json::from_str(&text("%j", &view)).unwrap();
        assert_eq!(object["properties"]["message-expiry-interval"], 90);
        assert_eq!(object["properties"]["payload-format-indicator"], 1);
        assert_eq!(object["properties"]["user-properties"][1][1], "2");
    }

    #[test]
    fn json_has_the_keys_of_mosquitto_and_a_payload_that_is_never_lost() {
        let time = sample_time();
        let view = plain(&time, "t", br#"{"a":[1,"x\n"]}"#);
        let tst = "2026-07-03T04:05:06.123456+0800";
        let expected = serde_json::json!({
            "tst": tst, "topic": "t", "qos": 1, "retain": 0, "payloadlen": 15, "payload": "{\"a\":[1,\"x\\n\"]}",
        });
        assert_eq!(serde_json::from_str::<Value>(&text("%j", &view)).unwrap(), expected);
        let embedded: Value = serde_json::from_str(&text("%J", &view)).unwrap();
        assert_eq!(embedded["payload"]["a"][1], "x\n");
        assert!(text("%J", &plain(&time, "t", b"")).contains("\"payload\":null"));
        assert_eq!(text("[%J]", &plain(&time, "t", b"{")), "[]", "it is said on stderr");
        assert!(text("%j", &plain(&time, "t", b"\xff")).contains("\"payload_b64\":\"/w==\""));
    }
}
