//! Checked configurations.

use aliyun_mqtt as mqtt;
use mqtt::{AckMode, Protocol};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::not_picklable;
use crate::credentials::Credentials;
use crate::error::raise;
use crate::outgoing::Outgoing;
use crate::settings;

/// A checked configuration, ready for ``Client``.
///
/// The keywords are those of ``Settings``: ``help(aliyun_mqtt.Settings)`` lists them. Required are ``endpoint``,
/// ``instance_id``, ``credentials``, and ``group_id`` (or, with custom authentication, ``client_id``). Everything is
/// checked here, certificate files are read, and a device id is made if none is given. ``None`` counts as not given. An
/// unknown setting or one of the wrong type is a ``TypeError``, a missing or invalid one an ``Error`` of the kind
/// ``config``; each names the setting.
#[pyclass(frozen, module = "aliyun_mqtt")]
pub(crate) struct Config(pub(crate) mqtt::Config);

#[pymethods]
impl Config {
    #[new]
    #[pyo3(signature = (**settings))]
    fn new(py: Python<'_>, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        build(py, mqtt::Config::builder(), settings)
    }

    /// Reads the configuration from the environment variables ``ALIYUN_MQTT_...``; keywords replace them.
    ///
    /// An empty variable counts as not set. An ``Error`` of the kind ``config`` names a variable that is missing or
    /// breaks a rule. The variables of the credentials are not needed if ``credentials`` is given.
    #[staticmethod]
    #[pyo3(signature = (**settings))]
    fn from_env(py: Python<'_>, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        build(py, mqtt::ConfigBuilder::from_env(), settings)
    }

    /// Returns a configuration with these settings changed. A device id that was made is made anew.
    #[pyo3(signature = (**settings))]
    fn replace(&self, py: Python<'_>, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        build(py, self.0.to_builder(), settings)
    }

    /// Checks a message as ``publish`` does, as far as that needs no connection. Raises an ``Error`` of the kind
    /// ``invalid``.
    fn check(&self, py: Python<'_>, message: &Bound<'_, Outgoing>) -> PyResult<()> {
        self.0.check(&message.get().message).map_err(|error| raise(py, &error))
    }

    /// The endpoint, as a URL.
    #[getter]
    fn endpoint(&self) -> String {
        self.0.endpoint().to_string()
    }

    /// The HTTP proxy on the way to the endpoint, without its password; ``None`` if there is none.
    #[getter]
    fn proxy(&self) -> Option<String> {
        self.0.proxy().map(ToString::to_string)
    }

    /// The instance id.
    #[getter]
    fn instance_id(&self) -> &str {
        self.0.instance_id()
    }

    /// The client id: ``GroupID@@@DeviceID``, or as given.
    #[getter]
    fn client_id(&self) -> &str {
        self.0.client_id().as_str()
    }

    /// The credentials.
    #[getter]
    fn credentials(&self) -> Credentials {
        Credentials(self.0.credentials().clone())
    }

