//! The response of a call: JSON, whatever format the call asks for.

use std::time::SystemTime;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, DATE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::random::random_hex;

/// The fields of a successful response, or an error.
pub(super) type Outcome = Result<Map<String, Value>, ApiError>;

/// An error, with a code for programs and a message for people.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    retry_after: bool,
}

impl ApiError {
    pub(super) fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), retry_after: false }
    }

    /// The error for a parameter that is missing or invalid.
    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::new(400, "ParameterCheckFailed", message)
    }

    /// The error for a topic or group that the instance does not have or the caller may not use.
    pub(super) fn permission(message: impl Into<String>) -> Self {
        Self::new(400, "PermissionCheckFailed", message)
    }

    pub(super) fn throttled(action: &str) -> Self {
        const MESSAGE: &str = "Request was denied due to user flow control.";
        if action == "ApplyToken" {
            return Self::new(400, "ApplyTokenOverFlow", MESSAGE);
        }
        Self { retry_after: true, ..Self::new(429, "Throttling.User", MESSAGE) }
    }
}

/// Returns the HTTP response.
pub(super) fn render(outcome: Outcome, host: &str, now: SystemTime) -> Response<Full<Bytes>> {
    respond(outcome, host, now).map(Full::new)
}

/// Returns an error as the bytes of a whole HTTP response, the last one of its connection.
pub(super) fn last_response(error: ApiError, host: &str, now: SystemTime) -> Vec<u8> {
    let response = respond(Err(error), host, now);
    let body = response.body();
    let mut bytes = format!("HTTP/1.1 {}\r\nconnection: close\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend(format!("content-length: {}\r\n\r\n", body.len()).into_bytes());
    bytes.extend_from_slice(body);
    bytes
}

fn respond(outcome: Outcome, host: &str, now: SystemTime) -> Response<Bytes> {
    let (status, retry_after, body) = match outcome {
        Ok(mut fields) => {
            fields.insert("RequestId".into(), request_id().into());
            (200, false, Value::Object(fields))
        }
        Err(error) => {
            let body = json!({
                "RequestId": request_id(),
                "Code": error.code,
                "Message": error.message,
                "HostId": host,
            });
            (error.status, error.retry_after, body)
        }
    };
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8"));
    // Cannot fail: a date is a valid header value.
    if let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(now)) {
        headers.insert(DATE, date);
    }
    if retry_after {
        headers.insert("x-acs-retry-after", HeaderValue::from_static("1"));
    }
    response
}

/// Returns a request id in the form of a UUID, in capital letters.
fn request_id() -> String {
    let text = random_hex().to_uppercase();
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_looks_like_one() {
        let id = request_id();
        let lengths: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_ne!(id, request_id());
    }

    #[test]
    fn only_the_gateway_says_when_to_try_again() {
        for (action, status, header) in [("ApplyToken", 400, None), ("QueryToken", 429, Some("1"))] {
            let answer = render(Err(ApiError::throttled(action)), "host", SystemTime::now());
            assert_eq!(answer.status(), status);
            assert_eq!(answer.headers().get("x-acs-retry-after").map(|value| value.to_str().unwrap()), header);
            assert!(answer.headers().contains_key(DATE));
        }
    }
}
