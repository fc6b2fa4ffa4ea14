//! A received payload as JSON.

use serde::Deserialize;
use serde_json::error::Category;

use super::Message;
use crate::error::{Error, ErrorKind, Result};
use crate::printable::excerpt;

impl Message {
    /// Reads the payload as JSON.
    ///
    /// ```no_run
    /// # fn main() -> aliyun_mqtt::Result<()> {
    /// # let client = aliyun_mqtt::Client::connect(aliyun_mqtt::Config::from_env()?)?;
    /// let readings: Vec<f64> = client.recv()?.json()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the payload is not JSON, or not JSON for this type. The error names the
    /// topic, and the line and column where reading stopped, both from 1. It never shows the payload.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        serde_json::from_slice(&self.payload).map_err(|error| {
            // The text of serde_json's error may quote the payload.
            let what = match error.classify() {
                Category::Data => format!("does not fit {}", std::any::type_name::<T>()),
                Category::Eof => "ends too early to be JSON".to_string(),
                Category::Syntax | Category::Io => "is not JSON".to_string(),
            };
            let (topic, line, column) = (excerpt(&self.topic), error.line(), error.column());
            Error::new(
                ErrorKind::Invalid,
                format!("the payload of a message to \"{topic}\" {what}: line {line}, column {column}"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::error::Error as _;

    use super::*;
    use crate::Outgoing;
    use crate::message::QoS;

    fn message(payload: &str) -> Message {
        Message::received("demo/t", QoS::AtLeastOnce, payload.as_bytes())
    }

    #[test]
    fn what_was_written_is_read() {
        let value = BTreeMap::from([("a", vec![1, 2]), ("b", vec![])]);
        let sent = Outgoing::json("demo/t", QoS::AtLeastOnce, &value).expect("JSON");
        let received = Message::received("demo/t", QoS::AtLeastOnce, sent.payload());
        // Texts may be borrowed from the message.
        assert_eq!(received.json::<BTreeMap<&str, Vec<u8>>>().expect("the same"), value);
    }

    #[test]
    fn an_error_names_topic_and_position_and_does_not_show_the_payload() {
        for (payload, what, place) in [
            ("\n  psst", "is not JSON", "line 2, column 3"),
            ("[1, \"psst\"]", "does not fit", "line 1, column 10"),
            ("[1, 2", "ends too early", "line 1, column 5"),
            ("", "ends too early", "line 1, column 0"),
            ("[] psst", "is not JSON", "line 1, column 4"),
        ] {
            let error = message(payload).json::<Vec<u8>>().expect_err(payload);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            let text = format!("{error} {error:?}");
            assert!(text.contains("\"demo/t\"") && text.contains(what) && text.contains(place), "{text}");
            assert!(!text.contains("psst") && error.source().is_none(), "{text}");
        }
    }
}
