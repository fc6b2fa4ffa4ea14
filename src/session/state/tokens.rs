//! The tokens of a connection: what was given, what is being uploaded, and what the service said of them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant, SystemTime};

use zeroize::Zeroizing;

use super::{Phase, State, Step};
use crate::config::Config;
use crate::credentials::{Credentials, Login};
use crate::error::{Code, Error, ErrorKind, Fate, RESOURCE};
use crate::events::{Event, Notice};
use crate::message::{Outgoing, QoS};
use crate::random::fraction as chance;
use crate::session::outbox::Kind;
use crate::session::renewal::failed;
use crate::token::store::TokenStore;
use crate::token::{Token, TokenKind};

/// Where a new token goes. Source: help.aliyun.com/document_detail/54282.html.
pub(super) const UPLOAD_TOPIC: &str = "$SYS/uploadToken";

/// Clocks are corrected by less than this without anybody calling it a step.
const CLOCK_STEP: Duration = Duration::from_secs(2);

/// A notice this recent explains why the service then cuts the connection.
const NOTICE_EXPLAINS: Duration = Duration::from_secs(10);

/// What the service said of a token, shortly before it cuts the connection.
#[derive(Debug, Clone, Copy)]
pub(in crate::session) struct Verdict {
    pub(super) at: Instant,
    pub(super) code: Code,
    /// `None` for a word that is none of the three.
    pub(super) kind: Option<TokenKind>,
}

/// A token to be uploaded.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) token: Token,
    pub(super) serial: u64,
}

