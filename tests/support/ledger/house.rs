//! The broker of a run.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use aliyun_mqtt::{ConfigBuilder, Limits};
use aliyun_mqtt_emulator::Emulator;

use crate::support::matrix::addr;
use crate::support::mosquitto::Mosquitto;
use crate::support::{LONG, config};

/// What the emulator's log keeps: enough for the door to keep up with, and a bound on memory.
const LOG: usize = 300_000;

pub enum House {
    /// Forgets its sessions when it is restarted, but its log tells what it took.
    Emulator(Emulator),
    /// Keeps its sessions on disk.
    Mosquitto(Mutex<Mosquitto>),
}

impl House {
    pub fn emulator_house() -> House {
        House::Emulator(Emulator::builder().log_capacity(LOG).start().expect("the emulator starts"))
    }

    pub fn mosquitto_house() -> House {
        House::Mosquitto(Mutex::new(Mosquitto::start_with_persistence()))
    }

    pub fn name(&self) -> &'static str {
        match self {
            House::Emulator(_) => "the emulator",
            House::Mosquitto(_) => "mosquitto",
        }
    }

    pub(super) fn emulator(&self) -> Option<&Emulator> {
        match self {
            House::Emulator(emulator) => Some(emulator),
            House::Mosquitto(_) => None,
        }
    }

    pub(super) fn addr(&self) -> SocketAddr {
        match self {
            House::Emulator(emulator) => addr(emulator),
            House::Mosquitto(mosquitto) => mosquitto.lock().expect("mosquitto").addr(),
        }
    }

    pub(super) fn parent(&self) -> &str {
        self.emulator().map_or("demo", Emulator::parent_topic)
    }

    pub(super) fn limits(&self) -> Limits {
        Limits::default()
    }

    /// A direct line.
    pub(super) fn config(&self) -> ConfigBuilder {
        let builder = match self {
            House::Emulator(emulator) => config(emulator),
            House::Mosquitto(mosquitto) => mosquitto.lock().expect("mosquitto").config(),
        };
        builder.timeout(LONG).backoff(Duration::from_millis(10), Duration::from_millis(50))
    }

    /// Whether sessions outlive a restart.
    pub(super) fn keeps_sessions(&self) -> bool {
        matches!(self, House::Mosquitto(_))
    }

    /// Ends it and starts it again, with a time in between.
    pub(super) fn restart(&self, down: Duration) {
        match self {
            House::Emulator(emulator) => {
                emulator.stop().expect("stopped");
                thread::park_timeout(down);
                emulator.restart().expect("started again");
            }
            House::Mosquitto(mosquitto) => mosquitto.lock().expect("mosquitto").restart(down),
        }
    }
}
