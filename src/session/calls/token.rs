//! Uploading a new token over an existing connection.

use std::time::{Instant, SystemTime};

use crate::error::{Error, ErrorKind, Fate, Result, Stage};
use crate::session::Session;
use crate::session::core::state::Awaited;
use crate::token::Token;

impl Session {
    /// Fails if the client is closed or has ended.
    pub(crate) fn check_open(&self) -> Result<()> {
        self.lock().check_open()
    }

    /// Returns when the first of the tokens in use expires, as far as that is known.
    pub(crate) fn token_expires(&self) -> Option<SystemTime> {
        self.lock().token_expires()
    }

    /// Takes a token for the present connection or the next login, without waiting.
    pub(crate) fn put_token(&self, token: Token) -> Result<()> {
        self.check_process()?;
        token.check("the token")?;
        let mut state = self.lock();
        state.check_open()?;
        let now = self.now();
        state.take_token(token, now)?;
        state.send_ready(None, now);
        Ok(())
    }

    /// Uploads a token, and blocks until the service has accepted it.
    pub(crate) fn upload_token(&self, token: Token, deadline: Instant) -> Result<()> {
        self.check_process()?;
        token.check("the token").map_err(|error| error.with_fate(Fate::NotSent))?;
        let kind = token.kind();
        let mut state = self.lock();
        state.check_open().map_err(|error| error.with_fate(Fate::NotSent))?;
        // The upload of a current token may still be under way.
        let now = self.now();
        let taken = state.take_token(token, now)?;
        let Some(serial) = taken.or_else(|| state.token_serial(kind)) else { return Ok(()) };
        state.send_ready(None, now);
        loop {
            if let Some(verdict) = state.token_verdict(kind, serial) {
                return verdict;
            }
            state.check_open().map_err(|error| error.with_fate(Fate::Unknown))?;
            if Instant::now() >= deadline {
                let message =
                    format!("the token of the kind {kind} was not acknowledged in time; the next login will use it");
                return Err(Error::new(ErrorKind::Timeout(Stage::Ack), message).with_fate(Fate::Unknown));
            }
            state = state.wait(Awaited::Change, deadline);
        }
    }
}
