//! Replaces `spool/` in a build without the cargo feature `spool`: the same interface without any possible value, so
//! that callers need no conditional compilation.
#![allow(dead_code, reason = "no value of these types is ever made")]

mod passing;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

pub(crate) use passing::{Done, Restored, Stored};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::message::Outgoing;

/// Has no value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Spool {}

/// Has no value. The pointer hides that from the compiler, which would otherwise warn about unreachable code.
pub(crate) struct Queue(Arc<Spool>);

/// Has no value.
pub(crate) enum Store {}

/// Has no value, because there is no [`Store`].
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) restored: Vec<Restored>,
    pub(crate) set_aside: Option<(PathBuf, Error)>,
}

impl Spool {
    pub(crate) fn checked(&self) -> Result<()> {
        match *self {}
    }

    pub(crate) fn path(&self) -> &Path {
        match *self {}
    }

    pub(crate) fn bound(&self) -> u64 {
        match *self {}
    }
}

impl Queue {
    pub(crate) fn new(spool: &Spool, _present: impl Iterator<Item = (u64, u64)>) -> Self {
        match *spool {}
    }

    pub(crate) fn add(&self, _stored: Stored) -> u64 {
        match *self.0 {}
    }

    pub(crate) fn gather(&self, _on: bool) {
        match *self.0 {}
    }

    pub(crate) fn remove(&self, _key: u64) {
        match *self.0 {}
    }

    pub(crate) fn present(&self) -> (u64, u64) {
        match *self.0 {}
    }

    pub(crate) fn close(&self, _until: Instant) -> bool {
        match *self.0 {}
    }
}

pub(crate) fn open(spool: &Spool, _config: &Config, _deadline: Instant) -> Result<Opened> {
    match *spool {}
}

pub(crate) fn run(queue: &Queue, _store: Store, _done: impl FnMut(Done)) {
    match *queue.0 {}
}

/// Returns 0: nothing is stored.
pub(crate) fn size_of(_message: &Outgoing) -> u64 {
    0
}

/// Returns 0: nothing is stored.
pub(crate) fn wall_clock() -> u64 {
    0
}
