//! Receiving.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aliyun_mqtt as mqtt;
use pyo3::prelude::*;

use crate::convert::{not_picklable, timeout};
use crate::error::{Outcome, raise};
use crate::message::Message;
use crate::wait::in_steps;

/// The native part of `Subscription`. `None` once it is closed.
#[pyclass(frozen, module = "aliyun_mqtt._native")]
pub(crate) struct Subscription(Mutex<Option<std::sync::Arc<mqtt::Subscription>>>);

impl Subscription {
    pub(crate) fn new(subscription: mqtt::Subscription) -> Self {
        Subscription(Mutex::new(Some(subscription.into())))
    }

    /// It stays open as long as a call waits with it.
    fn open(&self) -> PyResult<std::sync::Arc<mqtt::Subscription>> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        open.ok_or_else(|| pyo3::exceptions::PyValueError::new_err("the subscription is closed"))
    }
}

#[pymethods]
impl Subscription {
    fn recv(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Message>> {
        let subscription = self.open()?;
        receive(py, timeout, |time| subscription.recv_timeout(time))
    }

    fn try_recv(&self, py: Python<'_>) -> PyResult<Option<Message>> {
        Ok(self.open()?.try_recv().map_err(|error| raise(py, &error))?.map(Message::from))
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
    /// As good as not waiting, but refused by a closed client, unlike a timeout of zero.
    const NOW: Duration = Duration::from_nanos(1);
    let limit = self::timeout(timeout)?;
    let now = if limit == Some(Duration::ZERO) { Duration::ZERO } else { NOW };
    let message = match take(now).map_err(|error| raise(py, &error))? {
        None if limit != Some(Duration::ZERO) => in_steps(py, limit, take)?,
        message => message,
    };
    Ok(message.map(Message::from))
}
