//! `aliyun-mqtt`: the features of the library on the command line.
// Not `forbid`: the macro of `ctor` in `stdio` has to allow its own unsafe code.
#![deny(unsafe_code)]

mod advice;
mod child;
mod commands;
mod confirm;
mod exchange;
mod exit;
mod format;
mod interrupt;
mod lang;
mod message;
mod mosquitto;
mod output;
mod payload;
mod private_file;
mod receive;
mod report;
mod settings;
mod small_text;
mod stdio;
mod table;
mod threads;
mod time;
mod values;

use std::io::Write as _;
use std::process::ExitCode;

use crate::exit::{Exit, Failure};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let language = lang::given(&arguments);
    if let Err(unknown) = lang::start(language) {
        unknown_language(&unknown);
    }
    let cli = match mosquitto::parse(&arguments) {
        Ok(cli) => cli,
        Err(error) => return told(&error).into(),
    };
    report::start(cli.global.color, cli.global.log);
    // What looked like the flag may have been the value of another one.
    if cli.global.lang != language
        && let Err(unknown) = lang::start(cli.global.lang)
    {
        unknown_language(&unknown);
    }
    child::withhold(settings::secret_variables());
    if cli.global.pass_secrets {
        child::pass_secrets();
    }
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => failed(&failure).into(),
    }
}

fn failed(failure: &Failure) -> Exit {
    report::failure(failure);
    failure.exit
}

/// A setting of what is shown is no reason to fail.
fn unknown_language(lang::Unknown(value): &lang::Unknown) {
    report::warning(format!("{} is {value:?}, which is not a language: give en or zh", lang::VARIABLE));
}

/// Prints help or version to stdout, or an error in the command line to stderr.
fn told(error: &clap::Error) -> Exit {
    let translated = lang::printed(error);
    if error.use_stderr() {
        // There is no other place to report a closed stderr.
        let _ = match translated {
            Some(text) => write!(anstream::stderr(), "{text}"),
            None => error.print(),
        };
        return Exit::Usage;
    }
    let print = || match translated {
        Some(text) => write!(anstream::stdout(), "{text}"),
        None => error.print(),
    };
    let printed = || Ok(print().and_then(|()| std::io::stdout().flush())?);
    match stdio::Stream::Output.check().and_then(|()| printed()) {
        Ok(()) => Exit::Ok,
        Err(failure) => failed(&failure),
    }
}
