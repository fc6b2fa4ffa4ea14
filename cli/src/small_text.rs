//! Reads small texts: files, pipes, standard input, the output of a command, what a person types.
//!
//! Byte order marks, line ends, other encodings and endless files are handled here, in one place.

use std::fs::File;
use std::io::{BufRead, Read};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::threads;

/// The longest secret; a token has a few hundred bytes.
pub(crate) const SECRET: u64 = 64 * 1024;
/// The longest PEM file; the system's bundles have some 250 KB.
const PEM: u64 = 16 * 1024 * 1024;
/// The longest configuration file.
pub(crate) const CONFIGURATION: u64 = 1024 * 1024;

/// The error for UTF-16, the other encoding in which Windows saves text.
pub(crate) const UTF_16: &str = "it is UTF-16; save it as UTF-8";

/// The mark that some editors write at the start of UTF-8.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads a file within `patience`, which matters for pipes and devices. The error does not name the file.
pub(crate) fn file(path: &Path, most: u64, patience: Duration) -> Result<Zeroizing<String>, String> {
    text(bytes(path, most, patience)?)
}

/// Reads a PEM file, which may have other text around its blocks, and removes byte order marks.
pub(crate) fn pem(path: &Path, patience: Duration) -> Result<Zeroizing<Vec<u8>>, String> {
    let bytes = bytes(path, PEM, patience)?;
    if is_utf_16(&bytes) {
        return Err(UTF_16.to_string());
    }
    let mut without = Zeroizing::new(Vec::with_capacity(bytes.len()));
    let mut rest = &bytes[..];
    while let Some((first, behind)) = rest.split_first() {
        match rest.strip_prefix(b"\xef\xbb\xbf") {
            Some(behind) => rest = behind,
            None => {
                without.push(*first);
                rest = behind;
            }
        }
    }
    Ok(without)
}

fn bytes(path: &Path, most: u64, patience: Duration) -> Result<Zeroizing<Vec<u8>>, String> {
    let path = path.to_path_buf();
    // Opening a named pipe waits for a writer.
    in_time(patience, move || File::open(path).map_err(said).and_then(|file| limited(file, most)))
}

/// Reads standard input to its end, within `patience` unless a person types it at a terminal.
pub(crate) fn stdin(most: u64, patience: Duration) -> Result<Zeroizing<String>, String> {
    use std::io::IsTerminal as _;
    let stdin = std::io::stdin();
    let patience = if stdin.is_terminal() { Duration::MAX } else { patience };
    text(in_time(patience, move || limited(stdin.lock(), most))?)
}

/// Reads the next line without its line end and byte order mark; `None` at the end of the input.
pub(crate) fn line(from: &mut impl BufRead, most: u64) -> Result<Option<String>, String> {
    let mut bytes = Zeroizing::new(Vec::new());
    // One more byte, for the line end.
    from.take(most + 1).read_until(b'\n', &mut bytes).map_err(said)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.len() as u64 > most && bytes.last() != Some(&b'\n') {
        return Err(format!("a line is longer than {most} bytes"));
    }
    text(bytes).map(|text| Some(value(&text).to_string()))
}

/// Reads on another thread and waits this long for it. A thread that is stuck ends with the program.
fn in_time(
    patience: Duration,
    read: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, String> + Send + 'static,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let (done, bytes) = mpsc::sync_channel(1);
    threads::start("reader", move || done.send(read())).map_err(|error| format!("cannot start a thread: {error}"))?;
    match bytes.recv_timeout(patience) {
        Ok(bytes) => bytes,
        Err(RecvTimeoutError::Timeout) => Err(format!("its end was not reached within {} s", patience.as_secs_f64())),
        Err(RecvTimeoutError::Disconnected) => Err("reading it failed".to_string()),
    }
}

