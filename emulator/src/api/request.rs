//! Reads a call: the request line, the headers, and the parameters in query string and form body.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::HeaderMap;
use hyper::Request as HttpRequest;
use hyper::body::{Body as _, Incoming};
use hyper::header::CONTENT_TYPE;
use tokio::time::timeout;

use super::form;
use super::response::ApiError;
use crate::names::MAX_CLIENT_ID;

/// The timeout of the TLS handshake, of the headers of a request, and of its body.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum size of a body.
const MAX_BODY: usize = 1024 * 1024;

/// The maximum length of an action in the log.
const MAX_ACTION: usize = 64;

/// A call, of which nothing is checked yet.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) headers: HeaderMap,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: Bytes,
    parameters: Parameters,
}

/// The parameters of a call, from query string and body. An empty one is treated as missing.
#[derive(Default)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Request {
    pub(super) async fn read(request: HttpRequest<Incoming>) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        let body = match timeout(READ_TIMEOUT, collect(body)).await {
            Ok(collected) => collected?,
            Err(_) => return Err(ApiError::new(408, "ParameterCheckFailed", "the body took too long")),
        };
        if head.uri.path() != "/" {
            return Err(ApiError::new(404, "ApiNotSupport", "the only path is /"));
        }
        Self::build(head.method.as_str(), head.headers, head.uri.query().unwrap_or(""), body)
    }

    fn build(method: &str, headers: HeaderMap, query: &str, body: Bytes) -> Result<Self, ApiError> {
        if !matches!(method, "GET" | "POST") {
            return Err(ApiError::new(405, "UnsupportedHTTPMethod", "the methods are GET and POST"));
        }
        let query = form::parse(query.as_bytes())?;
        let mut parameters = query.clone();
        if !body.is_empty() {
            let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
            let kind = kind.split(';').next().unwrap_or("").trim();
            if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
                return Err(ApiError::parameter("a body must be of type application/x-www-form-urlencoded"));
            }
            form::parse_into(&mut parameters, &body)?;
        }
        Ok(Self { method: method.to_owned(), headers, query, body, parameters: Parameters(parameters) })
    }

    /// Returns the action: a header in V3, a parameter in V2; empty if there is none.
    pub(super) fn action(&self) -> &str {
        self.header("x-acs-action").or_else(|| self.parameters.get("Action")).unwrap_or("")
    }

    /// Returns the action for the log; empty if it cannot be one, because it is not authenticated yet.
    pub(super) fn action_for_log(&self) -> String {
        let action = self.action();
        let fine = action.len() <= MAX_ACTION && action.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fine { action.to_owned() } else { String::new() }
    }

    /// Returns the client id of the call for the log, likewise.
    pub(super) fn client_id_for_log(&self) -> String {
        self.parameters.get("ClientId").filter(|id| id.len() <= MAX_CLIENT_ID).unwrap_or("").to_owned()
    }

    /// Returns the value of a header that is text and not empty.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
    }

    pub(super) fn parameters(&self) -> &Parameters {
        &self.parameters
    }
}

impl Parameters {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn need(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::parameter(format!("the parameter {name} is missing")))
    }

    pub(super) fn number(&self, name: &str) -> Result<u64, ApiError> {
        parse_number(name, self.need(name)?)
    }

    pub(super) fn number_within(&self, name: &str, least: u64, most: u64) -> Result<u64, ApiError> {
        let number = self.number(name)?;
        if (least..=most).contains(&number) {
            Ok(number)
        } else {
            Err(ApiError::parameter(format!("{name} is {number}, not within {least} to {most}")))
        }
    }

    pub(super) fn number_or(&self, name: &str, default: u64) -> Result<u64, ApiError> {
        self.get(name).map_or(Ok(default), |text| parse_number(name, text))
    }

    /// Returns the value of `true` or `false`, in any case; a missing parameter is `false`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name) {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(_) => Err(ApiError::parameter(format!("{name} is neither true nor false"))),
        }
    }

    /// Returns the values of `name.1`, `name.2` and so on. There must be at least one, and no gap.
    pub(super) fn list(&self, name: &str) -> Result<Vec<&str>, ApiError> {
        let mut items = Vec::new();
        while let Some(item) = self.get(&format!("{name}.{}", items.len() + 1)) {
            items.push(item);
        }
        let prefix = format!("{name}.");
        if items.is_empty() || self.0.keys().filter(|key| key.starts_with(&prefix)).count() != items.len() {
            return Err(ApiError::parameter(format!("{name}.1, {name}.2 and so on are missing, or have a gap")));
        }
        Ok(items)
    }

    /// Returns all parameters, sorted by name.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Reads the whole body. Of one that is too long, it reads more than it needs, so that the client sees the response.
