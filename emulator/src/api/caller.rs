//! Who calls: both signatures, the time stamp, and the nonce.

use std::time::{Duration, SystemTime};

use hyper::header::HeaderName;

use super::clock::parse_utc;
use super::request::Request;
use super::response::ApiError;
use super::signature::{v2, v3};
use crate::account::Directory;
use crate::service::{Service, lock};

/// The one version of the OpenAPI.
const VERSION: &str = "2020-04-20";

/// How far the time stamp of a call may be off.
const V2_TOLERANCE: Duration = Duration::from_secs(31 * 60);
const V3_TOLERANCE: Duration = Duration::from_secs(15 * 60);

/// What a call says about its sender, whichever way it is signed.
struct Claim<'a> {
    access_key_id: &'a str,
    security_token: Option<&'a str>,
    nonce: &'a str,
    timestamp: &'a str,
    tolerance: Duration,
    version: &'a str,
    signature: &'a str,
    string_to_sign: String,
    sign: fn(&str, &str) -> String,
}

/// Checks everything that is the same for all actions. Returns the access key id of the caller.
pub(super) fn check(service: &Service, request: &Request, now: SystemTime) -> Result<String, ApiError> {
    let claim = match request.header("authorization") {
        Some(authorization) => claim_v3(request, authorization)?,
        None => claim_v2(request)?,
    };
    if claim.version != VERSION {
        return Err(ApiError::new(400, "InvalidVersion", format!("the only version is {VERSION}")));
    }
    check_time(&claim, now)?;
    let secret = secret_of(&lock(&service.directory), &claim)?;
    if !same(&(claim.sign)(&secret, &claim.string_to_sign), claim.signature) {
        return Err(ApiError::new(
            400,
            "SignatureDoesNotMatch",
            format!(
                "Specified signature is not matched with our calculation. server string to sign is:{}",
                claim.string_to_sign
            ),
        ));
    }
    if !lock(&service.nonces).take(claim.access_key_id, claim.nonce) {
        return Err(ApiError::new(400, "SignatureNonceUsed", "Specified signature nonce was used already."));
    }
    Ok(claim.access_key_id.to_owned())
}

fn claim_v2(request: &Request) -> Result<Claim<'_>, ApiError> {
    let need = |name: &str| request.parameters().get(name).ok_or_else(|| missing(name));
    let claim = Claim {
        access_key_id: need("AccessKeyId")?,
        security_token: request.parameters().get("SecurityToken"),
        nonce: need("SignatureNonce")?,
        timestamp: need("Timestamp")?,
        tolerance: V2_TOLERANCE,
        version: need("Version")?,
        signature: need("Signature")?,
        string_to_sign: v2::string_to_sign(&request.method, request.parameters().all()),
        sign: v2::sign,
    };
    need("Action")?;
    for (name, known) in [("SignatureMethod", "HMAC-SHA1"), ("SignatureVersion", "1.0")] {
        if need(name)? != known {
            return Err(ApiError::new(400, format!("Invalid{name}"), format!("the only {name} is {known}")));
        }
    }
    let known = |format: &str| ["JSON", "XML"].iter().any(|known| known.eq_ignore_ascii_case(format));
    if !request.parameters().get("Format").is_none_or(known) {
        return Err(ApiError::new(400, "InvalidFormat", "the formats are JSON and XML"));
    }
    Ok(claim)
}

