//! Simplified Chinese: each English text with its translation. See the module above for what keeps them in step.

mod causes;
mod clap;
mod clients;
mod commands;
mod emulator;
mod hints;
mod library;
mod options;
mod relay;
mod report;
mod row;

pub(super) use self::clap::{CLAPS_HEADINGS, COMMAND, ERRORS, HEADINGS, TIPS, VALUES, WORDS};
pub(super) use library::LIBRARY;
use row::Row;
#[cfg(test)]
pub(super) use {causes::ROWS as CAUSES, emulator::ROWS as EMULATOR, relay::ROWS as RELAY};

/// The texts that are looked up while the program is compiled.
pub(super) const CONSTANTS: [&[Row]; 4] = [hints::ROWS, clients::ROWS, causes::ROWS, report::ROWS];

/// The texts of the command line.
pub(super) const HELP: [&[Row]; 5] = [commands::ROWS, options::ROWS, emulator::ROWS, relay::ROWS, clap::ROWS];

/// Returns the translation of a text that is known while the program is compiled.
pub(super) const fn of(english: &str) -> &'static str {
    let mut table = 0;
    while table < CONSTANTS.len() {
        let mut row = 0;
        while row < CONSTANTS[table].len() {
            if is(CONSTANTS[table][row].0, english) {
                return CONSTANTS[table][row].1;
            }
            row += 1;
        }
        table += 1;
    }
    panic!("this text has no translation in lang/zh")
}

const fn is(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}
