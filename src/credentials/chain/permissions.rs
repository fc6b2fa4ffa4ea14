//! The warning about a file with a key that others may read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::sync::lock;
use crate::whole_file::open_to_others;

/// The files that this process has warned of. They are read again and again.
static TOLD: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Warns once of a file that others than its owner may read or change. Alibaba Cloud's SDKs use it without a word.
pub(super) fn warn_if_open(path: &Path) {
    if let Some(warning) = news(path) {
        log::warn!("{warning}");
    }
}

fn news(path: &Path) -> Option<String> {
    open_to_others(path).filter(|_| lock(&TOLD).insert(path.to_path_buf()))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_that_others_may_read_or_change_is_told_once() {
        let path = std::env::temp_dir().join(format!("aliyun-mqtt-open-{}", std::process::id()));
        std::fs::write(&path, "").expect("a file");
        let set = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("set");
        for (mode, open) in
            [(0o600, false), (0o400, false), (0o640, true), (0o604, true), (0o602, true), (0o611, false)]
        {
            set(mode);
            assert_eq!(news(&path).is_some(), open, "{mode:o}");
            assert!(news(&path).is_none(), "{mode:o}, again");
            lock(&TOLD).remove(&path);
        }
        std::fs::remove_file(&path).expect("it was there");
        assert!(news(&path).is_none());
    }
}
