//! Messages to be sent.

use std::time::Duration;

use aliyun_mqtt::{Payload, QoS};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMapping};

use crate::convert::{buffer, duration, not_picklable, payload, qos, qos_member, wrong_type};
use crate::error::raise;

/// A message to be sent, for the calls that take many of them: ``enqueue_many`` and ``publish_each``.
///
/// ``payload`` is ``str`` (sent as UTF-8), ``bytes``, or any other buffer. ``timeout`` is the time in seconds for which
/// the message may stay without an acknowledgement; after that it is given up. The other keywords are properties of
/// MQTT 5; with MQTT 3.1.1 a message that has any is refused when it is sent:
///
/// * ``user_properties``: a mapping, or pairs of key and value
/// * ``content_type``: such as ``"application/json"``
/// * ``payload_format_utf8``: ``True`` declares that the payload is UTF-8 text
/// * ``message_expiry``: the server discards the message after this many seconds, rounded up
/// * ``response_topic``, ``correlation_data``: for replies
///
/// Topic, size and properties are checked when the message is sent.
#[pyclass(frozen, module = "aliyun_mqtt")]
pub(crate) struct Outgoing {
    pub(crate) message: aliyun_mqtt::Outgoing,
    pub(crate) timeout: Option<Duration>,
}

#[pymethods]
impl Outgoing {
    #[new]
    #[pyo3(signature = (topic, payload, qos=None, **properties))]
    #[pyo3(text_signature = "(topic, payload, qos=1, **properties)")]
    fn new(
        topic: &str,
        payload: &Bound<'_, PyAny>,
        qos: Option<&Bound<'_, PyAny>>,
        properties: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        Self::read(topic, payload, qos, properties)
    }

    /// Creates a message to one client, which needs no subscription for it: to ``{parent}/p2p/{client_id}``.
    #[staticmethod]
    #[pyo3(signature = (parent, client_id, payload, qos=None, **properties))]
    #[pyo3(text_signature = "(parent, client_id, payload, qos=1, **properties)")]
    fn p2p(
        py: Python<'_>,
        parent: &str,
        client_id: &str,
        payload: &Bound<'_, PyAny>,
        qos: Option<&Bound<'_, PyAny>>,
        properties: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let topic = aliyun_mqtt::p2p_topic(parent, client_id).map_err(|error| raise(py, &error))?;
        Self::read(&topic, payload, qos, properties)
    }

    /// Creates a message whose payload is the value in JSON, without spaces or line breaks.
    #[staticmethod]
    #[pyo3(signature = (topic, value, qos=None, **properties))]
    #[pyo3(text_signature = "(topic, value, qos=1, **properties)")]
    fn json(
        py: Python<'_>,
        topic: &str,
        value: &Bound<'_, PyAny>,
        qos: Option<&Bound<'_, PyAny>>,
        properties: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let options = PyDict::new(py);
        options.set_item("ensure_ascii", false)?;
        options.set_item("separators", (",", ":"))?;
        let text = py.import("json")?.call_method("dumps", (value,), Some(&options))?;
        Self::read(topic, &text, qos, properties)
    }

    /// The topic.
    #[getter]
    fn topic(&self) -> &str {
        self.message.topic()
    }

    /// The quality of service.
    #[getter]
    fn qos(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        qos_member(py, self.message.qos())
    }

    /// The payload.
    #[getter]
    fn payload<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.message.payload())
    }

    /// The time in seconds for which the message may stay without an acknowledgement; ``None`` for the default.
    #[getter]
    fn timeout(&self) -> Option<f64> {
        self.timeout.map(|timeout| timeout.as_secs_f64())
    }

    fn __repr__(&self) -> String {
        let message = &self.message;
        let (topic, qos, size) = (message.topic(), message.qos().level(), message.payload().len());
        format!("<aliyun_mqtt.Outgoing topic={topic:?} qos={qos} payload={size} bytes>")
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_picklable("Outgoing"))
    }
}

impl Outgoing {
    fn read(
        topic: &str,
        payload: &Bound<'_, PyAny>,
        qos: Option<&Bound<'_, PyAny>>,
        properties: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let message = new(topic, payload, qos)?;
        let Some(properties) = properties else { return Ok(Outgoing { message, timeout: None }) };
        let (message, timeout) = with_properties(message, properties)?;
        Ok(Outgoing { message, timeout })
    }

