//! Credentials, tokens, and providers written in Python.

use std::error::Error as StdError;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use aliyun_mqtt as mqtt;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::config::member;
use crate::convert::{datetime, duration, moment, not_picklable, token_kind, wrong_type};
use crate::error::{Failure, PythonError, raise};
use crate::openapi::{Api, token_requests};

/// The credentials of a client: use one of the constructors.
///
/// * ``device``: for trusted devices, a key for one client id
/// * ``token``, ``tokens``: for untrusted devices, temporary permission for some topics
/// * ``token_provider``: the same, with tokens from a function, fetched and renewed as needed
/// * ``apply_tokens``: the same, with tokens that the library itself applies for
/// * ``signature``: for your own servers; never put an account's key on a device
/// * ``custom_plain``, ``custom_signed``: an identity uploaded by the account
/// * ``provider``: any of these, from a function called at each connect
/// * ``from_env``: from environment variables
///
/// Values are checked when the configuration is built, and those of a provider when it returns them.
#[pyclass(frozen, module = "aliyun_mqtt")]
pub(crate) struct Credentials(pub(crate) mqtt::Credentials);

#[pymethods]
impl Credentials {
    /// Creates credentials for signature mode: the AccessKey of an account or RAM user. The secret itself is not sent.
    #[staticmethod]
    fn signature(access_key_id: &str, access_key_secret: &str) -> Self {
        Credentials(mqtt::Credentials::signature(access_key_id, access_key_secret))
    }

    /// Creates credentials for device mode: a key for one client id, so that the device id must be set.
    #[staticmethod]
    fn device(device_access_key_id: &str, device_access_key_secret: &str) -> Self {
        Credentials(mqtt::Credentials::device(device_access_key_id, device_access_key_secret))
    }

    /// Creates credentials for token mode, from tokens with their types: ``RW|{token}``, ``R|{token}``, ``W|{token}``,
    /// or one of each type joined, as in ``R|{token}|W|{token}``. ``access_key_id`` is the key that applied for them.
    #[staticmethod]
    fn token(access_key_id: &str, tokens: &str) -> Self {
        Credentials(mqtt::Credentials::token(access_key_id, tokens))
    }

