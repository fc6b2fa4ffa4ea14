//! The end of the process: standing clients say goodbye.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::registry;
use crate::guard::plain;

/// The time for all goodbyes together.
const GOODBYE: Duration = Duration::from_secs(1);

/// Registers the handler, once: a forked child inherits it.
pub(super) fn say_goodbye_then() {
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if REGISTERED.swap(true, Ordering::Relaxed) {
        return;
    }
    // Without a handler, the server notices the end of the connection.
    #[cfg(unix)]
    let _ = unsafe { libc::atexit(say_goodbye) };
}

#[cfg(unix)]
extern "C" fn say_goodbye() {
    plain((), || registry::end_all(Instant::now() + GOODBYE));
}
