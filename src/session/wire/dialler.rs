//! Dials on a separate thread.
//!
//! rumqttc makes a connection in one blocking call, which may include the system's lookup of a name and cannot be
//! interrupted. The call therefore runs on a thread that nobody has to wait for, and which passes the connection on. An
//! abandoned dial ends by itself: its callbacks refuse to continue, and a connection that is made nevertheless is
//! dropped.

#[cfg(not(aliyun_mqtt_model))]
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
#[cfg(not(aliyun_mqtt_model))]
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Instant;

use crate::config::Config;
#[cfg(not(aliyun_mqtt_model))]
use crate::detached;
#[cfg(not(aliyun_mqtt_model))]
use crate::detached::TICK;
use crate::dial_watch::Watch;
#[cfg(not(aliyun_mqtt_model))]
use crate::error::Error;
#[cfg(not(aliyun_mqtt_model))]
use crate::session::wire::dial;
#[cfg(not(aliyun_mqtt_model))]
use crate::session::wire::link::Cause;
use crate::session::wire::link::{ConnAck, Failure, LinkPump};
#[cfg(not(aliyun_mqtt_model))]
use crate::session::wire::race::HEAD_START;
use crate::session::wire::route::Route;
#[cfg(not(aliyun_mqtt_model))]
use crate::session::wire::target::Target;

/// Marks the end of a dial when dropped.
struct Lasting(Arc<Watch>);

impl Drop for Lasting {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The end of a dial.
pub(in crate::session) enum Dialled {
    Made(Box<dyn LinkPump>, ConnAck),
    Failed(Failure),
    /// The address being dialled does not answer, and this address does.
    Elsewhere(SocketAddr),
    Leaving,
    /// The deadline has passed.
    TimedOut,
}

/// Dials, and searches for another address when the one being dialled does not answer.
#[cfg(not(aliyun_mqtt_model))]
pub(in crate::session) fn dial(
    config: &Config,
    pump: Box<dyn LinkPump>,
    route: &Route,
    deadline: Instant,
    leaving: &dyn Fn() -> bool,
) -> Dialled {
    let watch = &route.target().watch;
    let dialled = match begin(config, pump, route, deadline) {
        Ok(made) => wait(&made, route, deadline, leaving),
        Err(error) => Dialled::Failed(Failure { error, cause: Cause::Other }),
    };
    if matches!(dialled, Dialled::Elsewhere(_) | Dialled::Leaving | Dialled::TimedOut) {
        watch.give_up();
    }
    dialled
}

/// Dials in the models, which have no detached threads and no search.
#[cfg(aliyun_mqtt_model)]
pub(in crate::session) fn dial(
    _: &Config,
    mut pump: Box<dyn LinkPump>,
    _: &Route,
    deadline: Instant,
    _: &dyn Fn() -> bool,
) -> Dialled {
    match pump.dial(deadline) {
        Ok(Some(ack)) => Dialled::Made(pump, ack),
        Ok(None) => Dialled::TimedOut,
        Err(failure) => Dialled::Failed(failure),
    }
}

#[cfg(not(aliyun_mqtt_model))]
fn begin(
    config: &Config,
    pump: Box<dyn LinkPump>,
    route: &Route,
    deadline: Instant,
) -> Result<Receiver<Dialled>, Error> {
    let watch = &route.target().watch;
    let (answer, answers) = sync_channel(1);
    let lasting = Lasting(Arc::clone(watch));
    let looks_up = looks_up(config, route.target());
    detached::start_on("aliyun-mqtt-dial", dial::stack(config), move || {
        // In this order: the pump, whose drop may wait for a lookup, goes before the dial counts as ended.
        let lasting = lasting;
        let mut pump = pump;
        let result = match looks_up.then(detached::can_start) {
            Some(Err(error)) => Err(Failure { error, cause: Cause::Other }),
            _ => pump.dial(deadline),
        };
        if lasting.0.is_given_up() {
            return;
        }
        // When nobody listens, the connection is dropped.
        let _ = match result {
            Ok(Some(ack)) => answer.send(Dialled::Made(pump, ack)),
            Ok(None) => answer.send(Dialled::TimedOut),
            Err(failure) => answer.send(Dialled::Failed(failure)),
        };
    })?;
    Ok(answers)
}

/// Returns true if rumqttc has to look up a name. tokio uses another thread for that and panics if the system cannot
/// start one, so `begin` checks that first.
#[cfg(not(aliyun_mqtt_model))]
fn looks_up(config: &Config, target: &Target) -> bool {
    target.address.is_none() && crate::session::wire::target::dialled(config).0.parse::<IpAddr>().is_err()
}

#[cfg(not(aliyun_mqtt_model))]
fn wait(answers: &Receiver<Dialled>, route: &Route, deadline: Instant, leaving: &dyn Fn() -> bool) -> Dialled {
    let search_at = Instant::now() + HEAD_START;
    let mut search = None;
    loop {
        let now = Instant::now();
        match answers.recv_timeout(deadline.saturating_duration_since(now).min(TICK)) {
            Ok(dialled) => return dialled,
            Err(RecvTimeoutError::Disconnected) => {
                let error = Error::internal("the thread that dials has panicked");
                return Dialled::Failed(Failure { error, cause: Cause::Other });
            }
            Err(RecvTimeoutError::Timeout) if leaving() => return Dialled::Leaving,
            Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => return Dialled::TimedOut,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if search.is_none() && Instant::now() >= search_at {
            // Without a thread there is no search.
            search = Some(route.search(deadline).and_then(|search| detached::spawn(move || search.elsewhere())));
        }
        let found = search.iter().flatten().find_map(|found| found.try_recv().ok().flatten());
        if let Some(address) = found.filter(|_| !route.target().watch.has_begun()) {
            return Dialled::Elsewhere(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_given_up_before_its_end_is_stranded() {
        let (given_up, ended) = (Watch::default(), Watch::default());
        given_up.give_up();
        assert!(given_up.is_given_up());
        given_up.end();
        ended.end();
        ended.give_up();
        assert!(!ended.is_given_up());
    }
}
