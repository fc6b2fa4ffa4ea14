//! The output format of `-F`: the language of `mosquitto_sub`, read before anything is connected, and applied to each message.
//!
//! It follows the section "Output format" of the manual page mosquitto_sub(1) of mosquitto 2.0; a test compares the two. They
//! differ here: a sequence that says nothing is refused, where mosquitto_sub drops it; `%m` is refused, since packet ids are
//! not to be had; `%A` is always empty, since no aliases are asked for; a width counts characters, and holds for every field
//! but `%j` and `%J`; it never cuts anything; control characters of topics and properties are shown as escapes; a precision also holds for payloads, in bytes; and in `%j` and `%J` a payload that
//! is no UTF-8 stands under `payload_b64`, and user properties are pairs.

mod parse;
mod render;

use std::io;

pub(crate) use parse::parse;
pub(crate) use render::Target;

use crate::message::View;

/// A format that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Format {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// As it is.
    Text(String),
    /// What strftime makes of this.
    Time(&'static str),
    Field(Field, Shape),
}

/// A `%` sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Topic,
    Payload,
    HexLower,
    HexUpper,
    Length,
    Qos,
    Retain,
    Iso,
    Unix,
    Alias,
    ContentType,
    Correlation,
    Expiry,
    TextFlag,
    UserProperties,
    ResponseTopic,
    SubscriptionIds,
    /// The payload as a JSON string.
    JsonString,
    /// The payload as the JSON it is.
    JsonValue,
}

/// What stands between `%` and the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Shape {
    zero: bool,
    left: bool,
    width: usize,
    precision: Option<usize>,
}

impl Format {
    /// Writes the message in this format, without a line end.
    pub(crate) fn write(&self, view: &View<'_>, to: &mut impl Target) -> io::Result<()> {
        render::write(&self.pieces, view, to)
    }
}
