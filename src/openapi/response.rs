//! Turns an HTTP response into the service's JSON, or into an error.
//!
//! A response may contain a token or a key, and an error response may repeat the request with its signature. Therefore
//! only a few fields of a response are ever shown, without control characters, shortened, and with the secrets of the
//! call replaced.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::http::{Response, protocol};
use super::json;
use super::signature::encode;
use crate::error::{ApiFault, Error, ErrorKind, Fate, Hint, Result};
use crate::printable::excerpt;

/// The call that a response belongs to.
pub(super) struct CallContext<'a> {
    pub(super) action: &'a str,
    /// Texts that are never shown.
    pub(super) secrets: Vec<&'a str>,
    /// The text that was signed here.
    pub(super) string_to_sign: &'a str,
    /// The time of this machine's clock.
    pub(super) now: SystemTime,
}

/// Returns the service's JSON object.
///
/// # Errors
/// `Api`: the service reports a failure, by the HTTP status or in the body. `Protocol`: it is not a response of the
/// service.
pub(super) fn read(response: &Response, context: &CallContext<'_>) -> Result<Map<String, Value>> {
    let parsed = serde_json::from_slice::<Value>(&response.body);
    let (action, status) = (context.action, response.status);
    let is_error = !(200..300).contains(&status);
    match parsed {
        _ if (300..400).contains(&status) => {
            let to = response.redirect.as_ref().map_or(String::new(), |host| format!(" to the host {host:?}"));
            let message = format!("{action} was redirected{to} (HTTP {status}), which is not followed");
            Err(protocol(message).with_hint(Hint::ApiUrlOrLogin))
        }
        Ok(Value::Object(object)) if is_error || reports_failure(&object) => Err(fault(&object, response, context)),
        // Each response of the service has one; without this check any JSON would count as success.
        Ok(Value::Object(object)) if field(&object, "RequestId").is_none() => {
            Err(json::missing(action, "RequestId").with_hint(Hint::ApiUrl))
        }
        Ok(Value::Object(object)) => Ok(object),
        _ if is_error => {
            let shown = format!("{action} failed: HTTP {status}, with {}", describe(response, context));
            Err(finish(Error::new(ErrorKind::Api, shown), ApiFault::new(status, None, None, None), response, context))
        }
        _ => {
            let message = format!("{action} was answered with {}", describe(response, context));
            Err(protocol(message).with_hint(Hint::ApiNotJson))
        }
    }
}

/// Some operations report failures with HTTP 200 (official SDK: `Code`, `Message`, `Success`).
fn reports_failure(object: &Map<String, Value>) -> bool {
    let success = field(object, "Success");
    if let Some(success) = success {
        return success.eq_ignore_ascii_case("false");
    }
    field(object, "Code").is_some_and(|code| !["200", "OK", "SUCCESS"].contains(&code.to_uppercase().as_str()))
}

fn fault(object: &Map<String, Value>, response: &Response, context: &CallContext<'_>) -> Error {
    let clean = |name: &str| field(object, name).map(|text| shown(&text, context)).filter(|text| !text.is_empty());
    let fault = ApiFault::new(response.status, clean("Code"), clean("Message"), clean("RequestId"));
    let error = Error::new(ErrorKind::Api, format!("{} failed: {fault}", context.action));
    let signature =
        fault.code().filter(|code| code.starts_with("SignatureDoesNotMatch")).map(|_| signature_hint(object, context));
    let error = finish(error, fault, response, context);
    // The clock does not matter for a signature, which is checked with the time in the request.
    error.with_hint(signature)
}

/// Adds the fate and the hint.
fn finish(error: Error, fault: ApiFault, response: &Response, context: &CallContext<'_>) -> Error {
    let fate = if fault.is_server_failure() && !fault.is_throttled() { Fate::Unknown } else { Fate::Refused };
    // The expiry of a token is an absolute time, which a clock off by seconds may make too short.
    let exact = context.action == "ApplyToken" && fault.code() == Some("ParameterCheckFailed");
    let tolerated = if exact { Duration::from_secs(5) } else { Duration::from_secs(300) };
    let usual = usual_cause(&fault, context.action);
    let hint = match skew(response, context, tolerated) {
        Some((amount, ahead)) => Some(Hint::ApiClockSkew { amount, ahead, also: usual.map(Box::new) }),
        None => usual,
    };
    error.with_fate(fate).with_api(fault).with_hint(hint)
}

/// Returns how far this machine's clock is from the server's, as "6 min", and whether it is ahead, if both are known
/// and differ by more than is tolerated.
fn skew(response: &Response, context: &CallContext<'_>, tolerated: Duration) -> Option<(String, bool)> {
    let server = response.date?;
    let (difference, ahead) = match context.now.duration_since(server) {
        Ok(ahead) => (ahead, true),
        Err(behind) => (behind.duration(), false),
    };
    if difference <= tolerated {
        return None;
    }
    let minutes = difference.as_secs() / 60;
    let amount = match minutes {
        0..2 => format!("{} s", difference.as_secs()),
        2..120 => format!("{minutes} min"),
        120..2_880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1_440),
    };
    Some((amount, ahead))
}

