//! The handling of tokens: at login, on a connection, at a renewal, and by the service's notices and refusals.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant, SystemTime};

use zeroize::Zeroizing;

use super::State;
use super::connection::{Step, Upload, Verdict};
use crate::credentials::{Credentials, Login};
use crate::error::{Code, Error, ErrorKind, Fate, Hint, RESOURCE};
use crate::events::Event;
use crate::notice::Notice;
use crate::session::core::now::Now;
use crate::session::core::token_store::TokenStore;
use crate::token::{Token, TokenKind};

/// A correction of the clock by less than this is not treated as a step.
const CLOCK_STEP: Duration = Duration::from_secs(2);

/// The event of a renewal that failed.
pub(super) fn failed(reason: Error, retry_in: Option<Duration>) -> Event {
    Event::TokenRenewalFailed { reason, retry_in }
}

impl State {
    // ---- at a login ----

    /// Returns true if the provider has to be asked for tokens before the next login. `renewed_since_refusal`: it was
    /// already asked after a refused login, and its new tokens were refused, too.
    pub(in crate::session) fn wants_tokens(&self, now: Now, renewed_since_refusal: bool) -> bool {
        match &self.tokens.store {
            Some(store) if renewed_since_refusal => store.has_ended(now.wall),
            Some(store) => store.wants_new(now.wall),
            None => true,
        }
    }

    /// Returns true if the current tokens can be used although new ones are not available.
    pub(in crate::session) fn tokens_usable(&self, now: Now) -> bool {
        self.tokens.store.as_ref().is_some_and(|store| store.usable(now.wall))
    }

    /// Returns when the first of the tokens in use expires, as far as that is known.
    pub(in crate::session) fn token_expires(&self) -> Option<SystemTime> {
        self.tokens.store.as_ref().and_then(TokenStore::first_end)
    }

    /// Takes over the provider's credentials. Returns true if they are tokens.
    pub(in crate::session) fn given(&mut self, credentials: &Credentials, now: Now) -> bool {
        let Some((key_id, tokens)) = credentials.as_tokens() else {
            self.tokens.store = None;
            return false;
        };
        let part = self.config.token_renewal();
        let store = self.tokens.store.get_or_insert_with(|| TokenStore::new(key_id, part, true));
        store.replace(key_id, tokens.to_vec(), now.wall, now.chance());
        true
    }

    /// AccessKey id and password of a login with the tokens held.
    pub(in crate::session) fn token_login(&mut self) -> Option<(String, Zeroizing<String>)> {
        let store = self.tokens.store.as_mut()?;
        Some((store.key_id().to_string(), store.password()))
    }

    /// Notes the login of the next connection: with another login, other topics may be permitted.
    pub(in crate::session) fn logging_in(&mut self, login: &Login) {
        let mut hasher = DefaultHasher::new();
        (login.username(), login.password()).hash(&mut hasher);
        let login = Some(hasher.finish());
        self.tokens.given_since_login = false;
        if std::mem::replace(&mut self.tokens.login, login) != login {
            self.outbox.other_credentials();
        }
    }

    /// Handles CONNACK 4 or 5. Returns true if new tokens can be requested.
    pub(in crate::session) fn login_refused(&mut self, now: Now) -> bool {
        self.tokens.store.as_mut().is_some_and(|store| {
            store.login_refused(now.wall, now.chance());
            store.renewable()
        })
    }

    // ---- on a connection ----

    /// Detects that this machine's clock was set back since the last look. (A step forward cannot be distinguished from
    /// sleep, during which tokens age as well.)
    pub(in crate::session) fn look_at_clock(&mut self, now: Now) {
        let before = std::mem::replace(&mut self.tokens.clock, now);
        let elapsed = now.instant.saturating_duration_since(before.instant);
        let expected = before.wall.checked_add(elapsed);
        let back = expected.and_then(|expected| expected.duration_since(now.wall).ok());
        if let (Some(back), Some(store)) = (back.filter(|back| *back >= CLOCK_STEP), &mut self.tokens.store) {
            store.clock_set_back(back);
        }
    }

