//! The current tokens of a client: which are valid, which have to be renewed, and when. Time is passed in.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use crate::token::{Token, TokenKind};

/// The random part of the renewal time, so that a fleet of devices does not ask at the same moment.
const JITTER: f64 = 0.125;

/// The shortest time between renewals, however short the lifetime of a token is.
const LEAST_LIFE: Duration = Duration::from_millis(500);

/// The service announces the end of a token some 5 minutes before; a token that lives at most twice as long is renewed
/// after half of its lifetime at the earliest.
const SHORT: Duration = Duration::from_secs(600);

/// For this long after a token was replaced, a notice may still be about it.
const CROSSING: Duration = Duration::from_secs(10);

/// The bounds of the pause after a renewal that failed; it doubles in between.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(120);

/// At most one token of each kind.
#[derive(Clone, Default)]
pub(crate) struct TokenStore {
    key_id: String,
    slots: BTreeMap<TokenKind, Slot>,
    /// The fraction of its lifetime after which a token is renewed.
    renew_at: f64,
    /// There is a provider of new tokens.
    renewable: bool,
    /// Counts the tokens that were put in.
    serial: u64,
    /// The newest token of the current or last login.
    login_serial: u64,
    /// A renewal failed: no other is tried before this time.
    retry_at: Option<SystemTime>,
    failures: u32,
}

#[derive(Clone)]
struct Slot {
    token: Token,
    serial: u64,
    /// When it is to be renewed; `None` while its expiry is not known.
    due: Option<SystemTime>,
    /// The service has accepted it, at a login or by PUBACK.
    accepted: bool,
    /// The service has refused it, or announced that it is invalid.
    bad: bool,
    /// The accepted token that it is to replace.
    previous: Option<Box<Slot>>,
    /// The expiry of the previous token, about which a late notice may arrive, and when that token was replaced.
    previous_end: Option<SystemTime>,
    since: SystemTime,
}

impl TokenStore {
    pub(crate) fn new(key_id: &str, renew_at: f64, renewable: bool) -> Self {
        TokenStore { key_id: key_id.to_string(), renew_at, renewable, ..TokenStore::default() }
    }

    /// Returns the AccessKey that the tokens belong to.
    pub(crate) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Returns true if there is a token of one of these kinds.
    pub(crate) fn holds(&self, kinds: [TokenKind; 2]) -> bool {
        kinds.iter().any(|kind| self.slots.contains_key(kind))
    }

    pub(crate) fn renewable(&self) -> bool {
        self.renewable
    }

    /// Replaces all tokens by those from the provider; kinds it no longer returns are dropped. `chance`: from 0 to 1.
    /// Returns true if any is new.
    pub(crate) fn replace(&mut self, key_id: &str, tokens: Vec<Token>, now: SystemTime, chance: f64) -> bool {
        self.key_id = key_id.to_string();
        self.slots.retain(|kind, _| tokens.iter().any(|token| token.kind() == *kind));
        let any_new = tokens.into_iter().filter_map(|token| self.put(token, now, chance)).count() > 0;
        if any_new && self.slots.values().any(|slot| slot.is_due(now)) {
            // The provider still returns a token that is due: it must not be asked in a loop.
            self.renewal_failed(now, chance);
        }
        any_new
    }

    /// Replaces the token of this kind. Returns the serial number of the new one, unless it is already the current one.
    pub(crate) fn put(&mut self, token: Token, now: SystemTime, chance: f64) -> Option<u64> {
        let old = self.slots.remove(&token.kind());
        if let Some(old) = old.as_ref().filter(|old| old.token.secret() == token.secret()) {
            // Its expiry may have become known. A renewal that the service asked for is not put off.
            let due = old.due.or_else(|| self.due(&token, now, chance));
            let end = old.token.expires().into_iter().chain(token.expires()).min();
            let token = end.map_or_else(|| old.token.clone(), |end| old.token.clone().expires_at(end));
            self.slots.insert(token.kind(), Slot { token, due, ..old.clone() });
            return None;
        }
        self.serial += 1;
        let previous_end = old.as_ref().and_then(|old| old.token.expires());
        // The last token that the service has accepted.
        let previous = old.and_then(|mut old| match old.previous.take() {
            Some(previous) if !old.accepted => Some(previous),
            _ => (old.accepted && !old.bad).then(|| Box::new(old)),
        });
        // The token has expired by its own account: this clock or the provider is wrong. The service will decide.
        let ended = token.expires().is_some_and(|end| end <= now);
        let token = if ended { token.without_end() } else { token };
        let due = self.due(&token, now, chance);
        let slot =
            Slot { serial: self.serial, due, accepted: false, bad: false, previous, previous_end, since: now, token };
        self.slots.insert(slot.token.kind(), slot);
        Some(self.serial)
    }

