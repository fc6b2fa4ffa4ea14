//! Tokens, as ApplyToken issues them: a permission for a list of topics, with an expiry.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::time::{Duration, SystemTime};

use crate::names::covers;
use crate::random::random_hex;

/// The permission of a token, and its type in a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// `R`: to subscribe.
    Read,
    /// `W`: to publish.
    Write,
    /// `RW`: to do both.
    ReadWrite,
}

impl Permission {
    /// Returns the type as passwords and notices spell it: `R`, `W` or `RW`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "R",
            Self::Write => "W",
            Self::ReadWrite => "RW",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Read, Self::Write, Self::ReadWrite].into_iter().find(|permission| permission.as_str() == text)
    }

    fn allows(self, wanted: Self) -> bool {
        self == wanted || self == Self::ReadWrite
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A token that is not valid, with its code in `$SYS/tokenInvalidNotice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenFault {
    pub(crate) code: i32,
    pub(crate) permission: Permission,
}

impl TokenFault {
    pub(crate) fn notice(self) -> String {
        format!(r#"{{"code":{},"type":"{}"}}"#, self.code, self.permission)
    }
}

impl fmt::Display for TokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.code {
            FORGED => "was never issued",
            EXPIRED => "has expired",
            REVOKED => "is revoked",
            RESOURCE => "does not name this topic",
            _ => "is missing or has another permission",
        };
        write!(f, "the token of type {} {why} (code {})", self.permission, self.code)
    }
}

pub(crate) const FORGED: i32 = 1;
pub(crate) const EXPIRED: i32 = 2;
pub(crate) const REVOKED: i32 = 3;
pub(crate) const RESOURCE: i32 = 4;
pub(crate) const KIND: i32 = 5;

/// The tokens of a connection, at most one of each type, with their types.
pub(crate) type Held = Vec<(Permission, String)>;

/// All tokens ever issued. Only [`TokenBook::issue`] reveals a token.
#[derive(Default)]
pub(crate) struct TokenBook {
    issued: HashMap<String, Issued>,
}

/// A token without its text.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    /// Names the token where its text must not be shown: from 1, in the order of issue.
    pub(crate) number: u64,
    pub(crate) permission: Permission,
    pub(crate) resources: Vec<String>,
    pub(crate) access_key_id: String,
    pub(crate) expires: SystemTime,
    pub(crate) revoked: bool,
}

impl fmt::Debug for TokenBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenBook({} tokens)", self.issued.len())
    }
}

impl TokenBook {
    pub(crate) fn issue(
        &mut self,
        access_key_id: &str,
        permission: Permission,
        resources: &[&str],
        lifetime: Duration,
    ) -> String {
        let token = format!("LzMT.emulator.{}", random_hex());
        self.add(&token, access_key_id, permission, resources.iter().map(|&resource| resource.to_owned()), lifetime);
        token
    }

    /// Adds a token with this text and returns its number; `None`, without a change, if there is such a token already.
    pub(crate) fn add(
        &mut self,
        token: &str,
        access_key_id: &str,
        permission: Permission,
        resources: impl IntoIterator<Item = String>,
        lifetime: Duration,
    ) -> Option<u64> {
        let number = self.issued.len() as u64 + 1;
        let Entry::Vacant(place) = self.issued.entry(token.to_owned()) else { return None };
        place.insert(Issued {
            number,
            permission,
            resources: resources.into_iter().collect(),
            access_key_id: access_key_id.to_owned(),
            // More than any lifetime, and within the range of a clock.
            expires: SystemTime::now() + lifetime.min(Duration::from_secs(100 * 365 * 86_400)),
            revoked: false,
        });
        Some(number)
    }

    /// Returns all tokens without their texts, in the order of issue.
    pub(crate) fn list(&self) -> Vec<Issued> {
        let mut all: Vec<_> = self.issued.values().cloned().collect();
        all.sort_unstable_by_key(|issued| issued.number);
        all
    }

    /// Returns the text of the token with this number.
    pub(crate) fn text_of(&self, number: u64) -> Option<String> {
        self.issued.iter().find(|(_, issued)| issued.number == number).map(|(token, _)| token.clone())
    }

    /// Revokes a token. Returns true if it was ever issued.
    pub(crate) fn revoke(&mut self, token: &str) -> bool {
        self.issued.get_mut(token).map(|issued| issued.revoked = true).is_some()
    }

    /// Lets a token expire now. Returns true if it was ever issued.
    pub(crate) fn expire(&mut self, token: &str) -> bool {
        let now = SystemTime::now();
        self.issued.get_mut(token).map(|issued| issued.expires = issued.expires.min(now)).is_some()
    }

    /// Checks that a token is valid: issued to this key, of this type, neither revoked nor expired.
    pub(crate) fn check(&self, access_key_id: &str, permission: Permission, token: &str) -> Result<(), TokenFault> {
        let fault = |code| Err(TokenFault { code, permission });
        match self.issued.get(token) {
            None => fault(FORGED),
            Some(issued) if issued.access_key_id != access_key_id => fault(FORGED),
            Some(issued) if issued.permission != permission => fault(KIND),
            Some(issued) if issued.revoked => fault(REVOKED),
            Some(issued) if issued.expires <= SystemTime::now() => fault(EXPIRED),
            Some(_) => Ok(()),
        }
    }

    /// Checks that one of these tokens permits to publish (`Write`) or subscribe (`Read`) to this topic or filter.
    pub(crate) fn allow(
        &self,
        access_key_id: &str,
        held: &Held,
        wanted: Permission,
        topic: &str,
    ) -> Result<(), TokenFault> {
        let mut fault = TokenFault { code: KIND, permission: wanted };
        for (permission, token) in held.iter().filter(|(permission, _)| permission.allows(wanted)) {
            match self.check(access_key_id, *permission, token) {
                Ok(()) if self.covers(token, topic) => return Ok(()),
                Ok(()) => fault = TokenFault { code: RESOURCE, permission: *permission },
                Err(worse) => fault = worse,
            }
        }
        Err(fault)
    }

    /// Returns true if a token was issued and is neither revoked nor expired.
    pub(crate) fn is_alive(&self, token: &str) -> bool {
        self.issued.get(token).is_some_and(|issued| !issued.revoked && issued.expires > SystemTime::now())
    }

    /// Returns the expiry of a token; `None` for an unknown one.
    pub(crate) fn expiry(&self, token: &str) -> Option<SystemTime> {
        self.issued.get(token).map(|issued| issued.expires)
    }

    fn covers(&self, token: &str, topic: &str) -> bool {
        self.issued.get(token).is_some_and(|issued| issued.resources.iter().any(|resource| covers(resource, topic)))
    }
}

/// Parses a token password, `R|…|W|…`; `None` if it is malformed or a type occurs twice.
pub(crate) fn parse_password(password: &str) -> Option<Held> {
    let mut parts = password.split('|');
    let mut held = Held::new();
    while let Some(kind) = parts.next() {
        let permission = Permission::parse(kind)?;
        let token = parts.next().filter(|token| !token.is_empty())?;
        if held.iter().any(|(known, _)| *known == permission) {
            return None;
        }
        held.push((permission, token.to_owned()));
    }
    Some(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords() {
        let pair = |permission, token: &str| (permission, token.to_owned());
        assert_eq!(parse_password("R|123"), Some(vec![pair(Permission::Read, "123")]));
        let both = vec![pair(Permission::Read, "123"), pair(Permission::Write, "abcd")];
        assert_eq!(parse_password("R|123|W|abcd"), Some(both));
        for bad in ["", "R", "R|", "X|123", "r|123", "R|1|W", "R|1|R|2"] {
            assert_eq!(parse_password(bad), None, "{bad}");
        }
    }

    #[test]
    fn each_fault_has_its_code() {
        let mut book = TokenBook::default();
        let hour = Duration::from_secs(3600);
        let good = book.issue("key", Permission::Write, &["demo/#"], hour);
        let held = vec![(Permission::Write, good.clone())];
        let code = |book: &TokenBook, held: &Held, wanted, topic| {
            book.allow("key", held, wanted, topic).map_err(|fault| fault.code)
        };
        assert_eq!(code(&book, &held, Permission::Write, "demo/a"), Ok(()));
        assert_eq!(code(&book, &held, Permission::Read, "demo/a"), Err(KIND));
        assert_eq!(code(&book, &held, Permission::Write, "other/a"), Err(RESOURCE));
        let forged = vec![(Permission::Write, "nonsense".to_owned())];
        assert_eq!(code(&book, &forged, Permission::Write, "demo/a"), Err(FORGED));
        assert_eq!(book.allow("other key", &held, Permission::Write, "demo/a").map_err(|f| f.code), Err(FORGED));
        let dead = vec![(Permission::Write, book.issue("key", Permission::Write, &["demo/#"], Duration::ZERO))];
        assert_eq!(code(&book, &dead, Permission::Write, "demo/a"), Err(EXPIRED));
        let mislabelled = vec![(Permission::ReadWrite, good.clone())];
        assert_eq!(code(&book, &mislabelled, Permission::Write, "demo/a"), Err(KIND));
        assert!(book.is_alive(&good) && !book.is_alive("nonsense") && !book.is_alive(&dead[0].1));
        assert!(book.revoke(&good) && !book.revoke("nonsense"));
        assert!(!book.is_alive(&good));
        assert_eq!(code(&book, &held, Permission::Write, "demo/a"), Err(REVOKED));
    }

    #[test]
    fn two_tokens_are_looked_at_together() {
        let mut book = TokenBook::default();
        let hour = Duration::from_secs(3600);
        let held = vec![
            (Permission::Write, book.issue("key", Permission::Write, &["demo/a"], hour)),
            (Permission::ReadWrite, book.issue("key", Permission::ReadWrite, &["demo/b", "demo/c/+"], hour)),
        ];
        for topic in ["demo/a", "demo/b", "demo/c/x"] {
            assert!(book.allow("key", &held, Permission::Write, topic).is_ok(), "{topic}");
        }
        assert!(book.allow("key", &held, Permission::Read, "demo/a").is_err());
        assert!(book.allow("key", &held, Permission::Read, "demo/c/#").is_err());
    }

    #[test]
    fn a_notice_is_the_documented_json() {
        let fault = TokenFault { code: 4, permission: Permission::ReadWrite };
        assert_eq!(fault.notice(), r#"{"code":4,"type":"RW"}"#);
    }
}