    /// Creates credentials for token mode, from ``Token`` objects; at most one of each kind. They are not renewed:
    /// replace them with ``Client.upload_token`` before they expire.
    #[staticmethod]
    fn tokens(access_key_id: &str, tokens: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Credentials(mqtt::Credentials::tokens(access_key_id, read_tokens(tokens)?)))
    }

    /// Creates credentials for token mode, with a function that fetches the tokens: it takes no arguments and returns a
    /// ``Token`` or several, at most one of each kind, with their expiry if it is known.
    ///
    /// They are kept and used for each login until one of them must be renewed. New tokens are uploaded without a new
    /// connection, and reported as an event. The function runs on a thread of its own, never twice at a time, and may
    /// block up to the client's timeout. If it raises at a login, the connect fails with an ``Error`` of the kind
    /// ``credentials``, whose ``__cause__`` is the exception; at a renewal it is called again with growing pauses. Its
    /// exception appears in errors and logs, so keep secrets out of it.
    ///
    /// The client keeps the function. If the function keeps the client, too, as a method of an object that has it does,
    /// the garbage collector cannot see that: leave the ``with`` block, or call ``disconnect``.
    #[staticmethod]
    fn token_provider(access_key_id: &str, fetch: &Bound<'_, PyAny>) -> PyResult<Self> {
        let fetch = callable("fetch", fetch)?;
        let fetch = move || ask(&fetch, read_tokens);
        Ok(Credentials(mqtt::Credentials::token_provider(access_key_id, fetch)))
    }

    /// Creates credentials for custom authentication with sign mode ``ORIGIN``: user name and secret, sent as they are.
    #[staticmethod]
    fn custom_plain(user: &str, password: &str) -> Self {
        Credentials(mqtt::Credentials::custom_plain(user, password))
    }

    /// Creates credentials for custom authentication with sign mode ``SIGNED``: the user name, and a signature of the
    /// client id with the uploaded secret.
    #[staticmethod]
    fn custom_signed(user: &str, uploaded_secret: &str) -> Self {
        Credentials(mqtt::Credentials::custom_signed(user, uploaded_secret))
    }

    /// Creates credentials that are requested from this function at each connect: it takes no arguments and returns
    /// ``Credentials``, but not another provider. It runs as a ``token_provider`` does, with the same errors.
    #[staticmethod]
    fn provider(ask: &Bound<'_, PyAny>) -> PyResult<Self> {
        let function = callable("ask", ask)?;
        let read = |value: &Bound<'_, PyAny>| match value.cast::<Credentials>() {
            Ok(credentials) => Ok(credentials.get().0.clone()),
            Err(_) => Err(wrong_type("what the provider returns", "Credentials", value)),
        };
        Ok(Credentials(mqtt::Credentials::provider(move || self::ask(&function, read))))
    }

    /// Creates credentials for token mode, with tokens that the library itself applies for, one for each
    /// ``openapi.TokenRequest``; at most one of each kind. They are kept and renewed as with a ``token_provider``.
    #[staticmethod]
    fn apply_tokens(api: &Bound<'_, PyAny>, requests: &Bound<'_, PyAny>) -> PyResult<Self> {
        let native = api.getattr("_native").map_err(|_| wrong_type("api", "openapi.Api", api))?;
        let native = native.cast::<Api>().map_err(|_| wrong_type("api", "openapi.Api", api))?;
        let requests = token_requests(requests)?;
        Ok(Credentials(mqtt::Credentials::apply_tokens(native.get().api(), requests)))
    }

    /// Reads the credentials from environment variables: those of ``mode`` (``"signature"``, ``"token"``,
    /// ``"device"`` or ``"chain"``), or of the mode in ``ALIYUN_MQTT_AUTH``. ``"chain"`` takes the first key that the
    /// SDKs of Alibaba Cloud would find, and renews a temporary one.
    #[staticmethod]
    #[pyo3(signature = (mode=None))]
    fn from_env(py: Python<'_>, mode: Option<&str>) -> PyResult<Self> {
        let mode = mode.map_or_else(mqtt::AuthMode::from_env, str::parse);
        let credentials = mode.and_then(mqtt::Credentials::from_env);
        credentials.map(Credentials).map_err(|error| raise(py, &error))
    }

    fn __repr__(&self) -> String {
        format!("<aliyun_mqtt.Credentials {:?}>", self.0)
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_picklable("Credentials"))
    }
}

/// A token with its kind and, if known, the time at which it expires.
///
/// ``kind`` is a ``TokenKind`` or its value: ``"R"``, ``"W"`` or ``"RW"``. ``text`` is the token without its kind in
/// front. ``expires_in`` is in seconds from now; ``expires_at`` is a moment: an aware ``datetime``, or seconds since
/// 1970. The ``repr`` hides the text.
#[pyclass(frozen, eq, module = "aliyun_mqtt")]
#[derive(PartialEq, Eq)]
pub(crate) struct Token(pub(crate) mqtt::Token);

#[pymethods]
impl Token {
    #[new]
    #[pyo3(signature = (kind, text, *, expires_in=None, expires_at=None))]
    fn new(
        kind: &Bound<'_, PyAny>,
        text: &str,
        expires_in: Option<&Bound<'_, PyAny>>,
        expires_at: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let token = mqtt::Token::new(token_kind(kind)?, text);
        Ok(Token(match (expires_in, expires_at) {
            (None, None) => token,
            (Some(life), None) => token.expires_in(duration("expires_in", life)?),
            (None, Some(end)) => token.expires_at(moment("expires_at", end)?),
            (Some(_), Some(_)) => return Err(PyTypeError::new_err("give expires_in or expires_at, not both")),
        }))
    }

    /// Reads one token with its kind in front: ``RW|{token}``, ``R|{token}`` or ``W|{token}``.
    #[staticmethod]
    fn parse(py: Python<'_>, text: &str) -> PyResult<Self> {
        text.parse().map(Token).map_err(|error| raise(py, &error))
    }

