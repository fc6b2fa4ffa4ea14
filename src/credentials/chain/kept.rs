//! The key in use, and whether it may be used.

use std::time::{Duration, SystemTime};

use super::fault::credentials;
use super::found::ChainKey;
use super::source::Source;
use crate::error::{Hint, Result};

/// The longest time that a key is renewed before it ends, as in Alibaba Cloud's SDKs.
const MARGIN: Duration = Duration::from_secs(15 * 60);

/// How long a key from a file is used before the file is read again.
const FILE_AGE: Duration = Duration::from_secs(5 * 60);

/// The pause after a renewal that failed, while the key is still valid.
pub(super) const RETRY: Duration = Duration::from_secs(30);

/// The key in use. It cannot be made of a key that has ended, and [`fit`](Kept::fit) alone says if it may be used.
#[derive(Clone)]
pub(super) struct Kept {
    source: Source,
    key: ChainKey,
    /// When to ask for another.
    due: Option<SystemTime>,
    /// A service refused it.
    refused: bool,
    /// A place before it may have a key the next time: what failed there was the network.
    preliminary: bool,
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
    pub(super) fn new(source: Source, key: ChainKey, now: SystemTime) -> Result<Self> {
        let due = match key.expires() {
            None => source.is_file().then(|| now + FILE_AGE),
            Some(end) => match end.duration_since(now) {
                Ok(life) if !life.is_zero() => Some(end - MARGIN.min(life / 4)),
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

    pub(super) fn fit(&self, now: SystemTime) -> Fit {
        match (self.key.expires(), self.due) {
            _ if self.refused => Fit::Useless,
            (Some(end), _) if now >= end => Fit::Useless,
            (_, Some(due)) if now >= due => Fit::Due,
            _ => Fit::Good,
        }
    }

    /// Returns the key, if it may be used now.
    pub(super) fn usable(&self, now: SystemTime) -> Option<&ChainKey> {
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
        self.due.is_some()
    }

    /// Puts off the next attempt to renew it.
    pub(super) fn put_off(&mut self, now: SystemTime) {
        self.due = Some(now + RETRY);
    }

    /// Has another key asked for at the next use, which is preferred to this one.
    pub(super) fn doubt(&mut self) {
        self.due = Some(SystemTime::UNIX_EPOCH);
    }

    /// Has it replaced at the next use.
    pub(super) fn refuse(&mut self) {
        self.refused = true;
    }
}
