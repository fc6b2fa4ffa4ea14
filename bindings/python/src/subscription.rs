//! Receiving.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aliyun_mqtt as mqtt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::convert::{not_picklable, timeout};
use crate::error::{Outcome, raise};
use crate::message::Message;
use crate::wait::{DropDetached, STEP, in_steps};

/// The native part of `Subscription`. `None` once it is closed.
#[pyclass(frozen, module = "aliyun_mqtt._native")]
pub(crate) struct Subscription(Mutex<Option<Arc<mqtt::Subscription>>>);

impl Subscription {
    pub(crate) fn new(subscription: mqtt::Subscription) -> Self {
        Subscription(Mutex::new(Some(subscription.into())))
    }

    /// It stays open as long as a call uses it.
    fn open(&self) -> Option<DropDetached<Arc<mqtt::Subscription>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone().map(DropDetached::new)
    }

    /// Takes a message in slices, and ends with `None` within one after the subscription was closed.
    fn take(&self, subscription: &mqtt::Subscription, time: Duration) -> Outcome<Option<Option<mqtt::Message>>> {
        let until = Instant::now().checked_add(time);
        loop {
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            let slice = left.min(STEP);
            if let Some(message) = subscription.recv_timeout(slice)? {
                return Ok(Some(Some(message)));
            }
            if self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
                return Ok(Some(None));
            }
            if slice == left {
                return Ok(None);
            }
        }
    }
}

#[pymethods]
impl Subscription {
    fn recv(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Message>> {
        let subscription = self.open().ok_or_else(|| closed(py))?;
        let limit = self::timeout(timeout)?;
        if let Some(message) = at_once(py, limit, |time| subscription.recv_timeout(time))? {
            return Ok(Some(message));
        }
        if limit == Some(Duration::ZERO) {
            return Ok(None);
        }
        match in_steps(py, limit, |time| self.take(&subscription, time))? {
            Some(Some(message)) => Ok(Some(message.into())),
            Some(None) => Err(closed(py)),
            None => Ok(None),
        }
    }

    fn try_recv(&self, py: Python<'_>) -> PyResult<Option<Message>> {
        let subscription = self.open().ok_or_else(|| closed(py))?;
        Ok(subscription.try_recv().map_err(|error| raise(py, &error))?.map(Message::from))
    }

    fn close(&self, py: Python<'_>) {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        py.detach(|| drop(open));
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_picklable("Subscription"))
    }
}

/// Takes the next message: one that is there at once, without a change of threads.
pub(crate) fn receive(
    py: Python<'_>,
    timeout: Option<&Bound<'_, PyAny>>,
    take: impl Fn(Duration) -> Outcome<Option<mqtt::Message>> + Send + Sync,
) -> PyResult<Option<Message>> {
    let limit = self::timeout(timeout)?;
    match at_once(py, limit, &take)? {
        None if limit != Some(Duration::ZERO) => Ok(in_steps(py, limit, take)?.map(Message::from)),
        message => Ok(message),
    }
}

/// Takes a message that is there.
fn at_once(
    py: Python<'_>,
    limit: Option<Duration>,
    take: impl Fn(Duration) -> Outcome<Option<mqtt::Message>>,
) -> PyResult<Option<Message>> {
    /// As good as not waiting, but refused by a closed client, unlike a timeout of zero.
    const NOW: Duration = Duration::from_nanos(1);
    let now = if limit == Some(Duration::ZERO) { Duration::ZERO } else { NOW };
    Ok(take(now).map_err(|error| raise(py, &error))?.map(Message::from))
}

/// Makes the exception of a closed subscription.
fn closed(py: Python<'_>) -> PyErr {
    static CLOSED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let made = CLOSED.import(py, "aliyun_mqtt._errors", "subscription_closed").and_then(PyAnyMethods::call0);
    made.map_or_else(|error| error, PyErr::from_value)
}