    /// Returns how long until a token has to be renewed; `None` if no renewal is due as far as is known.
    pub(in crate::session) fn until_renewal(&self, now: Now) -> Option<Duration> {
        let store = self.tokens.store.as_ref().filter(|_| self.is_online())?;
        let due = store.next_renewal()?;
        Some(due.duration_since(now.wall).unwrap_or_default())
    }

    /// Takes the result of a renewal: uploads the new tokens ahead of everything else. With tokens of another
    /// AccessKey, the client logs in again once nothing is in flight.
    pub(in crate::session) fn renewed(&mut self, credentials: &Credentials, now: Now) -> Result<(), Error> {
        let failed = |message: &str| Err(Error::new(ErrorKind::Credentials, message));
        let Some(store) = &mut self.tokens.store else { return Ok(()) };
        let Some((key_id, tokens)) = credentials.as_tokens() else {
            return failed(
                "the credentials provider no longer returns tokens; its credentials can only be used at a new login",
            );
        };
        if key_id != store.key_id() {
            // The user name of a login has the AccessKey, so these cannot be uploaded.
            store.replace(key_id, tokens.to_vec(), now.wall, now.chance());
            if let Some(connection) = &mut self.connection {
                connection.relogin = true;
            }
            return Ok(());
        }
        if !store.replace(key_id, tokens.to_vec(), now.wall, now.chance()) {
            return failed("the credentials provider returned the same tokens again");
        }
        self.upload_new(now);
        Ok(())
    }

    pub(in crate::session) fn renewal_failed(&mut self, reason: Error, now: Now) -> Event {
        let retry_in = self.tokens.store.as_mut().map(|store| store.renewal_failed(now.wall, now.chance()));
        failed(reason, retry_in)
    }

    /// Takes a token from the program. Returns its serial number, unless it is already the current one.
    pub(in crate::session) fn take_token(&mut self, token: Token, now: Now) -> Result<Option<u64>, Error> {
        let Some(store) = &mut self.tokens.store else {
            return Err(Error::invalid("this client did not log in with a token: there is no token to replace"));
        };
        let serial = store.put(token, now.wall, now.chance());
        if serial.is_some() {
            self.upload_new(now);
            self.tokens.given_since_login = !self.is_online();
            self.waking.mark_changed();
        }
        Ok(serial)
    }

    /// Returns true if the program gave a new token since the last login.
    pub(in crate::session) fn has_new_token(&self) -> bool {
        self.tokens.given_since_login
    }

    /// Returns the serial number of the current token of this kind.
    pub(in crate::session) fn token_serial(&self, kind: TokenKind) -> Option<u64> {
        self.tokens.store.as_ref().and_then(|store| store.serial_of(kind))
    }

    /// Returns the outcome of a token from the program; `None` while it is open.
    pub(in crate::session) fn token_verdict(&self, kind: TokenKind, serial: u64) -> Option<Result<(), Error>> {
        let refused = || {
            let error =
                Error::new(ErrorKind::Rejected, format!("the service refused the new token of the kind {kind}"));
            match self.tokens.upload_refusal.filter(|(refused, _)| *refused == serial).map(|(_, code)| code) {
                Some(code) => error.with_code(code).with_hint(Hint::TokenNotice { meaning: code.to_string() }),
                None => error.with_hint(Hint::NewTokenRefused),
            }
            .with_fate(Fate::Refused)
        };
        let accepted = self.tokens.store.as_ref().and_then(|store| store.verdict(kind, serial))?;
        Some(if accepted { Ok(()) } else { Err(refused()) })
    }

    /// Puts the tokens that the service has not seen yet ahead of all other steps.
    fn upload_new(&mut self, now: Now) {
        let connection = self.connection.as_mut().filter(|connection| connection.sender.is_some());
        let (Some(store), Some(connection)) = (&self.tokens.store, connection) else { return };
        let new = store.not_accepted().into_iter().map(|(token, serial)| Upload { token, serial });
        connection.steps.upload(new.collect(), now.instant);
    }

