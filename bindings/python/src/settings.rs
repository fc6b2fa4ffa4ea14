//! Settings given as keywords, under the names of the library's builders.

use std::path::PathBuf;

use aliyun_mqtt::openapi::{ApiBuilder, Signing};
use aliyun_mqtt::{AckMode, ConfigBuilder, Limits, Network, Protocol, Spool, SyncPolicy};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBoolMethods, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString};

use crate::convert::{duration, wrong_type};
use crate::credentials::Credentials;
use crate::error::raise;

type Value<'a, 'py> = &'a Bound<'py, PyAny>;

/// The settings of a client.
const CLIENT: &[&str] = &[
    "endpoint",
    "instance_id",
    "group_id",
    "device_id",
    "client_id",
    "credentials",
    "protocol",
    "clean_session",
    "session_expiry",
    "receive_maximum",
    "keep_alive",
    "timeout",
    "window",
    "max_window",
    "limits",
    "max_publish_rate",
    "ordered",
    "ack_mode",
    "message_age",
    "refusal_patience",
    "refused_topic_pause",
    "backoff",
    "token_renewal",
    "deliver_notices",
    "response_topic",
    "spool",
    "network",
    "proxy",
    "proxy_credentials",
    "proxy_from_env",
    "ca_file",
    "ca_pem",
    "system_roots",
    "client_certificate_files",
    "client_certificate_pem",
];

/// The settings of the API.
const API: &[&str] = &[
    "region",
    "vpc",
    "endpoint",
    "instance_id",
    "access_key",
    "sts_key",
    "signing",
    "timeout",
    "backoff",
    "limits",
    "network",
    "proxy",
    "proxy_credentials",
    "proxy_from_env",
    "ca_file",
    "ca_pem",
    "system_roots",
];

/// Applies the settings that a network shares with the two builders, under the name for errors. `None`: it has no such
/// setting.
macro_rules! network_setting {
    ($target:expr, $field:expr, $name:expr, $value:expr) => {
        match $field {
            "proxy" => Some($target.proxy(text($name, $value)?)),
            "proxy_credentials" => {
                let (user, password) = texts($name, $value)?;
                Some($target.proxy_credentials(user, password))
            }
            "proxy_from_env" => Some(if flag($name, $value)? { $target.proxy_from_env() } else { $target }),
            "ca_file" => {
                let mut target = $target;
                for file in one_or_more($value)? {
                    target = target.ca_file(path($name, &file)?);
                }
                Some(target)
            }
            "ca_pem" => {
                let mut target = $target;
                for bytes in one_or_more($value)? {
                    target = target.ca_pem(pem($name, &bytes)?);
                }
                Some(target)
            }
            "system_roots" => Some($target.system_roots(flag($name, $value)?)),
            _ => None,
        }
    };
}

/// Applies the settings of a client's certificate. `None`: the name is another.
macro_rules! certificate_setting {
    ($target:expr, $field:expr, $name:expr, $value:expr) => {
        match $field {
            "client_certificate_files" => {
                let (certificate, key) = pair($name, "a pair of paths", $value)?;
                Some($target.client_certificate_files(path($name, &certificate)?, path($name, &key)?))
            }
            "client_certificate_pem" => {
                let (certificate, key) = pair($name, "a pair of PEM texts", $value)?;
                Some($target.client_certificate_pem(pem($name, &certificate)?, pem($name, &key)?))
            }
            _ => None,
        }
    };
}

/// Applies the settings of a client.
pub(crate) fn of_client(mut builder: ConfigBuilder, settings: &Bound<'_, PyDict>) -> PyResult<ConfigBuilder> {
    for (name, value) in in_order(settings, CLIENT)? {
        builder = client_setting(builder, &name, &value)?;
    }
    Ok(builder)
}

