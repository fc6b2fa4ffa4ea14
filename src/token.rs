//! Tokens: temporary permissions for some topics.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use crate::error::{Error, Hint, Result};

/// The permission of a token.
///
/// ```
/// use aliyun_mqtt::TokenKind;
/// # fn main() -> aliyun_mqtt::Result<()> {
/// assert_eq!("RW".parse::<TokenKind>()?, TokenKind::ReadWrite);
/// assert_eq!(TokenKind::Read.to_string(), "R");
/// # Ok(()) }
/// ```
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

    /// Returns the word used in a login, an upload or a notice: `R`, `W` or `RW`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TokenKind::Read => "R",
            TokenKind::Write => "W",
            TokenKind::ReadWrite => "RW",
        }
    }

    /// Returns the parameter `Actions` of the API operation `ApplyToken`: `R`, `W` or `R,W`.
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

impl FromStr for TokenKind {
    type Err = Error;

    /// Reads `R`, `W` or `RW`.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): the text is anything else. The error does not show it, since it may be a
    /// token.
    fn from_str(text: &str) -> Result<Self> {
        TokenKind::parse(text).ok_or_else(|| Error::config("the kind of a token is R, W or RW"))
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A token, as `ApplyToken` returns it, with its kind and, if known, the time at which it expires.
///
/// The text is opaque: neither its length nor its form is documented. It is wiped from memory with the last clone, and
/// `Debug` hides it.
///
/// The manual has more about [tokens and their renewal](crate::manual::tokens).
///
/// ```
/// use aliyun_mqtt::{Token, TokenKind};
/// use std::time::Duration;
/// # fn main() -> aliyun_mqtt::Result<()> {
/// let token = Token::new(TokenKind::ReadWrite, "opaque text").expires_in(Duration::from_secs(3600));
/// assert!(!format!("{token:?}").contains("opaque"));
/// let token: Token = "RW|opaque text".replace(' ', "-").parse()?;
/// assert_eq!(token.kind(), TokenKind::ReadWrite);
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    kind: TokenKind,
    text: Arc<Zeroizing<String>>,
    expires: Option<SystemTime>,
}

impl Token {
    /// Creates a token from its text, without the kind in front of it.
    #[must_use]
    pub fn new(kind: TokenKind, text: impl Into<String>) -> Self {
        Token { kind, text: Arc::new(Zeroizing::new(text.into())), expires: None }
    }

    /// Sets the time at which the token expires. A provider is asked for a new token before that time. A time in the
    /// past counts as unknown: a token that is still used shows that a clock is wrong.
    #[must_use]
    pub fn expires_at(mut self, end: SystemTime) -> Self {
        self.expires = Some(end);
        self
    }

    /// Sets the time at which the token expires, from now. See [`expires_at`](Token::expires_at).
    #[must_use]
    pub fn expires_in(self, life: Duration) -> Self {
        match SystemTime::now().checked_add(life) {
            Some(end) => self.expires_at(end),
            None => self,
        }
    }

    /// Returns the same token without its expiry.
    pub(crate) fn without_end(self) -> Self {
        Token { expires: None, ..self }
    }

    /// Returns the kind of the token.
    #[must_use]
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// Returns the time at which the token expires, if it is known.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        self.expires
    }

    /// Returns the text of the token, which is a secret.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.text
    }

    /// Reads `R|{token}|W|{token}`. An error names the text by `label` and never shows it.
    pub(crate) fn parse_list(label: &str, text: &str) -> Result<Vec<Token>> {
        const FORM: &str =
            "does not have the form RW|{token}, R|{token}, W|{token}, or several of these joined with '|'";
        crate::key::check_key(label, text)?;
        let bad = |rule: &str| Error::config(format!("{label} {rule}"));
        let mut tokens = Vec::new();
        let mut parts = text.split('|');
        while let Some(word) = parts.next() {
            let kind = TokenKind::parse(word).ok_or_else(|| bad(FORM))?;
            match parts.next() {
                None => return Err(bad(FORM)),
                Some("") => return Err(bad("has an empty token behind its type")),
                Some(token) => tokens.push(Token::new(kind, token)),
            }
        }
        Ok(tokens)
    }

    /// Checks the form of the token: the service creates tokens without spaces, line breaks and the separator `|`.
    /// `label` names the token in the error, which never shows it.
    pub(crate) fn check(&self, label: &str) -> Result<()> {
        if self.text.is_empty() {
            return Err(Error::config(format!("{label} has an empty token of the kind {}", self.kind)));
        }
        if self.text.contains('|') {
            let message = format!("{label} contains '|' within the token of the kind {}", self.kind);
            return Err(Error::config(message).with_hint(Hint::BareToken));
        }
        crate::key::check_key(label, &self.text)
    }
}

