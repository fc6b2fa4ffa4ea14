//! Received messages.

use aliyun_mqtt as mqtt;
use pyo3::exceptions::PyUnicodeDecodeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

use crate::convert::{not_picklable, payload, qos, qos_member};
use crate::error::raise;
use crate::outgoing::Outgoing;

/// A received message.
///
/// P2P messages and offline messages arrive without a subscription, some right after the connection is made.
#[pyclass(frozen, module = "aliyun_mqtt")]
pub(crate) struct Message {
    pub(crate) message: mqtt::Message,
    /// The payload, once the program has looked at it.
    payload: PyOnceLock<Py<PyBytes>>,
}

impl From<mqtt::Message> for Message {
    fn from(message: mqtt::Message) -> Self {
        Message { message, payload: PyOnceLock::new() }
    }
}

#[pymethods]
impl Message {
    /// The topic the message was published to.
    #[getter]
    fn topic(&self) -> &str {
        self.message.topic()
    }

    /// The payload, exactly as the publisher sent it.
    #[getter]
    fn payload(&self, py: Python<'_>) -> Py<PyBytes> {
        self.payload.get_or_init(py, || PyBytes::new(py, self.message.payload()).unbind()).clone_ref(py)
    }

    /// Returns the payload as text. Raises ``UnicodeDecodeError`` if it is not UTF-8.
    fn payload_str(&self, py: Python<'_>) -> PyResult<&str> {
        let decoded = self.message.payload_str();
        decoded.map_err(|error| PyUnicodeDecodeError::new_err_from_utf8(py, self.message.payload(), error))
    }

    /// Returns the value that the payload is in JSON. Raises ``ValueError`` if it is not JSON.
    fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.call_method1("loads", (self.payload(py),))
    }

    /// The quality of service of the delivery: the lower of the publisher's and the subscription's.
    #[getter]
    fn qos(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        qos_member(py, self.message.qos())
    }

    /// True if the server marked the message as sent before (DUP flag).
    ///
    /// The service sends a QoS 1 message again when its acknowledgement takes longer than 5 to 10 s, so a receiver must
    /// expect repetitions.
    #[getter]
    fn is_duplicate(&self) -> bool {
        self.message.is_duplicate()
    }

    /// The RETAIN flag. The service has no retained messages; other brokers have.
    #[getter]
    fn is_retained(&self) -> bool {
        self.message.is_retained()
    }

    /// The user properties, in the order of the sender. Empty with MQTT 3.1.1.
    #[getter]
    fn user_properties(&self) -> Vec<(String, String)> {
        self.message.user_properties().to_vec()
    }

    /// Returns the value of the first user property with this key, or ``None`` (MQTT 5).
    fn user_property(&self, key: &str) -> Option<&str> {
        self.message.user_property(key)
    }

    /// The content type, if the sender gave one (MQTT 5).
    #[getter]
    fn content_type(&self) -> Option<&str> {
        self.message.content_type()
    }

    /// True if the sender declared the payload to be UTF-8 text (MQTT 5). The payload may still be something else.
    #[getter]
    fn payload_format_utf8(&self) -> bool {
        self.message.payload_format_utf8()
    }

    /// The time left, in whole seconds, until the message expires, as of when the server sent it (MQTT 5).
    #[getter]
    fn message_expiry(&self) -> Option<f64> {
        self.message.message_expiry().map(|time| time.as_secs_f64())
    }

    /// The topic that the sender wants a reply on, if it gave one (MQTT 5). ``request()`` covers both versions of MQTT.
    #[getter]
    fn response_topic(&self) -> Option<&str> {
        self.message.response_topic()
    }

    /// The data that a reply should repeat, if the sender gave any (MQTT 5).
    #[getter]
    fn correlation_data<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.message.correlation_data().map(|data| PyBytes::new(py, data))
    }

    /// The identifiers of the subscriptions that the message matched (MQTT 5).
    #[getter]
    fn subscription_identifiers(&self) -> Vec<u32> {
        self.message.subscription_identifiers().to_vec()
    }

    /// Acknowledges the message, with ``ack_mode="manual"``. Does not block.
    ///
    /// Acknowledgements are sent in the order of receipt, as MQTT requires: each waits for those of earlier messages.
    /// Does nothing when called again, for a QoS 0 message, and in the other modes. Raises an ``Error`` of the kind
    /// ``closed``, or ``connection_lost`` when the connection it came over and its session are gone.
    fn ack(&self, py: Python<'_>) -> PyResult<()> {
        self.message.ack().map_err(|error| raise(py, &error))
    }

    /// Reads this message as a request. Returns ``None`` if it has no response topic. ``Client.reply`` replies to it.
    fn request(slf: &Bound<'_, Self>) -> Option<Request> {
        slf.get().message.request()?;
        Some(Request { message: slf.clone().unbind() })
    }

    fn __repr__(&self) -> String {
        let message = &self.message;
        let (topic, qos, size) = (message.topic(), message.qos().level(), message.payload().len());
        format!("<aliyun_mqtt.Message topic={topic:?} qos={qos} payload={size} bytes>")
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_picklable("Message"))
    }
}

/// A received message read as a request; from ``Message.request()``.
///
/// The sender of a request chooses the topic of the reply, which is published with the replier's rights: check
/// ``response_topic`` where that matters.
#[pyclass(frozen, module = "aliyun_mqtt")]
pub(crate) struct Request {
    message: Py<Message>,
}

impl Request {
    /// It was read as a request before.
    fn read(&self) -> PyResult<mqtt::Request<'_>> {
        let request = self.message.get().message.request();
        request.ok_or_else(|| pyo3::exceptions::PyRuntimeError::new_err("a request ceased to be one"))
    }
}

#[pymethods]
impl Request {
    /// The payload, without the envelope if there was one.
    #[getter]
    fn payload<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, self.read()?.payload()))
    }

    /// The topic of the reply.
    #[getter]
    fn response_topic(&self) -> PyResult<&str> {
        Ok(self.read()?.response_topic())
    }

    /// The correlation data, which the reply repeats. ``None`` if the sender, over MQTT 5, has set none.
    #[getter]
    fn correlation_data<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        Ok(self.read()?.correlation_data().map(|data| PyBytes::new(py, data)))
    }

    /// True if the request came in the envelope, and not with the properties of MQTT 5.
    #[getter]
    fn is_enveloped(&self) -> PyResult<bool> {
        Ok(self.read()?.is_enveloped())
    }

    /// Makes the reply as a message, for any call that sends.
    #[pyo3(name = "reply", signature = (payload, qos=None))]
    #[pyo3(text_signature = "($self, payload, qos=1)")]
    fn make_reply(&self, payload: &Bound<'_, PyAny>, qos: Option<&Bound<'_, PyAny>>) -> PyResult<Outgoing> {
        let level = qos.map_or(Ok(mqtt::QoS::AtLeastOnce), self::qos)?;
        Ok(Outgoing { message: self.read()?.reply(level, self::payload(payload)?), timeout: None })
    }

    fn __repr__(&self) -> PyResult<String> {
        let request = self.read()?;
        let (topic, size) = (request.response_topic(), request.payload().len());
        Ok(format!("<aliyun_mqtt.Request response_topic={topic:?} payload={size} bytes>"))
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_picklable("Request"))
    }
}
