//! What the end of a connection shows about the operations that were in flight.

use crate::session::core::op::Kind;

/// Whom to blame for the end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Blame {
    Nobody,
    /// The other side cut it, so what was just sent may be why.
    Recent,
    /// The service said that one of these (of all, for `None`) was not permitted.
    Proven(Option<Kind>),
}

/// What the end of a connection has shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Finding {
    /// The operation that the service's own notice convicts.
    pub(super) proven: Option<u64>,
    /// A suspect was alone on the connection.
    pub(super) closing_in: bool,
}