impl Upload {
    /// The message for the service: `{"token":…,"type":…}`. Its payload is to be wiped.
    pub(super) fn message(&self) -> Outgoing {
        // A text is always representable in JSON.
        let quoted = Zeroizing::new(serde_json::to_string(self.token.secret()).unwrap_or_default());
        let payload = Zeroizing::new(format!(r#"{{"token":{},"type":"{}"}}"#, *quoted, self.token.kind()));
        Outgoing::new(UPLOAD_TOPIC, QoS::AtLeastOnce, payload.as_bytes())
    }
}

impl State {
    /// The tokens that the configuration holds.
    pub(super) fn tokens_of(config: &Config) -> Option<TokenStore> {
        let (key_id, tokens) = config.credentials().as_tokens()?;
        let mut store = TokenStore::new(key_id, config.token_renewal(), false);
        store.replace(key_id, tokens.to_vec(), SystemTime::now(), chance());
        Some(store)
    }

    // ---- at a login ----

    /// Whether the provider has to be asked for tokens before the next login. `spent`: it was, and they were refused.
    pub(in crate::session) fn wants_tokens(&self, now: SystemTime, spent: bool) -> bool {
        match &self.tokens {
            Some(store) if spent => store.has_ended(now),
            Some(store) => store.wants_new(now),
            None => true,
        }
    }

    /// Whether the tokens held will do, though new ones could not be had.
    pub(in crate::session) fn tokens_usable(&self, now: SystemTime) -> bool {
        self.tokens.as_ref().is_some_and(|store| store.usable(now))
    }

    /// What the provider gave. Whether these are tokens.
    pub(in crate::session) fn given(&mut self, credentials: &Credentials, now: SystemTime) -> bool {
        let Some((key_id, tokens)) = credentials.as_tokens() else {
            self.tokens = None;
            return false;
        };
        let part = self.config.token_renewal();
        let store = self.tokens.get_or_insert_with(|| TokenStore::new(key_id, part, true));
        store.replace(key_id, tokens.to_vec(), now, chance());
        true
    }

    /// AccessKey id and password of a login with the tokens held.
    pub(in crate::session) fn token_login(&mut self) -> Option<(String, Zeroizing<String>)> {
        let store = self.tokens.as_mut()?;
        Some((store.key_id().to_string(), store.password()))
    }

    /// A connection is made with this login: with another than before, other topics may be permitted.
    pub(in crate::session) fn logging_in(&mut self, login: &Login) {
        let mut hasher = DefaultHasher::new();
        (login.username(), login.password()).hash(&mut hasher);
        let login = Some(hasher.finish());
        if std::mem::replace(&mut self.login, login) != login {
            self.outbox.other_credentials();
        }
    }

    /// CONNACK 4 or 5. Whether new tokens can be asked for.
    pub(in crate::session) fn login_refused(&mut self, now: SystemTime) -> bool {
        self.tokens.as_mut().is_some_and(|store| {
            store.login_refused(now, chance());
            store.renewable()
        })
    }

    // ---- on a connection ----

    /// Notices that this machine's clock was set back since the last look. (That it was set forward looks like sleep,
    /// through which tokens age as well.)
    pub(in crate::session) fn look_at_clock(&mut self, now: SystemTime) {
        let (wall, monotonic) = std::mem::replace(&mut self.clock, (now, Instant::now()));
        let back = wall.checked_add(monotonic.elapsed()).and_then(|expected| expected.duration_since(now).ok());
        if let (Some(back), Some(store)) = (back.filter(|back| *back >= CLOCK_STEP), &mut self.tokens) {
            store.clock_set_back(back);
        }
    }

    /// How long until a token has to be renewed; `None` when none has to be, as far as is known now.
    pub(in crate::session) fn until_renewal(&self, now: SystemTime) -> Option<Duration> {
        let store = self.tokens.as_ref().filter(|_| self.is_online())?;
        let due = store.next_renewal()?;
        Some(due.duration_since(now).unwrap_or_default())
    }

    /// The provider's answer to a renewal: what is new is uploaded, ahead of everything else.
    pub(in crate::session) fn renewed(&mut self, credentials: &Credentials, now: SystemTime) -> Result<(), Error> {
        let failed = |message: &str| Err(Error::new(ErrorKind::Credentials, message));
        let Some(store) = &mut self.tokens else { return Ok(()) };
        let Some((key_id, tokens)) = credentials.as_tokens() else {
            return failed("the credentials provider gives no tokens any more; they can only be used at a new login");
        };
        if key_id != store.key_id() {
            return failed("the new tokens belong to another AccessKey; they can only be used at a new login");
        }
        if !store.replace(key_id, tokens.to_vec(), now, chance()) {
            return failed("the credentials provider gave the same tokens again");
        }
        self.upload_new();
        Ok(())
    }

    pub(in crate::session) fn renewal_failed(&mut self, reason: Error, now: SystemTime) -> Event {
        let retry_in = self.tokens.as_mut().map(|store| store.renewal_failed(now, chance()));
        failed(reason, retry_in)
    }

    /// A token from the program. Its serial number, unless it is held already.
    pub(in crate::session) fn take_token(&mut self, token: Token, now: SystemTime) -> Result<Option<u64>, Error> {
        let Some(store) = &mut self.tokens else {
            return Err(Error::invalid("this client did not log in with a token: there is none to be replaced"));
        };
        let serial = store.put(token, now, chance());
        if serial.is_some() {
            self.upload_new();
        }
        Ok(serial)
    }

    /// The serial number of the token held of this kind.
    pub(in crate::session) fn token_serial(&self, kind: TokenKind) -> Option<u64> {
        self.tokens.as_ref().and_then(|store| store.serial_of(kind))
    }

    /// What has become of a token from the program; `None` while that is open.
    pub(in crate::session) fn token_verdict(&self, kind: TokenKind, serial: u64) -> Option<Result<(), Error>> {
        let refused = || {
            let error =
                Error::new(ErrorKind::Rejected, format!("the service refused the new token of the kind {kind}"));
            match self.upload_refusal.filter(|(refused, _)| *refused == serial).map(|(_, code)| code) {
                Some(code) => error.with_code(code).with_hint(code.to_string()),
                None => error.with_hint("is it alive, of this kind, and applied for with the AccessKey of the login?"),
            }
            .with_fate(Fate::Refused)
        };
        let accepted = self.tokens.as_ref().and_then(|store| store.verdict(kind, serial))?;
        Some(if accepted { Ok(()) } else { Err(refused()) })
    }

    /// Puts what the service has not seen yet ahead of all other steps.
    fn upload_new(&mut self) {
        let Some(store) = self.tokens.as_ref().filter(|_| self.line.is_some()) else { return };
        let under_way = match &self.step {
            Some((Step::UploadToken(upload), _)) => Some(upload.serial),
            _ => None,
        };
        self.steps.retain(|step| !matches!(step, Step::UploadToken(_)));
        if self.steps.is_empty() && self.step.is_none() {
            self.steps_since = Instant::now();
        }
        for (token, serial) in store.not_accepted().into_iter().rev() {
            if under_way != Some(serial) {
                self.steps.push_front(Step::UploadToken(Upload { token, serial }));
            }
        }
    }

    /// CONNACK: what came while the connection was being made goes first.
    pub(super) fn tokens_connected(&mut self) {
        self.verdict = None;
        if let Some(store) = &mut self.tokens {
            store.login_accepted();
            self.token_news = true;
            self.upload_new();
        }
    }

    /// PUBACK of an upload.
    pub(super) fn uploaded(&mut self, upload: &Upload, events: &mut Vec<Event>) {
        let token = self
            .tokens
            .as_mut()
            .and_then(|store| store.uploaded(upload.token.kind(), upload.serial, SystemTime::now()));
        // What was said before is about the one before.
        self.verdict = None;
        self.outbox.other_credentials();
        if let Some(token) = token {
            events.push(Event::TokenRenewed { kind: token.kind(), expires: token.expires() });
        }
        self.token_news = true;
        self.touch();
    }

    /// A notice of the service.
    pub(super) fn noticed(&mut self, notice: &Notice) {
        match notice {
            Notice::TokenInvalid { code, token_type } => {
                self.verdict = Some(Verdict { at: Instant::now(), code: *code, kind: TokenKind::parse(token_type) });
            }
            Notice::TokenExpire { expire_time, token_type } => {
                let end = expire_time.and_then(|millis| u64::try_from(millis).ok());
                let end = end.and_then(|millis| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis)));
                if let Some(store) = &mut self.tokens {
                    self.token_news |= store.ends_soon(TokenKind::parse(token_type), end, SystemTime::now());
                }
            }
            Notice::Other { .. } => {}
        }
    }

