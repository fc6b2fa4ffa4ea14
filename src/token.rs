//! Tokens: temporary permission for some topics, what is known of each, and when it has to be renewed.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use crate::error::{Error, Hint, Result};

/// What a token permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TokenKind {
    /// `R`: to subscribe.
    Read,
    /// `W`: to publish.
    Write,
    /// `RW`: both.
    ReadWrite,
}

impl TokenKind {
    pub(crate) const ALL: [TokenKind; 3] = [TokenKind::Read, TokenKind::Write, TokenKind::ReadWrite];

    /// The word of a login, an upload or a notice: `R`, `W` or `RW`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TokenKind::Read => "R",
            TokenKind::Write => "W",
            TokenKind::ReadWrite => "RW",
        }
    }

    /// The `Actions` of the API operation `ApplyToken`: `R`, `W` or `R,W`.
    #[must_use]
    pub fn actions(self) -> &'static str {
        match self {
            TokenKind::Read => "R",
            TokenKind::Write => "W",
            TokenKind::ReadWrite => "R,W",
        }
    }

    /// Reads the word of a login or a notice.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        TokenKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A token, as `ApplyToken` gives it, with its kind and, where it is known, the end of its life.
///
/// The text is opaque: neither its length nor its form is documented. It is wiped from memory with the last clone, and
/// `Debug` hides it.
///
/// ```
/// use aliyun_mqtt::{Token, TokenKind};
/// use std::time::Duration;
/// let token = Token::new(TokenKind::ReadWrite, "opaque text").expires_in(Duration::from_secs(3600));
/// assert!(!format!("{token:?}").contains("opaque"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    kind: TokenKind,
    text: Arc<Zeroizing<String>>,
    expires: Option<SystemTime>,
}

impl Token {
    /// A bare token, without its kind in front.
    #[must_use]
    pub fn new(kind: TokenKind, text: impl Into<String>) -> Self {
        Token { kind, text: Arc::new(Zeroizing::new(text.into())), expires: None }
    }

    /// Until when it is good. A token whose end is known is renewed before it, if there is somebody to ask; an end that has
    /// passed already counts as unknown, since a token that is used tells that a clock is wrong.
    #[must_use]
    pub fn expires_at(mut self, end: SystemTime) -> Self {
        self.expires = Some(end);
        self
    }

    /// As [`expires_at`](Token::expires_at), from now on.
    #[must_use]
    pub fn expires_in(self, life: Duration) -> Self {
        match SystemTime::now().checked_add(life) {
            Some(end) => self.expires_at(end),
            None => self,
        }
    }

    /// The same, but nothing is known of its end.
    pub(crate) fn without_end(self) -> Self {
        Token { expires: None, ..self }
    }

    /// What it permits.
    #[must_use]
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The end of its life, if that is known.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        self.expires
    }

    /// The token itself. It is a secret.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.text
    }

    /// Tokens are made by the service, and have neither spaces nor line breaks nor the `|` that separates them. `label`
    /// is what the token is called in the message, which never shows it.
    pub(crate) fn check(&self, label: &str) -> Result<()> {
        if self.text.is_empty() {
            return Err(Error::config(format!("{label} has an empty token of the kind {}", self.kind)));
        }
        if self.text.contains('|') {
            let message = format!("{label} contains '|' within the token of the kind {}", self.kind);
            return Err(Error::config(message).with_hint(Hint::BareToken));
        }
        crate::credentials::check_key(label, &self.text)
    }
}

impl<T: Into<String>> From<(TokenKind, T)> for Token {
    fn from((kind, text): (TokenKind, T)) -> Self {
        Token::new(kind, text)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("kind", &self.kind).field("expires", &self.expires).finish_non_exhaustive()
    }
}
