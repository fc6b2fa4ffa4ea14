//! The table of all calls. The router, the check of arguments and the OpenAPI document all read it.

mod accounts;
mod clients;
mod faults;
mod route;
mod state;

pub(super) use route::{Answer, Call, Route};

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