/// Applies the settings of the API.
pub(crate) fn of_api(mut builder: ApiBuilder, settings: &Bound<'_, PyDict>) -> PyResult<ApiBuilder> {
    for (name, value) in in_order(settings, API)? {
        builder = api_setting(builder, &name, &value)?;
    }
    Ok(builder)
}

fn client_setting(builder: ConfigBuilder, name: &str, value: Value<'_, '_>) -> PyResult<ConfigBuilder> {
    Ok(match name {
        "endpoint" => builder.endpoint(text(name, value)?),
        "instance_id" => builder.instance_id(text(name, value)?),
        "group_id" => builder.group_id(text(name, value)?),
        "device_id" => builder.device_id(text(name, value)?),
        "client_id" => builder.client_id(text(name, value)?),
        "credentials" => match value.cast::<Credentials>() {
            Ok(credentials) => builder.credentials(credentials.get().0.clone()),
            Err(_) => return Err(wrong_type(name, "Credentials", value)),
        },
        "protocol" => {
            let protocol = text(name, value)?.parse::<Protocol>();
            builder.protocol(protocol.map_err(|error| raise(value.py(), &error))?)
        }
        "clean_session" => builder.clean_session(flag(name, value)?),
        "session_expiry" => builder.session_expiry(duration(name, value)?),
        "receive_maximum" => builder.receive_maximum(number(name, value)?),
        "keep_alive" => builder.keep_alive(duration(name, value)?),
        "timeout" => builder.timeout(duration(name, value)?),
        "window" => builder.window(number(name, value)?),
        "max_window" => builder.max_window(number(name, value)?),
        "limits" => builder.limits(limits(name, value)?),
        "max_publish_rate" => builder.max_publish_rate(float(name, value)?),
        "ordered" => builder.ordered(flag(name, value)?),
        "ack_mode" => builder.ack_mode(ack_mode(name, value)?),
        "message_age" => builder.message_age(duration(name, value)?),
        "refusal_patience" => builder.refusal_patience(duration(name, value)?),
        "refused_topic_pause" => builder.refused_topic_pause(duration(name, value)?),
        "backoff" => {
            let (min, max) = pair(name, "a pair of times", value)?;
            builder.backoff(duration(name, &min)?, duration(name, &max)?)
        }
        "token_renewal" => builder.token_renewal(float(name, value)?),
        "deliver_notices" => builder.deliver_notices(flag(name, value)?),
        "response_topic" => builder.response_topic(text(name, value)?),
        "spool" => builder.spool(spool(name, value)?),
        "network" => builder.network(network(name, value)?),
        _ => match network_setting!(builder.clone(), name, name, value) {
            Some(builder) => builder,
            None => {
                certificate_setting!(builder, name, name, value).ok_or_else(|| unknown(value.py(), name, CLIENT))?
            }
        },
    })
}

fn api_setting(builder: ApiBuilder, name: &str, value: Value<'_, '_>) -> PyResult<ApiBuilder> {
    Ok(match name {
        "region" => builder.region(text(name, value)?),
        "vpc" => builder.vpc(flag(name, value)?),
        "endpoint" => builder.endpoint(text(name, value)?),
        "instance_id" => builder.instance_id(text(name, value)?),
        "access_key" => {
            let (id, secret) = texts(name, value)?;
            builder.access_key(id, secret)
        }
        "sts_key" => {
            let key = value.extract::<(String, String, String)>();
            let (id, secret, token) =
                key.map_err(|_| wrong_type(name, "a tuple of id, secret and security token", value))?;
            builder.sts_key(id, secret, token)
        }
        "signing" => builder.signing(match text(name, value)?.as_str() {
            "v3" => Signing::V3,
            "v2" => Signing::V2,
            other => return Err(PyValueError::new_err(format!("signing must be \"v3\" or \"v2\", not {other:?}"))),
        }),
        "timeout" => builder.timeout(duration(name, value)?),
        "backoff" => {
            let (min, max) = pair(name, "a pair of times", value)?;
            builder.backoff(duration(name, &min)?, duration(name, &max)?)
        }
        "limits" => builder.limits(limits(name, value)?),
        "network" => builder.network(network(name, value)?),
        _ => network_setting!(builder, name, name, value).ok_or_else(|| unknown(value.py(), name, API))?,
    })
}

