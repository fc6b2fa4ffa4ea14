//! The work of each call.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::accounts;
use super::answers;
use super::feed::{self, Wanted};
use super::field::Arguments;
use super::openapi;
use super::problem::Problem;
use super::routes::Call;
use crate::error::Error;
use crate::machine::Machine;
use crate::service::lock;
use crate::switches::MAX_FORBIDDEN;

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
        Call::Forbid => {
            let filter = arguments.text("filter");
            service.settings.check_filter(filter).map_err(|why| Problem::new(422, why))?;
            if !switches().forbid(filter) {
                return Err(Problem::new(422, format!("more than {MAX_FORBIDDEN} topics and filters are forbidden")));
            }
        }
        Call::Allow => return Ok(json!({ "allowed": switches().allow(arguments.text("filter")) })),
        Call::Notify => {
            let (topic, payload) = (arguments.text("topic").to_owned(), arguments.payload("payload"));
            service.check_size(&topic, payload.len()).map_err(|why| Problem::new(422, why))?;
            return Ok(json!({ "pushed": service.push_notice(arguments.text("client_id"), topic, payload) }));
        }
        Call::Publish => {
            let qos = arguments.number("qos").unwrap_or(1);
            let publish =
                move |machine: &Machine| machine.publish(arguments.text("topic"), qos, arguments.payload("payload"));
            blocking(machine, publish).await?;
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
            return Ok(feed::page(log, Wanted::new(&arguments, log)?, max, wait).await);
        }
        Call::Tokens => return Ok(answers::tokens(service)),
        Call::Certificates => return Ok(answers::certificates(service)),
        Call::CustomIdentities => return Ok(answers::custom_identities(service)),
        Call::AddToken => return accounts::add_token(service, &arguments),
        Call::ExpireToken => return accounts::expire_token(service, &arguments),
        Call::RevokeToken => return accounts::revoke_token(service, &arguments),
        Call::AddDevice => return accounts::add_device(service, &arguments),
        Call::RemoveDevice => return accounts::remove_device(service, &arguments),
        Call::AddCertificate => return accounts::add_certificate(service, &arguments),
        Call::RemoveCertificate => return accounts::remove_certificate(service, &arguments),
        Call::ActivateCertificate => return accounts::activate_certificate(service, &arguments),
        Call::AddCustomIdentity => return accounts::add_custom_identity(service, &arguments),
        Call::RemoveCustomIdentity => return accounts::remove_custom_identity(service, &arguments),
        Call::AddGroup => return accounts::add_group(service, &arguments),
        Call::RemoveGroup => return accounts::remove_group(service, &arguments),
        Call::AddAccessKey => return accounts::add_access_key(service, &arguments),
        Call::RemoveAccessKey => return accounts::remove_access_key(service, &arguments),
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
