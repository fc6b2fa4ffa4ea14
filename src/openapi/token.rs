//! Tokens: temporary permissions for some topics.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::Api;
use super::json::{Fields, missing};
use crate::error::{Error, Hint, Result};
use crate::limits::Limits;
use crate::names::check_filter;
use crate::token::{Token, TokenKind};

/// The minimum lifetime of a token (help page of `ApplyToken`).
const SHORTEST: Duration = Duration::from_secs(60);

/// The maximum lifetime of a token; the service shortens a longer one silently (help page "Limits").
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// The minimum lifetime that is sent: exactly 60 s would be too short when the request arrives, or if the clock of the
/// service is a little ahead.
const SHORTEST_SENT: Duration = Duration::from_secs(70);

/// The maximum number of topics of one token (help page of `ApplyToken`).
const TOPICS: usize = 100;

/// A request for a token: its permission, topics and lifetime.
///
/// One token has one permission for all of its topics: to write to one topic and read from another takes two tokens
/// (help page "FAQ about authentication").
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a request does nothing until `Api::apply_token` sends it"]
pub struct TokenRequest {
    kind: TokenKind,
    resources: Vec<String>,
    expiry: Expiry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expiry {
    After(Duration),
    At(SystemTime),
}

impl TokenRequest {
    /// Creates a request for a token of this kind for 1 to 100 topics, which may have the wildcards `+` and `#` below
    /// the first level. The default lifetime is one hour.
    pub fn new<T: Into<String>>(kind: TokenKind, topics: impl IntoIterator<Item = T>) -> Self {
        let mut resources: Vec<String> = topics.into_iter().map(Into::into).collect();
        // In alphabetical order, as the service requires.
        resources.sort_unstable();
        resources.dedup();
        TokenRequest { kind, resources, expiry: Expiry::After(Duration::from_secs(3600)) }
    }

    /// Returns the kind of the token.
    #[must_use]
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// Returns the topics, sorted and without duplicates.
    #[must_use]
    pub fn topics(&self) -> &[String] {
        &self.resources
    }

    /// Sets the lifetime, from the moment of the request: 60 s to 30 days. Less than 70 s becomes 70 s, because at
    /// least 60 s must be left when the request arrives.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.expiry = Expiry::After(lifetime);
        self
    }

    /// Sets the expiry: 60 s to 30 days after the moment when the service receives the request.
    pub fn expires_at(mut self, end: SystemTime) -> Self {
        self.expiry = Expiry::At(end);
        self
    }

    /// Checks the request against the service's rules.
    pub(crate) fn check(&self, limits: &Limits, now: SystemTime) -> Result<()> {
        let count = self.resources.len();
        if !(1..=TOPICS).contains(&count) {
            return Err(Error::invalid(format!("a token for {count} topics; it must be 1 to {TOPICS}")));
        }
        for filter in &self.resources {
            if filter.starts_with(['+', '#']) {
                let message = format!("a token for {filter:?}: the first level must be a parent topic, not a wildcard");
                return Err(Error::invalid(message));
            }
            check_filter(filter, limits)?;
            // The list is joined with commas.
            if filter.contains(',') {
                return Err(Error::invalid(format!("a token for {filter:?}: a topic cannot have a comma")));
            }
        }
        let life = match self.expiry {
            Expiry::After(life) => life,
            Expiry::At(end) => end.duration_since(now).unwrap_or_default(),
        };
        if !(SHORTEST..=LONGEST).contains(&life) {
            let message = format!("the lifetime of a token is {life:.0?}; it must be from 60 s to 30 days");
            return Err(Error::invalid(message));
        }
        Ok(())
    }

    /// Returns the expiry of a token that is requested now.
    fn end(&self, now: SystemTime) -> SystemTime {
        match self.expiry {
            Expiry::After(life) => now + life.max(SHORTEST_SENT),
            Expiry::At(end) => end,
        }
    }
}