    /// Reads the arguments of a call that sends: a message, or topic, payload and QoS.
    pub(crate) fn of_call(
        topic: &Bound<'_, PyAny>,
        payload: Option<&Bound<'_, PyAny>>,
        qos: Option<&Bound<'_, PyAny>>,
        properties: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        if let Ok(message) = topic.cast::<Outgoing>() {
            if payload.is_some() || qos.is_some() || properties.is_some_and(|properties| !properties.is_empty()) {
                return Err(PyTypeError::new_err("an Outgoing stands alone: give the rest to its constructor"));
            }
            return Ok(message.get().copy());
        }
        let Ok(text) = topic.extract::<std::borrow::Cow<'_, str>>() else {
            return Err(wrong_type("topic", "str or an Outgoing", topic));
        };
        let Some(payload) = payload else { return Err(PyTypeError::new_err("payload is missing")) };
        Self::read(&text, payload, qos, properties)
    }

    pub(crate) fn copy(&self) -> Self {
        Outgoing { message: self.message.clone(), timeout: self.timeout }
    }

    /// Sets the time for which the message may stay without an acknowledgement, unless it has one.
    pub(crate) fn with_default_timeout(mut self, default: Duration) -> Self {
        if self.timeout.is_none() {
            self.message = self.message.timeout(default);
            self.timeout = Some(default);
        }
        self
    }
}

fn new(topic: &str, value: &Bound<'_, PyAny>, level: Option<&Bound<'_, PyAny>>) -> PyResult<aliyun_mqtt::Outgoing> {
    let level = level.map_or(Ok(QoS::AtLeastOnce), qos)?;
    let payload: Payload = payload(value)?;
    Ok(aliyun_mqtt::Outgoing::new(topic, level, payload))
}

/// Applies the keywords of a call that sends.
fn with_properties(
    mut message: aliyun_mqtt::Outgoing,
    properties: &Bound<'_, PyDict>,
) -> PyResult<(aliyun_mqtt::Outgoing, Option<Duration>)> {
    let mut timeout = None;
    for (name, value) in properties {
        let name: String = name.extract()?;
        if value.is_none() {
            continue;
        }
        let text = || value.extract::<String>().map_err(|_| wrong_type(&name, "str", &value));
        message = match name.as_str() {
            "timeout" => {
                let time = duration(&name, &value)?;
                timeout = Some(time);
                message.timeout(time)
            }
            "user_properties" => user_properties(message, &value)?,
            "content_type" => message.content_type(text()?),
            "payload_format_utf8" => match value.extract::<bool>() {
                Ok(true) => message.payload_format_utf8(),
                Ok(false) => message,
                Err(_) => return Err(wrong_type(&name, "bool", &value)),
            },
            "message_expiry" => message.message_expiry(duration(&name, &value)?),
            "response_topic" => message.response_topic(text()?),
            "correlation_data" => message.correlation_data(buffer(&name, &value)?),
            _ => return Err(PyTypeError::new_err(format!("unknown argument '{name}'"))),
        };
    }
    Ok((message, timeout))
}

fn user_properties(mut message: aliyun_mqtt::Outgoing, value: &Bound<'_, PyAny>) -> PyResult<aliyun_mqtt::Outgoing> {
    let pairs = match value.cast::<PyMapping>() {
        Ok(mapping) => mapping.items()?.into_any(),
        Err(_) => value.clone(),
    };
    let wrong = |_| wrong_type("user_properties", "a mapping, or pairs, of str", value);
    for pair in pairs.try_iter().map_err(wrong)? {
        let (key, value) = pair?.extract::<(String, String)>().map_err(wrong)?;
        message = message.user_property(key, value);
    }
    Ok(message)
}

/// Reads a list of messages.
pub(crate) fn each(messages: &Bound<'_, PyAny>) -> PyResult<Vec<aliyun_mqtt::Outgoing>> {
    let wrong = |value: &Bound<'_, PyAny>| wrong_type("messages", "Outgoing objects", value);
    messages
        .try_iter()?
        .map(|message| {
            let message = message?;
            Ok(message.cast::<Outgoing>().map_err(|_| wrong(&message))?.get().message.clone())
        })
        .collect()
}
