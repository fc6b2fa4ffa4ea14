//! Renewing tokens on a connection that stands: when one is due, the provider is asked, and what it gives is uploaded
//! ahead of everything else.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::Session;
use super::{closed, probe};
use crate::credentials::{Credentials, Provider};
use crate::error::{Error, ErrorKind, Fate, Result, Stage};
use crate::events::Event;
use crate::helper;
use crate::helper::NoAnswer;
use crate::token::Token;

/// How long at most before the clock is looked at again: it may be set, and it goes on while the machine sleeps.
const LOOK: Duration = Duration::from_secs(30);

/// Renews tokens until the client ends. For a thread of its own: the worker must not wait for a clock.
pub(super) fn run(session: &Arc<Session>) {
    let Some(provider) = session.config.credentials().as_provider() else { return };
    while session.await_renewal() {
        let deadline = Instant::now() + session.config.timeout();
        let answer = session.ask(Arc::clone(&provider), deadline);
        let mut state = session.lock();
        if state.ended() {
            return;
        }
        let now = SystemTime::now();
        let mut events = Vec::new();
        if state.until_renewal(now) == Some(Duration::ZERO) {
            if let Err(reason) = answer.and_then(|credentials| state.renewed(&credentials, now)) {
                events.push(state.renewal_failed(reason, now));
            }
            state.push_out(None);
        } else if let (false, Ok(credentials)) = (state.is_online(), answer) {
            // The connection has ended meanwhile; the next login has them.
            state.given(&credentials, now);
        }
        session.announce(&mut state);
        drop(state);
        session.tell(&events);
    }
}

impl Session {
    /// Asks the provider on its own thread. An error names the stage.
    pub(super) fn ask(&self, provider: Arc<Provider>, deadline: Instant) -> Result<Credentials> {
        let leaving = || self.lock().ended();
        self.asking.ask(provider, deadline, leaving).map_err(|failure| match failure {
            NoAnswer::TimedOut => probe::time_out(&self.config, &probe::Findings::at(Stage::Credentials)),
            NoAnswer::Leaving => closed(),
            NoAnswer::Panicked => {
                Error::new(ErrorKind::Credentials, "the credentials provider panicked (stage: credentials)")
            }
            NoAnswer::NoThread => helper::no_thread(),
        })?
    }

    /// Waits until a token is due; false when the client ends.
    fn await_renewal(&self) -> bool {
        let mut state = self.lock();
        loop {
            if state.ended() {
                return false;
            }
            let now = SystemTime::now();
            state.look_at_clock(now);
            let wait = state.until_renewal(now);
            if wait == Some(Duration::ZERO) {
                return true;
            }
            let wait = wait.map_or(LOOK, |wait| wait.min(LOOK));
            state = self.token_news.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Hands a token to the service, blocking until it has taken it.
    pub(crate) fn upload_token(&self, token: Token, deadline: Instant) -> Result<()> {
        self.check_process()?;
        token.check("the token").map_err(|error| error.with_fate(Fate::NotSent))?;
        let kind = token.kind();
        let mut state = self.lock();
        state.check_open().map_err(|error| error.with_fate(Fate::NotSent))?;
        // One that is held already may still be on its way.
        let taken = state.take_token(token, SystemTime::now())?;
        let Some(serial) = taken.or_else(|| state.token_serial(kind)) else { return Ok(()) };
        state.push_out(None);
        self.announce(&mut state);
        loop {
            if let Some(verdict) = state.token_verdict(kind, serial) {
                return verdict;
            }
            state.check_open()?;
            if Instant::now() >= deadline {
                let message = format!(
                    "the token of the kind {kind} was not acknowledged in time (stage: ack); the next login will use it"
                );
                return Err(Error::new(ErrorKind::Timeout(Stage::Ack), message).with_fate(Fate::Unknown));
            }
            state = self.wait(state, deadline);
        }
    }
}

/// The event of a renewal that did not work.
pub(super) fn failed(reason: Error, retry_in: Option<Duration>) -> Event {
    Event::TokenRenewalFailed { reason, retry_in }
}
