//! The signature V2: of RPC calls, version 1.0 (HMAC-SHA1).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::claim::{Claim, missing};
use crate::api::form::percent_encode;
use crate::api::request::Request;
use crate::api::response::ApiError;

/// How far the timestamp of a call may be off.
const TOLERANCE: Duration = Duration::from_secs(31 * 60);

/// Reads the claims from the parameters of a call.
pub(super) fn claim(request: &Request) -> Result<Claim<'_>, ApiError> {
    let need = |name: &str| request.parameters().get(name).ok_or_else(|| missing(name));
    let claim = Claim {
        access_key_id: need("AccessKeyId")?,
        security_token: request.parameters().get("SecurityToken"),
        nonce: need("SignatureNonce")?,
        timestamp: need("Timestamp")?,
        tolerance: TOLERANCE,
        version: need("Version")?,
        signature: need("Signature")?,
        string_to_sign: string_to_sign(&request.method, request.parameters().all()),
        sign,
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

/// Returns the text to sign: the method, and all parameters but the signature itself, sorted by name.
fn string_to_sign<'a>(method: &str, parameters: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut pairs: Vec<_> = parameters.filter(|(name, _)| *name != "Signature").collect();
    pairs.sort_unstable();
    let pairs: Vec<_> =
        pairs.iter().map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value))).collect();
    format!("{method}&{}&{}", percent_encode("/"), percent_encode(&pairs.join("&")))
}

/// Returns `base64(HMAC-SHA1(key = secret + "&", string to sign))`.
fn sign(secret: &str, string_to_sign: &str) -> String {
    // Cannot fail: HMAC accepts keys of any length. An empty text never equals a signature.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(format!("{secret}&").as_bytes()) else { return String::new() };
    mac.update(string_to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf";
    const REGIONS: [(&str, &str); 8] = [
        ("Action", "DescribeRegions"),
        ("Version", "2014-05-26"),
        ("Format", "XML"),
        ("AccessKeyId", "testid"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("SignatureNonce", NONCE),
        ("Timestamp", "2016-02-23T12:46:24Z"),
    ];
    const APPLY: [(&str, &str); 13] = [
        ("Action", "ApplyToken"),
        ("Version", "2020-04-20"),
        ("Format", "JSON"),
        ("AccessKeyId", "testid"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("SignatureNonce", NONCE),
        ("Timestamp", "2016-02-23T12:46:24Z"),
        ("RegionId", "cn-hangzhou"),
        ("Resources", "TopicA/+,TopicB/#"),
        ("InstanceId", "post-cn-0pp12gl0001"),
        ("ExpireTime", "1609434121000"),
        ("Actions", "R,W"),
    ];

    #[test]
    fn the_published_vector() {
        let text = string_to_sign("GET", REGIONS.into_iter());
        assert_eq!(
            text,
            "GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeRegions%26Format%3DXML%26SignatureMethod%3DHMAC-SHA1%26\
             SignatureNonce%3D3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf%26SignatureVersion%3D1.0%26\
             Timestamp%3D2016-02-23T12%253A46%253A24Z%26Version%3D2014-05-26"
        );
        assert_eq!(sign("testsecret", &text), "OLeaidS1JvxuMvnyHOwuJ+uX5qY=");
    }

    #[test]
    fn apply_token_by_post_by_get_and_with_a_security_token() {
        let text = string_to_sign("POST", APPLY.into_iter());
        assert_eq!(
            text,
            "POST&%2F&AccessKeyId%3Dtestid%26Action%3DApplyToken%26Actions%3DR%252CW%26ExpireTime%3D1609434121000%26\
             Format%3DJSON%26InstanceId%3Dpost-cn-0pp12gl0001%26RegionId%3Dcn-hangzhou%26\
             Resources%3DTopicA%252F%252B%252CTopicB%252F%2523%26SignatureMethod%3DHMAC-SHA1%26\
             SignatureNonce%3D3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf%26SignatureVersion%3D1.0%26\
             Timestamp%3D2016-02-23T12%253A46%253A24Z%26Version%3D2020-04-20"
        );
        assert_eq!(sign("testsecret", &text), "TrzcEQndsC36r9Wib3I1x37MGns=");
        assert_eq!(sign("testsecret", &string_to_sign("GET", APPLY.into_iter())), "4yFPfhQNFO9X7VZIaNqbXklB/4s=");
        let with_token = APPLY.into_iter().chain([("SecurityToken", "sts+tok/en==")]);
        assert_eq!(sign("testsecret", &string_to_sign("POST", with_token)), "zfyynO40Z/oeAuzzhJBcW1BjJqY=");
    }

    #[test]
    fn the_signature_does_not_sign_itself() {
        let with = REGIONS.into_iter().chain([("Signature", "x")]);
        assert_eq!(string_to_sign("GET", with), string_to_sign("GET", REGIONS.into_iter()));
    }
}