/// Returns the settings that are not `None`, in the order of `known`: a network comes before the settings that change
/// it. A name that is not known is an error.
fn in_order<'py>(settings: &Bound<'py, PyDict>, known: &[&str]) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
    let mut found = Vec::with_capacity(settings.len());
    for (name, value) in settings {
        let name: String = name.extract()?;
        let Some(place) = known.iter().position(|known| **known == name) else {
            return Err(unknown(settings.py(), &name, known));
        };
        if !value.is_none() {
            found.push((place, name, value));
        }
    }
    found.sort_by_key(|(place, ..)| *place);
    Ok(found.into_iter().map(|(_, name, value)| (name, value)).collect())
}

fn unknown(py: Python<'_>, name: &str, known: &[&str]) -> PyErr {
    let close = || -> PyResult<Option<String>> {
        let found = py.import("difflib")?.call_method1("get_close_matches", (name, known, 1))?;
        Ok(found.extract::<Vec<String>>()?.pop())
    };
    match close() {
        Ok(Some(close)) => PyTypeError::new_err(format!("unknown setting '{name}'; did you mean '{close}'?")),
        _ => PyTypeError::new_err(format!("unknown setting '{name}'")),
    }
}

/// Reads the dataclass `Network`.
fn network(name: &str, value: Value<'_, '_>) -> PyResult<Network> {
    let mut network = Network::new();
    for (field, value) in fields(name, "Network", value)? {
        let name = format!("{name}.{field}");
        network = match network_setting!(network.clone(), field.as_str(), &name, &value) {
            Some(network) => network,
            None => certificate_setting!(network, field.as_str(), &name, &value)
                .ok_or_else(|| PyTypeError::new_err(format!("unknown setting '{name}'")))?,
        };
    }
    Ok(network)
}

/// Reads the dataclass `Limits`.
fn limits(name: &str, value: Value<'_, '_>) -> PyResult<Limits> {
    let mut limits = Limits::default();
    for (field, value) in fields(name, "Limits", value)? {
        let name = format!("{name}.{field}");
        match field.as_str() {
            "client_id_len" => limits.client_id_len = number(&name, &value)?,
            "topic_len" => limits.topic_len = number(&name, &value)?,
            "payload_len" => limits.payload_len = number(&name, &value)?,
            "filters" => limits.filters = number(&name, &value)?,
            "strict_names" => limits.strict_names = flag(&name, &value)?,
            "packet_len" => limits.packet_len = number(&name, &value)?,
            "outbox_messages" => limits.outbox_messages = number(&name, &value)?,
            "outbox_bytes" => limits.outbox_bytes = number(&name, &value)?,
            "inbox_messages" => limits.inbox_messages = number(&name, &value)?,
            "inbox_bytes" => limits.inbox_bytes = number(&name, &value)?,
            _ => return Err(PyTypeError::new_err(format!("unknown setting '{name}'"))),
        }
    }
    Ok(limits)
}

/// Reads the dataclass `Spool`.
fn spool(name: &str, value: Value<'_, '_>) -> PyResult<Spool> {
    let fields = fields(name, "Spool", value)?;
    let at = fields.iter().find(|(field, _)| field == "path");
    let Some((_, file)) = at else { return Err(wrong_type("spool.path", "str or a path", value)) };
    let mut spool = Spool::at(path("spool.path", file)?);
    for (field, value) in &fields {
        let name = format!("{name}.{field}");
        spool = match field.as_str() {
            "max_bytes" => spool.max_bytes(number(&name, value)?),
            "sync" => spool.sync(match value.extract::<String>().as_deref() {
                Ok("each") => SyncPolicy::Each,
                Ok("system") => SyncPolicy::System,
                Ok(other) => {
                    let message = format!("{name} must be \"each\", \"system\" or an interval, not {other:?}");
                    return Err(PyValueError::new_err(message));
                }
                Err(_) => SyncPolicy::Interval(duration(&name, value)?),
            }),
            "set_aside_damaged" => spool.set_aside_damaged(flag(&name, value)?),
            _ => spool,
        };
    }
    Ok(spool)
}

