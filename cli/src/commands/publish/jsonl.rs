//! Makes a message of one line of `--jsonl`.

use aliyun_mqtt::{Outgoing, QoS};

use super::message::{Properties, Template};
use crate::exit::{Failure, Result};
use crate::lang::phrase;
use crate::message::MessageJson;

/// Returns the longest line for a payload of this size: each byte may be written as `\u00XX`.
pub(crate) fn longest_line(payload: usize) -> usize {
    payload.saturating_mul(6).saturating_add(512 * 1024)
}

/// The message of a line, in its parts.
#[derive(Debug)]
pub(crate) struct LineMessage {
    pub(crate) topic: String,
    pub(crate) qos: QoS,
    pub(crate) properties: Properties,
    pub(crate) payload: Vec<u8>,
}

/// Returns the message of a line; `None` if the line is blank.
pub(super) fn message(line: &[u8], template: &Template) -> Result<Option<Outgoing>> {
    let Some(LineMessage { topic, qos, properties, payload }) = parts(line, template)? else { return Ok(None) };
    let message = properties.put_on(Outgoing::new(topic, qos, payload));
    template.config.check(&message)?;
    Ok(Some(message))
}

/// Returns the parts of the message of a line; `None` if the line is blank.
pub(crate) fn parts(line: &[u8], template: &Template) -> Result<Option<LineMessage>> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let mut given = MessageJson::read(line).map_err(Failure::usage)?;
    let payload = given.take_payload().map_err(Failure::usage)?.ok_or_else(|| {
        Failure::usage("it has no payload").hint(phrase!("give payload or payload_b64; \"\" is an empty message"))
    })?;
    let properties = properties(&mut given, &template.properties).map_err(Failure::usage)?;
    let topic = given.topic.or_else(|| template.topic.clone());
    let topic =
        topic.ok_or_else(|| Failure::usage("it has no topic").hint(phrase!("give topic, or -t for all lines")))?;
    let qos = given.qos.unwrap_or(template.qos);
    properties.check(&template.config)?;
    Ok(Some(LineMessage { topic, qos, properties, payload }))
}

/// Returns the properties of the line, with those of the command line as defaults.
fn properties(given: &mut MessageJson, common: &Properties) -> Result<Properties, String> {
    let expiry = given.message_expiry.and_then(|seconds| u32::try_from(seconds).ok());
    Ok(Properties {
        correlation: given.take_correlation_data()?.or_else(|| common.correlation.clone()),
        content_type: given.content_type.take().or_else(|| common.content_type.clone()),
        user: given.user_properties.take().unwrap_or_else(|| common.user.clone()),
        expiry: expiry.or(common.expiry),
        response_topic: given.response_topic.take().or_else(|| common.response_topic.clone()),
        text: given.text.unwrap_or(common.text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::View;
    use crate::message::tests::{plain, sample_time};
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
            ("{", "not valid JSON: EOF while parsing an object at column 1"),
            ("[1]", "not a JSON object"),
            ("7", "not a JSON object"),
            ("\u{feff}{}", "not valid JSON"),
            (r#"{"payload":"x","payload":"y"}"#, "duplicate field `payload` at column"),
            (r#"{"payload":null,"payload":"y"}"#, "duplicate field `payload`"),
            (r#"{"payload":"x","t\u006fpic":"demo/a","topic":"demo/b"}"#, "duplicate field `topic`"),
            (r#"{"payload":"x","user_properties":{"a":"1","a":"2"}}"#, "duplicate field `a`"),
            (r#"{"payload":"x","topics":"demo/a"}"#, "unknown field `topics`"),
            (r#"{"topic":"demo/a"}"#, "no payload"),
            (r#"{"topic":{"a":1},"payload":"x"}"#, "topic is not a string"),
            (r#"{"payload":"\ud800"}"#, "payload: "),
            (r#"{"payload":"a","payload_b64":"YQ=="}"#, "both payload and payload_b64"),
            (r#"{"payload_b64":"not base64"}"#, "payload_b64 is not valid base64"),
            (r#"{"payload":"a","qos":3}"#, "qos is neither"),
            (r#"{"payload":"a","qos":-1}"#, "qos is neither"),
            (r#"{"payload":"a","topic":"demo/#"}"#, "demo/#"),
            (r#"{"payload":"a","user_properties":{"a":1}}"#, "user_properties is neither"),
            (r#"{"payload":"a","message_expiry":1.5}"#, "whole number of seconds"),
            (r#"{"payload":"a","text":1}"#, "text is neither"),
            (r#"{"payload":"a","user_properties":7}"#, "expected user_properties as an object"),
            (r#"{"payload":"a","path":"b"}"#, "unknown field `path`"),
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

    #[test]
    fn a_line_that_sub_has_printed_is_the_same_message_again() {
        let pairs = [("k", "1"), ("a", ""), ("k", "2")].map(|(key, value)| (key.to_string(), value.to_string()));
        let time = sample_time();
        for payload in ["中\n\0\"".as_bytes(), b"\xff\0", b"", br#"{"a":1}"#] {
            let view = View {
                qos: QoS::ExactlyOnce,
                retain: true,
                dup: true,
                content_type: Some("text/plain"),
                text: payload != b"\xff\0",
                expiry: Some(std::time::Duration::from_secs(9)),
                response_topic: Some("demo/r"),
                correlation_data: Some(b"\xff"),
                subscription_identifiers: &[7],
                user_properties: &pairs,
                ..plain(&time, "demo/x", payload)
            };
            let line = view.json().value().to_string();
            let sent = read(&line).unwrap().unwrap();
            let expected = Properties {
                content_type: Some("text/plain".to_string()),
                user: pairs.to_vec(),
                expiry: Some(9),
                response_topic: Some("demo/r".to_string()),
                correlation: Some(vec![255]),
                text: view.text,
            };
            let expected = expected.put_on(Outgoing::new("demo/x", QoS::ExactlyOnce, payload));
            assert_eq!(format!("{sent:?}"), format!("{expected:?}"), "{line}");
            assert_eq!(sent.payload(), payload);
        }
    }

    #[test]
    fn a_payload_may_be_an_object() {
        let message = read(r#"{"payload": {"b": 1.50, "a": "x"}}"#).unwrap().unwrap();
        assert_eq!(message.payload(), br#"{"b": 1.50, "a": "x"}"#);
    }
}
