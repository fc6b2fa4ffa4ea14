//! The parts of a format.

/// A parsed format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Format {
    pub(super) pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text to print as it is.
    Text(String),
    /// A directive of strftime.
    Time(&'static str),
    Field(Field, Shape),
}

/// A `%` sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
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
    /// The payload as a JSON value.
    JsonValue,
}

/// The flags, width and precision between `%` and the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Shape {
    pub(super) zero: bool,
    pub(super) left: bool,
    pub(super) width: usize,
    pub(super) precision: Option<usize>,
}
