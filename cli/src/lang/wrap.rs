//! Breaks lines of help that have Chinese in them, which has no spaces to break lines at.

use unicode_width::UnicodeWidthChar as _;

/// Characters that no line starts with.
const CLOSING: &str = "，。；：、！？）》」』”’…";
/// Characters that no line ends with.
const OPENING: &str = "（《「『“‘";

/// Breaks a line that is too long, unless it has no Chinese: then it is an example. It continues below the last column.
/// The escapes of a terminal take no room.
pub(super) fn wrapped(line: &str, width: usize) -> String {
    if !line.chars().any(is_wide) {
        return line.to_string();
    }
    let indent = indent(line);
    // Where there is hardly any room, the terminal breaks the line.
    if width < indent + 20 {
        return line.to_string();
    }
    let (mut out, mut used) = (String::new(), 0);
    for unit in units(line) {
        let needed = columns(unit);
        // Spaces may hang over the edge.
        let bare = columns(unit.trim_end());
        if used + bare > width && used > indent {
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            used = indent;
        }
        out.push_str(unit);
        used += needed;
    }
    out
}

fn is_wide(c: char) -> bool {
    c.width() == Some(2)
}

/// Returns the column where the last column of a line begins, if the line is indented.
fn indent(line: &str) -> usize {
    let bare = anstream::adapter::strip_str(line).to_string();
    let start = bare.len() - bare.trim_start_matches(' ').len();
    let Some(gap) = bare[start..].rfind("  ").filter(|_| start > 0) else { return start };
    columns(&bare[..start + gap + 2])
}

/// Splits a line at the places where it may be broken: behind spaces, and around Chinese characters.
fn units(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (unit, behind) = rest.split_at(unit_end(rest));
        rest = behind;
        Some(unit)
    })
}

/// Returns where the first unit ends.
fn unit_end(text: &str) -> usize {
    let mut escape = false;
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices() {
        if escape {
            escape = c != 'm';
            continue;
        }
        if c == '\u{1b}' {
            escape = true;
            continue;
        }
        if before.is_some_and(|before| may_break(before, c)) {
            return at;
        }
        before = Some(c);
    }
    text.len()
}

fn may_break(before: char, after: char) -> bool {
    if after == ' ' || CLOSING.contains(after) || OPENING.contains(before) {
        return false;
    }
    before == ' ' || is_wide(before) || is_wide(after)
}

/// Returns how many columns of a terminal a text takes.
fn columns(text: &str) -> usize {
    let mut escape = false;
    let mut count = 0;
    for c in text.chars() {
        match c {
            '\u{1b}' => escape = true,
            'm' if escape => escape = false,
            _ if escape => {}
            c => count += c.width().unwrap_or_default(),
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_is_broken_anywhere_but_before_punctuation_and_within_words() {
        let text = "用法与 mosquitto_pub 相同，消息（QoS 1）按顺序发送，中断后从断点继续发送，直到全部确认。";
        let broken = wrapped(text, 24);
        assert!(broken.lines().count() > 3, "{broken}");
        for line in broken.lines() {
            assert!(columns(line.trim_end()) <= 26, "{line}");
            assert!(!line.starts_with(|c| CLOSING.contains(c)) && !line.ends_with(|c| OPENING.contains(c)), "{line}");
        }
        let letters = |text: &str| text.chars().filter(|c| !" \n".contains(*c)).collect::<String>();
        assert_eq!(letters(&broken), letters(text));
        assert!(broken.contains("mosquitto_pub"), "{broken}");
    }

    #[test]
    fn a_column_continues_below_itself_and_escapes_take_no_room() {
        let broken = wrapped("  \u{1b}[1m-q\u{1b}[0m  服务质量等级，取值为零、一或二，默认值为一", 40);
        let lines: Vec<_> = broken.lines().collect();
        assert!(lines.len() == 2 && lines[1].starts_with("      ") && !lines[1].starts_with("       "), "{broken}");
        assert!(lines[0].contains("\u{1b}[0m  服务质量等级"), "{broken}");
    }

    #[test]
    fn a_line_without_chinese_stays() {
        let line = "  aliyun-mqtt pub -t demo/hello -m 'Hello'";
        assert_eq!(wrapped(line, 20), line);
    }
}
