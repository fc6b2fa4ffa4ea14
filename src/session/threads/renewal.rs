//! Renews tokens on an existing connection: when one is due, asks the provider and uploads the new tokens ahead of
//! everything else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::credentials::{Credentials, Provider};
use crate::detached;
use crate::detached::NoAnswer;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::session::Session;
use crate::session::wire::probe;

/// How often the clock is read at least: it may be set, and it advances while the machine sleeps.
const LOOK: Duration = Duration::from_secs(30);

/// Renews tokens until the client ends. Runs on its own thread: the worker must not wait for a clock.
pub(in crate::session) fn run(session: &Arc<Session>) {
    let Some(provider) = session.config.credentials().as_provider() else { return };
    while session.await_renewal() {
        let deadline = Instant::now() + session.config.timeout();
        let answer = session.ask(Arc::clone(&provider), deadline);
        let mut state = session.lock();
        if state.ended() {
            return;
        }
        let now = session.now();
        let mut events = Vec::new();
        if state.until_renewal(now) == Some(Duration::ZERO) {
            if let Err(reason) = answer.and_then(|credentials| state.renewed(&credentials, now)) {
                events.push(state.renewal_failed(reason, now));
            }
            state.send_ready(None, now);
        } else if let (false, Ok(credentials)) = (state.is_online(), answer) {
            // The connection has ended meanwhile; the next login uses the tokens.
            state.given(&credentials, now);
        }
        drop(state);
        session.emit(&events);
    }
}

impl Session {
    /// Asks the provider on a separate thread. An error names the stage.
    pub(in crate::session) fn ask(&self, provider: Arc<Provider>, deadline: Instant) -> Result<Credentials> {
        let leaving = || self.lock().ended();
        self.asking.ask(provider, deadline, leaving).map_err(|failure| match failure {
            NoAnswer::TimedOut => probe::timeout_error(&self.config, &probe::Findings::at(Stage::Credentials)),
            NoAnswer::Leaving => Error::closed(),
            NoAnswer::Panicked => Error::new(ErrorKind::Credentials, "the credentials provider panicked"),
            NoAnswer::NoThread => detached::no_thread(),
        })?
    }

    /// Waits until a token is due. Returns false when the client ends.
    fn await_renewal(&self) -> bool {
        let mut state = self.lock();
        loop {
            if state.ended() {
                return false;
            }
            let now = self.now();
            state.look_at_clock(now);
            let wait = state.until_renewal(now);
            if wait == Some(Duration::ZERO) {
                return true;
            }
            let wait = wait.map_or(LOOK, |wait| wait.min(LOOK));
            state = state.wait_for_tokens(now.instant + wait);
        }
    }
}
