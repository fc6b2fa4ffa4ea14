//! The native part of `openapi.Api`. Records of the service cross as dictionaries, of which Python makes its classes.

use std::sync::{Arc, Mutex, PoisonError};

use aliyun_mqtt::openapi::{self, ApiBuilder, Call, ClientIds, TokenRequest, TracePage, TraceRequest};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::{datetime, duration, moment, not_picklable, timeout, token_kind, wrong_type};
use crate::credentials::{Credentials, Token};
use crate::error::{Outcome, raise};
use crate::settings;
use crate::wait::{DropDetached, aside, try_aside};

type Argument<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// The API of one instance; `aliyun_mqtt.openapi.Api` is what programs use.
#[pyclass(frozen, module = "aliyun_mqtt._native")]
pub(crate) struct Api(DropDetached<openapi::Api>);

impl Api {
    pub(crate) fn api(&self) -> &openapi::Api {
        &self.0
    }

    /// Makes a call that blocks.
    fn call_aside<T: Send + 'static>(
        &self,
        py: Python<'_>,
        timeout: Argument<'_, '_>,
        work: impl FnOnce(&openapi::Api) -> Outcome<T> + Send + 'static,
    ) -> PyResult<T> {
        let api = match self::timeout(timeout)? {
            Some(timeout) => self.0.with_timeout(timeout),
            None => self.0.clone(),
        };
        try_aside(py, move || work(&api))
    }
}

#[pymethods]
impl Api {
    #[new]
    fn new(py: Python<'_>, from_env: bool, given: &Bound<'_, PyDict>) -> PyResult<Self> {
        let builder = if from_env { ApiBuilder::from_env() } else { openapi::Api::builder() };
        let builder = settings::of_api(builder, given)?;
        // Reads certificates.
        let api = py.detach(|| builder.build()).map_err(|error| raise(py, &error))?;
        Ok(Api(DropDetached::new(api)))
    }

    #[getter]
    fn instance_id(&self) -> &str {
        self.0.instance_id()
    }

    #[getter]
    fn access_key_id(&self) -> &str {
        self.0.access_key_id()
    }

    #[getter]
    fn endpoint(&self) -> String {
        self.0.endpoint()
    }

    #[getter]
    fn region(&self) -> Option<&str> {
        self.0.region()
    }

    #[getter]
    fn timeout(&self) -> f64 {
        self.0.timeout().as_secs_f64()
    }

    fn apply_token(&self, py: Python<'_>, request: &Bound<'_, PyAny>, timeout: Argument<'_, '_>) -> PyResult<Token> {
        let request = token_request(request)?;
        self.call_aside(py, timeout, move |api| api.apply_token(&request)).map(Token)
    }

    fn query_token(&self, py: Python<'_>, token: String, timeout: Argument<'_, '_>) -> PyResult<bool> {
        self.call_aside(py, timeout, move |api| api.query_token(&token))
    }

    fn revoke_token(&self, py: Python<'_>, token: String, timeout: Argument<'_, '_>) -> PyResult<()> {
        self.call_aside(py, timeout, move |api| api.revoke_token(&token))
    }

    fn send_message(
        &self,
        py: Python<'_>,
        topic: String,
        payload: String,
        timeout: Argument<'_, '_>,
    ) -> PyResult<String> {
        self.call_aside(py, timeout, move |api| api.send_message(&topic, &payload))
    }

    fn query_session(&self, py: Python<'_>, client_id: String, timeout: Argument<'_, '_>) -> PyResult<bool> {
        self.call_aside(py, timeout, move |api| api.query_session(&client_id))
    }

    fn batch_query_session(
        &self,
        py: Python<'_>,
        client_ids: Vec<String>,
        timeout: Argument<'_, '_>,
    ) -> PyResult<Vec<(String, bool)>> {
        self.call_aside(py, timeout, move |api| api.batch_query_session(&client_ids))
    }

    fn register_device_credential(
        &self,
        py: Python<'_>,
        client_id: String,
        timeout: Argument<'_, '_>,
    ) -> PyResult<DeviceCredential> {
        self.call_aside(py, timeout, move |api| api.register_device_credential(&client_id)).map(DeviceCredential)
    }

