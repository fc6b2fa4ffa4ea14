//! The actions ApplyToken, QueryToken and RevokeToken.

use std::time::{Duration, UNIX_EPOCH};

use super::call::{Call, fields};
use crate::api::response::{ApiError, Outcome};
use crate::names;
use crate::service::lock;
use crate::token::Permission;

const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
const MAX_RESOURCES: usize = 100;

pub(super) fn apply(call: &Call<'_>) -> Outcome {
    let service = call.service;
    let permission = match call.parameters.need("Actions")? {
        "R" => Permission::Read,
        "W" => Permission::Write,
        "R,W" => Permission::ReadWrite,
        _ => return Err(ApiError::parameter("Actions is none of R, W and R,W")),
    };
    let expires = Duration::from_millis(call.parameters.number("ExpireTime")?);
    let now = call.now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let lifetime = expires
        .checked_sub(now)
        .filter(|lifetime| *lifetime >= SHORTEST)
        .ok_or_else(|| ApiError::parameter("ExpireTime is not 60 seconds ahead"))?
        .min(LONGEST);
    let resources: Vec<_> = call.parameters.need("Resources")?.split(',').collect();
    if resources.len() > MAX_RESOURCES {
        return Err(ApiError::parameter(format!("more than {MAX_RESOURCES} Resources")));
    }
    if !resources.is_sorted() {
        return Err(ApiError::parameter("Resources are not in the order of the dictionary"));
    }
    for resource in &resources {
        let parent = names::parent_of_filter(resource, service.settings.limits.topic_length)
            .map_err(|why| ApiError::parameter(format!("Resources: {why}")))?;
        if !service.knows_parent(parent) {
            return Err(ApiError::permission(format!("there is no parent topic {parent:?}")));
        }
    }
    let lifetime = lifetime.mul_f64(service.settings.token_time_scale);
    let token = lock(&service.tokens).issue(call.caller, permission, &resources, lifetime);
    Ok(fields([("Token", token.into())]))
}

pub(super) fn query(call: &Call<'_>) -> Outcome {
    let alive = lock(&call.service.tokens).is_alive(call.parameters.need("Token")?);
    Ok(fields([("TokenStatus", alive.into())]))
}

pub(super) fn revoke(call: &Call<'_>) -> Outcome {
    if call.service.revoke_token(call.parameters.need("Token")?) {
        Ok(fields([]))
    } else {
        Err(ApiError::parameter("the token was never issued"))
    }
}
