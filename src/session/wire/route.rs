//! Chooses the address to which a connection is made.
//!
//! rumqttc dials the addresses of a name one after the other and waits for each as long as the system does, so an
//! address that swallows packets uses up all the time. Where a name has several addresses, rumqttc therefore gets an
//! address instead: the first, and another when the first does not answer and the other does. The name is still sent to
//! the server, and its certificate is checked against it.
//!
//! Only `mqtts://` is dialled by name at first, because rumqttc sends the name (SNI) only then.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::config::Config;
use crate::detached::{self, NoAnswer};
use crate::dial_watch::Watch;
use crate::error::{Error, ErrorKind, Stage};
use crate::session::wire::errors;
use crate::session::wire::link::{Cause, Failure};
use crate::session::wire::probe;
use crate::session::wire::race::{HEAD_START, Tried, in_turn, list, note, race};
use crate::session::wire::target::{Target, dialled};
use crate::session::wire::tunnel;
use crate::sync::lock;

/// The addresses of the host, and the state of dialling them.
pub(in crate::session) struct Route {
    host: String,
    port: u16,
    /// In the order of dialling; empty when the name is dialled.
    addresses: Vec<SocketAddr>,
    target: Target,
    /// Another address may be looked for.
    open: bool,
    tried: Arc<Mutex<Vec<Tried>>>,
}

/// The search for another address while a connection is being made.
pub(in crate::session) struct Search {
    host: String,
    port: u16,
    addresses: Vec<SocketAddr>,
    /// The address being dialled; `None`: the name.
    current: Option<SocketAddr>,
    watch: Arc<Watch>,
    tried: Arc<Mutex<Vec<Tried>>>,
    deadline: Instant,
}

impl Route {
    /// Looks up the addresses, unless the name is dialled. `Err(None)`: the client is leaving.
    pub(in crate::session) fn find(
        config: &Config,
        deadline: Instant,
        leaving: &dyn Fn() -> bool,
    ) -> Result<Self, Option<Failure>> {
        let (host, port) = dialled(config);
        let literal = host.parse::<std::net::IpAddr>().is_ok();
        let named =
            config.proxy().is_none() && config.endpoint().transport() == crate::config::endpoint::Transport::Tls;
        let mut route = Route {
            host: host.to_string(),
            port,
            addresses: Vec::new(),
            target: Target::default(),
            open: !literal,
            tried: Arc::default(),
        };
        if literal || named {
            return Ok(route);
        }
        let addresses =
            route.look_up(deadline, leaving).map_err(|problem| problem.map(|problem| problem.failure(config)))?;
        if addresses.len() < 2 {
            // There is no choice: the name is dialled.
            route.open = false;
        } else {
            route.target.address = addresses.first().copied();
            route.addresses = addresses;
        }
        Ok(route)
    }

    pub(in crate::session) fn target(&self) -> &Target {
        &self.target
    }

    /// The search for another address; `None` when there can be none.
    pub(in crate::session) fn search(&self, deadline: Instant) -> Option<Search> {
        self.open.then(|| Search {
            host: self.host.clone(),
            port: self.port,
            addresses: self.addresses.clone(),
            current: self.target.address,
            watch: Arc::clone(&self.target.watch),
            tried: Arc::clone(&self.tried),
            deadline,
        })
    }

    /// Chooses this address permanently, because it answers.
    pub(in crate::session) fn settle(&mut self, address: SocketAddr) {
        self.target = Target { address: Some(address), ..Target::default() };
        self.open = false;
    }

