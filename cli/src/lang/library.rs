//! Hints of the library, which come as English text with a key.

use std::borrow::Cow;

use super::text::filled;
use super::zh;

/// Translates the hint with this key; `None` if the catalogue does not have it.
pub(super) fn translated(key: &str, english: &str) -> Option<String> {
    zh::LIBRARY.iter().filter(|(known, ..)| *known == key).find_map(|row| by(row, english))
}

/// Translates a text if it is that of the row.
pub(super) fn by(&(_, template, chinese): &(&str, &str, &str), english: &str) -> Option<String> {
    let value = |(name, value)| match name {
        // A hint within a hint.
        "hint" => (name, zh::LIBRARY.iter().find_map(|row| by(row, value)).map_or(value.into(), Cow::Owned)),
        _ => (name, Cow::Borrowed(value)),
    };
    let values: Vec<_> = values(template, english)?.into_iter().map(value).collect();
    Some(filled(chinese, &values))
}

/// Returns what a text has in the place of each placeholder of the template; `None` if it was not made from it.
fn values<'a>(template: &'a str, text: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let mut pieces = template.split('{');
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut values = Vec::new();
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        let (name, literal) = piece.split_once('}')?;
        let (value, behind) = match pieces.peek() {
            None => (rest.strip_suffix(literal)?, ""),
            Some(_) => rest.split_once(literal)?,
        };
        values.push((name, value));
        rest = behind;
    }
    rest.is_empty().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_where_the_template_has_its_names() {
        assert_eq!(values("set {name}", "set endpoint"), Some(vec![("name", "endpoint")]));
        assert_eq!(values("{a} and {b}!", "1 and 2!"), Some(vec![("a", "1"), ("b", "2")]));
        assert_eq!(values("no names", "no names"), Some(Vec::new()));
        for (template, text) in [("set {name}", "get x"), ("{a} and {b}!", "1 or 2!"), ("a", "ab"), ("{a}!", "1?")] {
            assert_eq!(values(template, text), None, "{template} {text}");
        }
    }
}
