//! The value of a setting, and the checks that apply to all of them.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::{Key, Kind, Secret, Source};
use crate::exit::{Failure, Result};
use crate::small_text;

/// The value of a setting. For a secret it is the place from which it is read when needed.
pub(crate) enum Value {
    Text(String),
    Path(PathBuf),
    Secret(Secret),
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A proxy's URL may hold a password.
            Value::Text(text) if text.contains('@') => f.write_str("Text(..)"),
            Value::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Value::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Value::Secret(secret) => f.debug_tuple("Secret").field(secret).finish(),
        }
    }
}

/// The values of one place: the flags, the environment, or a part of the file.
pub(super) type Layer = Vec<(Key, (Value, Source))>;

/// Checks the value of a flag or variable. `secret` turns the text into a secret.
pub(super) fn value_of(
    key: Key,
    given: OsString,
    source: &Source,
    secret: impl FnOnce(OsString) -> Result<Secret>,
) -> Result<Value> {
    if given.is_empty() {
        return Err(Failure::usage(format!("{source}: it is empty")));
    }
    Ok(match key.row().kind {
        Kind::Path => Value::Path(given.into()),
        Kind::Text => Value::Text(checked(text_of(given, source)?, source)?),
        Kind::Secret => Value::Secret(secret(given)?),
    })
}

pub(super) fn text_of(given: OsString, source: &Source) -> Result<String> {
    // Without the value, which may be a secret.
    given.into_string().map_err(|_| Failure::usage(format!("{source}: it is not valid UTF-8")))
}

/// Refuses empty text, surrounding whitespace and invisible characters.
pub(super) fn checked(text: String, source: &Source) -> Result<String> {
    let wrong = |why: &str| Err(Failure::usage(format!("{source}: {why}")));
    if text.is_empty() {
        return wrong("it is empty");
    }
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        return wrong("it begins or ends with whitespace");
    }
    if text.contains(|c: char| c.is_control() || c == small_text::BYTE_ORDER_MARK) {
        return wrong("it contains a control character or a byte order mark");
    }
    Ok(text)
}

/// Makes a secret of its text, without the byte order mark and line end of a file it was copied from.
pub(super) fn plain_secret(text: String, source: &Source) -> Result<Secret> {
    let text = Zeroizing::new(text);
    match small_text::value(&text) {
        "" => Err(Failure::usage(format!("{source}: it is empty"))),
        secret => Ok(Secret::Text(Zeroizing::new(secret.to_string()))),
    }
}
