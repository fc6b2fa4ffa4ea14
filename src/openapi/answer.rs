//! From an HTTP answer to the service's JSON, or to an error that says what is wrong.
//!
//! An answer may hold a token or a key, and an error answer may repeat the request with its signature; so only a few
//! fields of an answer are ever shown, without control characters, shortened, and with the secrets of the call replaced.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::fields;
use super::sign::encode;
use super::wire::{Reply, protocol};
use crate::error::{ApiFault, Error, ErrorKind, Fate, Hint, Result};
use crate::printable::excerpt;

/// What is known of the call that was answered.
pub(super) struct Question<'a> {
    pub(super) action: &'a str,
    /// Never to be shown.
    pub(super) secrets: Vec<&'a str>,
    /// What this side signed.
    pub(super) string_to_sign: &'a str,
    /// This machine's clock.
    pub(super) now: SystemTime,
}

/// The service's JSON object.
///
/// # Errors
/// `Api`: the service reports a failure, by the HTTP status or in the body. `Protocol`: it is no answer of the service.
pub(super) fn read(reply: &Reply, question: &Question<'_>) -> Result<Map<String, Value>> {
    let parsed = serde_json::from_slice::<Value>(&reply.body);
    let (action, status) = (question.action, reply.status);
    let is_error = !(200..300).contains(&status);
    match parsed {
        _ if (300..400).contains(&status) => {
            let to = reply.redirect.as_ref().map_or(String::new(), |host| format!(" to the host {host:?}"));
            let message = format!("{action} was redirected{to} (HTTP {status}), which is not followed");
            Err(protocol(message).with_hint(Hint::ApiUrlOrLogin))
        }
        Ok(Value::Object(object)) if is_error || reports_failure(&object) => Err(fault(&object, reply, question)),
        // Each answer of the service has one; without this check any JSON would be taken for "done".
        Ok(Value::Object(object)) if field(&object, "RequestId").is_none() => {
            Err(fields::missing(action, "RequestId").with_hint(Hint::ApiUrl))
        }
        Ok(Value::Object(object)) => Ok(object),
        _ if is_error => {
            let shown = format!("{action} failed: HTTP {status}, with {}", describe(reply, question));
            Err(finish(Error::new(ErrorKind::Api, shown), ApiFault::new(status, None, None, None), reply, question))
        }
        _ => {
            let message = format!("{action} was answered with {}", describe(reply, question));
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

fn fault(object: &Map<String, Value>, reply: &Reply, question: &Question<'_>) -> Error {
    let clean = |name: &str| field(object, name).map(|text| shown(&text, question)).filter(|text| !text.is_empty());
    let fault = ApiFault::new(reply.status, clean("Code"), clean("Message"), clean("RequestId"));
    let error = Error::new(ErrorKind::Api, format!("{} failed: {fault}", question.action));
    let signature =
        fault.code().filter(|code| code.starts_with("SignatureDoesNotMatch")).map(|_| signature_hint(object, question));
    let error = finish(error, fault, reply, question);
    // A wrong clock explains nothing here: the signature is checked with the time that was sent.
    error.with_hint(signature)
}

/// Adds what every error answer has.
fn finish(error: Error, fault: ApiFault, reply: &Reply, question: &Question<'_>) -> Error {
    let fate = if fault.is_server_failure() && !fault.is_throttled() { Fate::Unknown } else { Fate::Refused };
    // The end of a token is an absolute time, and may miss the shortest life by seconds.
    let exact = question.action == "ApplyToken" && fault.code() == Some("ParameterCheckFailed");
    let tolerated = if exact { Duration::from_secs(5) } else { Duration::from_secs(300) };
    let usual = usual_cause(&fault, question.action);
    let hint = match skew(reply, question, tolerated) {
        Some(skew) => Some(Hint::ApiClockSkew { skew, also: usual.map(Box::new) }),
        None => usual,
    };
    error.with_fate(fate).with_api(fault).with_hint(hint)
}

/// How far this machine's clock is from the server's, where both are known and differ by more than is tolerated: as
/// "6 min ahead of".
fn skew(reply: &Reply, question: &Question<'_>, tolerated: Duration) -> Option<String> {
    let server = reply.date?;
    let (difference, direction) = match question.now.duration_since(server) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
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
    Some(format!("{amount} {direction}"))
}

/// The documented codes (help pages of the operations on tokens and credentials, and "Error codes",
/// alibabacloud.com/help/doc-detail/109365.htm), and of the gateway's common ones `InvalidAccessKeyId` and
/// `IllegalTimestamp` (alibabacloud.com/help/doc-detail/69008.htm). That this service answers with the gateway's, and the
/// other spellings of them, is an assumption.
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

/// Which of two causes a wrong signature has: the server may show what it signed.
fn signature_hint(object: &Map<String, Value>, question: &Question<'_>) -> Hint {
    let without_space = |text: &str| Zeroizing::new(text.split_whitespace().collect::<String>());
    let message = Zeroizing::new(field(object, "Message").unwrap_or_default());
    if without_space(&message).contains(&**without_space(question.string_to_sign)) {
        Hint::ApiWrongSecret
    } else if echo(&message).is_some() {
        Hint::ApiChangedRequest
    } else {
        Hint::ApiSecretOfKey
    }
}

/// Where a message begins to repeat the request.
fn echo(message: &str) -> Option<usize> {
    let message = message.to_ascii_lowercase();
    let marks = ["server string to sign", "server stringtosign", "string to sign", "stringtosign", "canonicalrequest"];
    marks.iter().filter_map(|mark| message.find(mark)).min()
}

/// A text of the service as it may be shown.
fn shown(text: &str, question: &Question<'_>) -> String {
    let text = &text[..echo(text).unwrap_or(text.len())];
    let mut text = text.to_string();
    for secret in &question.secrets {
        // Shorter ones are no secrets, and would tear holes into ordinary words.
        if secret.len() >= 4 {
            let encoded = encode(secret);
            let twice = encode(&encoded);
            for form in [twice.as_str(), encoded.as_str(), secret] {
                text = text.replace(form, "***");
            }
        }
    }
    // Line ends are part of a service's layout; what else could command a terminal is written out.
    let spaced: String = text.chars().map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { c }).collect();
    excerpt(spaced.trim())
}

/// What a body is that is not the JSON it should be. Of a page only its title is shown: gateways like to repeat the
/// URL in the text.
fn describe(reply: &Reply, question: &Question<'_>) -> String {
    let body = reply.body.trim_ascii();
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
        // Anything like a URL is too much.
        let title = title.filter(|title| !title.contains(['?', '&', '='])).map(|title| shown(title, question));
        return match title.filter(|title| !title.is_empty()) {
            Some(title) => format!("a page titled {title:?} instead of JSON"),
            None => "a page (HTML or XML) instead of JSON".to_string(),
        };
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(_) => "JSON that is no object".to_string(),
        Err(error) if error.is_eof() => format!("half a JSON: it ends after {} bytes", reply.body.len()),
        Err(_) => format!("{} bytes that are no JSON", reply.body.len()),
    }
}

/// A field as text, by its name or that with a small first letter, as some gateways have it.
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
