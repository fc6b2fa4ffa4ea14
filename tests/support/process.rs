//! What the system knows of this process: threads, descriptors, limits, and copies of the test program as children.

use std::process::Command;

/// Set in a child that a test starts from its own program.
const CHILD: &str = "ALIYUN_MQTT_TEST_CHILD";

/// The names of this process's threads, without the one that the emulator starts once, some time after its first
/// connection.
#[cfg(target_os = "linux")]
pub fn threads() -> Vec<String> {
    let entries = std::fs::read_dir("/proc/self/task").expect("a list").flatten();
    let names = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("comm")).ok());
    names.map(|name| name.trim().to_string()).filter(|name| name != "futures-timer").collect()
}

/// What this process's descriptors are open on.
#[cfg(target_os = "linux")]
pub fn descriptors() -> Vec<String> {
    let entries = std::fs::read_dir("/proc/self/fd").expect("a list").flatten();
    entries.filter_map(|entry| std::fs::read_link(entry.path()).ok()).map(|path| path.display().to_string()).collect()
}

/// Sets the limit of descriptors, or the most that is allowed if that is less; returns the one before and the one now.
#[cfg(target_os = "linux")]
pub fn limit_descriptors(limit: libc::rlim_t) -> (libc::rlim_t, libc::rlim_t) {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls are given a valid structure of this process.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut now), 0);
        let wanted = libc::rlimit { rlim_cur: limit.min(now.rlim_max), rlim_max: now.rlim_max };
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const wanted), 0);
        (now.rlim_cur, wanted.rlim_cur)
    }
}

/// This test program once more, to run only the test of this name in this module (`module_path!()`), which finds
/// `argument` with [`as_child`].
pub fn child(module: &str, test: &str, argument: &str) -> Command {
    // The harness names a test without the crate.
    let path = format!("{module}::{test}");
    let (_, path) = path.split_once("::").expect("a crate and a test");
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    command.args(["--exact", path, "--nocapture"]).env(CHILD, argument);
    command
}

/// The argument of a child; `None` where the test runs as one of all.
pub fn as_child() -> Option<String> {
    std::env::var(CHILD).ok()
}