    /// The version of MQTT.
    #[getter]
    fn protocol<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        member(py, "Protocol", if self.0.protocol() == Protocol::V5 { "5" } else { "3.1.1" })
    }

    /// True if the server discards the session when the connection ends.
    #[getter]
    fn clean_session(&self) -> bool {
        self.0.clean_session()
    }

    /// The time in seconds for which the server is asked to keep the session (MQTT 5); ``None`` if it is not asked.
    #[getter]
    fn session_expiry(&self) -> Option<f64> {
        self.0.session_expiry().map(|time| time.as_secs_f64())
    }

    /// The maximum number of unacknowledged messages from the server (MQTT 5); ``None`` if none is announced.
    #[getter]
    fn receive_maximum(&self) -> Option<u16> {
        self.0.receive_maximum()
    }

    /// The keep-alive period in seconds.
    #[getter]
    fn keep_alive(&self) -> f64 {
        self.0.keep_alive().as_secs_f64()
    }

    /// The timeout in seconds of calls that have no deadline of their own.
    #[getter]
    fn timeout(&self) -> f64 {
        self.0.timeout().as_secs_f64()
    }

    /// The window with which a connection starts: the maximum number of unacknowledged messages and requests.
    #[getter]
    fn window(&self) -> u16 {
        self.0.window()
    }

    /// How far the window may grow.
    #[getter]
    fn max_window(&self) -> u16 {
        self.0.max_window()
    }

    /// The service's limits and the bounds of the queues.
    #[getter]
    fn limits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let limits = self.0.limits();
        let fields = PyDict::new(py);
        fields.set_item("client_id_len", limits.client_id_len)?;
        fields.set_item("topic_len", limits.topic_len)?;
        fields.set_item("payload_len", limits.payload_len)?;
        fields.set_item("filters", limits.filters)?;
        fields.set_item("strict_names", limits.strict_names)?;
        fields.set_item("packet_len", limits.packet_len)?;
        fields.set_item("outbox_messages", limits.outbox_messages)?;
        fields.set_item("outbox_bytes", limits.outbox_bytes)?;
        fields.set_item("inbox_messages", limits.inbox_messages)?;
        fields.set_item("inbox_bytes", limits.inbox_bytes)?;
        py.import("aliyun_mqtt._settings")?.getattr("Limits")?.call((), Some(&fields))
    }

    /// The maximum publish rate, in messages per second; ``None`` means unlimited.
    #[getter]
    fn max_publish_rate(&self) -> Option<f64> {
        self.0.max_publish_rate()
    }

    /// True if each connection is switched to ordered messages.
    #[getter]
    fn ordered(&self) -> bool {
        self.0.ordered()
    }

    /// When received messages are acknowledged.
    #[getter]
    fn ack_mode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mode = match self.0.ack_mode() {
            AckMode::OnTake => "on_take",
            AckMode::OnArrival => "on_arrival",
            AckMode::Manual => "manual",
            _ => return Err(PyTypeError::new_err("an ack_mode that this version does not know")),
        };
        member(py, "AckMode", mode)
    }

    /// How long in seconds a queued message may stay unsettled; ``None``: the timeout, or no limit with a spool.
    #[getter]
    fn message_age(&self) -> Option<f64> {
        self.0.message_age().map(|time| time.as_secs_f64())
    }

    /// How long in seconds a client that was connected before keeps trying after its login was refused.
    #[getter]
    fn refusal_patience(&self) -> f64 {
        self.0.refusal_patience().as_secs_f64()
    }

    /// How long in seconds the client itself refuses messages to a topic that the service refuses.
    #[getter]
    fn refused_topic_pause(&self) -> f64 {
        self.0.refused_topic_pause().as_secs_f64()
    }

    /// The bounds in seconds of the pause before a reconnect.
    #[getter]
    fn backoff(&self) -> (f64, f64) {
        (self.0.backoff_min().as_secs_f64(), self.0.backoff_max().as_secs_f64())
    }

    /// The fraction of a token's lifetime after which it is renewed.
    #[getter]
    fn token_renewal(&self) -> f64 {
        self.0.token_renewal()
    }

    /// True if the service's notices are also delivered as messages.
    #[getter]
    fn deliver_notices(&self) -> bool {
        self.0.deliver_notices()
    }

    /// The topic for replies to requests; ``None`` means P2P to this client.
    #[getter]
    fn response_topic(&self) -> Option<&str> {
        self.0.response_topic()
    }

    /// The file of the spool; ``None``: messages are in memory only.
    #[getter]
    fn spool(&self) -> Option<std::path::PathBuf> {
        self.0.spool().map(|spool| spool.path().to_path_buf())
    }

    fn __repr__(&self) -> String {
        let (endpoint, id) = (self.0.endpoint(), self.0.client_id());
        format!("<aliyun_mqtt.Config {endpoint} as {id}, {:?}>", self.0.credentials())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_picklable("Config"))
    }
}

fn build(py: Python<'_>, builder: mqtt::ConfigBuilder, given: Option<&Bound<'_, PyDict>>) -> PyResult<Config> {
    let builder = match given {
        Some(given) => settings::of_client(builder, given)?,
        None => builder,
    };
    // Certificate files may be on a slow disk.
    py.detach(|| builder.build()).map(Config).map_err(|error| raise(py, &error))
}

/// Returns the member of an enumeration in Python.
pub(crate) fn member<'py>(py: Python<'py>, class: &str, value: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("aliyun_mqtt._enums")?.getattr(class)?.call1((value,))
}