    /// Moves to the next address after a failed dial. Returns the failure to report if there is none.
    pub(in crate::session) fn failed(
        &mut self,
        failure: Failure,
        config: &Config,
        deadline: Instant,
        leaving: &dyn Fn() -> bool,
    ) -> Option<Failure> {
        if !self.open || failure.error.kind() != ErrorKind::Connect {
            return Some(failure);
        }
        if self.target.address.is_none() {
            // rumqttc reports only the last address.
            self.addresses = self.look_up(deadline, leaving).unwrap_or_default();
            if self.addresses.len() < 2 {
                return Some(failure);
            }
            self.target = Target { address: self.addresses.first().copied(), ..Target::default() };
            return None;
        }
        let at = self.target.address;
        let text = errors::root(&failure.error);
        if let Some(address) = at {
            note(&mut lock(&self.tried), address, Some(text));
        }
        self.addresses.retain(|address| Some(*address) != at);
        match self.addresses.first() {
            Some(next) => {
                self.target = Target { address: Some(*next), ..Target::default() };
                None
            }
            None => Some(unreachable(config, &lock(&self.tried), failure)),
        }
    }

    /// The failure when the deadline has passed.
    pub(in crate::session) fn timed_out(&self, config: &Config) -> Failure {
        let mut failure = errors::handshake_timeout(&config.route());
        let tried = lock(&self.tried);
        if !tried.is_empty() && !self.target.watch.has_begun() && self.open {
            failure.error = probe::timeout_error(config, &probe::Findings::unreached(&tried));
        }
        failure
    }

    fn look_up(&self, deadline: Instant, leaving: &dyn Fn() -> bool) -> Result<Vec<SocketAddr>, Option<Problem>> {
        let (host, port) = (self.host.clone(), self.port);
        let found = detached::spawn(move || (host.as_str(), port).to_socket_addrs().map(Vec::from_iter));
        let found = found.ok_or(Some(Problem::NoThread))?;
        match detached::wait(&found, deadline, leaving) {
            Ok(Ok(addresses)) => Ok(in_turn(addresses)),
            Ok(Err(error)) => Err(Some(Problem::Io(error))),
            Err(NoAnswer::Leaving) => Err(None),
            Err(_) => Err(Some(Problem::Silent)),
        }
    }
}

/// The reason a name has no addresses.
enum Problem {
    NoThread,
    Io(std::io::Error),
    Silent,
}

impl Problem {
    fn failure(self, config: &Config) -> Failure {
        match self {
            Problem::NoThread => Failure { error: detached::no_thread(), cause: Cause::Other },
            Problem::Silent => {
                let error = probe::timeout_error(config, &probe::Findings::at(Stage::Resolve));
                Failure { error, cause: Cause::HandshakeTimeout }
            }
            Problem::Io(error) if config.proxy().is_some() => {
                let shown = tunnel::unreachable(&error, &config.route()).with_source(error);
                Failure { error: shown, cause: Cause::Other }
            }
            Problem::Io(error) => errors::input_output(error, false, &config.route()),
        }
    }
}

impl Search {
    /// Waits until it is clear that the address being dialled does not answer and another does, and returns the other.
    /// Called when the address being dialled has had its head start.
    pub(in crate::session) fn elsewhere(self) -> Option<SocketAddr> {
        if self.watch.has_begun() {
            return None;
        }
        let mut addresses = self.addresses;
        if addresses.is_empty() {
            addresses = in_turn((self.host.as_str(), self.port).to_socket_addrs().ok()?);
        }
        if addresses.len() < 2 {
            return None;
        }
        let tried = |address, failure| note(&mut lock(&self.tried), address, failure);
        let (address, stream) = race(&addresses, self.deadline, tried)?;
        drop(stream);
        match self.current {
            // The address being dialled was only slow to answer.
            Some(current) if current == address => return None,
            Some(_) => {}
            // Most likely the address being dialled, which answers only now: give it a moment.
            None if addresses.first() == Some(&address) => std::thread::sleep(HEAD_START),
            None => {}
        }
        (!self.watch.has_begun()).then_some(address)
    }
}

/// The failure when no address can be reached.
fn unreachable(config: &Config, tried: &[Tried], failure: Failure) -> Failure {
    let whom = if config.proxy().is_some() { "the proxy of " } else { "" };
    let message = format!("cannot connect to {whom}{}: {}", config.route(), list(tried));
    let error = Error::new(ErrorKind::Connect, message).with_source(failure.error);
    Failure { error, cause: failure.cause }
}