/// The documented codes (help pages of the operations on tokens and credentials, and "Error codes",
/// alibabacloud.com/help/doc-detail/109365.htm), and of the gateway's common ones `InvalidAccessKeyId` and
/// `IllegalTimestamp` (alibabacloud.com/help/doc-detail/69008.htm). It is an assumption that this service uses the
/// gateway's codes, and their other spellings.
fn usual_cause(fault: &ApiFault, action: &str) -> Option<Hint> {
    Some(match fault.code() {
        Some("ApplyTokenOverFlow") => Hint::ApiTokenRate,
        _ if fault.is_throttled() => Hint::ApiRate,
        Some("ApiNotSupport") => Hint::ApiNotSupported,
        Some("CheckAccountInfoFailed") => Hint::ApiTemporaryKey,
        Some("InstancePermissionCheckFailed") => Hint::ApiInstanceRights { action: action.to_string() },
        Some("PermissionCheckFailed") => Hint::ApiRights { action: action.to_string() },
        Some("ParameterCheckFailed") => Hint::ApiParameterOrName,
        Some(code) if code.starts_with("InvalidParameter") => Hint::ApiParameter,
        Some(code) if code.starts_with("InvalidAccessKeyId") => Hint::ApiAccessKeyId,
        Some("IllegalTimestamp" | "InvalidTimeStamp.Expired") => Hint::ApiClock,
        Some("SignatureNonceUsed") => Hint::ApiRepeated,
        _ if fault.is_server_failure() => Hint::ApiFault,
        _ => return None,
    })
}

/// Returns the hint for a wrong signature, which has two possible causes: the server may show the text it signed.
fn signature_hint(object: &Map<String, Value>, context: &CallContext<'_>) -> Hint {
    let without_space = |text: &str| Zeroizing::new(text.split_whitespace().collect::<String>());
    let message = Zeroizing::new(field(object, "Message").unwrap_or_default());
    if without_space(&message).contains(&**without_space(context.string_to_sign)) {
        Hint::ApiWrongSecret
    } else if echo(&message).is_some() {
        Hint::ApiChangedRequest
    } else {
        Hint::ApiSecretOfKey
    }
}

/// Returns where a message begins to repeat the request.
fn echo(message: &str) -> Option<usize> {
    let message = message.to_ascii_lowercase();
    let marks = ["server string to sign", "server stringtosign", "string to sign", "stringtosign", "canonicalrequest"];
    marks.iter().filter_map(|mark| message.find(mark)).min()
}

/// Returns a text of the service in a form that may be shown.
fn shown(text: &str, context: &CallContext<'_>) -> String {
    let text = &text[..echo(text).unwrap_or(text.len())];
    let mut text = text.to_string();
    for secret in &context.secrets {
        // Shorter ones are not secrets, and would remove parts of ordinary words.
        if secret.len() >= 4 {
            let encoded = encode(secret);
            let twice = encode(&encoded);
            for form in [twice.as_str(), encoded.as_str(), secret] {
                text = text.replace(form, "***");
            }
        }
    }
    // Line ends are part of a service's layout; other control characters are escaped.
    let spaced: String = text.chars().map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { c }).collect();
    excerpt(spaced.trim())
}

/// Describes a body that is not the expected JSON. Of a page only the title is shown: gateways often repeat the URL in
/// the text.
fn describe(response: &Response, context: &CallContext<'_>) -> String {
    let body = response.body.trim_ascii();
    if body.is_empty() {
        return "an empty body".to_string();
    }
    if body.starts_with(b"<") {
        let page = String::from_utf8_lossy(body);
        let lower = page.to_ascii_lowercase();
        let title = lower.find("<title>").and_then(|start| {
            let start = start + "<title>".len();
            page.get(start..start + lower[start..].find('<')?)
        });
        // A title that may contain a URL is not shown.
        let title = title.filter(|title| !title.contains(['?', '&', '='])).map(|title| shown(title, context));
        return match title.filter(|title| !title.is_empty()) {
            Some(title) => format!("a page titled {title:?} instead of JSON"),
            None => "a page (HTML or XML) instead of JSON".to_string(),
        };
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(_) => "JSON that is not an object".to_string(),
        Err(error) if error.is_eof() => format!("incomplete JSON: it ends after {} bytes", response.body.len()),
        Err(_) => format!("{} bytes that are not JSON", response.body.len()),
    }
}

/// Returns a field as text, by its name, or by that with a lower-case first letter, as some gateways send it.
fn field(object: &Map<String, Value>, name: &str) -> Option<String> {
    let small = format!("{}{}", name[..1].to_ascii_lowercase(), &name[1..]);
    match object.get(name).or_else(|| object.get(&small))? {
        Value::String(text) => Some(text.clone()),
        value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
