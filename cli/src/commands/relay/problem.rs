//! Answers to calls that did not succeed: problem JSON (RFC 9457), and the one table of statuses.

use aliyun_mqtt::{Error, ErrorKind, Fate};
use hyper::{Response, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::body::Body;
use crate::exit::Failure;

/// A reason of the relay itself, besides those of the library's errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Invalid,
    Unauthorized,
    Foreign,
    Forbidden,
    NotFound,
    Method,
    Slow,
    TooLarge,
    KeyReused,
    TooManyKeys,
    Busy,
    Draining,
    Full,
    NoConnection,
    Disk,
    Unknown,
}

/// The statuses: what a caller sees, the kinds that have it, and when. The documentation has this table.
#[cfg(test)]
const TABLE: &[(u16, &str, &str)] = &[
    (200, "-", "the server has acknowledged the message (QoS 0: it was written to the connection)"),
    (202, "-", "the message is on disk; the relay sends it, also after a restart"),
    (204, "-", "a received message is deleted, or a dead letter is put back"),
    (400, "invalid", "a parameter, header, line or topic is invalid; nothing was sent"),
    (401, "unauthorized", "the bearer token is missing or wrong"),
    (403, "foreign", "the request comes from a web page: it has an Origin, or a Host that is not this address"),
    (403, "forbidden", "the topic or filter begins with $, or --allow-publish or --allow-subscribe excludes it"),
    (403, "rejected, suspected_refusal", "the service refuses the message; fate: refused"),
    (404, "not_found", "there is no such path, or no such message any longer"),
    (405, "method_not_allowed", "the path does not have this method"),
    (408, "slow", "the body, or the next line of it, did not arrive within --client-timeout"),
    (413, "too_large", "the body is larger than the largest payload"),
    (422, "key_reused", "the Idempotency-Key was used for a different call"),
    (431, "-", "the head of the request is too large"),
    (500, "internal", "a fault in the relay; please report it"),
    (503, "busy", "too many connections or waiting calls; not sent: safe to repeat"),
    (503, "draining", "the relay is ending; not sent: safe to repeat"),
    (503, "full", "the store is full of messages; not sent: safe to repeat"),
    (503, "too_many_keys", "more Idempotency-Keys than --max-remembered within 24 h; not sent: safe to repeat"),
    (503, "spool", "the store cannot be written; not sent: safe to repeat"),
    (503, "no_connection", "a QoS 0 message or a request found no connection in time; not sent: safe to repeat"),
    (503, "any other, fate: not sent", "the message was not sent: safe to repeat"),
    (504, "any other, fate: unknown", "the message was written, not acknowledged: it may have arrived"),
    (504, "timeout, fate: delivered", "the request was delivered, but no reply came in time"),
];

/// The body of an answer about a failure. Also kept on disk, as the answer for an idempotency key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Problem(Box<Fields>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Fields {
    #[serde(rename = "type")]
    about: String,
    title: String,
    pub(super) status: u16,
    detail: String,
    pub(super) kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint_key: Option<String>,
}

impl Reason {
    fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Reason::Invalid => (400, "invalid", "Invalid request"),
            Reason::Unauthorized => (401, "unauthorized", "A bearer token is needed"),
            Reason::Foreign => (403, "foreign", "Not from a web page"),
            Reason::Forbidden => (403, "forbidden", "This relay does not allow it"),
            Reason::NotFound => (404, "not_found", "Not found"),
            Reason::Method => (405, "method_not_allowed", "Method not allowed"),
            Reason::Slow => (408, "slow", "The body did not arrive in time"),
            Reason::TooLarge => (413, "too_large", "The body is too large"),
            Reason::KeyReused => (422, "key_reused", "The key belongs to a different call"),
            Reason::TooManyKeys => (503, "too_many_keys", "Too many idempotency keys"),
            Reason::Busy => (503, "busy", "Too many calls at the same time"),
            Reason::Draining => (503, "draining", "The relay is ending"),
            Reason::Full => (503, "full", "The store is full"),
            Reason::NoConnection => (503, "no_connection", "No connection in time"),
            Reason::Disk => (503, "spool", "The store cannot be written"),
            Reason::Unknown => (504, "timeout", "The outcome is not known"),
        }
    }
}