impl FromStr for Token {
    type Err = Error;

    /// Reads one token with its kind in front: `RW|{token}`, `R|{token}` or `W|{token}`.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): the text has another form. The error does not show it.
    fn from_str(text: &str) -> Result<Self> {
        let tokens = Token::parse_list("the token", text)?;
        match <[Token; 1]>::try_from(tokens) {
            Ok([token]) => Ok(token),
            Err(_) => Err(Error::config("there are several tokens where one is expected")),
        }
    }
}

/// Several tokens, read from one text such as `R|{token}|W|{token}`.
///
/// ```
/// use aliyun_mqtt::{Credentials, Tokens};
/// # fn main() -> aliyun_mqtt::Result<()> {
/// let tokens: Tokens = "R|123|W|abcd".parse()?;
/// assert_eq!(tokens.iter().count(), 2);
/// let credentials = Credentials::tokens("access key id", tokens);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens(Vec<Token>);

impl Tokens {
    /// Returns an iterator over the tokens, in the order of the text.
    pub fn iter(&self) -> std::slice::Iter<'_, Token> {
        self.0.iter()
    }
}

impl FromStr for Tokens {
    type Err = Error;

    /// Reads one or more tokens with their kinds, joined with `|`.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): the text has another form. The error does not show it.
    fn from_str(text: &str) -> Result<Self> {
        Token::parse_list("the token", text).map(Tokens)
    }
}

impl IntoIterator for Tokens {
    type Item = Token;
    type IntoIter = std::vec::IntoIter<Token>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Tokens {
    type Item = &'a Token;
    type IntoIter = std::slice::Iter<'a, Token>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn kinds_are_read_and_written() {
        for kind in TokenKind::ALL {
            assert_eq!(kind.to_string().parse::<TokenKind>().unwrap(), kind);
        }
        for bad in ["", "rw", "R,W", "RW|not-to-be-shown", "not-to-be-shown"] {
            let error = bad.parse::<TokenKind>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(!format!("{error} {error:?}").contains("shown"), "{error}");
        }
    }

    #[test]
    fn one_token_or_several_are_read_from_a_text() {
        let token: Token = "W|abc".parse().unwrap();
        assert_eq!((token.kind(), token.secret(), token.expires()), (TokenKind::Write, "abc", None));
        let tokens: Tokens = "R|123|W|abcd".parse().unwrap();
        let expected = [Token::new(TokenKind::Read, "123"), Token::new(TokenKind::Write, "abcd")];
        assert!((&tokens).into_iter().eq(&expected) && tokens.clone().into_iter().eq(expected));
        assert!(!format!("{tokens:?}").contains("abcd"));
    }

    #[test]
    fn what_is_no_token_is_refused_without_being_shown() {
        for bad in ["", "RW", "RW|", "hidden", "X|hidden", "RW|hidden|W", "RW|hid den", "RW|hidden\n"] {
            for error in [bad.parse::<Token>().unwrap_err(), bad.parse::<Tokens>().unwrap_err()] {
                assert_eq!(error.kind(), ErrorKind::Config, "{bad}");
                assert!(!format!("{error} {error:?}").contains("hid"), "{error}");
            }
        }
        assert_eq!("R|1|W|2".parse::<Token>().unwrap_err().kind(), ErrorKind::Config);
    }
}
