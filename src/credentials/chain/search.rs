//! A search for a key, on a thread of its own: all who need a key wait for the same one, each for as long as they can.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::asked::Asked;
use super::clock::Clock;
use super::fault::credentials;
use super::found::ChainKey;
use super::kept::Kept;
use super::passed_over::PassedOver;
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
    /// An error if it cannot be used, or another setting that every use of the chain depends on.
    pub(super) network: Result<Network>,
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
    /// The places that the last search without success has asked.
    pub(super) without_key: Vec<PassedOver>,
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
    pub(super) network: Network,
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
        lock(&self.inner.state).without_key = Vec::new();
        let (variables, network) = (&self.inner.variables, &self.network);
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
                // The logger is the program's: no lock is held.
                if let Some(place) = self.put_off() {
                    log::warn!("the AccessKey of {place} was not renewed: {error}");
                }
                Err(error)
            }
        };
        self.end(result);
    }

    /// Puts off the next attempt to renew the key in use. Returns its place, if it may still be used.
    fn put_off(&self) -> Option<String> {
        let now = self.inner.clock.now();
        let mut state = lock(&self.inner.state);
        let kept = state.kept.as_mut()?;
        let place = kept.usable(now)?.place().to_string();
        kept.put_off(now);
        Some(place)
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
            Asked::Absent(error) => Asked::Absent(error),
            Asked::Broken(error) => Asked::Broken(error),
            Asked::Unusable(error) => Asked::Unusable(error),
        }
    }

    /// Asks the place that has given a key before.
    fn renew(&self, source: Source, place: &Place<'_>) -> Result<Kept> {
        match self.ask(source, place) {
            Asked::Found(kept) => Ok(kept),
            Asked::Absent(error) | Asked::Broken(error) | Asked::Unusable(error) => Err(error),
        }
        .map_err(|error| credentials(format!("{} has no AccessKey any more", source.title())).with_reason(error))
    }

    fn search(&self, place: &Place<'_>) -> Result<Kept> {
        // What is wrong comes first: it is what somebody has to look at.
        let (mut broken, mut empty, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for source in Source::ALL {
            match self.ask(source, place) {
                Asked::Found(kept) => {
                    let preliminary = errors.iter().any(Error::is_retryable);
                    return Ok(kept.after(broken.iter().map(PassedOver::to_string).collect(), preliminary));
                }
                Asked::Unusable(error) => {
                    let message = format!("the AccessKey of {} cannot be used", source.title());
                    return Err(credentials(message).with_reason(error));
                }
                Asked::Broken(error) => {
                    log::warn!("no AccessKey is taken from {}: {error}", source.title());
                    broken.push(PassedOver::broken(source.title(), error.message()));
                    errors.push(error);
                }
                Asked::Absent(error) => empty.push(PassedOver::empty(source.title(), error.message())),
            }
        }
        let mut message = "no AccessKey was found".to_string();
        for place in &broken {
            message.push_str(&format!("; {place}"));
        }
        for (number, place) in empty.iter().enumerate() {
            message.push_str(if number == 0 { "; nothing in: " } else { ", " });
            message.push_str(&place.to_string());
        }
        broken.append(&mut empty);
        lock(&self.inner.state).without_key = broken;
        let error = credentials(message).with_missing("access_key_id");
        // If one thing is wrong, it is the cause, and its own hint helps more than the list of all places. Otherwise,
        // what may be different the next time makes the whole search so.
        let single = errors.len() == 1;
        let cause = if single { errors.pop() } else { errors.into_iter().find(Error::is_retryable) };
        Err(match cause {
            Some(cause) if single && cause.hint().is_some() => error.with_source(cause),
            Some(cause) => error.with_hint(Hint::KeyChain).with_source(cause),
            None => error.with_hint(Hint::KeyChain),
        })
    }
}

impl Drop for Searcher {
    fn drop(&mut self) {
        self.end(Err(Error::internal("the search for an AccessKey has ended early")));
    }
}
