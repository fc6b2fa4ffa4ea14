//! The tree of the command line, and its commands, one file each.

pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod credential;
pub(crate) mod doctor;
#[cfg(feature = "emulator")]
pub(crate) mod emulator;
pub(crate) mod group;
mod late;
pub(crate) mod man;
pub(crate) mod p2p;
pub(crate) mod publish;
#[cfg(all(unix, feature = "relay"))]
pub(crate) mod relay;
pub(crate) mod repeatable;
mod request;
pub(crate) mod send;
pub(crate) mod session;
pub(crate) mod sign;
pub(crate) mod subscribe;
pub(crate) mod token;
pub(crate) mod trace;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::exit::{self, Exit, Result};
use crate::report;
use crate::settings::{self, GlobalArgs};
use crate::stdio::Stream;
use late::{Late, WithSettings};
use repeatable::overridden_by_itself;

/// Where settings come from, apart from options.
const VARIABLES: &str = "\
Options that are settings can also be given by environment variables, such as ALIYUN_MQTT_ENDPOINT for --endpoint, and \
ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET for the AccessKey, or by a configuration file: \
`aliyun-mqtt config show` prints what is set and what is missing, each with its names.

The book has a chapter for each subject: /usr/share/doc/aliyun-mqtt/book in packages, docs/book in the repository.";

/// Returns how to see something work, if there is an emulator to try it with.
fn first_steps() -> String {
    #[cfg(feature = "emulator")]
    return format!("{}\n\n", emulator::FIRST_MESSAGE);
    #[cfg(not(feature = "emulator"))]
    String::new()
}

/// ApsaraMQ for MQTT (云消息队列 MQTT 版) from the command line
#[derive(Debug, Parser)]
#[command(
    name = "aliyun-mqtt",
    version,
    // After all arguments, since it changes them.
    mut_args(overridden_by_itself),
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = first_steps(),
    after_long_help = format!("{}{VARIABLES}\n\n{}", first_steps(), exit::TABLE)
)]
struct Root {
    #[command(flatten)]
    global: GlobalArgs,
}

/// A command line that was understood.
#[derive(Debug)]
pub(crate) struct Cli {
    pub(crate) global: GlobalArgs,
    pub(crate) command: Command,
}

// The commands, each in its own file. Not a doc comment, which would be the description of the program.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Publish messages: one, a file, standard input, a message per line, or JSON lines
    #[command(visible_alias = "publish")]
    Pub(Box<Late<WithSettings<publish::PubArgs>>>),
    /// Receive messages and print, store or process them
    #[command(visible_alias = "subscribe")]
    Sub(Late<WithSettings<subscribe::SubArgs>>),
    /// Send messages to a single client, or receive those sent to this one (P2P)
    P2p(Late<WithSettings<p2p::P2pArgs>>),
    /// Send a request and wait for the reply, or answer requests
    Rr(Late<WithSettings<request::RrArgs>>),
    /// Publish one message through the service API (SendMessage)
    Send(Late<WithSettings<send::SendArgs>>),
    /// Apply for, query and revoke tokens
    Token(Late<WithSettings<token::TokenArgs>>),
    /// Query which clients are online
    Session(Late<WithSettings<session::SessionArgs>>),
    /// Manage device credentials
    Credential(Late<WithSettings<credential::CredentialArgs>>),
    /// Manage groups
    Group(Late<WithSettings<group::GroupArgs>>),
    /// Look up the traces of devices and messages
    Trace(Late<WithSettings<trace::TraceArgs>>),
    /// Compute or check the credentials of a client id, offline
    #[command(mut_args = settings::without_chain)]
    Sign(Late<WithSettings<sign::SignArgs>>),
    /// Diagnose why a connection, a permission or a token does not work
    #[command(visible_alias = "conn")]
    Doctor(Late<WithSettings<doctor::DoctorArgs>>),
    /// Measure the speed of publishing, receiving and connecting
    Bench(Late<WithSettings<bench::BenchArgs>>),
    /// Keep one connection for programs that cannot, and serve them over HTTP
    #[cfg(all(unix, feature = "relay"))]
    Relay(Box<Late<WithSettings<relay::RelayArgs>>>),
    /// Run a local emulator of the service
    #[cfg(feature = "emulator")]
    Emulator(Late<emulator::EmulatorArgs>),
    /// Print the completion script for a shell
    Completions(Late<completions::CompletionsArgs>),
    /// Print or write the man pages
    Man(Late<man::ManArgs>),
    /// Show the settings and where each comes from, or write a configuration file
    Config(Late<config::ConfigArgs>),
}

