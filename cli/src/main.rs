//! `aliyun-mqtt`: everything the library can do, from a terminal.
// Not `forbid`, which does not let the macro of `ctor` in `stdio` allow its own.
#![deny(unsafe_code)]

mod args;
mod child;
mod commands;
mod confirm;
mod exchange;
mod exit;
mod format;
mod interrupt;
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

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    // clap ends the process by itself: 0 after help and version, 2 for a usage error, as `Exit::Usage`.
    let cli = mosquitto::parse(&arguments).unwrap_or_else(|error| {
        if let (false, Err(failure)) = (error.use_stderr(), stdio::Stream::Output.check()) {
            report::failure(&failure);
            std::process::exit(failure.exit as i32);
        }
        error.exit()
    });
    report::start(&cli.global);
    child::start(&cli.global);
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            report::failure(&failure);
            failure.exit.into()
        }
    }
}
