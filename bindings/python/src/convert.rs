//! Values of Python as those of the library, and back.

use std::time::{Duration, SystemTime};

use aliyun_mqtt::{Payload, QoS, TokenKind};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyMemoryView, PyString};

use crate::error::raise;

/// Reads `str`, `bytes`, `bytearray`, `memoryview`, or any other buffer. Copies it once, except that a buffer of another
/// type is copied twice.
pub(crate) fn payload(value: &Bound<'_, PyAny>) -> PyResult<Payload> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().into());
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.to_cow()?.into());
    }
    Ok(buffer("payload", value)?.into())
}

/// Reads the bytes of a buffer. The stable ABI of Python 3.9 has no buffers, so others than `bytes` and `bytearray` go
/// through a `memoryview`.
pub(crate) fn buffer(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    if let Ok(bytes) = value.cast::<PyByteArray>() {
        return Ok(bytes.to_vec());
    }
    let view = PyMemoryView::from(value).map_err(|_| wrong_type(name, "str, bytes or a buffer", value))?;
    Ok(view.call_method0("tobytes")?.cast::<PyBytes>()?.as_bytes().to_vec())
}

/// Reads a level of QoS: 0, 1 or 2.
pub(crate) fn qos(value: &Bound<'_, PyAny>) -> PyResult<QoS> {
    let Ok(level) = value.extract::<i64>() else { return Err(wrong_type("qos", "0, 1, 2 or a QoS", value)) };
    QoS::try_from(u8::try_from(level).unwrap_or(u8::MAX)).map_err(|error| raise(value.py(), &error))
}

/// Returns the member of the enumeration `QoS`.
pub(crate) fn qos_member(py: Python<'_>, qos: QoS) -> PyResult<Py<PyAny>> {
    static MEMBERS: PyOnceLock<[Py<PyAny>; 3]> = PyOnceLock::new();
    let members = MEMBERS.get_or_try_init(py, || {
        let class = py.import("aliyun_mqtt._enums")?.getattr("QoS")?;
        let member = |level: u8| class.call1((level,)).map(Bound::unbind);
        PyResult::Ok([member(0)?, member(1)?, member(2)?])
    })?;
    Ok(members[usize::from(qos.level())].clone_ref(py))
}

/// Reads a time in seconds or a `timedelta`. Infinity is the longest time.
pub(crate) fn duration(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let bad = || PyValueError::new_err(format!("{name} must not be negative or NaN"));
    if !value.is_instance_of::<PyBool>() {
        if let Ok(seconds) = value.extract::<f64>() {
            if seconds.is_nan() || seconds < 0.0 {
                return Err(bad());
            }
            return Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
        }
        let timedelta = value.py().import("datetime")?.getattr("timedelta")?;
        if value.is_instance(&timedelta)? {
            return value.extract().map_err(|_| bad());
        }
    }
    Err(wrong_type(name, "seconds as a number, or a timedelta", value))
}

/// Reads a timeout; `None` stays `None`.
pub(crate) fn timeout(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Duration>> {
    value.map(|value| duration("timeout", value)).transpose()
}

/// Reads a moment: an aware `datetime`, or seconds since 1970.
pub(crate) fn moment(name: &str, value: &Bound<'_, PyAny>) -> PyResult<SystemTime> {
    let datetime = value.py().import("datetime")?.getattr("datetime")?;
    let seconds = if value.is_instance(&datetime)? {
        if value.getattr("tzinfo")?.is_none() {
            return Err(PyValueError::new_err(format!("{name} must be a datetime with a time zone")));
        }
        value.call_method0("timestamp")?
    } else {
        value.clone()
    };
    let Ok(seconds) = seconds.extract::<f64>() else {
        return Err(wrong_type(name, "a datetime, or seconds since 1970", value));
    };
    let since = Duration::try_from_secs_f64(seconds).ok();
    since
        .and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since))
        .ok_or_else(|| PyValueError::new_err(format!("{name} is out of range")))
}

/// Reads the kind of a token: `R`, `W`, `RW`.
pub(crate) fn token_kind(value: &Bound<'_, PyAny>) -> PyResult<TokenKind> {
    let Ok(text) = value.extract::<String>() else { return Err(wrong_type("kind", "a TokenKind", value)) };
    text.parse().map_err(|error| raise(value.py(), &error))
}

/// Returns a moment as an aware `datetime`; `None` if Python cannot represent it.
pub(crate) fn datetime<'py>(py: Python<'py>, time: Option<SystemTime>) -> Option<Bound<'py, PyAny>> {
    time.and_then(|time| time.into_pyobject(py).ok()).map(Bound::into_any)
}

/// The error of an argument of the wrong type.
pub(crate) fn wrong_type(name: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let found = value.get_type().name().map_or_else(|_| "something else".to_string(), |name| name.to_string());
    PyTypeError::new_err(format!("{name} must be {expected}, not {found}"))
}

/// The error of pickling an object that belongs to its process.
pub(crate) fn not_picklable(class: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "cannot pickle aliyun_mqtt.{class}: it belongs to its process, or holds secrets; make one in each process"
    ))
}