impl Api {
    /// Applies for a token (`ApplyToken`).
    ///
    /// The service allows 100 of these calls a second per account; keep a token until it expires instead of applying at
    /// each connect (help page of `ApplyToken`).
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): there are no topics or more than 100, one breaks the rules for filters
    /// or begins with a wildcard, or the lifetime is out of range. Otherwise as documented at [`Api`].
    pub fn apply_token(&self, request: &TokenRequest) -> Result<Token> {
        const ACTION: &str = "ApplyToken";
        self.same_process()?;
        request.check(&self.inner.limits, SystemTime::now())?;
        let end = std::cell::Cell::new(UNIX_EPOCH);
        let resources = request.resources.join(",");
        let mut answer = self.run(|now| {
            end.set(request.end(now));
            let millis = end.get().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
            self.of_instance(ACTION)
                .parameter("Resources", &resources)
                .parameter("ExpireTime", millis.to_string())
                .parameter("Actions", request.kind.actions())
                .repeatable(true)
        })?;
        // Moved out, not copied.
        let Some(Value::String(text)) = answer.get_mut("Token").map(Value::take) else {
            return Err(missing(ACTION, "Token"));
        };
        let token = Token::new(request.kind, text).expires_at(end.get());
        token.check("the token").map_err(|_| missing(ACTION, "Token"))?;
        Ok(token)
    }

    /// Checks that these can be the tokens of one client: at least one, and at most one of each kind.
    pub(crate) fn check_requests(&self, requests: &[TokenRequest]) -> Result<()> {
        if requests.is_empty() {
            return Err(Error::config("there is no token to apply for"));
        }
        for (position, request) in requests.iter().enumerate() {
            if matches!(request.expiry, Expiry::At(_)) {
                let message =
                    format!("the token of the kind {} has a fixed expiry, so it cannot be renewed", request.kind);
                return Err(Error::config(message).with_hint(Hint::ApiLifetime));
            }
            request.check(&self.inner.limits, SystemTime::now()).map_err(|error| {
                Error::config(format!("the token of the kind {} cannot be applied for", request.kind))
                    .with_reason(error)
            })?;
            if requests[..position].iter().any(|other| other.kind == request.kind) {
                let message = format!("two tokens of the kind {} are to be applied for", request.kind);
                return Err(Error::config(message).with_hint(Hint::ApiOneOfEachKind));
            }
        }
        Ok(())
    }

    /// Returns true if a token is valid (`QueryToken`). `token` is the bare text, without its kind.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): it is empty. Otherwise as documented at [`Api`].
    pub fn query_token(&self, token: &str) -> Result<bool> {
        const ACTION: &str = "QueryToken";
        let answer = self.about_token(ACTION, token)?;
        Fields::new(ACTION, &answer).boolean("TokenStatus")
    }

    /// Revokes a token (`RevokeToken`). `token` is the bare text, without its kind. The service allows 5 of these calls
    /// a second (help page of `RevokeToken`).
    ///
    /// # Errors
    /// As [`query_token`](Api::query_token).
    pub fn revoke_token(&self, token: &str) -> Result<()> {
        self.about_token("RevokeToken", token).map(drop)
    }

    fn about_token(&self, action: &str, token: &str) -> Result<serde_json::Map<String, Value>> {
        self.same_process()?;
        if token.is_empty() {
            return Err(Error::invalid(format!("{action}: the token is empty")));
        }
        self.run(|_| self.of_instance(action).parameter("Token", token).hide("Token").repeatable(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, Fate};

    fn check(request: &TokenRequest) -> Result<()> {
        request.check(&Limits::default(), SystemTime::now())
    }

    #[test]
    fn topics_are_sorted_and_counted_once() {
        let request = TokenRequest::new(TokenKind::Read, ["TopicB/#", "TopicA/+", "TopicB/#"]);
        assert_eq!(request.resources, ["TopicA/+", "TopicB/#"]);
        assert!(check(&request).is_ok());
    }

    #[test]
    fn topics_follow_the_rules_of_filters() {
        for bad in ["", "#", "+/a", "demo/#/a", "demo/a,b", "demo//a", "$share/g/demo"] {
            let error = check(&TokenRequest::new(TokenKind::Read, ["demo", bad])).unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Invalid, Some(Fate::NotSent)), "{bad}");
        }
        let loose = Limits::default().strict_names(false);
        let comma = TokenRequest::new(TokenKind::Read, ["demo/a,b"]);
        assert!(comma.check(&loose, SystemTime::now()).is_err());
        let many = |count: usize| TokenRequest::new(TokenKind::Read, (0..count).map(|i| format!("demo/{i}")));
        assert!(check(&many(1)).is_ok() && check(&many(100)).is_ok());
        assert!(check(&many(0)).is_err() && check(&many(101)).is_err());
    }

    #[test]
    fn a_life_is_60_s_to_30_days() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let request = TokenRequest::new(TokenKind::Read, ["demo"]);
        for (seconds, good) in [(0, false), (59, false), (60, true), (2_592_000, true), (2_592_001, false)] {
            let life = Duration::from_secs(seconds);
            for request in [request.clone().lifetime(life), request.clone().expires_at(now + life)] {
                assert_eq!(request.check(&Limits::default(), now).is_ok(), good, "{seconds}");
            }
        }
        assert!(request.clone().expires_at(UNIX_EPOCH).check(&Limits::default(), now).is_err());
        assert!(request.clone().lifetime(Duration::MAX).check(&Limits::default(), now).is_err());
    }

    #[test]
    fn the_shortest_life_has_a_margin() {
        let now = SystemTime::now();
        let end = |seconds| {
            let request = TokenRequest::new(TokenKind::Read, ["demo"]).lifetime(Duration::from_secs(seconds));
            request.end(now).duration_since(now).unwrap().as_secs()
        };
        assert_eq!((end(60), end(70), end(71)), (70, 70, 71));
    }
}
