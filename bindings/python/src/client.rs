//! The native part of `Client`.

use std::time::Duration;

use aliyun_mqtt as mqtt;
use mqtt::{ErrorKind, QoS, RequestOptions, SubscribeOptions};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::config::Config;
use crate::convert::{not_picklable, payload, qos, qos_member, timeout};
use crate::credentials::Token;
use crate::delivery::{Delivery, PublishEach, settle};
use crate::error::{Outcome, make, raise};
use crate::events::Events;
use crate::message::Message;
use crate::outgoing::{Outgoing, each};
use crate::subscription::{Subscription, receive};
use crate::wait::{DropDetached, aside, in_steps, try_aside};

type Argument<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// A connection; `aliyun_mqtt.Client` is what programs use.
#[pyclass(frozen, module = "aliyun_mqtt._native")]
pub(crate) struct Client(DropDetached<mqtt::Client>);

#[pymethods]
impl Client {
    #[new]
    fn new(py: Python<'_>, config: &Bound<'_, Config>) -> PyResult<Self> {
        let config = config.get().0.clone();
        try_aside(py, move || mqtt::Client::connect(config)).map(|client| Client(DropDetached::new(client)))
    }

    #[getter]
    fn config(&self) -> Config {
        Config(self.0.config().clone())
    }

    #[getter]
    fn is_connected(&self) -> bool {
        self.0.is_connected()
    }

    #[pyo3(signature = (topic, payload, qos, properties))]
    fn publish(
        &self,
        py: Python<'_>,
        topic: &Bound<'_, PyAny>,
        payload: Argument<'_, '_>,
        qos: Argument<'_, '_>,
        properties: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let message = Outgoing::of_call(topic, payload, qos, properties)?;
        self.publish_message(py, message)
    }

    #[pyo3(signature = (parent, client_id, payload, qos, properties))]
    fn send_p2p(
        &self,
        py: Python<'_>,
        parent: &str,
        client_id: &str,
        payload: Argument<'_, '_>,
        qos: Argument<'_, '_>,
        properties: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let topic = p2p_topic(py, parent, client_id)?.into_pyobject(py)?;
        self.publish_message(py, Outgoing::of_call(&topic, payload, qos, properties)?)
    }