    fn due(&self, token: &Token, now: SystemTime, chance: f64) -> Option<SystemTime> {
        let life = token.expires()?.duration_since(now).unwrap_or_default();
        let part = self.renew_at * (1.0 - JITTER * chance.clamp(0.0, 1.0));
        now.checked_add(life.mul_f64(part).max(LEAST_LIFE))
    }

    /// Moves the renewal times when this machine's clock was set back, so that nothing is renewed too late.
    pub(crate) fn clock_set_back(&mut self, by: Duration) {
        let earlier = |time: &mut SystemTime| *time = time.checked_sub(by).unwrap_or(*time);
        self.retry_at.iter_mut().for_each(earlier);
        for slot in self.slots.values_mut() {
            slot.due.iter_mut().for_each(earlier);
            slot.previous_end.iter_mut().for_each(earlier);
            earlier(&mut slot.since);
            if let Some(mut end) = slot.token.expires() {
                earlier(&mut end);
                slot.token = slot.token.clone().expires_at(end);
            }
        }
    }

    // ---- at a connect ----

    /// Returns true if new tokens should be requested before the next login: there are none, one is invalid, or one is
    /// due and its renewal has not just failed.
    pub(crate) fn wants_new(&self, now: SystemTime) -> bool {
        let tried = self.retry_at.is_some_and(|retry| retry > now) && self.usable(now);
        let wanted = self.slots.is_empty() || self.slots.values().any(|slot| slot.bad || slot.is_due(now));
        self.renewable && wanted && !tried
    }

    /// Returns true if a login with the current tokens may work although new ones are not available.
    pub(crate) fn usable(&self, now: SystemTime) -> bool {
        !self.slots.is_empty() && self.slots.values().all(|slot| !slot.bad && !slot.has_ended(now))
    }

    /// Returns true if a token is known to have expired; no login works with it.
    pub(crate) fn has_ended(&self, now: SystemTime) -> bool {
        self.slots.values().any(|slot| slot.has_ended(now))
    }

    /// Returns the password of a login: `R|{token}|W|{token}`. From here on the service knows these tokens.
    pub(crate) fn password(&mut self) -> Zeroizing<String> {
        self.login_serial = self.serial;
        join(self.slots.values().map(|slot| &slot.token))
    }

    /// Handles CONNACK: the tokens of the login are valid.
    pub(crate) fn login_accepted(&mut self) {
        let login = self.login_serial;
        for slot in self.slots.values_mut().filter(|slot| slot.serial <= login) {
            if !slot.accepted {
                (self.failures, self.retry_at) = (0, None);
            }
            slot.accept();
        }
    }

    /// Returns the tokens that the service has not seen yet, with their serial numbers.
    pub(crate) fn not_accepted(&self) -> Vec<(Token, u64)> {
        let new = self.slots.values().filter(|slot| !slot.accepted && !slot.bad);
        new.map(|slot| (slot.token.clone(), slot.serial)).collect()
    }

    /// Handles a refused login: one of its tokens is invalid; if some are new to the service, one of those. Previous
    /// tokens come back if they have not expired.
    pub(crate) fn login_refused(&mut self, now: SystemTime, chance: f64) {
        let login = self.login_serial;
        let any_new = self.slots.values().any(|slot| slot.serial <= login && !slot.accepted);
        let blamed = self.slots.values_mut().filter(|slot| slot.serial <= login && !(any_new && slot.accepted));
        if blamed.filter_map(|slot| slot.refuse(now).then_some(())).count() > 0 {
            self.renewal_failed(now, chance);
        }
    }

    // ---- on a connection ----

    /// Handles PUBACK of an upload. Returns the token, unless another has replaced it.
    pub(crate) fn uploaded(&mut self, kind: TokenKind, serial: u64, now: SystemTime) -> Option<Token> {
        let slot = self.slots.get_mut(&kind).filter(|slot| slot.serial == serial)?;
        slot.accept();
        let token = slot.token.clone();
        if !self.slots.values().any(|slot| slot.is_due(now)) {
            (self.failures, self.retry_at) = (0, None);
        }
        Some(token)
    }

    /// Handles a refused upload: the previous token comes back if it has not expired. The next renewal waits.
    pub(crate) fn upload_refused(&mut self, kind: TokenKind, serial: u64, now: SystemTime, chance: f64) {
        if let Some(slot) = self.slots.get_mut(&kind).filter(|slot| slot.serial == serial) {
            slot.refuse(now);
            self.renewal_failed(now, chance);
        }
    }

    /// Handles a notice that the accepted token of this kind (of any kind, if it names none) is invalid.
    pub(crate) fn invalid(&mut self, kind: Option<TokenKind>) {
        for (_, slot) in self.slots.iter_mut().filter(|(held, _)| kind.is_none_or(|kind| kind == **held)) {
            if slot.previous.take().is_none() {
                slot.bad = true;
            }
        }
    }