impl CommandFactory for Cli {
    fn command() -> clap::Command {
        Command::augment_subcommands(Root::command())
    }

    fn command_for_update() -> clap::Command {
        Command::augment_subcommands_for_update(Root::command_for_update())
    }
}

impl FromArgMatches for Cli {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        let (global, command) = (GlobalArgs::from_arg_matches(matches)?, Command::from_arg_matches(matches)?);
        Ok(Cli { global, command })
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        self.global.update_from_arg_matches(matches)?;
        self.command.update_from_arg_matches(matches)
    }
}

impl Parser for Cli {}

impl Cli {
    /// Returns the tree with a single command: the first that the command line names. What this tree accepts, the whole
    /// tree accepts as well, and it takes a fraction of the time; what it does not accept may still be right, since the
    /// name may be a value.
    pub(crate) fn with_the_named_command(arguments: &[OsString]) -> Option<clap::Command> {
        let names = || Command::augment_subcommands(clap::Command::new("commands"));
        let none = late::only("", names);
        let name = arguments.iter().skip(1).find_map(|word| none.find_subcommand(word))?.get_name();
        Some(Root::command().subcommand(late::only(name, names).find_subcommand(name)?.clone()))
    }
}

/// Runs the command.
pub(crate) fn run(cli: Cli) -> Result<Exit> {
    let Cli { global, command } = cli;
    if prints(&command) {
        // Before anything is done that has a result to print.
        Stream::Output.check()?;
    }
    let exit = dispatch(command, &global)?;
    warn_of_unused(&global);
    Ok(exit)
}

/// Warns about flags that had no effect.
fn warn_of_unused(global: &GlobalArgs) {
    let used = global.settings.used();
    let settings = global.settings.given().filter(|(key, _)| !used.has(*key)).map(|(key, _)| key.row().flag);
    let profile = (global.profile.is_some() && !used.is_loaded()).then_some("--profile");
    for flag in settings.chain(profile) {
        report::warning(format!("{flag} had no effect: this command does not depend on it"));
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
        #[cfg(all(unix, feature = "relay"))]
        Command::Relay(args) => relay::run(&args, global),
        #[cfg(feature = "emulator")]
        Command::Emulator(args) => emulator::run(&args, global),
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Man(args) => man::run(&args, Cli::command()),
        Command::Config(args) => config::run(&args, global),
    }
}

