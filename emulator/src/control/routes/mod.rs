//! The table of all calls. The router, the check of arguments and the OpenAPI document all read it.

mod accounts;
mod clients;
mod faults;
mod state;

use serde_json::Value;

use super::field::{Field, Kind};

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Call {
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
pub(super) struct Route {
    pub(super) call: Call,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) about: &'static str,
    pub(super) query: &'static [Field],
    pub(super) body: &'static [Field],
    pub(super) answer: Answer,
}

/// The answer of a call that succeeds.
pub(super) enum Answer {
    /// A JSON object with these fields.
    Fields(&'static [Field]),
    /// JSON of this schema.
    Json(fn() -> Value),
    /// An endless stream of server-sent events.
    Events,
}

const CLIENT_ID: Kind = Kind::Text { min: 1, max: 64 };
const COUNT: Kind = Kind::Integer { min: 0, max: 1_000_000 };
const NOTHING: Answer = Answer::Fields(&[]);

/// Returns all rows.
pub(super) fn routes() -> impl Iterator<Item = &'static Route> {
    [state::ROUTES, clients::ROUTES, accounts::ROUTES, faults::ROUTES].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_row_is_there_once() {
        let count = routes().count();
        assert_eq!(routes().map(|route| route.call).collect::<HashSet<_>>().len(), count);
        assert_eq!(routes().map(|route| (route.method, route.path)).collect::<HashSet<_>>().len(), count);
        assert_eq!(count, Call::Restart as usize + 1, "a call without a row");
        assert!(routes().all(|route| route.path.starts_with("/control/")));
    }
}
