//! The outcomes of messages.

use std::collections::VecDeque;
use std::time::Duration;

use aliyun_mqtt::{Client, ErrorKind};
use pyo3::exceptions::{PyBaseException, PyException, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyIterator;
use pyo3::{PyTraverseError, PyVisit};

use crate::convert::{not_picklable, timeout, wrong_type};
use crate::error::{Outcome, make, raise};
use crate::outgoing::Outgoing;
use crate::wait::{Begun, DropDetached, in_steps};

/// The outcome of one queued message; from ``Client.enqueue``.
///
/// It is settled exactly once: the message was acknowledged, or failed with an ``Error`` whose ``fate`` is refused, not
/// sent or unknown. It is settled by the message's own deadline at the latest, whatever happens to the connection or
/// the client. Dropping it does not withdraw the message: the next ``flush`` or ``disconnect`` reports a failure that
/// the program has not seen.
#[pyclass(frozen, module = "aliyun_mqtt")]
pub(crate) struct Delivery(pub(crate) aliyun_mqtt::Delivery);

#[pymethods]
impl Delivery {
    /// Blocks until the message is settled, at most ``timeout`` seconds. Returns the ``Receipt``, or ``None`` if it is
    /// not settled yet.
    ///
    /// Without a timeout it waits for the message's own deadline at the longest, and never returns ``None``. A message
    /// in a spool may have no deadline; then the wait has none either.
    ///
    /// Raises the ``Error`` for which the message failed. An error of the kind ``closed`` without a fate: a closer
    /// ended the wait, and the delivery continues.
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Receipt>> {
        let limit = self::timeout(timeout)?;
        Ok(in_steps(py, limit, |time| self.0.wait_timeout(time))?.map(Receipt::from))
    }

    /// Returns the ``Receipt``, or ``None`` if the message is not settled yet. Does not block. Raises as ``wait``.
    fn try_wait(&self, py: Python<'_>) -> PyResult<Option<Receipt>> {
        Ok(self.0.try_wait().map_err(|error| raise(py, &error))?.map(Receipt::from))
    }

    /// True if the message is settled: acknowledged or failed. A failure then counts as seen by the program.
    #[getter]
    fn done(&self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    fn __repr__(&self) -> &'static str {
        "<aliyun_mqtt.Delivery>"
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_picklable("Delivery"))
    }
}

/// The confirmation of an acknowledged message.
#[pyclass(frozen, eq, hash, module = "aliyun_mqtt")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Receipt {
    /// The number of times the message was sent. Above 1, receivers may have seen it more than once (QoS 1, or QoS 2
    /// across a lost session).
    #[pyo3(get)]
    attempts: u32,
}

impl From<aliyun_mqtt::Receipt> for Receipt {
    fn from(receipt: aliyun_mqtt::Receipt) -> Self {
        Receipt { attempts: receipt.attempts }
    }
}

#[pymethods]
impl Receipt {
    #[new]
    fn new(attempts: u32) -> Self {
        Receipt { attempts }
    }

    fn __repr__(&self) -> String {
        format!("Receipt(attempts={})", self.attempts)
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> (Py<PyAny>, (u32,)) {
        (slf.get_type().into_any().unbind(), (slf.get().attempts,))
    }
}

/// The results of many messages in their order, from ``Client.publish_each``.
///
/// Does what the library's iterator of that name does, whose input cannot be an iterator of Python: that has to run on
/// the calling thread, and the wait must be open to signals.
#[pyclass(module = "aliyun_mqtt")]
pub(crate) struct PublishEach {
    client: DropDetached<Client>,
    messages: Option<Py<PyIterator>>,
    /// Messages taken from the input that are not queued yet: one for which there was no room, or with a spool those
    /// of the next batch.
    taken: Vec<aliyun_mqtt::Outgoing>,
    /// Messages that are being queued. An interrupted wait leaves them here, and the next call takes them up.
    begun: Option<Begun<Vec<Outcome<aliyun_mqtt::Delivery>>>>,
    /// Messages in flight, oldest first, and the errors of those that were not accepted.
    window: VecDeque<Outcome<aliyun_mqtt::Delivery>>,
    /// How many these may be.
    size: usize,
    /// So many results later, the client is asked for its window, which may have grown.
    ask_in: usize,
    /// The exception of the input, raised behind the results of what came before it.
    failure: Option<Py<PyBaseException>>,
    age: Duration,
}

impl PublishEach {
    pub(crate) fn new(client: Client, messages: &Bound<'_, PyAny>) -> PyResult<Self> {
        let size = usize::from(client.config().window());
        let age = client.config().message_age().unwrap_or(client.config().timeout());
        let messages = Some(messages.try_iter()?.unbind());
        let window = VecDeque::with_capacity(size);
        let client = DropDetached::new(client);
        let (taken, begun, failure) = (Vec::new(), None, None);
        Ok(PublishEach { client, messages, taken, begun, window, size, ask_in: size / 4, failure, age })
    }

