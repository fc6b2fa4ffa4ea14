//! A row of the table of all calls, and what several rows use.

use serde_json::Value;

use super::super::field::{Field, Kind};

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::control) enum Call {
    Document,
    Settings,
    Sessions,
    Log,
    Events,
    Kick,
    RefuseLogins,
    AcceptLogins,
    Forbid,
    Allow,
    Notify,
    Publish,
    Tokens,
    AddToken,
    ExpireToken,
    RevokeToken,
    AddDevice,
    RemoveDevice,
    Certificates,
    AddCertificate,
    RemoveCertificate,
    ActivateCertificate,
    CustomIdentities,
    AddCustomIdentity,
    RemoveCustomIdentity,
    AddGroup,
    RemoveGroup,
    AddAccessKey,
    RemoveAccessKey,
    SetClock,
    ThrottleApi,
    FailApi,
    DelayApi,
    Stop,
    Restart,
}

/// A row of the table.
pub(in crate::control) struct Route {
    pub(in crate::control) call: Call,
    pub(in crate::control) method: &'static str,
    pub(in crate::control) path: &'static str,
    pub(in crate::control) summary: &'static str,
    pub(in crate::control) about: &'static str,
    pub(in crate::control) query: &'static [Field],
    pub(in crate::control) body: &'static [Field],
    pub(in crate::control) answer: Answer,
}

/// The answer of a call that succeeds.
pub(in crate::control) enum Answer {
    /// A JSON object with these fields.
    Fields(&'static [Field]),
    /// JSON of this schema.
    Json(fn() -> Value),
    /// An endless stream of server-sent events.
    Events,
}

pub(super) const CLIENT_ID: Kind = Kind::Text { min: 1, max: 64 };
pub(super) const COUNT: Kind = Kind::Integer { min: 0, max: 1_000_000 };
pub(super) const NOTHING: Answer = Answer::Fields(&[]);
