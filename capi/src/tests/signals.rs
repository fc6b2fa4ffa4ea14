//! Signals are left to the program's own threads.

use super::support::{client, emulator};

/// Whatever this process has started so far.
#[test]
fn no_signal_reaches_the_threads_of_a_client() {
    let emulator = emulator();
    let client = client(&emulator);
    let mut seen = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let folder = task.unwrap().path();
        // A thread may have ended meanwhile.
        let (Ok(name), Ok(status)) =
            (std::fs::read_to_string(folder.join("comm")), std::fs::read_to_string(folder.join("status")))
        else {
            continue;
        };
        if name.starts_with("aliyun-mqtt") && !name.contains("emul") {
            let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap().trim();
            let mask = u64::from_str_radix(mask, 16).unwrap();
            assert!(mask & (1 << (libc::SIGINT - 1)) != 0, "{name}: {mask:x}");
            seen += 1;
        }
    }
    assert!(seen > 0);
    drop(client);
}
