//! `--output-dir`: writes each payload to a file of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use aliyun_mqtt::Message;
use jiff::ZonedDateTime;
use jiff::tz::TimeZone;

use super::{Printer, Sink};
use crate::exit::{Failure, Result};
use crate::message::View;

/// The most characters of a topic in a file name.
const TOPIC: usize = 100;

/// Writes files and prints their paths.
pub(crate) struct Folder<'a> {
    path: PathBuf,
    sync: bool,
    count: u64,
    printer: Printer<'a>,
}

impl<'a> Folder<'a> {
    /// Creates the directory if needed. With `sync`, files are synced to disk.
    pub(crate) fn new(path: &Path, sync: bool, printer: Printer<'a>) -> Result<Self> {
        fs::create_dir_all(path)
            .map_err(|error| Failure::io(format!("cannot create the directory {}", path.display()), &error))?;
        Ok(Folder { path: path.to_path_buf(), sync, count: 0, printer })
    }

    /// Writes the file under a temporary name first, so that a visible file is complete.
    fn write(&self, name: &str, payload: &[u8]) -> io::Result<PathBuf> {
        let unfinished = self.path.join(format!(".{name}.part"));
        let path = self.path.join(name);
        let written = OpenOptions::new().write(true).create_new(true).open(&unfinished).and_then(|mut file| {
            file.write_all(payload)?;
            if self.sync { file.sync_all() } else { Ok(()) }
        });
        if let Err(error) = written.and_then(|()| fs::rename(&unfinished, &path)) {
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        if self.sync && cfg!(unix) {
            // Syncs the name as well.
            File::open(&self.path)?.sync_all()?;
        }
        Ok(path)
    }
}

impl Sink for Folder<'_> {
    fn take(&mut self, _message: &Message, view: &View<'_>) -> Result<()> {
        self.count += 1;
        let name = name(view.time, std::process::id(), self.count, view.topic);
        let path = self
            .write(&name, view.payload)
            .map_err(|error| Failure::io(format!("cannot write {}", self.path.join(&name).display()), &error))?;
        Ok(self.printer.print_path(view, &path.to_string_lossy())?)
    }

    fn settle(&mut self) -> Result<()> {
        Ok(self.printer.flush()?)
    }
}

/// Returns a unique file name that sorts by time. Characters of the topic that are special for a file system or a shell
/// are replaced.
fn name(time: &ZonedDateTime, process: u32, count: u64, topic: &str) -> String {
    let time = time.with_time_zone(TimeZone::UTC);
    let topic: String = topic
        .chars()
        .take(TOPIC)
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' })
        .collect();
    format!("{}-{process}-{count}-{topic}", time.strftime("%Y%m%dT%H%M%S.%9fZ"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::sample_time;

    #[test]
    fn a_name_holds_no_trap() {
        let time = sample_time();
        for (topic, expected) in [
            ("a/b-c_d", "a_b-c_d"),
            ("../../etc/passwd", "______etc_passwd"),
            ("a\0\n\u{1b}[2J", "a____2J"),
            ("$(rm) *;'", "__rm_____"),
            ("中文", "__"),
            ("", ""),
        ] {
            let name = name(&time, 4711, 2, topic);
            assert_eq!(name, format!("20260702T200506.123456789Z-4711-2-{expected}"));
        }
        assert!(name(&time, u32::MAX, u64::MAX, &"x".repeat(60_000)).len() < 200);
    }
}