/// Returns true if the command, or one that it runs, prints to standard output.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Key, Kind};

    #[test]
    fn the_tree_is_sound() {
        Cli::command().debug_assert();
    }

    /// clap identifies arguments by their id, so an equal one would also get the value of the setting.
    #[test]
    fn no_argument_of_a_command_is_taken_for_a_setting() {
        let tree = Cli::command();
        let settings: Vec<_> = tree.get_arguments().map(|argument| argument.get_id().clone()).collect();
        let mut open: Vec<_> = tree.get_subcommands().collect();
        while let Some(command) = open.pop() {
            for argument in command.get_arguments() {
                let fine = argument.is_global_set() || !settings.contains(argument.get_id());
                assert!(fine, "{} {}", command.get_name(), argument.get_id());
            }
            open.extend(command.get_subcommands());
        }
    }

    /// Other users can see the values of flags in the list of processes.
    #[test]
    fn no_flag_takes_a_secret_as_its_value() {
        let mut open = vec![Cli::command()];
        let mut seen = 0;
        while let Some(command) = open.pop() {
            for argument in command.get_arguments().filter(|argument| argument.get_action().takes_values()) {
                let name = argument.get_long().unwrap_or(argument.get_id().as_str()).to_ascii_lowercase();
                let words = ["secret", "password", "token", "key"];
                if words.iter().any(|word| name.contains(word)) {
                    seen += 1;
                    let fine = name.ends_with("-file") || name.ends_with("-id");
                    assert!(fine, "{} --{name}", command.get_name());
                }
            }
            open.extend(command.get_subcommands().cloned());
        }
        assert!(seen >= 8, "{seen}");
    }

    /// A paragraph is one line, which clap wraps; lines that are wrapped already would come out ragged.
    #[test]
    fn no_help_is_wrapped_twice() {
        let mut open = vec![Cli::command()];
        while let Some(command) = open.pop() {
            let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            for paragraph in help.split("\n\n").filter(|paragraph| paragraph.contains('\n')) {
                let longest = paragraph.lines().filter(|line| !line.starts_with(' ')).map(str::len).max();
                assert!(longest.unwrap_or_default() <= 100, "{}: {paragraph}", command.get_name());
            }
            open.extend(command.get_subcommands().cloned());
        }
    }

    #[test]
    fn every_setting_has_its_flag() {
        let command = Cli::command();
        for row in Key::table() {
            let flag = row.flag.trim_start_matches("--");
            let argument = command.get_arguments().find(|argument| argument.get_long() == Some(flag));
            assert!(argument.is_some(), "{}", row.flag);
            assert!(row.kind != Kind::Secret || flag.ends_with("-file"), "{flag} takes a secret");
        }
    }

    fn settings(command: &clap::Command) -> Vec<&str> {
        let flags: Vec<_> = Key::table().iter().map(|row| row.flag.trim_start_matches("--")).collect();
        command.get_arguments().filter_map(clap::Arg::get_long).filter(|long| flags.contains(long)).collect()
    }

    #[test]
    fn a_command_lists_the_settings_it_takes_and_no_others() {
        let mut tree = Cli::command();
        tree.build();
        for command in tree.get_subcommands() {
            let expected = match command.get_name() {
                "completions" | "man" | "config" | "help" => 0,
                "emulator" => 3,
                _ => Key::table().len(),
            };
            let mut open = vec![command];
            while let Some(command) = open.pop() {
                assert_eq!(settings(command).len(), expected, "{}", command.get_name());
                open.extend(command.get_subcommands().filter(|command| command.get_name() != "help"));
            }
        }
    }

    #[test]
    fn a_setting_stands_before_a_command_or_behind_it_and_the_last_one_wins() {
        for (arguments, expected) in [
            (&["-e", "a", "pub"][..], "a"),
            (&["pub", "-e", "b"], "b"),
            (&["-e", "a", "pub", "-e", "b"], "b"),
            (&["-e", "a", "-e", "b", "pub"], "b"),
            (&["token", "-e", "b", "query"], "b"),
            (&["-e", "a", "token", "query", "-e", "b"], "b"),
            (&["-e", "a", "token", "-e", "b", "query"], "b"),
            (&["-e", "a", "config", "show"], "a"),
        ] {
            let cli = Cli::try_parse_from([&["aliyun-mqtt"], arguments].concat()).unwrap();
            let given: Vec<_> = cli.global.settings.given().collect();
            assert_eq!(given, [(Key::Endpoint, std::ffi::OsStr::new(expected))], "{arguments:?}");
        }
    }

    #[test]
    fn commands_have_the_names_of_other_clients_too() {
        for (alias, name) in [("publish", "pub"), ("subscribe", "sub"), ("conn", "doctor")] {
            let tree = Cli::command();
            let command = tree.find_subcommand(alias).unwrap();
            assert_eq!(command.get_name(), name);
            assert!(command.get_visible_aliases().any(|visible| visible == alias));
        }
        for (alias, name) in [("pub", "publish"), ("sub", "subscribe"), ("conn", "connect")] {
            let tree = Cli::command();
            assert_eq!(tree.find_subcommand("bench").unwrap().find_subcommand(alias).unwrap().get_name(), name);
        }
    }
}