    /// The kind of the token.
    #[getter]
    fn kind<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        member(py, "TokenKind", self.0.kind().as_str())
    }

    /// The time at which it expires, if it is known.
    #[getter]
    fn expires<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        datetime(py, self.0.expires())
    }

    /// The text of the token, which is a secret.
    #[getter]
    fn secret(&self) -> &str {
        self.0.secret()
    }

    fn __repr__(&self) -> String {
        format!("<aliyun_mqtt.Token {}>", self.0.kind())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_picklable("Token"))
    }
}

/// Where a provider's thread leaves what the provider returned or raised.
#[pyclass(frozen, module = "aliyun_mqtt._native")]
pub(crate) struct Answer(Mutex<Option<SyncSender<Given>>>);

type Given = Result<Py<PyAny>, BoxedError>;
type BoxedError = Box<dyn StdError + Send + Sync>;

#[pymethods]
impl Answer {
    fn give(&self, value: Py<PyAny>) {
        self.send(Ok(value));
    }

    /// `text` describes the exception.
    fn fail(&self, text: String, exception: &Bound<'_, PyAny>) {
        let own = exception.getattr("_failure").ok();
        let error: BoxedError = match own.as_ref().and_then(|own| own.cast::<Failure>().ok()) {
            Some(own) => Box::new(own.get().0.clone()),
            None => Box::new(PythonError::new(text, exception.clone().unbind())),
        };
        self.send(Err(error));
    }
}

impl Answer {
    fn send(&self, given: Given) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            // There is room for one, and the receiver waits as long as this object lives.
            let _ = sender.send(given);
        }
    }
}

/// The interpreter is about to end: no provider is called any more.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Notes that the interpreter is about to end.
#[pyfunction]
pub(crate) fn interpreter_ends() {
    ENDING.store(true, Ordering::SeqCst);
}

/// Calls a function of the program and reads what it returns.
///
/// Runs on the library's thread for providers, and starts a thread of Python for the function: while the interpreter
/// ends, it stops its threads wherever they are, which a stack with frames of Rust below those of Python does not
/// survive. This thread waits without the GIL.
fn ask<T>(function: &Py<PyAny>, read: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>) -> Result<T, BoxedError> {
    static START: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let attach_failed = || BoxedError::from("the Python interpreter is ending");
    let (sender, receiver) = sync_channel(1);
    let start = |py: Python<'_>| -> PyResult<()> {
        let answer = Answer(Mutex::new(Some(sender)));
        START.import(py, "aliyun_mqtt._providers", "start")?.call1((function, answer)).map(drop)
    };
    attach(start).ok_or_else(attach_failed)??;
    let value = receiver.recv().map_err(|_| BoxedError::from("the provider's thread ended without a result"))??;
    let read = attach(|py| {
        let value = value.into_bound(py);
        read(&value).map_err(|error| {
            let exception = error.clone_ref(py).into_value(py).into_any();
            BoxedError::from(PythonError::new(error.to_string(), exception))
        })
    });
    read.ok_or_else(attach_failed)?
}

/// Takes the GIL, unless the interpreter is ending.
fn attach<T>(work: impl for<'py> FnOnce(Python<'py>) -> T) -> Option<T> {
    if ENDING.load(Ordering::SeqCst) { None } else { Python::try_attach(work) }
}

fn callable(name: &str, function: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    if function.is_callable() { Ok(function.clone().unbind()) } else { Err(wrong_type(name, "callable", function)) }
}

/// Reads a `Token`, or several.
fn read_tokens(value: &Bound<'_, PyAny>) -> PyResult<Vec<mqtt::Token>> {
    if let Ok(token) = value.cast::<Token>() {
        return Ok(vec![token.get().0.clone()]);
    }
    let wrong = |_| wrong_type("tokens", "a Token or several", value);
    let read = |token: PyResult<Bound<'_, PyAny>>| {
        let token = token?;
        let token = token.cast::<Token>().map_err(|_| wrong_type("a token", "a Token", &token))?;
        Ok(token.get().0.clone())
    };
    value.try_iter().map_err(wrong)?.map(read).collect()
}
