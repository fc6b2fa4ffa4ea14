//! The failures that the service's API reports.

use std::fmt;

/// A failure that the service's API reported.
///
/// Parts that the answer lacks are `None`: a gateway on the way may give only a status. Texts are those of the service,
/// shortened, [`printable`](crate::printable()), and without the secrets of the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiFault {
    http_status: u16,
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
}

impl ApiFault {
    #[cfg(feature = "openapi")]
    pub(crate) fn new(
        http_status: u16,
        code: Option<String>,
        message: Option<String>,
        request_id: Option<String>,
    ) -> Self {
        ApiFault { http_status, code, message, request_id }
    }

    /// The status of the HTTP answer. It may be 200: some operations report failures in the body only.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        self.http_status
    }

    /// The service's code, such as `ParameterCheckFailed`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The service's explanation.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The id by which the service's support finds the call.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Returns true if there were too many calls: HTTP 429, a code that begins with `Throttling`, or
    /// `ApplyTokenOverFlow` (help page of `ApplyToken`). Such a call was not carried out.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        self.http_status == 429
            || self.code().is_some_and(|code| code.starts_with("Throttling") || code == "ApplyTokenOverFlow")
    }

    /// Returns true if the service itself failed (HTTP 5xx), so that the outcome of the call is unknown.
    #[must_use]
    pub fn is_server_failure(&self) -> bool {
        self.http_status >= 500
    }
}

impl fmt::Display for ApiFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.http_status)?;
        if let Some(code) = &self.code {
            write!(f, ", {code}")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        match &self.request_id {
            Some(id) => write!(f, " [request id {id}]"),
            None => Ok(()),
        }
    }
}

#[cfg(all(test, feature = "openapi"))]
mod tests {
    use super::*;

    #[test]
    fn says_what_there_is() {
        let text = |text: &str| Some(text.to_string());
        let whole = ApiFault::new(400, text("ParameterCheckFailed"), text("bad topic"), text("ABC"));
        assert_eq!(whole.to_string(), "HTTP 400, ParameterCheckFailed: bad topic [request id ABC]");
        assert_eq!(ApiFault::new(502, None, None, None).to_string(), "HTTP 502");
    }

    #[test]
    fn too_many_calls_have_several_names() {
        for (status, code, expected) in [
            (429, None, true),
            (400, Some("Throttling"), true),
            (400, Some("Throttling.User"), true),
            (400, Some("ApplyTokenOverFlow"), true),
            (400, Some("ParameterCheckFailed"), false),
            (503, Some("ServiceUnavailable"), false),
        ] {
            let fault = ApiFault::new(status, code.map(str::to_string), None, None);
            assert_eq!(fault.is_throttled(), expected, "{fault}");
        }
    }
}