    fn follow_window(&mut self) {
        if self.ask_in > 0 {
            self.ask_in -= 1;
            return;
        }
        let window = usize::try_from(self.client.stats().window).unwrap_or(0);
        self.size = window.max(self.client.config().window().into());
        self.ask_in = self.size / 4;
    }

    /// Takes the next message from the input, unless it has ended.
    ///
    /// An error that is not an `Exception`, such as Ctrl-C, does not wait for its turn, and may not be the end of the
    /// input.
    fn take(&mut self, py: Python<'_>) -> PyResult<Option<aliyun_mqtt::Outgoing>> {
        let Some(messages) = &self.messages else { return Ok(None) };
        let next = messages.bind(py).clone().next();
        let read: Option<PyResult<_>> = next.map(|message| {
            let message = message?;
            let message = message.cast::<Outgoing>().map_err(|_| wrong_type("a message", "an Outgoing", &message))?;
            Ok(message.get().copy().with_default_timeout(self.age).message)
        });
        match read {
            Some(Ok(message)) => return Ok(Some(message)),
            Some(Err(error)) if !error.is_instance_of::<PyException>(py) => return Err(error),
            Some(Err(error)) => self.failure = Some(error.into_value(py)),
            None => {}
        }
        self.messages = None;
        Ok(None)
    }

    /// Takes messages from the input while the window has room. Waits for room only if there is nothing else to wait
    /// for.
    fn fill(&mut self, py: Python<'_>) -> PyResult<()> {
        self.finish_begun(py)?;
        if self.client.config().spool().is_some() {
            return self.fill_spooled(py);
        }
        while self.window.len() < self.size {
            let message = match self.taken.pop() {
                Some(message) => message,
                None => match self.take(py)? {
                    Some(message) => message,
                    None => return Ok(()),
                },
            };
            match self.client.try_enqueue(message.clone()) {
                Err(error) if error.kind() == ErrorKind::Full => {
                    self.taken.push(message.clone());
                    if !self.window.is_empty() {
                        return Ok(());
                    }
                    let client = self.client.clone();
                    self.begun = Some(Begun::new(py, move || vec![client.enqueue(message)])?);
                    self.taken.clear();
                    self.finish_begun(py)?;
                }
                result => self.window.push_back(result),
            }
        }
        Ok(())
    }

    /// Takes half a window of messages at a time, which share one sync to disk.
    fn fill_spooled(&mut self, py: Python<'_>) -> PyResult<()> {
        if self.window.len() > self.size / 2 {
            return Ok(());
        }
        let room = self.size - self.window.len();
        while self.taken.len() < room
            && let Some(message) = self.take(py)?
        {
            self.taken.push(message);
        }
        if !self.taken.is_empty() {
            let (client, batch) = (self.client.clone(), self.taken.clone());
            self.begun = Some(Begun::new(py, move || client.enqueue_many(batch))?);
            self.taken.clear();
            self.finish_begun(py)?;
        }
        Ok(())
    }

    fn finish_begun(&mut self, py: Python<'_>) -> PyResult<()> {
        if let Some(begun) = &self.begun {
            self.window.extend(begun.wait(py)?);
            self.begun = None;
        }
        Ok(())
    }
}

#[pymethods]
impl PublishEach {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.follow_window();
        self.fill(py)?;
        let result = match self.window.front() {
            None => {
                let failure = self.failure.take();
                return failure.map_or(Ok(None), |failure| Err(PyErr::from_value(failure.into_bound(py).into_any())));
            }
            Some(Err(error)) => Err(error.clone()),
            // It stays in the window until its outcome is known: an interrupted wait loses nothing.
            Some(Ok(delivery)) => settle(py, delivery)?,
        };
        self.window.pop_front();
        Ok(Some(match result {
            Ok(receipt) => Py::new(py, Receipt::from(receipt))?.into_any(),
            Err(error) => make(py, &error)?.unbind(),
        }))
    }

    fn __repr__(&self) -> String {
        format!("<aliyun_mqtt.PublishEach in flight: {}>", self.window.len())
    }

    /// The input may hold what holds these results.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.messages)?;
        visit.call(&self.failure)
    }

    fn __clear__(&mut self) {
        self.messages = None;
        self.failure = None;
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_picklable("PublishEach"))
    }
}

/// Waits until a message is settled; if the client is closed meanwhile, the message is given up.
pub(crate) fn settle(py: Python<'_>, delivery: &aliyun_mqtt::Delivery) -> PyResult<Outcome<aliyun_mqtt::Receipt>> {
    let settled = in_steps(py, None, |time| Ok(delivery.wait_or_give_up(time).transpose()))?;
    // The wait has no limit, so it ends with an outcome.
    settled.ok_or_else(|| PyRuntimeError::new_err("an endless wait ended"))
}
