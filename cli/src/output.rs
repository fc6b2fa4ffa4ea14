//! What goes to stdout, and how foreign text is made harmless for a terminal.

use std::borrow::Cow;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write};

use aliyun_mqtt::printable;
use anstyle::Style;
use serde_json::Value;

use crate::stdio::Stream;

/// What stands in the place of a secret.
pub(crate) const MASKED: &str = "********";

/// Standard output: buffered, and flushed when the caller says so, which is after each line or message.
///
/// Errors of the reader come out as [`Failure`](crate::exit::Failure); a closed pipe ends the program quietly.
pub(crate) struct Out {
    inner: BufWriter<Stdout>,
    terminal: bool,
    color: bool,
}

impl Out {
    pub(crate) fn new() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        // Not on what cannot take the codes, nor where nobody wants them: --color, NO_COLOR.
        let color = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
        Out { inner: BufWriter::new(Stdout(stdout.lock())), terminal, color }
    }

    /// Whether a person reads it.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// A line of text, at once: what others have put into it makes no line of its own.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        self.word(text)?;
        self.inner.write_all(b"\n")?;
        self.inner.flush()
    }

    /// Text as it is, but on a terminal with its control characters shown, not obeyed.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        let text = if self.terminal { visible(text) } else { Cow::Borrowed(text) };
        self.inner.write_all(text.as_bytes())
    }

    /// A line that was made of parts that are [`printable`], with separators of our own.
    pub(crate) fn row(&mut self, text: &str) -> io::Result<()> {
        self.inner.write_all(text.as_bytes())?;
        self.inner.write_all(b"\n")?;
        self.inner.flush()
    }

    /// A part of a line that others have chosen, such as a topic: it never ends the line, nor commands a terminal.
    pub(crate) fn word(&mut self, text: &str) -> io::Result<()> {
        self.inner.write_all(printable(text).as_bytes())
    }

    /// A word of our own in this style, where colours are shown.
    pub(crate) fn styled(&mut self, style: Style, text: &str) -> io::Result<()> {
        if self.color { write!(self.inner, "{style}{text}{style:#}") } else { self.text(text) }
    }

    /// Bytes as they are; on a terminal as [`text`](Out::text), with what is no UTF-8 replaced.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.terminal { self.text(&String::from_utf8_lossy(bytes)) } else { self.inner.write_all(bytes) }
    }

    /// The program's own bytes, as they are also on a terminal.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_all(bytes)
    }

    /// One JSON value on one line, at once.
    pub(crate) fn json(&mut self, value: &Value) -> io::Result<()> {
        self.json_line(value)?;
        self.inner.flush()
    }

    /// The same, out after [`flush`](Out::flush).
    pub(crate) fn json_line(&mut self, value: &Value) -> io::Result<()> {
        // JSON escapes most control characters itself, but not those that turn text around.
        let text = value.to_string();
        let text = if self.terminal { visible_json(&text) } else { Cow::Borrowed(text.as_str()) };
        self.inner.write_all(text.as_bytes())?;
        self.inner.write_all(b"\n")
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Refuses what would be lost in silence: see [`Stream`].
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

/// The text as a terminal may have it: [`printable`], but for its line ends and tabs, which stay.
///
/// Topics and payloads come from others: on a terminal they could move the cursor, or hide what stands there.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_dangerous) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| if is_dangerous(c) { printable(c.encode_utf8(&mut [0; 4])).into_owned() } else { c.into() };
    Cow::Owned(text.chars().map(escape).collect())
}

/// JSON with the same characters as [`visible`] written as JSON's own escapes: it stays what it was.
fn visible_json(text: &str) -> Cow<'_, str> {
    if !text.contains(is_dangerous) {
        return Cow::Borrowed(text);
    }
    // All of them stand within texts, and have four digits.
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