    fn device_credential(
        &self,
        py: Python<'_>,
        client_id: String,
        timeout: Argument<'_, '_>,
    ) -> PyResult<DeviceCredential> {
        self.call_aside(py, timeout, move |api| api.device_credential(&client_id)).map(DeviceCredential)
    }

    fn refresh_device_credential(
        &self,
        py: Python<'_>,
        client_id: String,
        timeout: Argument<'_, '_>,
    ) -> PyResult<DeviceCredential> {
        self.call_aside(py, timeout, move |api| api.refresh_device_credential(&client_id)).map(DeviceCredential)
    }

    fn unregister_device_credential(
        &self,
        py: Python<'_>,
        client_id: String,
        timeout: Argument<'_, '_>,
    ) -> PyResult<()> {
        self.call_aside(py, timeout, move |api| api.unregister_device_credential(&client_id))
    }

    fn list_device_credentials(&self, group_id: &str) -> ClientIdIterator {
        ClientIdIterator(Arc::new(Mutex::new(self.0.list_device_credentials(group_id))))
    }

    fn create_group(&self, py: Python<'_>, group_id: String, timeout: Argument<'_, '_>) -> PyResult<()> {
        self.call_aside(py, timeout, move |api| api.create_group(&group_id))
    }

    fn list_groups<'py>(&self, py: Python<'py>, timeout: Argument<'_, 'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let groups = self.call_aside(py, timeout, openapi::Api::list_groups)?;
        groups
            .iter()
            .map(|group| {
                let fields = PyDict::new(py);
                fields.set_item("id", group.id())?;
                fields.set_item("created", datetime(py, group.created()))?;
                fields.set_item("updated", datetime(py, group.updated()))?;
                Ok(fields)
            })
            .collect()
    }

    fn delete_group(&self, py: Python<'_>, group_id: String, timeout: Argument<'_, '_>) -> PyResult<()> {
        self.call_aside(py, timeout, move |api| api.delete_group(&group_id))
    }

    fn device_trace<'py>(
        &self,
        py: Python<'py>,
        client_id: String,
        request: &Bound<'py, PyAny>,
        timeout: Argument<'_, 'py>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let request = trace_request(request)?;
        trace_page(py, &self.call_aside(py, timeout, move |api| api.device_trace(&client_id, &request))?)
    }

    fn client_message_trace<'py>(
        &self,
        py: Python<'py>,
        client_id: String,
        request: &Bound<'py, PyAny>,
        timeout: Argument<'_, 'py>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let request = trace_request(request)?;
        trace_page(py, &self.call_aside(py, timeout, move |api| api.client_message_trace(&client_id, &request))?)
    }

    fn publish_trace<'py>(
        &self,
        py: Python<'py>,
        message_id: String,
        request: &Bound<'py, PyAny>,
        timeout: Argument<'_, 'py>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let request = trace_request(request)?;
        trace_page(py, &self.call_aside(py, timeout, move |api| api.publish_trace(&message_id, &request))?)
    }

    fn subscribe_trace<'py>(
        &self,
        py: Python<'py>,
        message_id: String,
        client_id: Option<String>,
        request: &Bound<'py, PyAny>,
        timeout: Argument<'_, 'py>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let request = trace_request(request)?;
        let work = move |api: &openapi::Api| api.subscribe_trace(&message_id, client_id.as_deref(), &request);
        trace_page(py, &self.call_aside(py, timeout, work)?)
    }

    /// Returns the service's JSON object as text.
    #[allow(clippy::too_many_arguments, reason = "they come from one call in Python")]
    fn call(
        &self,
        py: Python<'_>,
        action: String,
        parameters: Vec<(String, String)>,
        lists: Vec<(String, Vec<String>)>,
        form: Vec<(String, String)>,
        hide: Vec<String>,
        get: bool,
        repeatable: bool,
        timeout: Argument<'_, '_>,
    ) -> PyResult<String> {
        let mut call = Call::new(action).repeatable(repeatable);
        for (name, value) in parameters {
            call = call.parameter(name, value);
        }
        for (name, values) in lists {
            call = call.list(&name, values);
        }
        for (name, value) in form {
            call = call.form(name, value);
        }
        for name in hide {
            call = call.hide(name);
        }
        if get {
            call = call.get();
        }
        let answer = self.call_aside(py, timeout, move |api| api.call(&call))?;
        serde_json::to_string(&answer).map_err(|error| PyRuntimeError::new_err(error.to_string()))
    }

    fn __repr__(&self) -> String {
        format!("<aliyun_mqtt.openapi.Api {} of {}>", self.0.endpoint(), self.0.instance_id())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_picklable("openapi.Api"))
    }
}