    /// Handles CONNACK: tokens that arrived while the connection was being made are uploaded first.
    pub(super) fn tokens_connected(&mut self, now: Now) {
        if let Some(store) = &mut self.tokens.store {
            store.login_accepted();
            self.tokens.given_since_login = false;
            self.waking.mark_tokens();
            self.upload_new(now);
        }
    }

    /// Handles PUBACK of an upload.
    pub(super) fn uploaded(&mut self, upload: &Upload, now: Now, events: &mut Vec<Event>) {
        let token =
            self.tokens.store.as_mut().and_then(|store| store.uploaded(upload.token.kind(), upload.serial, now.wall));
        if let Some(connection) = &mut self.connection {
            // An earlier notice was about the previous token.
            connection.verdict = None;
        }
        self.outbox.other_credentials();
        if let Some(token) = token {
            events.push(Event::TokenRenewed { kind: token.kind(), expires: token.expires() });
        }
        self.waking.mark_tokens();
        self.waking.mark_changed();
    }

    /// Handles a notice of the service.
    pub(super) fn noticed(&mut self, notice: &Notice, now: Now) {
        match notice {
            Notice::TokenInvalid { code, kind } => {
                let verdict = Verdict { at: now.instant, code: *code, kind: *kind };
                if let Some(connection) = &mut self.connection {
                    connection.verdict = Some(verdict);
                }
            }
            Notice::TokenExpire { expires, kind } => {
                let store = self.tokens.store.as_mut();
                if store.is_some_and(|store| store.ends_soon(*kind, *expires, now.wall)) {
                    self.waking.mark_tokens();
                }
            }
            Notice::Other { .. } => {}
        }
    }

    /// Handles the end of a connection: notes which token is to blame, if one certainly is. Returns the reason for
    /// ending the client if the token is invalid and there is no provider to ask.
    pub(super) fn tokens_cut(
        &mut self,
        verdict: Option<Verdict>,
        step: Option<&(Step, Instant)>,
        now: Now,
        events: &mut Vec<Event>,
    ) -> Option<Error> {
        let verdict = verdict?;
        if let Some((Step::UploadToken(upload), since)) = step {
            if verdict.code == Code::TokenInvalid(RESOURCE) {
                // The notice is about a topic.
                return None;
            }
            // A notice from before the upload, or about another kind, is about a current token.
            let kind = upload.token.kind();
            let possible = verdict.at >= *since && verdict.kind.is_none_or(|named| named == kind);
            if possible && verdict.code.is_sure_of_upload(self.outbox.any_in_flight()) {
                return self.upload_refused(verdict.code, kind, upload.serial, now, events);
            }
            if possible {
                // The notice is about the new token or the previous one; the next login, which uses the new one, will
                // show which.
                return None;
            }
        }
        let store = self.tokens.store.as_mut()?;
        if !verdict.code.invalidates_token() {
            return None;
        }
        store.invalid(verdict.kind);
        if store.renewable() || store.usable(now.wall) {
            return None;
        }
        let message = format!("the service has ended the connection over its token: {}", verdict.code);
        let error = Error::new(ErrorKind::TokenInvalid, message).with_code(verdict.code);
        Some(error.with_hint(Hint::NewToken))
    }

    /// Handles a refused upload; the previous token may still be valid.
    fn upload_refused(
        &mut self,
        code: Code,
        kind: TokenKind,
        serial: u64,
        now: Now,
        events: &mut Vec<Event>,
    ) -> Option<Error> {
        self.tokens.upload_refused(kind, serial, code, now);
        let store = self.tokens.store.as_ref()?;
        let reason = format!("the service refused the new token of the kind {kind}: {code}");
        let reason = Error::new(ErrorKind::Rejected, reason).with_code(code);
        if store.renewable() {
            events.push(failed(reason, None));
            return None;
        }
        (!store.usable(now.wall)).then_some(reason)
    }

    /// Returns true if the client ends, or has ended.
    pub(in crate::session) fn ended(&self) -> bool {
        self.life.is_leaving()
    }
}