impl Problem {
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        let (status, kind, title) = reason.row();
        let fate = match (status, kind) {
            (_, "foreign") => None,
            (400 | 403 | 408 | 413 | 422 | 503, _) => Some(Fate::NotSent),
            (504, _) => Some(Fate::Unknown),
            _ => None,
        };
        Problem(Box::new(Fields {
            about: format!("urn:aliyun-mqtt:relay:{kind}"),
            title: title.to_string(),
            status,
            detail: detail.into(),
            kind: kind.to_string(),
            fate: fate.map(|fate| fate.as_str().to_string()),
            stage: None,
            code: None,
            hint: None,
            hint_key: None,
        }))
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same problem of a call that is about no message.
    #[must_use]
    pub(super) fn without_fate(mut self) -> Self {
        self.0.fate = None;
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let text = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/problem+json");
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response = response.header(header::RETRY_AFTER, "1");
        }
        if status == StatusCode::UNAUTHORIZED {
            response = response.header(header::WWW_AUTHENTICATE, "Bearer");
        }
        response.body(Body::full(text)).unwrap_or_default()
    }
}

impl std::ops::Deref for Problem {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.0
    }
}

/// The status of an error of the library.
fn status(error: &Error) -> (u16, &'static str) {
    match (error.fate(), error.kind()) {
        (_, ErrorKind::Invalid) => (400, "Invalid message"),
        (Some(Fate::Refused), _) | (None, ErrorKind::Rejected | ErrorKind::SuspectedRefusal) => {
            (403, "The service refuses the message")
        }
        (Some(Fate::NotSent), _) => (503, "The message was not sent"),
        (Some(Fate::Delivered), _) => (504, "No reply came in time"),
        (Some(Fate::Unknown), _) => (504, "The outcome is not known"),
        (Some(Fate::Spooled), _) => (202, "The message is on disk"),
        (_, ErrorKind::Internal) => (500, "A fault in the relay"),
        _ => (503, "The client is not usable"),
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let (status, title) = status(error);
        Problem(Box::new(Fields {
            about: format!("urn:aliyun-mqtt:relay:{}", error.kind().as_str()),
            title: title.to_string(),
            status,
            detail: error.message().to_string(),
            kind: error.kind().as_str().to_string(),
            fate: error.fate().map(|fate| fate.as_str().to_string()),
            stage: error.stage().map(|stage| stage.as_str().to_string()),
            code: error.code().map(aliyun_mqtt::Code::number),
            hint: error.hint().map(str::to_string),
            hint_key: error.hint_key().map(str::to_string),
        }))
    }
}

/// An invalid message or line.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Problem::new(Reason::Invalid, failure.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Reason; 16] = [
        Reason::Invalid,
        Reason::Unauthorized,
        Reason::Foreign,
        Reason::Forbidden,
        Reason::NotFound,
        Reason::Method,
        Reason::Slow,
        Reason::TooLarge,
        Reason::KeyReused,
        Reason::TooManyKeys,
        Reason::Busy,
        Reason::Draining,
        Reason::Full,
        Reason::NoConnection,
        Reason::Disk,
        Reason::Unknown,
    ];

    #[test]
    fn the_table_has_every_reason_and_the_documentation_every_row() {
        for reason in ALL {
            let (status, kind, _) = reason.row();
            let listed = TABLE.iter().any(|row| row.0 == status && (row.1 == kind || row.1.starts_with("any other")));
            assert!(listed, "{reason:?}");
        }
        let docs = include_str!("../../../../docs/book/en/src/relay.md");
        for (status, kind, when) in TABLE {
            let row = format!("| {status} | {kind} | {when} |");
            assert!(docs.contains(&row), "docs/book/en/src/relay.md lacks the row {row}");
        }
    }

    #[test]
    fn what_may_be_repeated_says_that_it_was_not_sent() {
        for reason in ALL {
            let problem = Problem::new(reason, "x");
            let expected = match reason {
                Reason::Unknown => Some("unknown"),
                Reason::Unauthorized | Reason::Foreign | Reason::NotFound | Reason::Method => None,
                _ => Some("not sent"),
            };
            assert_eq!(problem.fate.as_deref(), expected, "{reason:?}");
        }
    }
}
