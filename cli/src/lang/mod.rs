//! The languages of what people read: help, man pages, hints, and doctor's report.
//!
//! English stands in the code, where it is used. The catalogue of a language, here `zh`, holds each English text with its
//! translation beside it, and the English text is the key. So a text exists in one place only, and one that changes has
//! no translation until somebody has looked at it again:
//!
//! * [`Text::of`] and [`hint!`] look up their text while the program is compiled. Without a translation it does not
//!   compile.
//! * The texts of the command line are looked up at run time, by walking clap's tree (`help`). A test finds those
//!   without a translation.
//! * Another test finds translations that no text has, and placeholders that differ.
//!
//! Scripts read the rest, so it stays English: the lines `error:`, `cause:` and `warning:`, everything on stdout that is
//! data, all JSON, and the scripts of `completions`.

mod choice;
mod help;
mod hint;
mod library;
mod text;
mod wrap;
mod zh;

#[cfg(test)]
mod tests;

pub(crate) use choice::{Lang, VARIABLE, current, given, start};
pub(crate) use help::{in_manual, in_tree, printed};
pub(crate) use hint::{Hint, hint};
pub(crate) use text::Text;
