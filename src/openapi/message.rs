//! Messages without an MQTT connection, and the online status of clients.

use super::Api;
use super::json::Fields;
use crate::error::{Error, Result};
use crate::names::{check_payload, check_topic};

/// The maximum number of client ids of one `BatchQuerySessionByClientIds` (official SDK).
const BATCH: usize = 10;

impl Api {
    /// Publishes a message without an MQTT connection (`SendMessage`), and returns its id.
    ///
    /// The payload is text, and sent as it is: it is not documented if the server decodes base64. It is sent in the
    /// URL, so its encoded form, with the other parameters, has at most 65,534 bytes: an ASCII letter takes one byte,
    /// other ASCII characters three, a Chinese character nine. The message is not forwarded to RocketMQ (official SDK).
    /// The call is not repeated if the message may have been accepted; see [`Error::fate`](crate::Error::fate).
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the topic breaks a rule, the payload is over its limit or too long for a
    /// URL. Otherwise as documented at [`Api`].
    pub fn send_message(&self, topic: &str, payload: &str) -> Result<String> {
        const ACTION: &str = "SendMessage";
        self.same_process()?;
        check_topic(topic, &self.inner.limits)?;
        check_payload(payload.len(), topic, &self.inner.limits)?;
        let answer = self.run(|_| {
            self.of_instance(ACTION).parameter("MqttTopic", topic).parameter("Payload", payload).hide("Payload")
        })?;
        Fields::new(ACTION, &answer).text("MsgId")
    }

    /// Returns true if a client is connected (`QuerySessionByClientId`).
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the client id is empty. Otherwise as documented at [`Api`].
    pub fn query_session(&self, client_id: &str) -> Result<bool> {
        const ACTION: &str = "QuerySessionByClientId";
        self.same_process()?;
        check_given(ACTION, "client id", client_id)?;
        let answer = self.run(|_| self.of_instance(ACTION).parameter("ClientId", client_id).repeatable(true))?;
        Fields::new(ACTION, &answer).boolean("OnlineStatus")
    }

    /// Returns the online status of these clients (`BatchQuerySessionByClientIds`), in the order of the service's
    /// response.
    ///
    /// The service accepts 10 ids at a time; more are queried in groups, each with the whole timeout. The call ends at
    /// the first failure.
    ///
    /// # Errors
    /// As [`query_session`](Api::query_session).
    pub fn batch_query_session<T: AsRef<str>>(&self, client_ids: &[T]) -> Result<Vec<(String, bool)>> {
        const ACTION: &str = "BatchQuerySessionByClientIds";
        self.same_process()?;
        for id in client_ids {
            check_given(ACTION, "client id", id.as_ref())?;
        }
        let mut found = Vec::with_capacity(client_ids.len());
        for group in client_ids.chunks(BATCH) {
            let ids = || group.iter().map(AsRef::as_ref);
            let answer = self.run(|_| self.of_instance(ACTION).list("ClientIdList", ids()).repeatable(true))?;
            for status in Fields::new(ACTION, &answer).objects("OnlineStatusList")? {
                found.push((status.text("ClientId")?, status.boolean("OnlineStatus")?));
            }
        }
        Ok(found)
    }
}

/// Checks that a parameter is not empty.
pub(super) fn check_given(action: &str, what: &str, value: &str) -> Result<()> {
    if value.is_empty() { Err(Error::invalid(format!("{action}: the {what} is empty"))) } else { Ok(()) }
}
