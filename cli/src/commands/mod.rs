//! The commands, one file each.

pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod credential;
pub(crate) mod doctor;
#[cfg(feature = "emulator")]
pub(crate) mod emulator;
pub(crate) mod group;
pub(crate) mod man;
pub(crate) mod p2p;
pub(crate) mod publish;
pub(crate) mod request;
pub(crate) mod send;
pub(crate) mod session;
pub(crate) mod sign;
pub(crate) mod subscribe;
pub(crate) mod token;
pub(crate) mod trace;

use crate::args::{Cli, Command, GlobalArgs};
use crate::exit::{Exit, Result};
use crate::report;
use crate::stdio::Stream;

/// Runs what the command line says.
pub(crate) fn run(cli: Cli) -> Result<Exit> {
    let Cli { global, command } = cli;
    if prints(&command) {
        // Before anything is done whose result would be lost.
        Stream::Output.check()?;
    }
    let exit = dispatch(command, &global)?;
    warn_of_unused(&global);
    Ok(exit)
}

/// Tells which settings of the command line had no part in what was done.
fn warn_of_unused(global: &GlobalArgs) {
    let used = global.settings.used();
    let settings = global.settings.given().filter(|(key, _)| !used.has(*key)).map(|(key, _)| key.row().flag);
    let profile = (global.profile.is_some() && !used.is_loaded()).then_some("--profile");
    for flag in settings.chain(profile) {
        report::warning(format!("{flag} had no effect: nothing here depends on it"));
    }
}

fn dispatch(command: Command, global: &GlobalArgs) -> Result<Exit> {
    match command {
        Command::Pub(args) => publish::run(&args, global),
        Command::Sub(args) => subscribe::run(&args, global),
        Command::P2p(args) => p2p::run(&args, global),
        Command::Rr(args) => request::run(&args, global),
        Command::Send(args) => send::run(&args, global),
        Command::Token(args) => token::run(&args, global),
        Command::Session(args) => session::run(&args, global),
        Command::Credential(args) => credential::run(&args, global),
        Command::Group(args) => group::run(&args, global),
        Command::Trace(args) => trace::run(&args, global),
        Command::Sign(args) => sign::run(&args, global),
        Command::Doctor(args) => doctor::run(&args, global),
        Command::Bench(args) => bench::run(&args, global),
        #[cfg(feature = "emulator")]
        Command::Emulator(args) => emulator::run(&args, global),
        Command::Completions(args) => completions::run(&args, global),
        Command::Man(args) => man::run(&args, global),
        Command::Config(args) => config::run(&args, global),
    }
}

/// Returns true if the command has something for standard output, itself or by what it starts.
fn prints(command: &Command) -> bool {
    match command {
        Command::Pub(args) => args.prints(),
        Command::Sub(args) => args.prints(),
        Command::P2p(args) => args.prints(),
        Command::Rr(args) => args.prints(),
        Command::Token(args) => args.prints(),
        Command::Credential(args) => args.prints(),
        Command::Group(args) => args.prints(),
        Command::Man(args) => args.prints(),
        Command::Config(args) => args.prints(),
        _ => true,
    }
}
