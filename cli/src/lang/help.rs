//! Help and man pages in another language than English: the texts of clap's tree, and the words that clap adds.

use clap::error::ErrorKind;
use clap::{Command, Error};

use super::choice::{Lang, current};
use super::wrap;
use super::zh;

/// The width of help without a terminal, and the largest with one.
const WIDTH: usize = 100;

/// Translates all texts of a tree into the language of this run. To be called after `build`, which adds texts.
pub(crate) fn in_tree(tree: Command) -> Command {
    match current() {
        Lang::En => tree,
        // Wrapped later, since clap breaks lines at spaces only.
        Lang::Zh => unwrapped(each_text(tree, &mut |text| pieces(text).map(Piece::chinese).collect())),
    }
}

/// Translates the help of an option into the language of this run.
pub(crate) fn of_help(text: &str) -> String {
    match current() {
        Lang::En => text.to_string(),
        Lang::Zh => pieces(text).map(Piece::chinese).collect(),
    }
}

fn unwrapped(command: Command) -> Command {
    command.term_width(0).subcommand_value_name(zh::COMMAND).mut_subcommands(unwrapped)
}

/// Returns help or an error of clap for a terminal, or `None` if it is right as it is.
pub(crate) fn printed(error: &Error) -> Option<String> {
    let text = match current() {
        Lang::En => return None,
        Lang::Zh => error.render().ansi().to_string(),
    };
    let is_error = !matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::DisplayVersion
    );
    // As clap finds it.
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)).or_else(columns);
    let width = terminal.map_or(WIDTH, |width| width.min(WIDTH));
    let lines = text.split('\n').map(|line| wrap::wrapped(&with_words(line, is_error), width));
    Some(lines.collect::<Vec<_>>().join("\n"))
}

/// Translates what clap itself has put on a line of help or of an error.
fn with_words(line: &str, is_error: bool) -> String {
    let bare = anstream::adapter::strip_str(line).to_string();
    if is_error {
        // The first line is the error itself.
        return match bare.trim_start() {
            text if text.starts_with("error: ") => line.to_string(),
            text if text.starts_with("tip: ") => replaced(&replaced(line, zh::TIPS), zh::ERRORS),
            text if text.starts_with("For ") => ended(replaced(line, zh::ERRORS)),
            _ => replaced(line, zh::ERRORS),
        };
    }
    match bare.strip_suffix(':').and_then(heading) {
        Some((english, chinese)) => line.replace(&format!("{english}:"), &format!("{chinese}：")),
        None => replaced(&replaced(line, zh::VALUES), zh::WORDS),
    }
}

fn heading(name: &str) -> Option<(&'static str, &'static str)> {
    zh::HEADINGS.iter().chain(zh::CLAPS_HEADINGS).find(|(english, _)| english.eq_ignore_ascii_case(name)).copied()
}

/// Replaces words, and the space that stood behind a colon.
fn replaced(line: &str, words: &[(&str, &str)]) -> String {
    let line = words.iter().fold(line.to_string(), |line, (english, chinese)| line.replace(english, chinese));
    line.replace("：\u{1b}[0m ", "：\u{1b}[0m")
}

/// Ends a sentence of clap.
fn ended(line: String) -> String {
    match line.strip_suffix('.') {
        Some(sentence) => format!("{sentence}。"),
        None => line,
    }
}

/// Translates what clap_mangen itself has put on a page, in roff.
pub(crate) fn in_manual(page: Vec<u8>) -> Vec<u8> {
    if current() == Lang::En {
        return page;
    }
    let mut translated = String::new();
    for line in String::from_utf8_lossy(&page).lines() {
        match line.strip_prefix(".SH ").and_then(|name| heading(name.trim_matches('"'))) {
            Some((_, chinese)) => translated.push_str(&format!(".SH \"{chinese}\"")),
            None => translated.push_str(&replaced(&replaced(line, zh::VALUES), zh::WORDS)),
        }
        translated.push('\n');
        if line.starts_with(".TH ") {
            // Chinese has few spaces, which would grow wide in lines that are set to both margins.
            translated.push_str(".ad l\n");
        }
    }
    translated.into_bytes()
}

/// A part of a help text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A paragraph, or what a line of a table says.
    Text(&'a str),
    /// Line ends, examples, and the left columns of tables.
    Verbatim(&'a str),
}

impl Piece<'_> {
    fn chinese(self) -> String {
        match self {
            Piece::Text(text) => zh::HELP.iter().find_map(|table| found(table, text)).unwrap_or(text).to_string(),
            Piece::Verbatim(text) => text.to_string(),
        }
    }
}

/// Takes a help text apart. Where a line is indented, its last column is text if there are several, or its comment.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    text.split_inclusive('\n').flat_map(|line| {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
        let start = if line.starts_with(' ') { column(line).unwrap_or(line.len()) } else { 0 };
        let (left, right) = line.split_at(start);
        [Piece::Verbatim(left), Piece::Text(right), Piece::Verbatim(end)]
            .into_iter()
            .filter(|piece| !matches!(piece, Piece::Text("") | Piece::Verbatim("")))
    })
}

/// Returns where the last column of an indented line starts.
fn column(line: &str) -> Option<usize> {
    let indent = line.len() - line.trim_start().len();
    let comment = line.find("  # ").map(|at| at + "  # ".len());
    comment.or_else(|| line.rfind("  ").map(|at| at + 2).filter(|start| *start > indent))
}

fn found(table: &[(&'static str, &'static str)], english: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == english).map(|(_, chinese)| *chinese)
}

/// Replaces each text of a command and of those below it, except headings and the names of values.
pub(super) fn each_text(mut command: Command, replace: &mut dyn FnMut(&str) -> String) -> Command {
    macro_rules! texts {
        ($of:ident: $($get:ident $set:ident),+) => {
            $(if let Some(text) = $of.$get().map(ToString::to_string) {
                $of = $of.$set(replace(&text));
            })+
        };
    }
    texts!(command: get_about about, get_long_about long_about, get_after_help after_help,
        get_after_long_help after_long_help, get_before_help before_help, get_before_long_help before_long_help);
    command = command.mut_args(|mut argument| {
        texts!(argument: get_help help, get_long_help long_help);
        argument
    });
    command.mut_subcommands(|command| each_text(command, &mut *replace))
}
