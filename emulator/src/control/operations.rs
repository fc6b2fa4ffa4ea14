//! What each call does.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::answers;
use super::feed::{self, Wanted};
use super::field::Arguments;
use super::openapi;
use super::problem::Problem;
use super::routes::Call;
use crate::account::DeviceCredential;
use crate::error::Error;
use crate::machine::Machine;
use crate::service::{Service, lock};
use crate::token::Permission;

/// The number of entries of the log in an answer, if the caller does not say.
const PAGE: usize = 1000;

pub(super) async fn run(machine: &Arc<Machine>, call: Call, arguments: Arguments) -> Result<Value, Problem> {
    let service = &*machine.service;
    let switches = || lock(&service.switches);
    match call {
        Call::Document => return Ok(openapi::document()),
        Call::Settings => return Ok(answers::settings(machine)),
        Call::Sessions => {
            let sessions = blocking(machine, |machine| Ok(machine.sessions())).await?;
            return Ok(answers::sessions(service, sessions));
        }
        Call::Kick => return Ok(json!({ "kicked": service.kick(arguments.text("client_id")) })),
        Call::RefuseLogins => {
            let code = arguments.number("code").unwrap_or(5);
            match arguments.number("count") {
                Some(count) => switches().refuse_next_logins(count, code),
                None => switches().refuse_logins(Some(code)),
            }
        }
        Call::AcceptLogins => {
            let mut switches = switches();
            switches.refuse_logins(None);
            switches.refuse_next_logins(0, 0);
        }
        Call::Forbid => switches().forbid(arguments.text("filter")),
        Call::Allow => return Ok(json!({ "allowed": switches().allow(arguments.text("filter")) })),
        Call::Notify => {
            let (topic, payload) = (arguments.text("topic").to_owned(), arguments.payload("payload"));
            return Ok(json!({ "pushed": service.push_notice(arguments.text("client_id"), topic, payload) }));
        }
        Call::Publish => {
            let qos = arguments.number("qos").unwrap_or(1);
            let publish =
                move |machine: &Machine| machine.publish(arguments.text("topic"), qos, arguments.payload("payload"));
            blocking(machine, publish).await?;
        }
        Call::Tokens => return Ok(answers::tokens(service)),
        Call::AddToken => return add_token(service, &arguments),
        Call::ExpireToken => {
            return with_token(service, &arguments, |token| service.expire_token(token));
        }
        Call::RevokeToken => {
            return with_token(service, &arguments, |token| service.revoke_token(token));
        }
        Call::AddDevice => {
            let credential = DeviceCredential {
                access_key_id: arguments.text("access_key_id").into(),
                access_key_secret: arguments.text("access_key_secret").into(),
            };
            lock(&service.directory).set_device(arguments.text("client_id"), credential);
        }
        Call::RemoveDevice => {
            let removed = lock(&service.directory).unregister_device(arguments.text("client_id"));
            return Ok(json!({ "removed": removed }));
        }
        Call::Certificates => return Ok(answers::certificates(service)),
        Call::ActivateCertificate => {
            let (serial_number, active) = (arguments.text("serial_number"), arguments.flag("active"));
            let known = lock(&service.directory).activate_certificate(serial_number, active);
            return Ok(json!({ "known": known }));
        }
        Call::SetClock => switches().clock_skew = arguments.integer("skew").unwrap_or(0),
        Call::ThrottleApi => switches().throttle_api = arguments.number("count").unwrap_or(0),
        Call::FailApi => {
            let code = arguments.may_text("code").unwrap_or("InternalError");
            let status = arguments.number("status").unwrap_or(500);
            switches().fail_api(arguments.number("count").unwrap_or(0), status, code);
        }
        Call::DelayApi => switches().delay_api = arguments.seconds("seconds").unwrap_or_default(),
        Call::Log => {
            let (log, max) = (&service.log, arguments.number("max").unwrap_or(PAGE));
            let wait = arguments.seconds("wait").unwrap_or(Duration::ZERO);
            return Ok(feed::page(log, Wanted::new(&arguments, log), max, wait).await);
        }
        // The server answers it itself, as its answer is no JSON.
        Call::Events => return Err(Problem::new(500, "events are a stream")),
        Call::Stop => blocking(machine, Machine::stop).await?,
        Call::Restart => blocking(machine, Machine::restart).await?,
    }
    Ok(json!({}))
}

/// Carries out a call that waits for the emulator's own thread.
async fn blocking<T: Send + 'static>(
    machine: &Arc<Machine>,
    run: impl FnOnce(&Machine) -> Result<T, Error> + Send + 'static,
) -> Result<T, Problem> {
    let machine = Arc::clone(machine);
    let done = tokio::task::spawn_blocking(move || run(&machine)).await;
    done.map_err(|_| Problem::new(500, "the call has failed"))?.map_err(Problem::from)
}

fn add_token(service: &Service, arguments: &Arguments) -> Result<Value, Problem> {
    let token = arguments.text("token");
    if token.contains('|') {
        return Err(Problem::new(422, "a token with the character | cannot be part of a password"));
    }
    let first = service.settings.directory.access_keys.first().map_or("", |(id, _)| id);
    let key = arguments.may_text("access_key_id").unwrap_or(first);
    let directory = lock(&service.directory).clone();
    if !directory.access_keys.iter().any(|(id, _)| id == key) && !directory.sts_keys.contains_key(key) {
        return Err(Problem::new(404, "there is no such AccessKey"));
    }
    let permission = Permission::parse(arguments.text("permission")).unwrap_or(Permission::ReadWrite);
    let resources = arguments.texts("resources").unwrap_or_default().into_iter().map(str::to_owned);
    let lifetime = arguments.seconds("lifetime").unwrap_or_default();
    let number = lock(&service.tokens).add(token, key, permission, resources, lifetime);
    let number = number.ok_or_else(|| Problem::new(409, "there is such a token already"))?;
    Ok(json!({ "number": number }))
}

/// Applies a change to the token that is named by itself or by its number.
fn with_token(service: &Service, arguments: &Arguments, change: impl Fn(&str) -> bool) -> Result<Value, Problem> {
    let token = match (arguments.may_text("token"), arguments.number::<u64>("number")) {
        (Some(token), None) => Some(token.to_owned()),
        (None, Some(number)) => lock(&service.tokens).text_of(number),
        _ => return Err(Problem::new(422, "either token or number is needed")),
    };
    Ok(json!({ "known": token.is_some_and(|token| change(&token)) }))
}
