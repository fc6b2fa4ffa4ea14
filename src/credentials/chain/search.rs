//! A search for a key, on a thread of its own: all who need a key wait for the same one, each for as long as they can.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::asked::Asked;
use super::fault::credentials;
use super::found::ChainKey;
use super::kept::Kept;
use super::place::Place;
use super::source::Source;
use crate::config::environment::Variables;
use crate::config::network::Network;
use crate::error::{Error, ErrorKind, Fate, Hint, Result, Stage};
use crate::sync::lock;

/// The longest time for finding or renewing a key.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The parts that the clones of a chain share.
pub(super) struct Inner {
    pub(super) variables: Variables,
    pub(super) network: Network,
    pub(super) state: Mutex<State>,
    pub(super) clock: Clock,
    /// The process it was made in.
    pub(super) process: u32,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) kept: Option<Kept>,
    /// The search in progress.
    pub(super) search: Option<Arc<Search>>,
}

/// A search in progress, or its result.
#[derive(Default)]
pub(super) struct Search {
    state: Mutex<Progress>,
    ended: Condvar,
}

#[derive(Default)]
struct Progress {
    /// The place that is asked now.
    asked: Option<Source>,
    result: Option<Result<ChainKey>>,
}

/// The one who searches. Dropped without a result, as in a panic or without a thread, it gives an error.
pub(super) struct Searcher {
    pub(super) inner: Arc<Inner>,
    pub(super) search: Arc<Search>,
}

impl Search {
    /// Waits for the result, at most until the deadline; `None` if there is none by then.
    pub(super) fn wait(&self, deadline: Instant) -> Option<Result<ChainKey>> {
        let mut state = lock(&self.state);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if state.result.is_some() || left.is_zero() {
                return state.result.clone();
            }
            state = self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Returns the error of one who cannot wait any longer.
    pub(super) fn unfinished(&self) -> Error {
        let asked = lock(&self.state).asked;
        let whom = asked.map_or_else(String::new, |source| format!(": {} has not answered yet", source.title()));
        let message = format!("no AccessKey was found in time{whom}");
        Error::new(ErrorKind::Timeout(Stage::Credentials), message).with_fate(Fate::NotSent)
    }

    fn give(&self, result: Result<ChainKey>) {
        lock(&self.state).result.get_or_insert(result);
        self.ended.notify_all();
    }
}

impl Searcher {
    /// Asks the place of the old key, or all of them in their order.
    pub(super) fn run(&self, old: Option<&Kept>) {
        let Inner { variables, network, .. } = &*self.inner;
        let place = Place { variables, network, deadline: Instant::now() + PATIENCE };
        let answer = match old.and_then(|old| Some((old, old.source()?))) {
            Some((old, source)) => {
                self.renew(source, &place).map(|kept| kept.after(old.chain_key().passed_over().to_vec(), false))
            }
            None => self.search(&place),
        };
        let result = match answer {
            Ok(kept) => {
                let key = kept.chain_key().clone();
                lock(&self.inner.state).kept = Some(kept);
                Ok(key)
            }
            Err(error) => {
                let now = self.inner.clock.now();
                let mut state = lock(&self.inner.state);
                if let Some(kept) = state.kept.as_mut().filter(|kept| kept.usable(now).is_some()) {
                    log::warn!("the AccessKey of {} was not renewed: {error}", kept.chain_key().place());
                    kept.put_off(now);
                }
                Err(error)
            }
        };
        self.end(result);
    }

    /// Ends the search before anybody is told, so that whoever is told may start another.
    fn end(&self, result: Result<ChainKey>) {
        let mut state = lock(&self.inner.state);
        if state.search.as_ref().is_some_and(|search| Arc::ptr_eq(search, &self.search)) {
            state.search = None;
        }
        drop(state);
        self.search.give(result);
    }

    fn ask(&self, source: Source, place: &Place<'_>) -> Asked<Kept> {
        lock(&self.search.state).asked = Some(source);
        match source.ask(place) {
            Asked::Found(key) => match Kept::new(source, key, self.inner.clock.now()) {
                Ok(kept) => Asked::Found(kept),
                Err(error) => Asked::Broken(error),
            },
            Asked::Absent(reason) => Asked::Absent(reason),
            Asked::Broken(error) => Asked::Broken(error),
            Asked::Unusable(error) => Asked::Unusable(error),
        }
    }

    /// Asks the place that has given a key before.
    fn renew(&self, source: Source, place: &Place<'_>) -> Result<Kept> {
        match self.ask(source, place) {
            Asked::Found(kept) => Ok(kept),
            Asked::Broken(error) | Asked::Unusable(error) => Err(error),
            Asked::Absent(reason) => Err(Error::new(ErrorKind::Credentials, reason)),
        }
        .map_err(|error| credentials(format!("{} has no AccessKey any more", source.title())).with_reason(error))
    }

    fn search(&self, place: &Place<'_>) -> Result<Kept> {
        let (mut passed_over, mut absent, mut preliminary) = (Vec::new(), Vec::new(), false);
        for source in Source::ALL {
            match self.ask(source, place) {
                Asked::Found(kept) => return Ok(kept.after(passed_over, preliminary)),
                Asked::Unusable(error) => {
                    let message = format!("the AccessKey of {} cannot be used", source.title());
                    return Err(credentials(message).with_reason(error));
                }
                Asked::Broken(error) => {
                    preliminary |= error.is_retryable();
                    let reason = format!("{}: {error}", source.title());
                    log::warn!("no AccessKey is taken from {reason}");
                    passed_over.push(reason);
                }
                Asked::Absent(reason) => absent.push(format!("{} ({reason})", source.title())),
            }
        }
        let mut message = "no AccessKey was found".to_string();
        // What is wrong comes first: it is what somebody has to look at.
        for reason in passed_over {
            message.push_str(&format!("; {reason}"));
        }
        if !absent.is_empty() {
            message.push_str(&format!("; nothing in: {}", absent.join(", ")));
        }
        Err(credentials(message).with_missing("access_key_id").with_hint(Hint::KeyChain))
    }
}

impl Drop for Searcher {
    fn drop(&mut self) {
        self.end(Err(Error::internal("the search for an AccessKey has ended early")));
    }
}

/// The clock of the system, or of a test.
#[derive(Default)]
pub(super) struct Clock {
    #[cfg(test)]
    pub(super) set: Mutex<Option<SystemTime>>,
}

impl Clock {
    pub(super) fn now(&self) -> SystemTime {
        #[cfg(test)]
        if let Some(set) = *lock(&self.set) {
            return set;
        }
        SystemTime::now()
    }
}