/// Returns the fields of a dataclass of `aliyun_mqtt` that are not `None`.
fn fields<'py>(name: &str, class: &str, value: Value<'_, 'py>) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
    let py = value.py();
    if !value.is_instance(&py.import("aliyun_mqtt._settings")?.getattr(class)?)? {
        return Err(wrong_type(name, class, value));
    }
    let mut given = Vec::new();
    for field in py.import("dataclasses")?.call_method1("fields", (value,))?.try_iter()? {
        let field: String = field?.getattr("name")?.extract()?;
        let value = value.getattr(field.as_str())?;
        if !value.is_none() {
            given.push((field, value));
        }
    }
    Ok(given)
}

fn text(name: &str, value: Value<'_, '_>) -> PyResult<String> {
    value.extract().map_err(|_| wrong_type(name, "str", value))
}

fn texts(name: &str, value: Value<'_, '_>) -> PyResult<(String, String)> {
    value.extract().map_err(|_| wrong_type(name, "a pair of str", value))
}

fn flag(name: &str, value: Value<'_, '_>) -> PyResult<bool> {
    value.cast::<PyBool>().map(PyBoolMethods::is_true).map_err(|_| wrong_type(name, "bool", value))
}

/// Reads a whole number. One that is out of the type's range is out of the setting's, too.
fn number<T: TryFrom<i128>>(name: &str, value: Value<'_, '_>) -> PyResult<T> {
    if value.is_instance_of::<PyBool>() || !value.is_instance_of::<PyInt>() {
        return Err(wrong_type(name, "int", value));
    }
    let number = value.extract::<i64>().ok().and_then(|number| T::try_from(number.into()).ok());
    number.ok_or_else(|| PyValueError::new_err(format!("{name} is out of range")))
}

fn float(name: &str, value: Value<'_, '_>) -> PyResult<f64> {
    let is_number = value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>();
    if !is_number || value.is_instance_of::<PyBool>() {
        return Err(wrong_type(name, "a number", value));
    }
    value.extract()
}

fn path(name: &str, value: Value<'_, '_>) -> PyResult<PathBuf> {
    value.extract().map_err(|_| wrong_type(name, "str or a path", value))
}

fn pem(name: &str, value: Value<'_, '_>) -> PyResult<Vec<u8>> {
    if let Ok(text) = value.extract::<String>() {
        return Ok(text.into_bytes());
    }
    crate::convert::buffer(name, value)
}

fn pair<'py>(name: &str, what: &str, value: Value<'_, 'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    value.extract().map_err(|_| wrong_type(name, what, value))
}

/// A list or tuple of values, or a single one.
fn one_or_more<'py>(value: Value<'_, 'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let is_single = value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>();
    if !is_single && (value.is_instance_of::<PyList>() || value.is_instance_of::<pyo3::types::PyTuple>()) {
        return value.try_iter()?.collect();
    }
    Ok(vec![value.clone()])
}

fn ack_mode(name: &str, value: Value<'_, '_>) -> PyResult<AckMode> {
    match text(name, value)?.as_str() {
        "on_take" => Ok(AckMode::OnTake),
        "on_arrival" => Ok(AckMode::OnArrival),
        "manual" => Ok(AckMode::Manual),
        other => {
            let message = format!("ack_mode must be \"on_take\", \"on_arrival\" or \"manual\", not {other:?}");
            Err(PyValueError::new_err(message))
        }
    }
}
