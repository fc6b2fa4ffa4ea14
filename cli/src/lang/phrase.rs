//! A text with values in it.

use super::choice::{Lang, current};
use super::library;
use super::text::{Text, filled};

/// A text with its values, in every language. Made by [`phrase!`], or from an error of the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phrase {
    english: Box<str>,
    chinese: Box<str>,
}

/// Makes a [`Phrase`] from its English text and the names of the variables in it: `phrase!("use {flag}", flag)`.
macro_rules! phrase {
    ($english:literal $(, $name:ident)* $(,)?) => {{
        const TEXT: $crate::lang::Text = $crate::lang::Text::of($english);
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        const { $crate::lang::Phrase::check(TEXT, NAMES) };
        $crate::lang::Phrase::new(
            TEXT,
            format!($english $(, $name = $name)*),
            &[$((stringify!($name), &*$name.to_string())),*],
        )
    }};
}
pub(crate) use phrase;

impl Phrase {
    /// Used by [`phrase!`]: checks that each placeholder is given.
    pub(crate) const fn check(text: Text, names: &[&str]) {
        assert!(text.names_only(names), "the names behind the text are those in its braces");
    }

    /// Used by [`phrase!`].
    pub(crate) fn new(text: Text, english: String, values: &[(&str, &str)]) -> Self {
        Phrase { english: english.into(), chinese: filled(text.within(Lang::Zh), values).into() }
    }

    /// Takes the hint of an error of the library, which is English, and translates it by its key.
    pub(crate) fn of_library(error: &aliyun_mqtt::Error) -> Option<Self> {
        let (key, english) = (error.hint_key()?, error.hint()?);
        let chinese = library::translated(key, english);
        Some(Phrase { english: english.into(), chinese: chinese.map_or_else(|| english.into(), String::into) })
    }

    /// Takes what is English in every language: the message of an error, or a name.
    pub(crate) fn untranslated(text: impl Into<Box<str>>) -> Self {
        let english = text.into();
        Phrase { chinese: english.clone(), english }
    }

    /// Appends another phrase.
    #[must_use]
    pub(crate) fn and(self, other: &Phrase) -> Self {
        const SEPARATOR: Text = Text::of("; ");
        self.joined(SEPARATOR, other)
    }

    /// Appends the reason.
    #[must_use]
    pub(crate) fn because(self, reason: &Phrase) -> Self {
        const SEPARATOR: Text = Text::of(": ");
        self.joined(SEPARATOR, reason)
    }

    fn joined(self, separator: Text, other: &Phrase) -> Self {
        let join = |lang| [self.within(lang), separator.within(lang), other.within(lang)].concat().into();
        Phrase { english: join(Lang::En), chinese: join(Lang::Zh) }
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

    /// Returns the phrase in the language of this run.
    pub(crate) fn shown(&self) -> &str {
        self.within(current())
    }
}
