//! A text that is known while the program is compiled.

use super::choice::{Lang, current};
use super::zh;

/// A text in every language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text {
    english: &'static str,
    chinese: &'static str,
}

impl Text {
    /// Looks up the translation. Panics if there is none, so this belongs into constants.
    pub(crate) const fn of(english: &'static str) -> Self {
        Text { english, chinese: zh::of(english) }
    }

    pub(crate) const fn english(self) -> &'static str {
        self.english
    }

    pub(crate) const fn within(self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.english,
            Lang::Zh => self.chinese,
        }
    }

    /// Returns the text in the language of this run.
    pub(crate) fn shown(self) -> &'static str {
        self.within(current())
    }

    /// Returns true if all placeholders, such as `{name}`, are among these names.
    pub(super) const fn names_only(self, names: &[&str]) -> bool {
        let text = self.english.as_bytes();
        let mut at = 0;
        while at < text.len() {
            if text[at] == b'{' && !is_named(text, at + 1, names) {
                return false;
            }
            at += 1;
        }
        true
    }
}

/// Returns true if one of the names begins here, followed by a brace.
const fn is_named(text: &[u8], start: usize, names: &[&str]) -> bool {
    let mut name = 0;
    while name < names.len() {
        let bytes = names[name].as_bytes();
        let mut length = 0;
        while length < bytes.len() && start + length < text.len() && text[start + length] == bytes[length] {
            length += 1;
        }
        if length == bytes.len() && start + length < text.len() && text[start + length] == b'}' {
            return true;
        }
        name += 1;
    }
    false
}

/// Returns the text with these values in the place of its placeholders.
pub(super) fn filled<V: AsRef<str>>(text: &str, values: &[(&str, V)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, (name, behind))) =
        rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        filled.push_str(before);
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => filled.push_str(value.as_ref()),
            None => filled.push_str(&format!("{{{name}}}")),
        }
        rest = behind;
    }
    filled + rest
}
