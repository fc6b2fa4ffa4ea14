//! The clock of the chain.

#[cfg(test)]
use std::sync::Mutex;
use std::time::{Instant, SystemTime};

/// The time of day, for the ends of keys, and the time that has passed, for pauses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) time: SystemTime,
    pub(super) instant: Instant,
}

impl Now {
    pub(super) fn of_system() -> Self {
        Now { time: SystemTime::now(), instant: Instant::now() }
    }
}

/// The clock of the system, or of a test.
#[derive(Default)]
pub(super) struct Clock {
    #[cfg(test)]
    pub(super) set: Mutex<Option<Now>>,
}

impl Clock {
    pub(super) fn now(&self) -> Now {
        #[cfg(test)]
        if let Some(set) = *crate::sync::lock(&self.set) {
            return set;
        }
        Now::of_system()
    }
}
