//! Errors of the control API: problem JSON (RFC 9457).

use serde_json::{Value, json};

use crate::error::Error;

/// An error of a call.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) detail: String,
    /// The methods that the path has, for status 405.
    pub(super) allow: Option<String>,
}

impl Problem {
    pub(super) fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), allow: None }
    }

    /// The error for an argument that the document excludes.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(400, detail)
    }

    pub(super) fn body(&self) -> Value {
        json!({ "type": "about:blank", "title": title(self.status), "status": self.status, "detail": self.detail })
    }

    /// The schema of the body.
    pub(super) fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": { "type": "string" },
                "title": { "type": "string", "description": "The name of the status." },
                "status": { "type": "integer" },
                "detail": { "type": "string", "description": "What failed and why, for people." },
            },
        })
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error {
            Error::Invalid(_) => 422,
            Error::Stopped => 409,
            _ => 500,
        };
        Self::new(status, error.to_string())
    }
}

/// Returns the name of a status.
pub(super) fn title(status: u16) -> &'static str {
    let status = hyper::StatusCode::from_u16(status).ok();
    status.and_then(|status| status.canonical_reason()).unwrap_or("Error")
}
