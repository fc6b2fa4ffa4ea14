//! The work of the calls about accounts.

use serde_json::{Value, json};

use super::field::Arguments;
use super::problem::Problem;
use crate::account::{CustomIdentity, DeviceCredential, SignMode, StsKey};
use crate::names;
use crate::service::{Service, lock};
use crate::token::Permission;

type Outcome = Result<Value, Problem>;

pub(super) fn add_token(service: &Service, arguments: &Arguments) -> Outcome {
    let token = arguments.text("token");
    part("the token", token)?;
    let first = service.settings.directory.access_keys.first().map_or("", |(id, _)| id);
    let key = arguments.may_text("access_key_id").unwrap_or(first);
    let directory = lock(&service.directory).clone();
    if !directory.access_keys.iter().any(|(id, _)| id == key) && !directory.sts_keys.contains_key(key) {
        return Err(Problem::new(404, "there is no such AccessKey"));
    }
    let refused = |why| Problem::new(422, why);
    for resource in arguments.texts("resources").unwrap_or_default() {
        service.settings.check_filter(resource).map_err(refused)?;
    }
    let permission = Permission::parse(arguments.text("permission")).unwrap_or(Permission::ReadWrite);
    let resources = arguments.texts("resources").unwrap_or_default().into_iter().map(str::to_owned);
    let lifetime = arguments.seconds("lifetime").unwrap_or_default();
    let number = lock(&service.tokens).add(token, key, permission, resources, lifetime);
    let number = number.ok_or_else(|| Problem::new(409, "there is such a token already"))?;
    Ok(json!({ "number": number }))
}

pub(super) fn expire_token(service: &Service, arguments: &Arguments) -> Outcome {
    with_token(service, arguments, |token| service.expire_token(token))
}

pub(super) fn revoke_token(service: &Service, arguments: &Arguments) -> Outcome {
    with_token(service, arguments, |token| service.revoke_token(token))
}

pub(super) fn add_device(service: &Service, arguments: &Arguments) -> Outcome {
    names::group_of(arguments.text("client_id")).map_err(|why| Problem::new(422, why))?;
    part("the id of the credential", arguments.text("access_key_id"))?;
    let credential = DeviceCredential {
        access_key_id: arguments.text("access_key_id").into(),
        access_key_secret: arguments.text("access_key_secret").into(),
    };
    lock(&service.directory).set_device(arguments.text("client_id"), credential);
    Ok(json!({}))
}

pub(super) fn remove_device(service: &Service, arguments: &Arguments) -> Outcome {
    removed(lock(&service.directory).unregister_device(arguments.text("client_id")))
}

pub(super) fn add_certificate(service: &Service, arguments: &Arguments) -> Outcome {
    let (serial_number, common_name) = (arguments.text("serial_number"), arguments.text("common_name"));
    let is_active = arguments.may_flag("active").unwrap_or(true);
    lock(&service.directory).register_certificate(serial_number, common_name, is_active);
    Ok(json!({}))
}

pub(super) fn remove_certificate(service: &Service, arguments: &Arguments) -> Outcome {
    removed(lock(&service.directory).remove_certificate(arguments.text("serial_number")))
}

pub(super) fn activate_certificate(service: &Service, arguments: &Arguments) -> Outcome {
    let (serial_number, active) = (arguments.text("serial_number"), arguments.may_flag("active").unwrap_or(true));
    let known = lock(&service.directory).activate_certificate(serial_number, active);
    Ok(json!({ "known": known }))
}

pub(super) fn add_custom_identity(service: &Service, arguments: &Arguments) -> Outcome {
    part("the user name", arguments.text("username"))?;
    let identity = CustomIdentity {
        client_id: arguments.may_text("client_id").map(str::to_owned),
        secret: arguments.text("secret").into(),
        mode: if arguments.text("sign_mode") == "SIGNED" { SignMode::Signed } else { SignMode::Origin },
    };
    lock(&service.directory).set_custom(arguments.text("username"), identity);
    Ok(json!({}))
}

pub(super) fn remove_custom_identity(service: &Service, arguments: &Arguments) -> Outcome {
    let (username, client_id) = (arguments.text("username"), arguments.may_text("client_id"));
    removed(lock(&service.directory).remove_custom(username, client_id))
}

pub(super) fn add_group(service: &Service, arguments: &Arguments) -> Outcome {
    let id = arguments.text("group_id");
    names::check_group(id).map_err(|why| Problem::new(422, why))?;
    Ok(json!({ "added": lock(&service.directory).add_group(id) }))
}

pub(super) fn remove_group(service: &Service, arguments: &Arguments) -> Outcome {
    removed(lock(&service.directory).remove_group(arguments.text("group_id")))
}

pub(super) fn add_access_key(service: &Service, arguments: &Arguments) -> Outcome {
    let (id, secret) = (arguments.text("id"), arguments.text("secret"));
    part("the id of the AccessKey", id)?;
    let mut directory = lock(&service.directory);
    match arguments.may_text("security_token") {
        Some(token) => {
            directory.set_sts_key(id, StsKey { secret: secret.into(), security_token: token.into(), expires: None });
        }
        None => directory.set_access_key(id, secret),
    }
    Ok(json!({}))
}

pub(super) fn remove_access_key(service: &Service, arguments: &Arguments) -> Outcome {
    removed(lock(&service.directory).remove_access_key(arguments.text("id")))
}

/// Checks a text that logins write between the characters `|`.
fn part(what: &str, text: &str) -> Result<(), Problem> {
    names::check_part(what, text).map_err(|why| Problem::new(422, why))
}

#[expect(clippy::unnecessary_wraps, reason = "the answer of a call")]
fn removed(removed: bool) -> Outcome {
    Ok(json!({ "removed": removed }))
}

/// Applies a change to the token that is named by itself or by its number.
fn with_token(service: &Service, arguments: &Arguments, change: impl Fn(&str) -> bool) -> Outcome {
    let token = match (arguments.may_text("token"), arguments.number::<u64>("number")) {
        (Some(token), None) => Some(token.to_owned()),
        (None, Some(number)) => lock(&service.tokens).text_of(number),
        _ => return Err(Problem::new(422, "either token or number is needed")),
    };
    Ok(json!({ "known": token.is_some_and(|token| change(&token)) }))
}