fn claim_v3<'a>(request: &'a Request, authorization: &'a str) -> Result<Claim<'a>, ApiError> {
    let incomplete = |why: String| ApiError::new(400, "IncompleteSignature", why);
    let authorization = v3::Authorization::parse(authorization)
        .ok_or_else(|| incomplete(format!("the Authorization header is not of the form of {}", v3::ALGORITHM)))?;
    let need = |name: &str| request.header(name).ok_or_else(|| missing(name));
    need("host")?;
    need("x-acs-action")?;
    let signed = &authorization.signed_headers;
    if !signed.is_sorted_by(|a, b| a < b) {
        return Err(incomplete("SignedHeaders are not in order, or not unique".into()));
    }
    let mut headers = Vec::with_capacity(signed.len());
    for name in signed {
        // A header name in capital letters is found as well, but must not be signed like that.
        let value = request.header(name).filter(|_| !name.bytes().any(|byte| byte.is_ascii_uppercase()));
        headers.push((*name, value.ok_or_else(|| incomplete(format!("the signed header {name:?} was not sent")))?));
    }
    let demanded = |name: &str| name == "host" || name == "content-type" || name.starts_with("x-acs-");
    for name in request.headers.keys().map(HeaderName::as_str).filter(|name| demanded(name)) {
        if !signed.contains(&name) {
            return Err(incomplete(format!("the header {name} is not signed")));
        }
        if request.headers.get_all(name).iter().count() > 1 {
            return Err(incomplete(format!("the header {name} was sent more than once")));
        }
    }
    let access_key_id = authorization.credential;
    if request.header("x-acs-accesskey-id").is_some_and(|id| id != access_key_id) {
        return Err(incomplete("x-acs-accesskey-id is not the Credential".into()));
    }
    let body_hash = need("x-acs-content-sha256")?;
    if body_hash != v3::hash(&request.body) {
        return Err(ApiError::new(400, "SignatureDoesNotMatch", "x-acs-content-sha256 is not the hash of the body"));
    }
    let canonical = v3::canonical_request(&request.method, &request.query, &headers, body_hash);
    Ok(Claim {
        access_key_id,
        security_token: request.header("x-acs-security-token"),
        nonce: need("x-acs-signature-nonce")?,
        timestamp: need("x-acs-date")?,
        tolerance: V3_TOLERANCE,
        version: need("x-acs-version")?,
        signature: authorization.signature,
        string_to_sign: v3::string_to_sign(&canonical),
        sign: v3::sign,
    })
}

fn check_time(claim: &Claim<'_>, now: SystemTime) -> Result<(), ApiError> {
    let time = parse_utc(claim.timestamp).ok_or_else(|| {
        ApiError::new(400, "InvalidTimeStamp.Format", "Specified time stamp is not of the form YYYY-MM-DDThh:mm:ssZ.")
    })?;
    let off = now.duration_since(time).unwrap_or_else(|early| early.duration());
    if off > claim.tolerance {
        let message = "Specified time stamp or date value is expired.";
        return Err(ApiError::new(400, "InvalidTimeStamp.Expired", message));
    }
    Ok(())
}

fn secret_of(directory: &Directory, claim: &Claim<'_>) -> Result<String, ApiError> {
    const CODE: &str = "InvalidSecurityToken.MismatchWithAccessKey";
    let id = claim.access_key_id;
    if let Some(key) = directory.sts_keys.get(id) {
        return match claim.security_token {
            Some(token) if same(token, &key.security_token) => Ok(key.secret.clone()),
            Some(_) => Err(ApiError::new(400, CODE, "the security token is not that of this access key")),
            None => Err(ApiError::new(400, "MissingSecurityToken", "this access key needs its security token")),
        };
    }
    match directory.access_keys.iter().find(|(known, _)| known == id) {
        None => Err(ApiError::new(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")),
        Some(_) if claim.security_token.is_some() => {
            Err(ApiError::new(400, CODE, "this access key has no security token"))
        }
        Some((_, secret)) => Ok(secret.clone()),
    }
}

fn missing(name: &str) -> ApiError {
    ApiError::new(400, "MissingParameter", format!("the common parameter or header {name} is missing"))
}

/// Compares without telling by the time it takes where the difference is.
fn same(ours: &str, theirs: &str) -> bool {
    let difference = ours.bytes().zip(theirs.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    !ours.is_empty() && ours.len() == theirs.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparing() {
        assert!(same("abc", "abc"));
        assert!(!same("abc", "abd") && !same("abc", "ab") && !same("ab", "abc") && !same("", ""));
    }
}
