//! Events, as objects of the classes in `aliyun_mqtt.events`.

use std::time::Instant;

use aliyun_mqtt as mqtt;
use mqtt::{Event, Notice, TokenKind};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::config::member;
use crate::convert::{datetime, not_picklable, timeout};
use crate::error::make;
use crate::wait::in_steps;

/// The native part of `Events`.
#[pyclass(frozen, module = "aliyun_mqtt._native")]
pub(crate) struct Events(pub(crate) mqtt::Events);

#[pymethods]
impl Events {
    fn recv<'py>(&self, py: Python<'py>, timeout: Option<&Bound<'py, PyAny>>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let event = in_steps(py, self::timeout(timeout)?, |time| {
            let begin = Instant::now();
            let event = self.0.recv_timeout(time);
            // Back without an event before the time is over: the client has ended.
            Ok(if event.is_some() || begin.elapsed() < time { Some(event) } else { None })
        })?;
        event.flatten().map(|event| object(py, &event)).transpose()
    }

    fn try_recv<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.try_recv().map(|event| object(py, &event)).transpose()
    }

    #[getter]
    fn dropped(&self) -> u64 {
        self.0.dropped()
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_picklable("Events"))
    }
}

fn object<'py>(py: Python<'py>, event: &Event) -> PyResult<Bound<'py, PyAny>> {
    let fields = PyDict::new(py);
    let set = |name: &str, value: Bound<'py, PyAny>| fields.set_item(name, value);
    let name = match event {
        Event::Connected { session_present, number, .. } => {
            fields.set_item("session_present", *session_present)?;
            fields.set_item("number", *number)?;
            "Connected"
        }
        Event::Disconnected { reason, retry_in, .. } => {
            set("reason", make(py, reason)?)?;
            fields.set_item("retry_in", retry_in.map(|time| time.as_secs_f64()))?;
            "Disconnected"
        }
        Event::Notice(notice) => return notice_object(py, notice),
        Event::SubscriptionLost { filter, reason, .. } => {
            fields.set_item("filter", filter)?;
            set("reason", make(py, reason)?)?;
            "SubscriptionLost"
        }
        Event::TopicRefused { topic, retry_in, reason, .. } => {
            fields.set_item("topic", topic)?;
            fields.set_item("retry_in", retry_in.as_secs_f64())?;
            set("reason", make(py, reason)?)?;
            "TopicRefused"
        }
        Event::TokenRenewed { kind, expires, .. } => {
            set("kind", token_kind(py, *kind)?)?;
            fields.set_item("expires", datetime(py, *expires))?;
            "TokenRenewed"
        }
        Event::TokenRenewalFailed { reason, retry_in, .. } => {
            set("reason", make(py, reason)?)?;
            fields.set_item("retry_in", retry_in.map(|time| time.as_secs_f64()))?;
            "TokenRenewalFailed"
        }
        Event::SpoolSetAside { path, reason, .. } => {
            fields.set_item("path", path)?;
            set("reason", make(py, reason)?)?;
            "SpoolSetAside"
        }
        Event::MessageSetAside { topic, size, reason, .. } => {
            fields.set_item("topic", topic)?;
            fields.set_item("size", *size)?;
            set("reason", make(py, reason)?)?;
            "MessageSetAside"
        }
        Event::InboxFull => "InboxFull",
        Event::AcksHeldBack { topic, taken, held_back, .. } => {
            fields.set_item("topic", topic)?;
            fields.set_item("taken", *taken)?;
            fields.set_item("held_back", *held_back)?;
            "AcksHeldBack"
        }
        Event::Ended { reason, untaken, unsent_acks, .. } => {
            set("reason", make(py, reason)?)?;
            fields.set_item("untaken", untaken.as_ref().map_or(0, |untaken| untaken.count))?;
            fields.set_item("first_untaken", untaken.as_ref().map(|untaken| untaken.first_topic.as_str()))?;
            fields.set_item("unsent_acks", *unsent_acks)?;
            "Ended"
        }
        // A later version of the library may have more.
        other => {
            fields.set_item("text", format!("{other:?}"))?;
            "OtherEvent"
        }
    };
    class(py, name)?.call((), Some(&fields))
}

fn notice_object<'py>(py: Python<'py>, notice: &Notice) -> PyResult<Bound<'py, PyAny>> {
    let fields = PyDict::new(py);
    fields.set_item("text", notice.to_string())?;
    let kind = |kind: Option<TokenKind>| kind.map(|kind| token_kind(py, kind)).transpose();
    let name = match notice {
        Notice::TokenExpire { expires, kind: of, .. } => {
            fields.set_item("expires", datetime(py, *expires))?;
            fields.set_item("kind", kind(*of)?)?;
            "TokenExpireNotice"
        }
        Notice::TokenInvalid { code, kind: of, .. } => {
            fields.set_item("code", code.number())?;
            fields.set_item("kind", kind(*of)?)?;
            "TokenInvalidNotice"
        }
        Notice::Other { topic, payload, .. } => {
            fields.set_item("topic", topic)?;
            fields.set_item("payload", payload)?;
            "OtherNotice"
        }
        _ => "Notice",
    };
    class(py, name)?.call((), Some(&fields))
}

fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("aliyun_mqtt.events")?.getattr(name)
}

fn token_kind(py: Python<'_>, kind: TokenKind) -> PyResult<Bound<'_, PyAny>> {
    member(py, "TokenKind", kind.as_str())
}
