//! The languages of what people read: help, man pages, hints, and doctor's report.
//!
//! English stands in the code, where it is used. The catalogue of a language, here `zh`, holds each English text with
//! its translation beside it, and the English text is the key. So a text that changes has no translation until somebody
//! has looked at it again:
//!
//! * [`Text::of`] and [`phrase!`] look up their text while the program is compiled. Without a translation it does not
//!   compile.
//! * The texts of the command line are looked up at run time, by walking clap's tree (`help`), and the hints of the
//!   library by their key (`library`). Tests find those without a translation.
//! * Tests also find translations that no text has any more, placeholders and options that differ, and Chinese that is
//!   set otherwise than in the README.
//!
//! To add a text, write it in English and run the tests of this module: what they or the compiler complain about is the
//! row to add to the table of its theme in `zh`. Indented lines of help are examples or tables: only what follows
//! the last gap of two spaces, or `# `, is a text.
//!
//! Scripts match the rest, so it stays English: the lines `error:`, `cause:` and `warning:`, notes unless standard
//! error is a terminal, the log, what doctor says about a problem it saw, everything on stdout that is data, all JSON,
//! and the scripts of `completions`.

mod choice;
mod help;
mod library;
mod phrase;
mod text;
mod wrap;
mod zh;

#[cfg(test)]
mod tests;

pub(crate) use choice::{Lang, Unknown, VARIABLE, current, given, start};
pub(crate) use help::{in_manual, in_tree, of_help, printed};
pub(crate) use phrase::{Phrase, phrase};
pub(crate) use text::Text;
