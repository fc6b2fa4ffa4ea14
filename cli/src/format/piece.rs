//! What a format consists of.

/// A format that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Format {
    pub(super) pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// As it is.
    Text(String),
    /// What strftime makes of this.
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
    /// The payload as the JSON it is.
    JsonValue,
}

/// What stands between `%` and the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Shape {
    pub(super) zero: bool,
    pub(super) left: bool,
    pub(super) width: usize,
    pub(super) precision: Option<usize>,
}
