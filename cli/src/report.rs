//! What goes to stderr: errors with their hints, warnings, and the library's log.

use std::fmt::{self, Display};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use aliyun_mqtt::printable;
use anstyle::{AnsiColor, Style};

use crate::args::{Color, GlobalArgs, LogLevel};
use crate::exit::Failure;

/// The target of the library's record on messages that had come and were not taken when the client ended.
const UNTAKEN: &str = "aliyun_mqtt::untaken";

/// Whether that is as it was asked for.
static LEFT_UNTAKEN: AtomicBool = AtomicBool::new(false);

/// The command ends where it was told to: what else had come is of no interest, and is not acknowledged.
pub(crate) fn leave_untaken() {
    LEFT_UNTAKEN.store(true, Ordering::Relaxed);
}

/// Sets colours and log for the whole program.
pub(crate) fn start(global: &GlobalArgs) {
    match global.color {
        // Terminals only, and none with NO_COLOR: anstream's own rule.
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let level = match global.log {
        LogLevel::Off => log::LevelFilter::Off,
        LogLevel::Error => log::LevelFilter::Error,
        LogLevel::Warn => log::LevelFilter::Warn,
        LogLevel::Info => log::LevelFilter::Info,
        LogLevel::Debug => log::LevelFilter::Debug,
        LogLevel::Trace => log::LevelFilter::Trace,
    };
    // Our own records only: those of ureq and tungstenite show whole requests at `trace`.
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

/// The reason a command failed, with its hint and what is behind it.
pub(crate) fn failure(failure: &Failure) {
    if failure.is_silent() {
        return;
    }
    line("error", AnsiColor::Red, &failure.message);
    for cause in &failure.causes {
        line("cause", AnsiColor::Red, cause);
    }
    if let Some(hint) = &failure.hint {
        line("hint", AnsiColor::Cyan, hint);
    }
}

/// Something the user should know, though the command goes on.
pub(crate) fn warning(text: impl Display) {
    line("warning", AnsiColor::Yellow, &text.to_string());
}

/// Something for a person at the terminal: what was done, where it stands.
pub(crate) fn note(text: impl Display) {
    print(format_args!("{}", shown(&text.to_string())));
}

fn line(label: &str, color: AnsiColor, text: &str) {
    let style = Style::new().fg_color(Some(color.into())).bold();
    print(format_args!("{style}{label}:{style:#} {}", shown(text)));
}

/// The longest line, in characters: a topic of others may have 64 KB.
const LONGEST: usize = 8 * 1024;

/// As it stands in a line: a topic or a reason that others have chosen makes no line of its own, say one with `error:`.
fn shown(text: &str) -> String {
    let text = printable(text);
    match text.char_indices().nth(LONGEST) {
        None => text.into_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

/// To stderr. Where that is closed there is nobody to tell, and nothing to fail for.
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
