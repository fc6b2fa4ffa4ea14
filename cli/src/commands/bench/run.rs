//! The common parts of all measurements: their clients, their number, and their end.

use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, ConfigBuilder, Limits};

use super::args::{Amount, MessageArgs};
use crate::exit::{Exit, Failure, Result};
use crate::interrupt::Interrupt;
use crate::lang::phrase;
use crate::report as stderr;
use crate::settings::{Key, Settings};

/// A measurement.
pub(super) struct Run {
    /// Secrets are read only once. Without a device id, each client built from it gets a random one.
    pub(super) builder: ConfigBuilder,
    pub(super) limits: Limits,
    pub(super) interrupt: Interrupt,
    pub(super) clients: u16,
    pub(super) count: u64,
    pub(super) duration: Option<Duration>,
}

/// The default count, unless a duration is given.
const COUNT: u64 = 1000;

impl Run {
    pub(super) fn new(amount: &Amount, settings: &Settings) -> Result<Self> {
        // Two clients with the same id would disconnect each other.
        if amount.clients > 1 && (settings.text(Key::DeviceId).is_some() || settings.text(Key::ClientId).is_some()) {
            return Err(Failure::usage("several clients cannot share a device id or client id")
                .hint(phrase!("omit it: each client then gets a random one")));
        }
        let count = amount.count.unwrap_or(if amount.duration.is_some() { u64::MAX } else { COUNT });
        let (builder, limits) = (settings.builder()?, settings.limits()?);
        let interrupt = Interrupt::listen()?;
        interrupt.on(|| {
            stderr::note("interrupted: waiting for the messages in flight (press Ctrl-C again to exit at once)");
        });
        Ok(Run { builder, limits, interrupt, clients: amount.clients, count, duration: amount.duration })
    }

    /// Returns the share of this client.
    pub(super) fn share(&self, client: u16) -> u64 {
        let clients = u64::from(self.clients);
        self.count / clients + u64::from(u64::from(client) < self.count % clients)
    }

    pub(super) fn end(&self, start: Instant) -> Option<Instant> {
        start.checked_add(self.duration?)
    }

    pub(super) fn is_over(&self, end: Option<Instant>) -> bool {
        self.interrupt.happened() || end.is_some_and(|end| Instant::now() >= end)
    }

    /// Returns a configuration with the window and rate of the arguments.
    pub(super) fn config(&self, args: &MessageArgs) -> ConfigBuilder {
        let mut builder = self.builder.clone().window(args.window);
        if let Some(rate) = args.rate {
            builder = builder.max_publish_rate(rate);
        }
        builder
    }

    /// Marks the start: from now on an interrupt leads to a report.
    pub(super) fn begin(&self) -> Instant {
        self.interrupt.begin();
        Instant::now()
    }

    /// Connects all clients, before anything is measured.
    pub(super) fn connect(&self, args: &MessageArgs) -> Result<Vec<Client>> {
        (0..self.clients).map(|_| Ok(Client::connect(self.config(args).build()?)?)).collect()
    }
}

/// Disconnects the clients. Failures are only warnings, since the results are complete.
pub(super) fn leave<'a>(clients: impl IntoIterator<Item = &'a Client>) {
    for client in clients {
        if let Err(error) = client.disconnect() {
            stderr::warning(error);
        }
    }
}

/// Returns a payload of this size that begins with these 16 bytes.
pub(super) fn payload(size: u32, head: [u8; 16]) -> Vec<u8> {
    let mut payload = vec![b'x'; size as usize];
    payload[..16].copy_from_slice(&head);
    payload
}

pub(super) fn panicked() -> Failure {
    Failure::new(Exit::Failure, "a measuring thread panicked")
}
