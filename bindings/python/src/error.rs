//! Errors of the library as exceptions, and exceptions as errors of the library.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use aliyun_mqtt::{Code, Error, ErrorKind};
use pyo3::exceptions::{PyException, PyOSError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::convert::not_picklable;

/// An error of the library, from which `aliyun_mqtt.Error` takes its attributes.
#[pyclass(frozen, module = "aliyun_mqtt._native")]
pub(crate) struct Failure(pub(crate) Error);

#[pymethods]
impl Failure {
    #[getter]
    fn text(&self) -> String {
        self.0.to_string()
    }

    #[getter]
    fn message(&self) -> &str {
        self.0.message()
    }

    #[getter]
    fn kind(&self) -> &'static str {
        match self.0.kind() {
            ErrorKind::Config => "config",
            ErrorKind::Invalid => "invalid",
            ErrorKind::Credentials => "credentials",
            ErrorKind::Timeout(_) => "timeout",
            ErrorKind::Resolve => "resolve",
            ErrorKind::Connect => "connect",
            ErrorKind::Proxy => "proxy",
            ErrorKind::Tls => "tls",
            ErrorKind::Refused => "refused",
            ErrorKind::Protocol => "protocol",
            ErrorKind::ConnectionLost => "connection_lost",
            ErrorKind::Rejected => "rejected",
            ErrorKind::SuspectedRefusal => "suspected_refusal",
            ErrorKind::TokenInvalid => "token_invalid",
            ErrorKind::Api => "api",
            ErrorKind::Full => "full",
            ErrorKind::Spool => "spool",
            ErrorKind::Closed => "closed",
            ErrorKind::Undelivered { .. } => "undelivered",
            ErrorKind::Forked => "forked",
            // A kind that this binding does not know yet is its fault.
            _ => "internal",
        }
    }

    /// The number of messages that were not delivered.
    #[getter]
    fn count(&self) -> Option<usize> {
        match self.0.kind() {
            ErrorKind::Undelivered { count } => Some(count),
            _ => None,
        }
    }

    #[getter]
    fn fate(&self) -> Option<&'static str> {
        self.0.fate().map(aliyun_mqtt::Fate::as_str)
    }

    #[getter]
    fn stage(&self) -> Option<&'static str> {
        self.0.stage().map(aliyun_mqtt::Stage::as_str)
    }

    /// The origin of the code, its number, and its text.
    #[getter]
    fn code(&self) -> Option<(&'static str, i64, String)> {
        self.0.code().map(|code| (origin(code), code.number(), code.to_string()))
    }

    #[getter]
    fn hint(&self) -> Option<&str> {
        self.0.hint()
    }

    #[getter]
    fn hint_key(&self) -> Option<&'static str> {
        self.0.hint_key()
    }

    #[getter]
    fn is_timeout(&self) -> bool {
        self.0.is_timeout()
    }

    #[getter]
    fn is_retryable(&self) -> bool {
        self.0.is_retryable()
    }

    #[getter]
    fn missing_setting(&self) -> Option<&str> {
        self.0.missing_setting()
    }

    /// HTTP status, code, message and request id, and if it was throttled.
    #[getter]
    #[allow(clippy::type_complexity, reason = "a tuple for one constructor in Python")]
    fn api(&self) -> Option<(u16, Option<&str>, Option<&str>, Option<&str>, bool)> {
        let fault = self.0.api()?;
        Some((fault.http_status(), fault.code(), fault.message(), fault.request_id(), fault.is_throttled()))
    }

    /// The underlying cause as an exception.
    #[getter]
    fn cause<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.source().map(|source| exception(py, source)).transpose()
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_picklable("Failure"))
    }
}

/// The outcome of a call of the library.
pub(crate) type Outcome<T> = Result<T, Error>;

/// Makes the exception of an error.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    match make(py, error) {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// Makes the exception of an error, as an object.
pub(crate) fn make<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    MAKE.import(py, "aliyun_mqtt._errors", "from_native")?.call1((Failure(error.clone()),))
}

/// An exception of the program's Python code, as a cause within the library.
#[derive(Debug)]
pub(crate) struct PythonError {
    text: String,
    exception: Py<PyAny>,
}

impl PythonError {
    /// The text is put together in Python, on the thread that may run Python code.
    pub(crate) fn new(text: String, exception: Py<PyAny>) -> Self {
        PythonError { text, exception }
    }
}

impl fmt::Display for PythonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for PythonError {}

/// Makes an exception of a cause.
fn exception<'py>(py: Python<'py>, error: &(dyn StdError + 'static)) -> PyResult<Bound<'py, PyAny>> {
    if let Some(own) = error.downcast_ref::<Error>() {
        return make(py, own);
    }
    if let Some(raised) = raised_by_program(error) {
        return Ok(raised.exception.bind(py).clone());
    }
    let made = match error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
        Some(number) => PyOSError::new_err((number, error.to_string())),
        None => PyException::new_err(error.to_string()),
    };
    let made = made.into_value(py).into_bound(py).into_any();
    if let Some(source) = error.source() {
        made.setattr("__cause__", exception(py, source)?)?;
    }
    Ok(made)
}

/// Finds an exception of the program behind the library's own words for it.
fn raised_by_program<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a PythonError> {
    match error.downcast_ref::<PythonError>() {
        Some(raised) => Some(raised),
        None => error.source().filter(|source| !source.is::<Error>()).and_then(raised_by_program),
    }
}

fn origin(code: Code) -> &'static str {
    match code {
        Code::ConnAck(_) => "connack",
        Code::SubAck(_) => "suback",
        Code::PubAck(_) => "puback",
        Code::PubRec(_) => "pubrec",
        Code::PubComp(_) => "pubcomp",
        Code::UnsubAck(_) => "unsuback",
        Code::Disconnect(_) => "disconnect",
        Code::TokenInvalid(_) => "token_invalid",
        Code::Proxy(_) => "proxy",
        Code::WebSocket(_) => "websocket",
        _ => "other",
    }
}