/// The key of one device. The ``repr`` hides its secret.
#[pyclass(frozen, module = "aliyun_mqtt.openapi")]
pub(crate) struct DeviceCredential(openapi::DeviceCredential);

#[pymethods]
impl DeviceCredential {
    /// The client id that it is valid for.
    #[getter]
    fn client_id(&self) -> &str {
        self.0.client_id()
    }

    /// The device's AccessKey id.
    #[getter]
    fn access_key_id(&self) -> &str {
        self.0.access_key_id()
    }

    /// The device's AccessKey secret.
    #[getter]
    fn access_key_secret(&self) -> &str {
        self.0.access_key_secret()
    }

    /// The time of its creation, if the service reports it.
    #[getter]
    fn created<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        datetime(py, self.0.created())
    }

    /// The time of its last change, if the service reports it.
    #[getter]
    fn updated<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        datetime(py, self.0.updated())
    }

    /// Returns the credentials for the login of the device.
    fn credentials(&self) -> Credentials {
        Credentials(self.0.credentials())
    }

    fn __repr__(&self) -> String {
        format!("<aliyun_mqtt.openapi.DeviceCredential of {}>", self.0.client_id())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_picklable("openapi.DeviceCredential"))
    }
}

/// The client ids of a group that have a credential, read from the service page by page.
#[pyclass(frozen, module = "aliyun_mqtt._native")]
pub(crate) struct ClientIdIterator(Arc<Mutex<ClientIds>>);

#[pymethods]
impl ClientIdIterator {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let ids = Arc::clone(&self.0);
        // Locked on the thread that asks the service, never with the GIL.
        let next = aside(py, move || ids.lock().unwrap_or_else(PoisonError::into_inner).next())?;
        next.transpose().map_err(|error| raise(py, &error))
    }
}

/// Reads a list of the dataclass `TokenRequest`.
pub(crate) fn token_requests(value: &Bound<'_, PyAny>) -> PyResult<Vec<TokenRequest>> {
    let wrong = |_| wrong_type("requests", "TokenRequest objects", value);
    value.try_iter().map_err(wrong)?.map(|request| token_request(&request?)).collect()
}

fn token_request(value: &Bound<'_, PyAny>) -> PyResult<TokenRequest> {
    let field = |name: &str| value.getattr(name).map_err(|_| wrong_type("request", "a TokenRequest", value));
    let topics = field("topics")?;
    let topics: Vec<String> = topics.extract().map_err(|_| wrong_type("topics", "a list of str", &topics))?;
    let request = TokenRequest::new(token_kind(&field("kind")?)?, topics);
    let end = field("expires_at")?;
    if !end.is_none() {
        return Ok(request.expires_at(moment("expires_at", &end)?));
    }
    Ok(request.lifetime(duration("lifetime", &field("lifetime")?)?))
}

fn trace_request(value: &Bound<'_, PyAny>) -> PyResult<TraceRequest> {
    let field = |name: &str| value.getattr(name).map_err(|_| wrong_type("request", "a TraceRequest", value));
    let request = TraceRequest::new(moment("begin", &field("begin")?)?, moment("end", &field("end")?)?);
    let (page, size) = (field("page")?.extract()?, field("page_size")?.extract()?);
    Ok(request.page(page).page_size(size).reverse(field("reverse")?.extract()?))
}

fn trace_page<'py>(py: Python<'py>, page: &TracePage) -> PyResult<Bound<'py, PyDict>> {
    let entries = page.entries().iter().map(|entry| {
        let fields = PyDict::new(py);
        fields.set_item("time", entry.time())?;
        fields.set_item("action", entry.action())?;
        fields.set_item("code", entry.code())?;
        fields.set_item("info", entry.info())?;
        fields.set_item("client_id", entry.client_id())?;
        fields.set_item("message_id", entry.message_id())?;
        fields.set_item("channel_id", entry.channel_id())?;
        Ok(fields)
    });
    let result = PyDict::new(py);
    result.set_item("entries", entries.collect::<PyResult<Vec<_>>>()?)?;
    result.set_item("total", page.total())?;
    Ok(result)
}
