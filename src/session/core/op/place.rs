//! Where an operation is: on its way to the disk, in the queue, or on the current connection.

use std::time::Instant;

/// Where an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Place {
    /// Its record is not on disk yet: until then it must not go out.
    Storing,
    /// Waiting to be sent. On a resumed session, an exchange that was begun continues.
    Queued(Option<Exchange>),
    /// Put into the channel of the current connection: it can no longer be withdrawn.
    OnLink(OnLink),
}

/// An exchange that was begun on an earlier connection and continues under its packet id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) struct Exchange {
    pub(in crate::session) id: u16,
    /// PUBREL is repeated instead of the message.
    pub(in crate::session) released: bool,
}

/// The state of an operation on the current connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) struct OnLink {
    /// 0 for none.
    pub(in crate::session) id: u16,
    /// The number of a message in the order of sending: see `outbox::window`.
    pub(in crate::session) number: u32,
    pub(in crate::session) progress: Progress,
    pub(in crate::session) since: Instant,
    /// The id is from an earlier connection.
    pub(in crate::session) continued: bool,
}

/// How far an operation got on the current connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Progress {
    /// In the adapter's channel.
    InChannel,
    /// Written, or about to be.
    Written,
    /// QoS 2: PUBREC came, PUBCOMP did not.
    Released,
}