    /// Handles a notice that the token of this kind will expire soon. Returns true if it is to be renewed now. A notice
    /// about a token that was just replaced is recognised by its expiry if that was known; otherwise it causes one
    /// unneeded renewal.
    pub(crate) fn ends_soon(&mut self, kind: Option<TokenKind>, end: Option<SystemTime>, now: SystemTime) -> bool {
        let mut any = false;
        for (held, slot) in &mut self.slots {
            let about = |known: Option<SystemTime>| end.zip(known).is_some_and(|(end, known)| same(end, known));
            let just_replaced = now.duration_since(slot.since).is_ok_and(|age| age < CROSSING);
            let late = just_replaced && about(slot.previous_end) && !about(slot.token.expires());
            if late || kind.is_some_and(|kind| kind != *held) {
                continue;
            }
            // The service knows better than the provider.
            if let Some(end) = end.filter(|end| slot.token.expires().is_none_or(|known| *end < known)) {
                slot.token = slot.token.clone().expires_at(end);
            }
            // At once, except for a token so short-lived that it is announced right after it came: that would never
            // end.
            let half = end
                .and_then(|end| end.duration_since(slot.since).ok())
                .filter(|life| *life <= SHORT)
                .map(|life| life / 2);
            let due = half.and_then(|half| slot.since.checked_add(half)).map_or(now, |half| half.max(now));
            slot.due = Some(slot.due.map_or(due, |known| known.min(due)));
            any = true;
        }
        any
    }

    /// Returns when to renew next; `None` if there is nothing to renew or no provider.
    pub(crate) fn next_renewal(&self) -> Option<SystemTime> {
        if !self.renewable {
            return None;
        }
        // Tokens not accepted yet are being uploaded; their outcome is known soon.
        let due = self.slots.values().filter(|slot| slot.accepted).filter_map(|slot| slot.due).min()?;
        Some(self.retry_at.map_or(due, |retry| retry.max(due)))
    }

    /// Notes that new tokens were not available or were refused. Returns the pause before the next attempt: growing,
    /// and short compared with the lifetime that is left.
    pub(crate) fn renewal_failed(&mut self, now: SystemTime, chance: f64) -> Duration {
        let bound = RETRY_MIN.saturating_mul(1 << self.failures.min(20)).min(RETRY_MAX);
        self.failures = self.failures.saturating_add(1);
        let left = self.first_end().and_then(|end| end.duration_since(now).ok()).filter(|left| !left.is_zero());
        let bound = left.map_or(bound, |left| bound.min(left / 4).max(LEAST_LIFE / 5));
        let pause = bound.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0);
        self.retry_at = now.checked_add(pause);
        pause
    }

    /// Returns when the first token expires, as far as that is known.
    pub(crate) fn first_end(&self) -> Option<SystemTime> {
        self.slots.values().filter_map(|slot| slot.token.expires()).min()
    }

    /// Returns the serial number of the current token of this kind.
    pub(crate) fn serial_of(&self, kind: TokenKind) -> Option<u64> {
        self.slots.get(&kind).map(|slot| slot.serial)
    }

    /// Returns true if the service has accepted this token, false if it has refused it, and `None` while that is open.
    /// If the token was replaced, the result is about its successor.
    pub(crate) fn verdict(&self, kind: TokenKind, serial: u64) -> Option<bool> {
        match self.slots.get(&kind) {
            Some(slot) if slot.serial < serial || slot.bad => Some(false),
            Some(slot) if !slot.accepted => None,
            _ => Some(true),
        }
    }
}

impl Slot {
    fn is_due(&self, now: SystemTime) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    fn has_ended(&self, now: SystemTime) -> bool {
        self.token.expires().is_some_and(|end| end <= now)
    }

    fn accept(&mut self) {
        (self.accepted, self.bad, self.previous) = (true, false, None);
    }

    /// Returns true if the previous token came back.
    fn refuse(&mut self, now: SystemTime) -> bool {
        match self.previous.take() {
            Some(previous) if !previous.has_ended(now) => {
                *self = *previous;
                true
            }
            _ => {
                self.bad = true;
                false
            }
        }
    }
}

/// The service counts in milliseconds.
fn same(one: SystemTime, other: SystemTime) -> bool {
    let apart = one.duration_since(other).unwrap_or_else(|error| error.duration());
    apart < Duration::from_millis(1)
}

/// Returns tokens in the form of the password of a login.
pub(crate) fn join<'a>(tokens: impl IntoIterator<Item = &'a Token>) -> Zeroizing<String> {
    let parts: Vec<_> = tokens.into_iter().flat_map(|token| [token.kind().as_str(), token.secret()]).collect();
    // Allocated at full size, so that growing leaves no copies behind.
    let size = parts.iter().map(|part| part.len() + 1).sum();
    let mut joined = Zeroizing::new(String::with_capacity(size));
    for part in parts {
        if !joined.is_empty() {
            joined.push('|');
        }
        joined.push_str(part);
    }
    joined
}

#[cfg(test)]
mod tests;
