//! The parts of a running emulator that its handle and its control API share: the engine, and what outlives it.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::broker::SessionInfo;
use crate::engine::{self, Command};
use crate::error::Error;
use crate::names;
use crate::service::{Service, lock};
use crate::settings::{LISTENERS, Settings};
use crate::sockets;
use crate::time::end_of_calendar;
use crate::tls::Certificates;

/// How long the thread of the emulator may take to respond. It needs microseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// An emulator, running or stopped.
pub(crate) struct Machine {
    pub(crate) service: Arc<Service>,
    pub(crate) certificates: Certificates,
    pub(crate) addresses: [SocketAddr; LISTENERS],
    engine: Mutex<Option<Engine>>,
    /// Held while the engine is stopped or started, so that two of these do not mix.
    turn: Mutex<()>,
    /// Reserve the ports while the emulator is stopped.
    #[cfg(target_os = "linux")]
    _kept: Vec<tokio::net::TcpSocket>,
}

struct Engine {
    commands: UnboundedSender<Command>,
    thread: JoinHandle<()>,
}

impl Machine {
    pub(crate) fn launch(settings: Settings) -> Result<Self, Error> {
        let mut addresses = settings.ports.map(|port| SocketAddr::new(settings.address, port));
        #[cfg(target_os = "linux")]
        let kept = sockets::keep(&mut addresses)?;
        let listeners = sockets::bind(&addresses)?;
        for (address, listener) in addresses.iter_mut().zip(&listeners) {
            *address = listener.local_addr().map_err(|error| Error::io("read a listener's address", error))?;
        }
        let mut names = settings.tls_names.clone();
        if !settings.address.is_unspecified() {
            names.push(settings.address.to_string());
        }
        let machine = Self {
            certificates: Certificates::make(&names, &settings.client_ca)?,
            service: Arc::new(Service::new(settings)),
            addresses,
            engine: Mutex::new(None),
            turn: Mutex::new(()),
            #[cfg(target_os = "linux")]
            _kept: kept,
        };
        machine.start_engine(listeners)?;
        Ok(machine)
    }

    pub(crate) fn is_running(&self) -> bool {
        lock(&self.engine).is_some()
    }

    /// Sends a message of the service.
    pub(crate) fn publish(&self, topic: &str, qos: u8, payload: Vec<u8>) -> Result<(), Error> {
        let parent =
            names::parent_of_topic(topic, self.service.settings.limits.topic_length).map_err(Error::Invalid)?;
        if !self.service.knows_parent(parent) {
            return Err(Error::Invalid(format!("there is no parent topic {parent:?}")));
        }
        let (size, max) = (payload.len(), self.service.settings.limits.payload);
        if size > max {
            return Err(Error::Invalid(format!("the payload has {size} bytes, more than {max}")));
        }
        self.service.check_size(topic, size).map_err(Error::Invalid)?;
        let (topic, payload) = (topic.to_owned(), Bytes::from(payload));
        self.ask(|respond_to| Command::Publish { topic, qos, payload, respond_to })?
    }

    /// Returns all sessions, sorted by client id; none while stopped.
    pub(crate) fn sessions(&self) -> Vec<SessionInfo> {
        self.ask(|respond_to| Command::Sessions { respond_to }).unwrap_or_default()
    }

    pub(crate) fn stop(&self) -> Result<(), Error> {
        let _turn = lock(&self.turn);
        self.stop_engine()
    }

    pub(crate) fn restart(&self) -> Result<(), Error> {
        let _turn = lock(&self.turn);
        self.stop_engine()?;
        self.start_engine(sockets::bind(&self.addresses)?)
    }

    fn stop_engine(&self) -> Result<(), Error> {
        let Some(engine) = lock(&self.engine).take() else { return Ok(()) };
        // Fails only if the thread has ended, which the join reports.
        let _ = engine.commands.send(Command::Stop);
        engine.thread.join().map_err(|_| Error::Broker("its thread panicked".into()))
    }

    fn start_engine(&self, listeners: Vec<StdListener>) -> Result<(), Error> {
        check_clock(SystemTime::now())?;
        let (commands, received) = unbounded_channel();
        let (ready, is_ready) = channel();
        let service = Arc::clone(&self.service);
        let acceptors = [self.certificates.acceptor.clone(), self.certificates.mutual.clone()];
        let thread = std::thread::Builder::new()
            .name("mqtt-emulator".into())
            .spawn(move || engine::run(&service, acceptors, listeners, received, &ready))
            .map_err(|error| Error::io("start a thread", error))?;
        is_ready.recv().unwrap_or_else(|_| Err(Error::Broker("its thread ended".into())))?;
        *lock(&self.engine) = Some(Engine { commands, thread });
        Ok(())
    }

    fn ask<T>(&self, command: impl FnOnce(Sender<T>) -> Command) -> Result<T, Error> {
        let commands = lock(&self.engine).as_ref().map(|engine| engine.commands.clone()).ok_or(Error::Stopped)?;
        let (respond_to, answer) = channel();
        commands.send(command(respond_to)).map_err(|_| Error::Stopped)?;
        answer.recv_timeout(ANSWER_TIMEOUT).map_err(|_| Error::Stopped)
    }
}

/// The broker inside panics at times that a calendar cannot show.
fn check_clock(now: SystemTime) -> Result<(), Error> {
    if (SystemTime::UNIX_EPOCH..=end_of_calendar()).contains(&now) {
        Ok(())
    } else {
        Err(Error::Broker("this machine's clock is before 1970 or after 9999; set it".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_the_broker_does_not_take_is_refused() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(check_clock(SystemTime::now()).is_ok() && check_clock(at(253_402_300_799)).is_ok());
        for off in [at(253_402_300_800), SystemTime::UNIX_EPOCH - Duration::from_secs(1)] {
            assert!(matches!(check_clock(off), Err(Error::Broker(why)) if why.contains("clock")));
        }
    }
}
