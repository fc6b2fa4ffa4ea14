//! Helps users of other clients: mosquitto_pub, mosquitto_sub and mosquitto_rr (manuals of version 2.0), mqttx, and
//! paho_c_pub and paho_c_sub (their usage texts).
//!
//! Their options are of three kinds. Options that this program does not have are errors, which name the counterpart.
//! `-h` and `-V` would end the program successfully. Options with another meaning here are refused if their value only
//! makes sense for the other program.

mod line;
mod table;
#[cfg(test)]
mod tests;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser as _};

use crate::commands::Cli;
use crate::lang;
use line::Line;

/// Reads the command line. The error ends the program as clap has it: 0 after help and version, 2 for wrong usage.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    if arguments.get(1).is_some_and(|word| word == "help") {
        // It takes no options, and the language is known already.
        return read(&without_language(arguments));
    }
    read(arguments)
}

/// Returns the command line without `--lang`.
fn without_language(arguments: &[OsString]) -> Vec<OsString> {
    let mut words = arguments.iter();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--lang") => drop(words.next()),
            Some(text) if text.starts_with("--lang=") => {}
            _ => kept.push(word.clone()),
        }
    }
    kept
}

fn read(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    if let Some(cli) = understood(arguments) {
        return Ok(cli);
    }
    let mut tree = Cli::command();
    tree.build();
    let tree = lang::in_tree(tree);
    let line = Line::read(&tree, arguments);
    if let Some(message) = line.misunderstood() {
        return Err(clap::Error::raw(ErrorKind::UnknownArgument, message).with_cmd(line.command));
    }
    let parsed = |tree: &mut clap::Command| {
        let matches = tree.try_get_matches_from_mut(arguments)?;
        Cli::from_arg_matches(&matches).map_err(|error| error.format(tree))
    };
    parsed(&mut tree.clone()).map_err(|error| match error.kind() {
        ErrorKind::UnknownArgument => line.explain(error),
        ErrorKind::InvalidSubcommand => line.propose(error),
        ErrorKind::InvalidUtf8 => name_the_flag(arguments, error),
        _ => error,
    })
}

/// Reads a command line that is right, without building the whole tree. Help and errors need all of it.
fn understood(arguments: &[OsString]) -> Option<Cli> {
    let mut tree = Cli::with_the_named_command(arguments)?;
    tree.build();
    if Line::read(&tree, arguments).misunderstood().is_some() {
        return None;
    }
    Cli::from_arg_matches(&tree.try_get_matches_from_mut(arguments).ok()?).ok()
}

/// Names the argument that is not valid UTF-8: the one that is an error when all others are replaced.
fn name_the_flag(arguments: &[OsString], error: clap::Error) -> clap::Error {
    let replaced = |but: usize| {
        arguments.iter().enumerate().map(move |(at, argument)| match at {
            at if at == but => argument.clone(),
            _ => argument.to_string_lossy().into_owned().into(),
        })
    };
    let bad = (0..arguments.len()).filter(|at| arguments[*at].to_str().is_none());
    let wrong = |at: &usize| Cli::try_parse_from(replaced(*at)).is_err_and(|one| one.kind() == ErrorKind::InvalidUtf8);
    let Some(at) = bad.into_iter().find(wrong) else { return error };
    let argument = arguments[at].to_string_lossy();
    let flag = match argument.split_once('=') {
        Some((name, _)) if name.starts_with("--") => name.to_string(),
        _ if argument.starts_with('-') => argument.chars().take(2).collect(),
        _ => arguments.get(at.wrapping_sub(1)).map_or(String::new(), |flag| flag.to_string_lossy().into_owned()),
    };
    let what = if flag.starts_with('-') { format!("the value of {flag}") } else { format!("what follows {flag}") };
    clap::Error::raw(ErrorKind::InvalidUtf8, format!("{what} is not valid UTF-8\n"))
}