    /// What the service said of a token on the connection that has just ended.
    pub(super) fn recent_verdict(&self, now: Instant) -> Option<Verdict> {
        self.verdict.filter(|verdict| now.saturating_duration_since(verdict.at) <= NOTICE_EXPLAINS)
    }

    /// The connection was cut: notes which token is to blame, if one surely is. With a token condemned and nobody to ask,
    /// the reason of the client's end.
    pub(super) fn tokens_cut(
        &mut self,
        verdict: Option<Verdict>,
        step: Option<&(Step, Instant)>,
        events: &mut Vec<Event>,
    ) -> Option<Error> {
        let verdict = verdict?;
        if let Some((Step::UploadToken(upload), handed)) = step {
            if verdict.code == Code::TokenInvalid(RESOURCE) {
                // It is about a topic.
                return None;
            }
            // Said before the token was on its way, or of another kind: about one held.
            let kind = upload.token.kind();
            let possible = verdict.at >= *handed && verdict.kind.is_none_or(|named| named == kind);
            if possible && verdict.code.is_sure_of_upload(self.outbox.any_in_flight()) {
                return self.upload_refused(verdict.code, kind, upload.serial, events);
            }
            if possible {
                // The new one or the one before: the next login, which is made with the new one, will tell.
                return None;
            }
        }
        let store = self.tokens.as_mut()?;
        if !verdict.code.condemns_token() {
            return None;
        }
        store.invalid(verdict.kind);
        if store.renewable() || store.usable(SystemTime::now()) {
            return None;
        }
        let message = format!("the service has ended the connection over its token: {}", verdict.code);
        let error = Error::new(ErrorKind::TokenInvalid, message).with_code(verdict.code);
        Some(error.with_hint(
            "log in with a new one; Client::upload_token replaces a token before it ends, and \
             Credentials::token_provider does it by itself",
        ))
    }

    /// The token just uploaded is not good; the one before may still be.
    fn upload_refused(&mut self, code: Code, kind: TokenKind, serial: u64, events: &mut Vec<Event>) -> Option<Error> {
        let store = self.tokens.as_mut()?;
        let now = SystemTime::now();
        store.upload_refused(kind, serial, now, chance());
        self.upload_refusal = Some((serial, code));
        let reason = format!("the service refused the new token of the kind {kind}: {code}");
        let reason = Error::new(ErrorKind::Rejected, reason).with_code(code);
        if store.renewable() {
            events.push(failed(reason, None));
            return None;
        }
        (!store.usable(now)).then_some(reason)
    }

    /// Which kind of operation a code is about, where that can be told: one for which no token is held. The kind that the
    /// notice names is not used: whether it is the kind held or the kind missing is not documented.
    pub(super) fn not_permitted(&self, code: Code) -> Option<Kind> {
        if code == Code::TokenInvalid(RESOURCE) {
            return None;
        }
        let held = |kinds: [TokenKind; 2]| self.tokens.as_ref().is_some_and(|store| store.holds(kinds));
        match (held([TokenKind::Read, TokenKind::ReadWrite]), held([TokenKind::Write, TokenKind::ReadWrite])) {
            (true, false) => Some(Kind::Publish),
            (false, true) => Some(Kind::Request),
            _ => None,
        }
    }

    /// The client ends, or has ended.
    pub(in crate::session) fn ended(&self) -> bool {
        self.leaving || self.worker_gone || matches!(self.phase, Phase::Dead(_))
    }

    pub(in crate::session) fn take_token_news(&mut self) -> bool {
        std::mem::take(&mut self.token_news)
    }
}
