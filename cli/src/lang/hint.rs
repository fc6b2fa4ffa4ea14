//! What to do about a failure.

use super::choice::{Lang, current};
use super::library;
use super::text::{Text, filled};

/// What to do about a failure, in every language. Made by [`hint!`], or from an error of the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hint {
    english: String,
    chinese: String,
}

/// Makes a [`Hint`] from its English text and the names of the variables in it: `hint!("use {flag}", flag)`.
macro_rules! hint {
    ($english:literal $(, $name:ident)* $(,)?) => {{
        const TEXT: $crate::lang::Text = $crate::lang::Text::of($english);
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        const { $crate::lang::Hint::check(TEXT, NAMES) };
        $crate::lang::Hint::new(
            TEXT,
            format!($english $(, $name = $name)*),
            &[$((stringify!($name), &*$name.to_string())),*],
        )
    }};
}
pub(crate) use hint;

impl Hint {
    /// Used by [`hint!`]: checks that each placeholder is given.
    pub(crate) const fn check(text: Text, names: &[&str]) {
        assert!(text.names_only(names), "the names behind the text are those in its braces");
    }

    /// Used by [`hint!`].
    pub(crate) fn new(text: Text, english: String, values: &[(&str, &str)]) -> Self {
        Hint { english, chinese: filled(text.within(Lang::Zh), values) }
    }

    /// Takes the hint of an error of the library, which is English, and translates it by its key.
    pub(crate) fn of_library(error: &aliyun_mqtt::Error) -> Option<Self> {
        let (key, english) = (error.hint_key()?, error.hint()?.to_string());
        let chinese = library::translated(key, &english).unwrap_or_else(|| english.clone());
        Some(Hint { english, chinese })
    }

    /// Appends another hint.
    #[must_use]
    pub(crate) fn and(self, other: Hint) -> Self {
        Hint {
            english: format!("{}; {}", self.english, other.english),
            chinese: format!("{}；{}", self.chinese, other.chinese),
        }
    }

    pub(crate) fn english(&self) -> &str {
        &self.english
    }

    pub(crate) fn within(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.english,
            Lang::Zh => &self.chinese,
        }
    }

    /// Returns the hint in the language of this run.
    pub(crate) fn shown(&self) -> &str {
        self.within(current())
    }
}
