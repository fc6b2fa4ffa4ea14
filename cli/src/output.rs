//! Standard output, and making text from others harmless for a terminal.

use std::borrow::Cow;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write};

use aliyun_mqtt::printable;
use anstyle::Style;
use serde_json::Value;

use crate::stdio::Stream;

/// Printed in place of a secret.
pub(crate) const MASKED: &str = "********";

/// Standard output, buffered until the caller flushes it after a line or message.
///
/// Errors convert to [`Failure`](crate::exit::Failure), which makes a closed pipe a silent end of the program.
pub(crate) struct Out {
    inner: BufWriter<Stdout>,
    terminal: bool,
    color: bool,
}

impl Out {
    pub(crate) fn new() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        // Escape codes only where the terminal understands them and neither --color nor NO_COLOR forbids them.
        let color = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
        Out { inner: BufWriter::new(Stdout(stdout.lock())), terminal, color }
    }

    /// Returns true if standard output is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Prints one line and flushes it. Line breaks within the text are escaped.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        self.word(text)?;
        self.inner.write_all(b"\n")?;
        self.inner.flush()
    }

    /// Prints text as it is; on a terminal, control characters are escaped.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        let text = if self.terminal { visible(text) } else { Cow::Borrowed(text) };
        self.inner.write_all(text.as_bytes())
    }

    /// Prints a line whose parts are [`printable`] already, joined by separators.
    pub(crate) fn row(&mut self, text: &str) -> io::Result<()> {
        self.inner.write_all(text.as_bytes())?;
        self.inner.write_all(b"\n")?;
        self.inner.flush()
    }

    /// Prints a part of a line that others have chosen, such as a topic, with control characters escaped.
    pub(crate) fn word(&mut self, text: &str) -> io::Result<()> {
        self.inner.write_all(printable(text).as_bytes())
    }

    /// Prints a fixed word in this style, if colors are enabled.
    pub(crate) fn styled(&mut self, style: Style, text: &str) -> io::Result<()> {
        if self.color { write!(self.inner, "{style}{text}{style:#}") } else { self.text(text) }
    }

    /// Prints bytes as they are; on a terminal like [`text`](Out::text), with invalid UTF-8 replaced.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.terminal { self.text(&String::from_utf8_lossy(bytes)) } else { self.inner.write_all(bytes) }
    }

    /// Prints bytes of the program itself unchanged, also on a terminal.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_all(bytes)
    }

    /// Prints a JSON value on one line and flushes it.
    pub(crate) fn json(&mut self, value: &Value) -> io::Result<()> {
        self.json_line(value)?;
        self.inner.flush()
    }

    /// Prints a JSON value on one line, which appears after [`flush`](Out::flush).
    pub(crate) fn json_line(&mut self, value: &Value) -> io::Result<()> {
        // JSON escapes most control characters itself, but not those that change the direction of text.
        let text = value.to_string();
        let text = if self.terminal { visible_json(&text) } else { Cow::Borrowed(text.as_str()) };
        self.inner.write_all(text.as_bytes())?;
        self.inner.write_all(b"\n")
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Standard output that fails if it was closed at the start, see [`Stream`].
struct Stdout(StdoutLock<'static>);

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Stream::Output.open()?;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Escapes the text for a terminal like [`printable`], except for newlines and tabs.
///
/// Topics and payloads come from others and could move the cursor or hide text.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_dangerous) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| if is_dangerous(c) { printable(c.encode_utf8(&mut [0; 4])).into_owned() } else { c.into() };
    Cow::Owned(text.chars().map(escape).collect())
}

/// Escapes the characters of [`visible`] in the way of JSON, so that the value stays the same.
fn visible_json(text: &str) -> Cow<'_, str> {
    if !text.contains(is_dangerous) {
        return Cow::Borrowed(text);
    }
    // They occur only within strings, and four digits are enough for them.
    let escape = |c: char| if is_dangerous(c) { format!("\\u{:04x}", u32::from(c)) } else { c.into() };
    Cow::Owned(text.chars().map(escape).collect())
}

fn is_dangerous(c: char) -> bool {
    c != '\n' && c != '\t' && matches!(printable(c.encode_utf8(&mut [0; 4])), Cow::Owned(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_command_a_terminal_is_written_out() {
        assert_eq!(visible("plain 中文\n\ttext"), "plain 中文\n\ttext");
        assert_eq!(visible("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(visible("\u{202e}txt.exe"), "\\u{202e}txt.exe");
        assert_eq!(visible("bell\u{7}\r"), "bell\\u{7}\\r");
        assert_eq!(visible("\u{9b}31m"), "\\u{9b}31m");
    }

    #[test]
    fn json_stays_json_on_a_terminal() {
        let value = Value::from("a\u{1b}\u{9b}\u{7f}\n\u{202e}\u{feff}中");
        let text = value.to_string();
        let shown = visible_json(&text);
        assert!(!shown.contains(is_dangerous), "{shown:?}");
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
    }
}