async fn collect(mut body: Incoming) -> Result<Bytes, ApiError> {
    const HARD_LIMIT: u64 = 16 * MAX_BODY as u64;
    let mut collected = BytesMut::new();
    let mut length = 0;
    while length.max(body.size_hint().lower()) <= HARD_LIMIT {
        match body.frame().await {
            None if length > MAX_BODY as u64 => break,
            None => return Ok(collected.freeze()),
            Some(Err(_)) => return Err(ApiError::new(400, "ParameterCheckFailed", "the body cannot be read")),
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                length += data.len() as u64;
                if length <= MAX_BODY as u64 {
                    collected.extend_from_slice(&data);
                }
            }
        }
    }
    Err(ApiError::new(413, "ParameterCheckFailed", format!("the body has more than {MAX_BODY} bytes")))
}

fn parse_number(name: &str, text: &str) -> Result<u64, ApiError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { text.parse().ok() } else { None };
    number.ok_or_else(|| ApiError::parameter(format!("{name} is not a number")))
}

#[cfg(test)]
impl Parameters {
    pub(super) fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_query_and_body_are_one_set() {
        let form = |kind: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
            headers
        };
        let build = |method, kind, query, body: &'static str| {
            Request::build(method, form(kind), query, Bytes::from_static(body.as_bytes()))
        };
        let kind = "application/x-www-form-urlencoded; charset=UTF-8";
        let request = build("POST", kind, "Action=A", "B=2").unwrap();
        assert_eq!((request.action(), request.parameters().get("B")), ("A", Some("2")));
        for (method, kind, query, body) in [
            ("POST", kind, "A=1", "A=1"),
            ("POST", "application/json", "", "{}"),
            ("PUT", kind, "A=1", ""),
            ("POST", kind, "A=%", ""),
            ("POST", kind, "", "A=%"),
        ] {
            assert!(build(method, kind, query, body).is_err(), "{method} {kind} {query} {body}");
        }
    }

    #[test]
    fn typed_access() {
        let parameters =
            Parameters::of(&[("n", "12"), ("s", "+1"), ("t", "true"), ("e", ""), ("l.1", "a"), ("l.2", "b")]);
        assert_eq!(parameters.number("n").unwrap(), 12);
        assert!(parameters.number_within("n", 1, 11).is_err() && parameters.number("s").is_err());
        for (text, value) in [("true", true), ("True", true), ("TRUE", true), ("False", false), ("FALSE", false)] {
            assert_eq!(Parameters::of(&[("f", text)]).flag("f").unwrap(), value);
        }
        assert!(Parameters::of(&[("f", "yes")]).flag("f").is_err());
        assert!(parameters.flag("t").unwrap() && !parameters.flag("none").unwrap() && parameters.flag("n").is_err());
        assert!(parameters.need("e").is_err());
        assert_eq!(parameters.list("l").unwrap(), ["a", "b"]);
        assert!(parameters.list("n").is_err());
        assert!(Parameters::of(&[("l.1", "a"), ("l.3", "c")]).list("l").is_err());
    }
}