    #[pyo3(signature = (topic, payload, qos, properties))]
    fn enqueue(
        &self,
        py: Python<'_>,
        topic: &Bound<'_, PyAny>,
        payload: Argument<'_, '_>,
        qos: Argument<'_, '_>,
        properties: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Delivery> {
        let message = Outgoing::of_call(topic, payload, qos, properties)?;
        self.submit(py, message.message, None).map(Delivery)
    }

    #[pyo3(signature = (topic, payload, qos, properties))]
    fn try_enqueue(
        &self,
        py: Python<'_>,
        topic: &Bound<'_, PyAny>,
        payload: Argument<'_, '_>,
        qos: Argument<'_, '_>,
        properties: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Delivery> {
        let message = Outgoing::of_call(topic, payload, qos, properties)?.message;
        let delivery = if self.stores(&message) {
            let client = self.0.clone();
            try_aside(py, move || client.try_enqueue(message))?
        } else {
            self.0.try_enqueue(message).map_err(|error| raise(py, &error))?
        };
        Ok(Delivery(delivery))
    }

    fn enqueue_many<'py>(&self, py: Python<'py>, messages: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let messages = each(messages)?;
        let client = self.0.clone();
        let deliveries = aside(py, move || client.enqueue_many(messages))?;
        let results = PyList::empty(py);
        for delivery in deliveries {
            match delivery {
                Ok(delivery) => results.append(Py::new(py, Delivery(delivery))?)?,
                Err(error) => results.append(make(py, &error)?)?,
            }
        }
        Ok(results)
    }

    fn publish_each(&self, messages: &Bound<'_, PyAny>) -> PyResult<PublishEach> {
        PublishEach::new(self.0.clone(), messages)
    }

    /// Waits in steps, without a thread: an abandoned `flush` on another thread would take the report of failures.
    fn flush(&self, py: Python<'_>, timeout: Argument<'_, '_>) -> PyResult<()> {
        let limit = self.timeout(timeout)?;
        let flushed = in_steps(py, Some(limit), |time| match self.0.flush(time) {
            Err(error) if matches!(error.kind(), ErrorKind::Timeout(_)) && !time.is_zero() => Ok(None),
            result => result.map(Some),
        })?;
        match flushed {
            Some(()) => Ok(()),
            // The time is over: this says how many are open, and does not wait.
            None => py.detach(|| self.0.flush(Duration::ZERO)).map_err(|error| raise(py, &error)),
        }
    }

    fn subscribe_many(
        &self,
        py: Python<'_>,
        filters: Vec<(String, Bound<'_, PyAny>, bool, Option<u32>)>,
        timeout: Argument<'_, '_>,
    ) -> PyResult<Vec<Py<PyAny>>> {
        let options = |(filter, level, no_local, identifier): (String, Bound<'_, PyAny>, bool, Option<u32>)| {
            PyResult::Ok((filter, subscribe_options(&level, no_local, identifier)?))
        };
        let filters = filters.into_iter().map(options).collect::<PyResult<Vec<_>>>()?;
        let client = self.with_timeout(timeout)?;
        let granted = try_aside(py, move || client.subscribe_many(&filters))?;
        granted.into_iter().map(|granted| qos_member(py, granted)).collect()
    }

    fn subscription(
        &self,
        py: Python<'_>,
        filter: String,
        qos: &Bound<'_, PyAny>,
        no_local: bool,
        identifier: Option<u32>,
        timeout: Argument<'_, '_>,
    ) -> PyResult<Subscription> {
        let options = subscribe_options(qos, no_local, identifier)?;
        let client = self.with_timeout(timeout)?;
        try_aside(py, move || client.subscription(filter, options)).map(Subscription::new)
    }

    fn unsubscribe(&self, py: Python<'_>, filter: String, timeout: Argument<'_, '_>) -> PyResult<()> {
        let client = self.with_timeout(timeout)?;
        try_aside(py, move || client.unsubscribe(filter))
    }

    fn recv(&self, py: Python<'_>, timeout: Argument<'_, '_>) -> PyResult<Option<Message>> {
        receive(py, timeout, |time| self.0.recv_timeout(time))
    }

    fn try_recv(&self, py: Python<'_>) -> PyResult<Option<Message>> {
        Ok(self.0.try_recv().map_err(|error| raise(py, &error))?.map(Message::from))
    }

    #[allow(clippy::too_many_arguments, reason = "they come from one call in Python")]
    fn request(
        &self,
        py: Python<'_>,
        topic: &Bound<'_, PyAny>,
        payload: Argument<'_, '_>,
        qos: Argument<'_, '_>,
        timeout: Argument<'_, '_>,
        envelope: bool,
        properties: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Message> {
        let message = Outgoing::of_call(topic, payload, qos, properties)?.message;
        let options = RequestOptions::new(self.timeout(timeout)?).envelope(envelope);
        let client = self.0.clone();
        try_aside(py, move || client.request_message(message, options)).map(Message::from)
    }

    fn reply(
        &self,
        py: Python<'_>,
        request: &Bound<'_, Message>,
        payload: &Bound<'_, PyAny>,
        timeout: Argument<'_, '_>,
    ) -> PyResult<()> {
        let payload = self::payload(payload)?;
        let timeout = crate::convert::timeout(timeout)?;
        let Some(asked) = request.get().message.request() else {
            // The library words the error.
            let reply = self.0.reply(&request.get().message, payload);
            return reply.map_err(|error| raise(py, &error));
        };
        let mut reply = Outgoing { message: asked.reply(QoS::AtLeastOnce, payload), timeout: None };
        if let Some(timeout) = timeout {
            reply = reply.with_default_timeout(timeout);
        }
        self.publish_message(py, reply)
    }

    fn upload_token(&self, py: Python<'_>, token: &Bound<'_, Token>, timeout: Argument<'_, '_>) -> PyResult<()> {
        let (client, token) = (self.with_timeout(timeout)?, token.get().0.clone());
        try_aside(py, move || client.upload_token(token))
    }

    fn events(&self) -> Events {
        Events(self.0.events())
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = self.0.stats();
        let fields = PyDict::new(py);
        macro_rules! copy {
            ($($field:ident)*) => { $(fields.set_item(stringify!($field), stats.$field)?;)* };
        }
        copy!(connections published acknowledged retransmitted received redelivered replies late_replies dropped_full
            refused_full set_aside refused_topic outbox_messages outbox_bytes window spooled_messages spooled_bytes
            waiting_requests inbox_messages inbox_bytes unacknowledged held_back untaken stranded_workers);
        Ok(fields)
    }

    fn closer(&self) -> Closer {
        Closer(self.0.closer())
    }

    fn disconnect(&self, py: Python<'_>, timeout: Argument<'_, '_>) -> PyResult<()> {
        let client = self.with_timeout(timeout)?;
        try_aside(py, move || client.disconnect())
    }

    /// Disconnects at the end of the interpreter: in one piece, quietly.
    fn leave(&self, py: Python<'_>, seconds: f64) {
        let client = self.0.with_timeout(Duration::try_from_secs_f64(seconds).unwrap_or_default());
        let _ = py.detach(move || client.disconnect());
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_picklable("Client"))
    }
}

impl Client {
    fn timeout(&self, given: Argument<'_, '_>) -> PyResult<Duration> {
        Ok(timeout(given)?.unwrap_or(self.0.config().timeout()))
    }

    fn with_timeout(&self, given: Argument<'_, '_>) -> PyResult<mqtt::Client> {
        Ok(self.0.with_timeout(self.timeout(given)?))
    }

    /// Publishes in two steps, so that the wait can be left: the message stays queued then.
    fn publish_message(&self, py: Python<'_>, message: Outgoing) -> PyResult<()> {
        let message = message.with_default_timeout(self.0.config().timeout());
        let delivery = self.submit(py, message.message, message.timeout)?;
        settle(py, &delivery)?.map(drop).map_err(|error| raise(py, &error))
    }

    /// Queues a message. Waits for room at most for `limit`, or the client's timeout.
    fn submit(&self, py: Python<'_>, message: mqtt::Outgoing, limit: Option<Duration>) -> PyResult<mqtt::Delivery> {
        if !self.stores(&message) {
            // The usual case: there is room. It takes locks for a moment only, which nobody holds who needs the GIL.
            match self.0.try_enqueue(message.clone()) {
                Err(error) if error.kind() == ErrorKind::Full => {}
                result => return result.map_err(|error| raise(py, &error)),
            }
        }
        let client = limit.map_or_else(|| self.0.clone(), |limit| self.0.with_timeout(limit));
        try_aside(py, move || -> Outcome<_> { client.enqueue(message) })
    }

    /// Returns true if queueing the message waits for the disk.
    fn stores(&self, message: &mqtt::Outgoing) -> bool {
        message.qos() != QoS::AtMostOnce && self.0.config().spool().is_some()
    }
}

/// Ends the waits of a client from any thread; from ``Client.closer()``. It does not keep the client alive.
#[pyclass(frozen, module = "aliyun_mqtt")]
pub(crate) struct Closer(mqtt::Closer);

#[pymethods]
impl Closer {
    /// Closes the client and returns at once.
    ///
    /// Calls that wait end with an ``Error`` of the kind ``closed``, also those made later; ``messages()`` ends without
    /// an error. New messages and subscriptions are refused. The connection stays until ``Client.disconnect()``:
    /// messages already received can still be acknowledged, and queued ones are still delivered.
    fn close(&self) {
        self.0.close();
    }

    fn __repr__(&self) -> &'static str {
        "<aliyun_mqtt.Closer>"
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_picklable("Closer"))
    }
}

/// Returns true if a topic matches a filter with the wildcards ``+`` and ``#``.
#[pyfunction]
pub(crate) fn topic_matches(filter: &str, topic: &str) -> bool {
    mqtt::topic_matches(filter, topic)
}

/// Returns the topic of a message to one client: ``{parent}/p2p/{client_id}``.
#[pyfunction]
pub(crate) fn p2p_topic(py: Python<'_>, parent: &str, client_id: &str) -> PyResult<String> {
    mqtt::p2p_topic(parent, client_id).map_err(|error| raise(py, &error))
}

fn subscribe_options(level: &Bound<'_, PyAny>, no_local: bool, identifier: Option<u32>) -> PyResult<SubscribeOptions> {
    let options = SubscribeOptions::new(qos(level)?).no_local(no_local);
    Ok(match identifier {
        Some(identifier) => options.identifier(identifier),
        None => options,
    })
}
