//! What all measurements share: whose turn it is, and when it is over.

use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, Config, ConfigBuilder};

use super::args::{Amount, MessageArgs};
use crate::exit::{Exit, Failure, Result};
use crate::interrupt::Interrupt;
use crate::report as stderr;
use crate::settings::{Key, Settings};

/// A measurement.
pub(super) struct Run {
    /// Secrets are read once; each client built from it makes a device id of its own, if none is set.
    pub(super) builder: ConfigBuilder,
    pub(super) interrupt: Interrupt,
    pub(super) clients: u16,
    pub(super) count: u64,
    pub(super) duration: Option<Duration>,
}

/// The default count, where no time is given either.
const COUNT: u64 = 1000;

impl Run {
    pub(super) fn new(amount: &Amount, settings: &Settings) -> Result<Self> {
        // Two clients with one id would throw each other off the line.
        if amount.clients > 1 && (settings.text(Key::DeviceId).is_some() || settings.text(Key::ClientId).is_some()) {
            return Err(Failure::usage("several clients cannot have one device id or client id")
                .hint("leave it out: each client then makes one of its own"));
        }
        let count = amount.count.unwrap_or(if amount.duration.is_some() { u64::MAX } else { COUNT });
        let builder = settings.builder()?;
        let interrupt = Interrupt::listen()?;
        interrupt.on(|| stderr::note("interrupted: waiting for what is under way (again to end at once)"));
        Ok(Run { builder, interrupt, clients: amount.clients, count, duration: amount.duration })
    }

    /// How many are the share of this client.
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

    /// A configuration that sends as the arguments say.
    pub(super) fn config(&self, args: &MessageArgs) -> Result<Config> {
        let mut builder = self.builder.clone().window(args.window);
        if let Some(rate) = args.rate {
            builder = builder.max_publish_rate(rate);
        }
        Ok(builder.build()?)
    }

    /// From now on there is something to report.
    pub(super) fn begin(&self) -> Instant {
        self.interrupt.begin();
        Instant::now()
    }

    /// All clients, connected before anything is measured.
    pub(super) fn connect(&self, args: &MessageArgs) -> Result<Vec<Client>> {
        (0..self.clients).map(|_| Ok(Client::connect(self.config(args)?)?)).collect()
    }
}

/// Says goodbye. What was measured stands, so that a client that is gone already is no failure of it.
pub(super) fn leave<'a>(clients: impl IntoIterator<Item = &'a Client>) {
    for client in clients {
        if let Err(error) = client.disconnect() {
            stderr::warning(error);
        }
    }
}

/// A payload of this size, which begins with these 16 bytes.
pub(super) fn payload(size: u32, head: [u8; 16]) -> Vec<u8> {
    let mut payload = vec![b'x'; size as usize];
    payload[..16].copy_from_slice(&head);
    payload
}

pub(super) fn panicked() -> Failure {
    Failure::new(Exit::Failure, "a thread of the measurement panicked")
}