/// Reads to the end, or fails above the limit.
pub(crate) fn limited(from: impl Read, most: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut bytes = Zeroizing::new(Vec::new());
    from.take(most + 1).read_to_end(&mut bytes).map_err(said)?;
    match bytes.len() as u64 > most {
        true => Err(format!("it is longer than {most} bytes")),
        false => Ok(bytes),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn said(error: std::io::Error) -> String {
    error.to_string()
}

/// Decodes UTF-8 and removes the byte order mark. The error quotes nothing of the text.
#[expect(clippy::needless_pass_by_value, reason = "it is wiped here")]
pub(crate) fn text(bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>, String> {
    if is_utf_16(&bytes) {
        return Err(UTF_16.to_string());
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("it is not valid UTF-8 (line {line}); save it as UTF-8")
    })?;
    Ok(Zeroizing::new(without_mark(text).to_string()))
}

/// Returns true for UTF-16: by its byte order mark, or because every second byte of Latin text is 0.
pub(crate) fn is_utf_16(bytes: &[u8]) -> bool {
    let nulls = bytes.iter().filter(|byte| **byte == 0).count();
    bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || nulls * 3 > bytes.len()
}

/// Removes byte order marks, of which joined files may have several.
pub(crate) fn without_mark(text: &str) -> &str {
    text.trim_start_matches(BYTE_ORDER_MARK)
}

/// Removes byte order marks and one line end from a text that is a single value.
pub(crate) fn value(text: &str) -> &str {
    let text = without_mark(text);
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn read(bytes: &[u8]) -> Result<String, String> {
        text(Zeroizing::new(bytes.to_vec())).map(|text| value(&text).to_string())
    }

    #[test]
    fn what_an_editor_leaves_around_a_value_is_cut_off() {
        for (bytes, expected) in [
            (&b"a"[..], "a"),
            (b"a\n", "a"),
            (b"a\r\n", "a"),
            (b"a\r", "a"),
            (b"a \n\n", "a \n"),
            (b"\xef\xbb\xbfa\r\n", "a"),
            (b"\xef\xbb\xbf\xef\xbb\xbfa", "a"),
            (b"\xef\xbb\xbf", ""),
            (b"", ""),
        ] {
            assert_eq!(read(bytes).as_deref(), Ok(expected), "{bytes:?}");
        }
    }

    #[test]
    fn utf_16_is_named_and_what_else_is_no_utf_8_by_its_line() {
        let utf_16 = |text: &str| text.encode_utf16().collect::<Vec<_>>();
        let little: Vec<u8> = utf_16("\u{feff}secret").iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = utf_16("\u{feff}secret").iter().flat_map(|unit| unit.to_be_bytes()).collect();
        for bytes in [&little[..], &big, &little[2..], &big[2..]] {
            let why = read(bytes).unwrap_err();
            assert!(why.contains("UTF-16") && why.contains("save it as UTF-8"), "{bytes:?}: {why}");
        }
        // GBK.
        let why = read(b"# a\n# \xd6\xd0\xce\xc4\n").unwrap_err();
        assert!(why.contains("line 2") && why.contains("save it as UTF-8"), "{why}");
    }

    #[test]
    fn a_line_of_a_list_is_read_as_any_small_text() {
        let mut list = &b"\xef\xbb\xbfa\r\n\n0123456789\nb"[..];
        let mut lines = Vec::new();
        while let Some(text) = line(&mut list, 10).unwrap() {
            lines.push(text);
        }
        assert_eq!(lines, ["a", "", "0123456789", "b"]);
        let endless = line(&mut io::BufReader::new(io::repeat(0)), 10);
        assert!(endless.unwrap_err().contains("longer than 10 bytes"));
        assert!(line(&mut &b"\xff\xfea\0"[..], 10).unwrap_err().contains("UTF-16"));
    }

    #[test]
    fn a_file_has_a_bound() {
        assert!(limited(io::repeat(b'x'), 10).unwrap_err().contains("longer than 10 bytes"));
        assert_eq!(*limited(&b"0123456789"[..], 10).unwrap(), b"0123456789");
    }

    #[test]
    fn what_gives_nothing_costs_the_patience_only() {
        let (_open, closed) = mpsc::channel::<()>();
        let waiting = move || closed.recv().map(|()| Zeroizing::default()).map_err(|error| error.to_string());
        assert!(in_time(Duration::from_millis(10), waiting).unwrap_err().contains("within 0.01 s"));
    }
}
