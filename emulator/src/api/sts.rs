//! STS: temporary keys for a RAM role, by AssumeRole and AssumeRoleWithOIDC.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use super::caller;
use super::request::Request;
use super::response::{ApiError, Outcome};
use crate::account::StsKey;
use crate::service::{Service, lock};

/// The version of STS.
const VERSION: &str = "2015-04-01";

/// The lifetimes that STS accepts, in seconds.
const SHORTEST: u64 = 900;
const LONGEST: u64 = 43_200;
const USUAL: u64 = 3600;

/// Returns true for a call of STS.
pub(super) fn is_meant(request: &Request) -> bool {
    request.header("x-acs-version").or_else(|| request.parameters().get("Version")) == Some(VERSION)
}

/// Carries a call of STS out.
pub(super) fn run(service: &Service, request: &Request, now: SystemTime) -> Outcome {
    let parameters = request.parameters();
    let Some(role) = &service.settings.ram_role else {
        return Err(ApiError::new(404, "ApiNotSupport", "this emulator has no RAM role"));
    };
    match request.action() {
        "AssumeRole" => drop(caller::check_for(VERSION, service, request, now)?),
        "AssumeRoleWithOIDC" => {
            parameters.need("OIDCProviderArn")?;
            parameters.need("OIDCToken")?;
        }
        _ => return Err(ApiError::new(404, "InvalidAction.NotFound", "Specified api is not found.")),
    }
    let (arn, session) = (parameters.need("RoleArn")?, parameters.need("RoleSessionName")?);
    if !arn.starts_with("acs:ram::") || arn.rsplit_once(":role/").is_none_or(|(_, name)| name != role) {
        return Err(ApiError::new(404, "EntityNotExist.Role", "The role does not exist."));
    }
    let seconds = parameters.number_or("DurationSeconds", USUAL)?;
    if !(SHORTEST..=LONGEST).contains(&seconds) {
        let message = format!("DurationSeconds is not within {SHORTEST} to {LONGEST}");
        return Err(ApiError::new(400, "InvalidParameter.DurationSeconds", message));
    }
    let expires = now + Duration::from_secs(seconds);
    let (id, key) = lock(&service.directory).make_sts_key(expires);
    let mut fields = Map::new();
    fields.insert("Credentials".to_owned(), key_fields(&id, &key));
    let user = json!({ "Arn": format!("{arn}/{session}"), "AssumedRoleId": format!("{role}:{session}") });
    fields.insert("AssumedRoleUser".to_owned(), user);
    Ok(fields)
}

/// Returns a temporary key in the form of STS and of the metadata service.
pub(super) fn key_fields(id: &str, key: &StsKey) -> Value {
    let expires = key.expires.unwrap_or(SystemTime::UNIX_EPOCH);
    json!({
        "AccessKeyId": id,
        "AccessKeySecret": key.secret,
        "SecurityToken": key.security_token,
        "Expiration": humantime::format_rfc3339_seconds(expires).to_string(),
    })
}
