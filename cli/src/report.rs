//! Prints to stderr: errors with their hints, warnings, notes, and the library's log.

use std::fmt::{self, Display};
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use aliyun_mqtt::printable;
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

use crate::advice;
use crate::exit::Failure;
use crate::lang::{self, Lang, Phrase, Text};

const HINT: Text = Text::of("hint: ");

/// When to use colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// The lowest level of the library's log to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// The target of the library's warning about received messages that nobody took.
const UNTAKEN: &str = "aliyun_mqtt::untaken";

/// True if that is intended.
static LEFT_UNTAKEN: AtomicBool = AtomicBool::new(false);

/// Suppresses that warning: the command stops where it was told to, and later messages stay unacknowledged.
pub(crate) fn leave_untaken() {
    LEFT_UNTAKEN.store(true, Ordering::Relaxed);
}

/// Sets colors and log level for the whole program.
pub(crate) fn start(color: Color, log: LogLevel) {
    match color {
        // The default of anstream: only on terminals, and not with NO_COLOR.
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let level = match log {
        LogLevel::Off => log::LevelFilter::Off,
        LogLevel::Error => log::LevelFilter::Error,
        LogLevel::Warn => log::LevelFilter::Warn,
        LogLevel::Info => log::LevelFilter::Info,
        LogLevel::Debug => log::LevelFilter::Debug,
        LogLevel::Trace => log::LevelFilter::Trace,
    };
    // Only our own records: ureq and tungstenite log complete requests at `trace`.
    env_logger::Builder::new()
        .filter_module("aliyun_mqtt", level)
        .format(|out, record| {
            if record.target() == UNTAKEN && LEFT_UNTAKEN.load(Ordering::Relaxed) {
                return Ok(());
            }
            let level = record.level().as_str().to_ascii_lowercase();
            writeln!(out, "{level}: {}", shown(&record.args().to_string()))
        })
        .init();
}

/// Prints the reason of a failure with its causes and its hint.
pub(crate) fn failure(failure: &Failure) {
    if failure.is_silent() {
        return;
    }
    line("error", AnsiColor::Red, &failure.message);
    for cause in &failure.causes {
        line("cause", AnsiColor::Red, cause);
    }
    if let Some(hint) = &failure.hint {
        labelled(HINT.shown(), AnsiColor::Cyan, hint.shown());
    }
    if let Some(hint) = advice::beside(&failure.missing) {
        labelled(HINT.shown(), AnsiColor::Cyan, hint.shown());
    }
}

/// Prints a warning; the command continues.
pub(crate) fn warning(text: impl Display) {
    line("warning", AnsiColor::Yellow, &text.to_string());
}

/// Prints a note about what was done.
pub(crate) fn note(text: impl Display) {
    print(format_args!("{}", shown(&text.to_string())));
}

/// Prints a note about what was done, in the language of this run for a person at a terminal. Scripts match it, so it
/// is English elsewhere.
pub(crate) fn status(text: &Phrase) {
    let lang = if std::io::stderr().is_terminal() { lang::current() } else { Lang::En };
    note(text.within(lang));
}

fn line(label: &str, color: AnsiColor, text: &str) {
    labelled(&format!("{label}: "), color, text);
}

fn labelled(label: &str, color: AnsiColor, text: &str) {
    let style = Style::new().fg_color(Some(color.into())).bold();
    let (label, space) = label.strip_suffix(' ').map_or((label, ""), |label| (label, " "));
    print(format_args!("{style}{label}{style:#}{space}{}", shown(text)));
}

/// The longest line in characters; a topic may have 64 KB.
const LONGEST: usize = 8 * 1024;

/// Escapes line breaks, so that a topic or reason chosen by others cannot fake a line such as `error: ...`.
fn shown(text: &str) -> String {
    let text = printable(text);
    match text.char_indices().nth(LONGEST) {
        None => text.into_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

/// Prints to stderr. A closed stderr is not a reason to fail.
fn print(text: fmt::Arguments<'_>) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_chosen_makes_no_line_of_its_own() {
        assert_eq!(shown("topic a\nerror: b\u{1b}[2J\u{202e}"), "topic a\\nerror: b\\u{1b}[2J\\u{202e}");
    }
}
