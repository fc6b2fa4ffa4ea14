//! The check of the caller: signature, timestamp and nonce.

use std::time::SystemTime;

use super::clock::parse_utc;
use super::request::Request;
use super::response::ApiError;
use super::signature::{self, Claim, is_same};
use crate::account::Directory;
use crate::service::{Service, lock};

/// The one version of the OpenAPI.
const VERSION: &str = "2020-04-20";

/// Checks what all actions have in common. Returns the AccessKey id of the caller.
pub(super) fn check(service: &Service, request: &Request, now: SystemTime) -> Result<String, ApiError> {
    check_for(VERSION, service, request, now)
}

/// Checks the caller of an API with this version.
pub(super) fn check_for(
    version: &str,
    service: &Service,
    request: &Request,
    now: SystemTime,
) -> Result<String, ApiError> {
    let claim = signature::claim(request)?;
    if claim.version != version {
        return Err(ApiError::new(400, "InvalidVersion", format!("the only version is {version}")));
    }
    check_time(&claim, now)?;
    let secret = secret_of(&lock(&service.directory), &claim, now)?;
    if !claim.is_signed_with(&secret) {
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

fn secret_of(directory: &Directory, claim: &Claim<'_>, now: SystemTime) -> Result<String, ApiError> {
    const CODE: &str = "InvalidSecurityToken.MismatchWithAccessKey";
    let id = claim.access_key_id;
    if let Some(key) = directory.sts_keys.get(id) {
        if key.expires.is_some_and(|end| end <= now) {
            let message = "Specified SecurityToken is expired.";
            return Err(ApiError::new(400, "InvalidSecurityToken.Expired", message));
        }
        return match claim.security_token {
            Some(token) if is_same(token, &key.security_token) => Ok(key.secret.clone()),
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
