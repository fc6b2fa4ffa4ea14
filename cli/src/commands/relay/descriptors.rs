//! How many connections the limit on open files allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::report;

/// The files, sockets and pipes of the relay besides its connections, with a margin.
const OTHERS: u64 = 64;

/// Raises the limit on open files as far as needed and allowed. Returns how many of these connections fit.
pub(super) fn connections(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let needed = u64::try_from(wanted).unwrap_or(u64::MAX).saturating_add(OTHERS);
    let current = limit.current.unwrap_or(u64::MAX);
    if current >= needed {
        return wanted;
    }
    let raised = limit.maximum.unwrap_or(u64::MAX).min(needed);
    let raise = Rlimit { current: Some(raised), maximum: limit.maximum };
    let allowed = if setrlimit(Resource::Nofile, raise).is_ok() { raised } else { current };
    if allowed >= needed {
        return wanted;
    }
    let fit = allowed.saturating_sub(OTHERS).max(1);
    report::warning(format!(
        "up to {fit} connections are accepted, not {wanted}: {allowed} files may be open (ulimit -n, LimitNOFILE=)"
    ));
    usize::try_from(fit).unwrap_or(wanted)
}
