//! Conclusions from the end of a connection about the operations that were in flight.

use crate::session::core::op::Kind;

/// Who is to blame for the end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Blame {
    Nobody,
    /// The server closed it, perhaps because of what was just sent.
    Recent,
    /// The service's notice says that one operation of this kind (of any kind, for `None`) was not permitted.
    Proven(Option<Kind>),
}

/// The conclusions from the end of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Finding {
    /// The operation that the service's own notice convicts.
    pub(super) proven: Option<u64>,
    /// A suspect was alone on the connection.
    pub(super) closing_in: bool,
}
