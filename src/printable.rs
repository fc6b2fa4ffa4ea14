//! Foreign texts in the library's own output: topics, reasons, responses, errors of programs.

use std::borrow::Cow;
use std::fmt;

/// The maximum length of a [`Line`], in bytes.
const LINE: usize = 4 * 1024;

/// The maximum length of an [`excerpt`], in characters.
const EXCERPT: usize = 300;

/// Returns a text in a form that is safe to print in one line: control characters (including line ends and tabs),
/// Unicode's line separators and characters that change the direction of text become escapes, such as `\n` and
/// `\u{1b}`.
///
/// Topics and properties are chosen by anyone who may publish. Printed as they are, they can add a line to a log, move
/// the cursor of a terminal, or hide what is there. Texts in [`Error`](crate::Error) and in this library's log records
/// have this form already. A text without such characters is returned unchanged; the result never changes when it is
/// passed in again. It is for display only: a backslash is not escaped, so the original cannot be recovered.
///
/// ```
/// use aliyun_mqtt::printable;
///
/// assert_eq!(printable("demo/温度"), "demo/温度");
/// assert_eq!(printable("a\nerror: b\u{1b}[2J\u{202e}"), r"a\nerror: b\u{1b}[2J\u{202e}");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.extend(c.escape_default()),
            _ if is_hidden(c) => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

/// Returns the beginning of a foreign text of any length for a message, in [`printable`] form.
pub(crate) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        None => printable(text).into_owned(),
        Some((end, _)) => format!("{}...", printable(&text[..end])),
    }
}

/// Returns a number with its noun: "1 message", "2 messages".
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A text of one line and bounded length.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Line(String);

impl Line {
    pub(crate) fn new(text: String) -> Self {
        let mut text = match printable(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(text) => text,
        };
        if text.len() > LINE {
            let end = (0..=LINE).rev().find(|end| text.is_char_boundary(*end));
            text.truncate(end.unwrap_or_default());
            text.push_str("...");
        }
        Line(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns its size on the heap, in bytes.
    pub(crate) fn held(&self) -> usize {
        self.0.capacity()
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_command_a_terminal_or_make_a_line_is_written_out() {
        for (text, expected) in [
            ("plain 中文 \\ é 👩‍💻", "plain 中文 \\ é 👩‍💻"),
            ("a\nb\r\tc", r"a\nb\r\tc"),
            ("\0\u{7}\u{1b}[2J\u{7f}", r"\u{0}\u{7}\u{1b}[2J\u{7f}"),
            ("\u{85}\u{9b}31m", r"\u{85}\u{9b}31m"),
            ("\u{2028}\u{2029}", r"\u{2028}\u{2029}"),
            ("\u{202e}txt.exe\u{2066}\u{200f}\u{61c}\u{feff}", r"\u{202e}txt.exe\u{2066}\u{200f}\u{61c}\u{feff}"),
        ] {
            assert_eq!(printable(text), expected);
            assert_eq!(printable(expected), expected, "once is enough");
        }
        assert!(matches!(printable("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn nothing_is_endless() {
        assert_eq!(excerpt("a\nb"), r"a\nb");
        assert_eq!(excerpt(&"中".repeat(EXCERPT)), "中".repeat(EXCERPT));
        assert_eq!(excerpt(&"中".repeat(EXCERPT + 1)), "中".repeat(EXCERPT) + "...");
        let line = Line::new("中".repeat(LINE));
        assert!(line.as_str().len() <= LINE + 3 && line.as_str().ends_with("中..."));
        assert!(Line::new("\0".repeat(LINE)).as_str().len() <= LINE + 3);
        assert_eq!(Line::new("short".to_string()).to_string(), "short");
    }
}
