//! The key in use, and whether it may be used.

use std::time::{Duration, Instant, SystemTime};

use super::clock::Now;
use super::fault::credentials;
use super::found::ChainKey;
use super::source::Source;
use crate::error::{Hint, Result};

/// The longest time that a key is renewed before it ends, as in Alibaba Cloud's SDKs.
const MARGIN: Duration = Duration::from_secs(15 * 60);

/// How long a key from a file is used before the file is read again.
const FILE_AGE: Duration = Duration::from_secs(5 * 60);

/// The pause after a renewal that failed, while the key is still valid.
const RETRY: Duration = Duration::from_secs(30);

/// The key in use. It cannot be made of a key that has ended, and [`fit`](Kept::fit) alone says if it may be used.
#[derive(Clone)]
pub(super) struct Kept {
    source: Source,
    key: ChainKey,
    due: Due,
    /// A service refused it.
    refused: bool,
    /// A place before it may have a key the next time: what failed there was the network.
    preliminary: bool,
}

/// When to ask for another key. Only the end of a key is a time of day; a pause is the same however the clock is set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Due {
    /// Its place has no other.
    Never,
    /// Some time before it ends.
    At(SystemTime),
    /// After a pause.
    After(Instant),
    Now,
}

/// The use of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Good,
    /// It can be used, and another is to be asked for.
    Due,
    /// It has ended, or a service refused it.
    Useless,
}

impl Kept {
    /// Keeps a key that a place has given.
    pub(super) fn new(source: Source, key: ChainKey, now: Now) -> Result<Self> {
        let due = match key.expires() {
            None if source.is_file() => Due::After(now.instant + FILE_AGE),
            None => Due::Never,
            Some(end) => match end.duration_since(now.time) {
                Ok(life) if !life.is_zero() => Due::At(end - MARGIN.min(life / 4)),
                _ => {
                    let message = format!("the AccessKey of {} has ended already", key.place());
                    return Err(credentials(message).with_hint(Hint::ApiClock));
                }
            },
        };
        Ok(Kept { source, key, due, refused: false, preliminary: false })
    }

    /// Notes the places that were passed over before this one.
    pub(super) fn after(mut self, passed_over: Vec<String>, preliminary: bool) -> Self {
        self.key = self.key.after(passed_over);
        self.preliminary = preliminary;
        self
    }

    pub(super) fn fit(&self, now: Now) -> Fit {
        if self.refused || self.key.expires().is_some_and(|end| now.time >= end) {
            return Fit::Useless;
        }
        let due = match self.due {
            Due::Never => false,
            Due::At(time) => now.time >= time,
            Due::After(instant) => now.instant >= instant,
            Due::Now => true,
        };
        if due { Fit::Due } else { Fit::Good }
    }

    /// Returns the key, if it may be used now.
    pub(super) fn usable(&self, now: Now) -> Option<&ChainKey> {
        (self.fit(now) != Fit::Useless).then_some(&self.key)
    }

    /// Returns the key, whether it may be used or not.
    pub(super) fn chain_key(&self) -> &ChainKey {
        &self.key
    }

    /// Returns the only place to ask for another key; `None` to ask all of them.
    pub(super) fn source(&self) -> Option<Source> {
        (!self.preliminary).then_some(self.source)
    }

    /// Returns true if its place may have another key.
    pub(super) fn may_change(&self) -> bool {
        self.due != Due::Never
    }

    /// Puts off the next attempt to renew it.
    pub(super) fn put_off(&mut self, now: Now) {
        self.due = Due::After(now.instant + RETRY);
    }

    /// Has another key asked for at the next use, which is preferred to this one.
    pub(super) fn doubt(&mut self) {
        self.due = Due::Now;
    }

    /// Has it replaced at the next use.
    pub(super) fn refuse(&mut self) {
        self.refused = true;
    }
}
