//! The signature V3, `ACS3-HMAC-SHA256`: over the request line, the headers, and the hash of the body.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::header::HeaderName;
use sha2::{Digest as _, Sha256};

use super::claim::{Claim, missing};
use crate::api::form::percent_encode;
use crate::api::request::Request;
use crate::api::response::ApiError;

const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// How far the timestamp of a call may be off.
const TOLERANCE: Duration = Duration::from_secs(15 * 60);

/// Reads the claims from the headers of a call, and checks that they are signed.
pub(super) fn claim<'a>(request: &'a Request, authorization: &'a str) -> Result<Claim<'a>, ApiError> {
    let incomplete = |why: String| ApiError::new(400, "IncompleteSignature", why);
    let authorization = Authorization::parse(authorization)
        .ok_or_else(|| incomplete(format!("the Authorization header is not of the form of {ALGORITHM}")))?;
    let need = |name: &str| request.header(name).ok_or_else(|| missing(name));
    need("host")?;
    need("x-acs-action")?;
    let signed = &authorization.signed_headers;
    if !signed.is_sorted_by(|a, b| a < b) {
        return Err(incomplete("SignedHeaders are not in order, or not unique".into()));
    }
    let mut headers = Vec::with_capacity(signed.len());
    for name in signed {
        // The lookup ignores case, but a name in capital letters must not be signed.
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
    if body_hash != hash(&request.body) {
        return Err(ApiError::new(400, "SignatureDoesNotMatch", "x-acs-content-sha256 is not the hash of the body"));
    }
    let canonical = canonical_request(&request.method, &request.query, &headers, body_hash);
    Ok(Claim {
        access_key_id,
        security_token: request.header("x-acs-security-token"),
        nonce: need("x-acs-signature-nonce")?,
        timestamp: need("x-acs-date")?,
        tolerance: TOLERANCE,
        version: need("x-acs-version")?,
        signature: authorization.signature,
        string_to_sign: string_to_sign(&canonical),
        sign,
    })
}

/// The parts of an `Authorization` header.
struct Authorization<'a> {
    credential: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Parses `ACS3-HMAC-SHA256 Credential=…,SignedHeaders=…;…,Signature=…`.
    fn parse(header: &'a str) -> Option<Self> {
        let parts = header.strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in parts.split(',') {
            let (name, value) = part.trim().split_once('=')?;
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return None,
            };
            if value.is_empty() || place.replace(value).is_some() {
                return None;
            }
        }
        let signed_headers = signed_headers?.split(';').collect();
        Some(Self { credential: credential?, signed_headers, signature: signature? })
    }
}

/// Returns the request as it is signed. `headers` are lower-case names with their values, sorted by name.
fn canonical_request(
    method: &str,
    query: &BTreeMap<String, String>,
    headers: &[(&str, &str)],
    body_hash: &str,
) -> String {
    let query: Vec<_> =
        query.iter().map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value))).collect();
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    format!("{method}\n/\n{}\n{lines}\n{}\n{body_hash}", query.join("&"), names.join(";"))
}

fn string_to_sign(canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{}", hash(canonical_request.as_bytes()))
}

/// Returns `hex(HMAC-SHA256(key = secret, string to sign))`.
fn sign(secret: &str, string_to_sign: &str) -> String {
    // Cannot fail: HMAC accepts keys of any length. An empty text never equals a signature.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(string_to_sign.as_bytes());
    hex(&mac.finalize().into_bytes())
}

/// Returns `hex(SHA-256(bytes))`.
fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn run_instances(date: &str, nonce: &str) -> String {
        let query =
            map(&[("ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"), ("RegionId", "cn-shanghai")]);
        let headers = [
            ("host", "ecs.cn-shanghai.aliyuncs.com"),
            ("x-acs-action", "RunInstances"),
            ("x-acs-content-sha256", EMPTY),
            ("x-acs-date", date),
            ("x-acs-signature-nonce", nonce),
            ("x-acs-version", "2014-05-26"),
        ];
        string_to_sign(&canonical_request("POST", &query, &headers, EMPTY))
    }

    #[test]
    fn the_published_vectors() {
        assert_eq!(hash(b""), EMPTY);
        let text = run_instances("2023-10-26T10:22:32Z", "3156853299f313e23d1673dc12e1703d");
        assert_eq!(text, format!("{ALGORITHM}\n7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259"));
        assert_eq!(
            sign("YourAccessKeySecret", &text),
            "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
        );
        let text = run_instances("2023-10-26T09:01:01Z", "d410180a5abf7fe235dd9b74aca91fc0");
        assert_eq!(
            sign("YourAccessKeySecret", &text),
            "e521358f7776c97df52e6b2891a8bc73026794a071b50c3323388c4e0df64804"
        );
    }

    fn apply_token(security_token: Option<&str>) -> String {
        let query = map(&[
            ("Resources", "TopicA/+,TopicB/#"),
            ("InstanceId", "post-cn-0pp12gl0001"),
            ("ExpireTime", "1609434121000"),
            ("Actions", "R,W"),
        ]);
        let mut headers = vec![
            ("host", "onsmqtt.cn-hangzhou.aliyuncs.com"),
            ("x-acs-action", "ApplyToken"),
            ("x-acs-content-sha256", EMPTY),
            ("x-acs-date", "2016-02-23T12:46:24Z"),
            ("x-acs-signature-nonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"),
            ("x-acs-version", "2020-04-20"),
        ];
        if let Some(token) = security_token {
            headers.extend([("x-acs-accesskey-id", "testid"), ("x-acs-security-token", token)]);
        }
        headers.sort_unstable();
        string_to_sign(&canonical_request("POST", &query, &headers, EMPTY))
    }

    #[test]
    fn apply_token_with_and_without_a_security_token() {
        let text = apply_token(None);
        assert_eq!(text, format!("{ALGORITHM}\n4f9b41ffc6c196208674597006a246fefb0b2462c3ede19a4d3b4ba628feb870"));
        assert_eq!(sign("testsecret", &text), "7b0e5fb5ad5d76a9028da4a1571e63a72f6160e89ec6d1ca2b0c1ef2a2ffe011");
        assert_eq!(
            sign("testsecret", &apply_token(Some("sts+tok/en=="))),
            "a93fb99371a77600eb41794851d2cd08f412f1ac38ae1f00e50c4f509a7276dc"
        );
    }

    #[test]
    fn authorization_headers() {
        let read = |header| {
            Authorization::parse(header).map(|found| (found.credential, found.signed_headers, found.signature))
        };
        assert_eq!(
            read("ACS3-HMAC-SHA256 Credential=id,SignedHeaders=host;x-acs-date,Signature=ab"),
            Some(("id", vec!["host", "x-acs-date"], "ab"))
        );
        assert!(read("ACS3-HMAC-SHA256 Credential=id, SignedHeaders=host, Signature=ab").is_some());
        for bad in [
            "",
            "ACS3-HMAC-SHA256",
            "Basic Credential=id,SignedHeaders=host,Signature=ab",
            "ACS3-HMAC-SHA256 Credential=id,SignedHeaders=host",
            "ACS3-HMAC-SHA256 Credential=,SignedHeaders=host,Signature=ab",
            "ACS3-HMAC-SHA256 Credential=id,Credential=id,SignedHeaders=host,Signature=ab",
            "ACS3-HMAC-SHA256 Credential=id,SignedHeaders=host,Signature=ab,Other=x",
        ] {
            assert!(read(bad).is_none(), "{bad}");
        }
    }
}
