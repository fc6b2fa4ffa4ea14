//! The command line: the options every command takes, and the commands.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use aliyun_mqtt::QoS;
use clap::{Arg, ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::commands;
use crate::exit;
use crate::settings::{Key, Used};

/// ApsaraMQ for MQTT (微消息队列 MQTT 版) from the command line
#[derive(Debug, Parser)]
#[command(
    name = "aliyun-mqtt",
    version,
    // Behind all arguments and commands, which it goes through.
    mut_args(repeatable),
    mut_subcommands(repeatable_in),
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_long_help = exit::TABLE
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Each with its own file in `commands/`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Publish messages: one, a file, standard input, a message per line, or JSON lines
    Pub(Box<commands::publish::PubArgs>),
    /// Receive messages of topics and print, store or process them
    Sub(commands::subscribe::SubArgs),
    /// Send to one client, or listen as one
    P2p(commands::p2p::P2pArgs),
    /// Send a request and wait for its reply
    Rr(commands::request::RrArgs),
    /// Publish one message by the service's API (SendMessage)
    Send(commands::send::SendArgs),
    /// Apply for, query and revoke tokens
    Token(commands::token::TokenArgs),
    /// Ask which clients are online
    Session(commands::session::SessionArgs),
    /// Manage device credentials
    Credential(commands::credential::CredentialArgs),
    /// Manage groups
    Group(commands::group::GroupArgs),
    /// Look up the traces of devices and messages
    Trace(commands::trace::TraceArgs),
    /// Compute or check the login of a client id, offline
    Sign(commands::sign::SignArgs),
    /// Find out why a connection, a permission or a token does not work
    Doctor(commands::doctor::DoctorArgs),
    /// Measure publishing, receiving and connecting
    Bench(commands::bench::BenchArgs),
    /// Run a local stand-in for the service
    #[cfg(feature = "emulator")]
    Emulator(commands::emulator::EmulatorArgs),
    /// Print the completions for a shell
    Completions(commands::completions::CompletionsArgs),
    /// Print or write the man pages
    Man(commands::man::ManArgs),
    /// Show what is configured and where it comes from, or start a configuration file
    Config(commands::config::ConfigArgs),
}

/// What may stand twice: a setting, of which the last counts, so that an alias can be overruled; and a switch. Of a
/// command's own values only one could be meant, and the other would be lost without a word.
fn repeatable(argument: Arg) -> Arg {
    match argument.get_action() {
        ArgAction::Set if !argument.is_global_set() => argument,
        ArgAction::Set | ArgAction::SetTrue => {
            let own = argument.get_id().clone();
            argument.overrides_with(own)
        }
        _ => argument,
    }
}

fn repeatable_in(command: clap::Command) -> clap::Command {
    command.mut_args(repeatable).mut_subcommands(repeatable_in)
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// What of the library's log is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

const WHERE: &str = "Connection";
const WHO: &str = "Login";
const HOW: &str = "Connection details";
const API: &str = "Service API (OpenAPI)";

/// Options of every command, before or after its name. None takes a secret as its value.
#[derive(Debug, Args)]
pub(crate) struct GlobalArgs {
    /// Configuration file [default: aliyun-mqtt/config.toml in $XDG_CONFIG_HOME or ~/.config]
    #[arg(long, value_name = "PATH", global = true, hide_short_help = true)]
    pub(crate) config: Option<PathBuf>,
    /// Profile of the configuration file
    #[arg(long, short = 'P', value_name = "NAME", global = true)]
    pub(crate) profile: Option<String>,
    /// Colours on terminals [NO_COLOR is respected]
    #[arg(long, value_name = "WHEN", global = true, hide_short_help = true, default_value = "auto")]
    pub(crate) color: Color,
    /// What of the log goes to stderr
    #[arg(long, value_name = "LEVEL", global = true, hide_short_help = true, default_value = "warn")]
    pub(crate) log: LogLevel,
    /// Let the commands of --exec and of ..._command inherit the variables that hold secrets
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) pass_secrets: bool,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
}

/// Settings that can also stand in the environment or the configuration file; here they win.
#[derive(Debug, Default, Args)]
pub(crate) struct SettingArgs {
    /// Where to connect: host, host:port, or a URL with mqtt://, mqtts://, ws:// or wss://
    #[arg(long, short = 'e', value_name = "ENDPOINT", global = true, help_heading = WHERE)]
    endpoint: Option<String>,
    /// Instance id
    #[arg(long, value_name = "ID", global = true, help_heading = WHERE)]
    instance_id: Option<String>,
    /// Group id, the first part of the client id
    #[arg(long, short = 'g', value_name = "GID", global = true, help_heading = WHERE)]
    group_id: Option<String>,
    /// Device id, the second part of the client id [default: a new one]
    #[arg(long, value_name = "ID", global = true, help_heading = WHERE)]
    device_id: Option<String>,
    /// Whole client id, GroupID@@@DeviceID; with custom authentication any id
    #[arg(long, short = 'i', value_name = "ID", global = true, help_heading = WHERE)]
    client_id: Option<String>,
    /// Parent topic, for what is addressed without a topic: p2p, token, doctor
    #[arg(long, value_name = "NAME", global = true, hide_short_help = true, help_heading = WHERE)]
    parent_topic: Option<String>,

    /// How to log in: signature (default), token, device, custom-plain or custom-signed
    #[arg(long, value_name = "MODE", global = true, hide_short_help = true, help_heading = WHO)]
    auth: Option<String>,
    /// AccessKey id
    #[arg(long, value_name = "ID", global = true, hide_short_help = true, help_heading = WHO)]
    access_key_id: Option<String>,
    /// File with the AccessKey secret; - is stdin, fd:N an open file
    #[arg(long, value_name = "PATH", global = true, hide_short_help = true, help_heading = WHO)]
    access_key_secret_file: Option<OsString>,
    /// File with the security token of a temporary AccessKey (STS; API only)
    #[arg(long, value_name = "PATH", global = true, hide_short_help = true, help_heading = WHO)]
    security_token_file: Option<OsString>,
    /// File with the token of token mode, RW|...; read again at each connect [without one, a token is applied for]
    #[arg(long, value_name = "PATH", global = true, hide_short_help = true, help_heading = WHO)]
    token_file: Option<OsString>,
    /// AccessKey id of the device credential
    #[arg(long, value_name = "ID", global = true, hide_short_help = true, help_heading = WHO)]
    device_access_key_id: Option<String>,
    /// File with the AccessKey secret of the device credential
    #[arg(long, value_name = "PATH", global = true, hide_short_help = true, help_heading = WHO)]
    device_access_key_secret_file: Option<OsString>,
    /// User name of custom authentication
    #[arg(long, value_name = "NAME", global = true, hide_short_help = true, help_heading = WHO)]
    user: Option<String>,
    /// File with the secret of custom authentication
    #[arg(long, value_name = "PATH", global = true, hide_short_help = true, help_heading = WHO)]
    password_file: Option<OsString>,

    /// CA certificates to trust besides the system's, PEM
    #[arg(long, value_name = "PATH", global = true, hide_short_help = true, help_heading = HOW)]
    ca_file: Option<OsString>,
    /// Certificate of the client, PEM
    #[arg(long, value_name = "PATH", global = true, hide_short_help = true, help_heading = HOW)]
    client_cert_file: Option<OsString>,
    /// Key of that certificate, PEM
    #[arg(long, value_name = "PATH", global = true, hide_short_help = true, help_heading = HOW)]
    client_key_file: Option<OsString>,
    /// HTTP proxy, http://host:port; env: what https_proxy and no_proxy say
    #[arg(long, value_name = "URL", global = true, hide_short_help = true, help_heading = HOW)]
    proxy: Option<String>,
    /// MQTT version: 3.1.1 (default) or 5
    #[arg(long, value_name = "VERSION", global = true, hide_short_help = true, help_heading = HOW)]
    protocol: Option<String>,
    /// false: the broker keeps the session; needs a device id [default: true]
    #[arg(long, value_name = "BOOL", global = true, hide_short_help = true, help_heading = HOW)]
    clean_session: Option<String>,
    /// How long the broker keeps the session, in seconds (MQTT 5)
    #[arg(long, value_name = "SECONDS", global = true, hide_short_help = true, help_heading = HOW)]
    session_expiry: Option<String>,
    /// Keep-alive in seconds, 5 to 480 [default: 60]
    #[arg(long, value_name = "SECONDS", global = true, hide_short_help = true, help_heading = HOW)]
    keep_alive: Option<String>,
    /// How long one request may take, in seconds, 1 to 3600 [default: 30]
    #[arg(long, value_name = "SECONDS", global = true, help_heading = HOW)]
    timeout: Option<String>,
    /// Largest payload to send, and to receive if above 192 KB, in bytes [default: 65536]
    #[arg(long, alias = "payload-len", value_name = "BYTES", global = true, hide_short_help = true, help_heading = HOW)]
    max_payload: Option<String>,

    /// URL of the API [default: by region]
    #[arg(long, value_name = "URL", global = true, hide_short_help = true, help_heading = API)]
    api_endpoint: Option<String>,
    /// Region of the instance, such as cn-hangzhou
    #[arg(long, value_name = "ID", global = true, hide_short_help = true, help_heading = API)]
    region_id: Option<String>,
    #[arg(skip)]
    used: Used,
}

impl SettingArgs {
    /// Which of them had a part in what was done.
    pub(crate) fn used(&self) -> &Used {
        &self.used
    }

    /// What was given: the setting, and the flag's value. Of a secret that is the path of its file.
    pub(crate) fn given(&self) -> impl Iterator<Item = (Key, &OsStr)> {
        let texts = [
            (Key::Endpoint, &self.endpoint),
            (Key::InstanceId, &self.instance_id),
            (Key::GroupId, &self.group_id),
            (Key::DeviceId, &self.device_id),
            (Key::ClientId, &self.client_id),
            (Key::Topic, &self.parent_topic),
            (Key::Auth, &self.auth),
            (Key::AccessKeyId, &self.access_key_id),
            (Key::DeviceAccessKeyId, &self.device_access_key_id),
            (Key::User, &self.user),
            (Key::Proxy, &self.proxy),
            (Key::Protocol, &self.protocol),
            (Key::CleanSession, &self.clean_session),
            (Key::SessionExpiry, &self.session_expiry),
            (Key::KeepAlive, &self.keep_alive),
            (Key::Timeout, &self.timeout),
            (Key::MaxPayload, &self.max_payload),
            (Key::ApiEndpoint, &self.api_endpoint),
            (Key::RegionId, &self.region_id),
        ];
        let paths = [
            (Key::AccessKeySecret, &self.access_key_secret_file),
            (Key::SecurityToken, &self.security_token_file),
            (Key::Token, &self.token_file),
            (Key::DeviceAccessKeySecret, &self.device_access_key_secret_file),
            (Key::Password, &self.password_file),
            (Key::CaFile, &self.ca_file),
            (Key::ClientCertFile, &self.client_cert_file),
            (Key::ClientKeyFile, &self.client_key_file),
        ];
        let texts = texts.into_iter().filter_map(|(key, value)| Some((key, OsStr::new(value.as_deref()?))));
        texts.chain(paths.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?))))
    }
}

/// For `value_parser`: a QoS, 0 to 2.
pub(crate) fn qos(text: &str) -> Result<QoS, String> {
    text.parse().ok().and_then(QoS::from_level).ok_or_else(|| "it must be 0, 1 or 2".to_string())
}

/// For `value_parser`: a time in seconds, with or without a fraction.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let time = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| "it must be a number of seconds".to_string())
}

/// For `value_parser`: messages per second.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.001..=1_000_000.0).contains(rate));
    rate.ok_or_else(|| "it must be a number from 0.001 to 1000000".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Kind;
    use clap::CommandFactory as _;

    #[test]
    fn the_tree_is_sound() {
        Cli::command().debug_assert();
    }

    /// clap takes what has the same id for the same argument: its value would be that of the setting, too.
    #[test]
    fn no_argument_of_a_command_is_taken_for_a_setting() {
        let tree = Cli::command();
        let settings: Vec<_> = tree.get_arguments().map(|argument| argument.get_id().clone()).collect();
        let mut open: Vec<_> = tree.get_subcommands().collect();
        while let Some(command) = open.pop() {
            for argument in command.get_arguments() {
                assert!(!settings.contains(argument.get_id()), "{} {}", command.get_name(), argument.get_id());
            }
            open.extend(command.get_subcommands());
        }
    }

    /// Of the whole tree: the value of a flag is in the list of processes for all to see.
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

    /// Prose is one line a paragraph, which is wrapped where it is shown; lines wrapped twice come out ragged.
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
    fn numbers_that_are_none_are_refused() {
        for bad in ["", "nan", "NaN", "inf", "-1", "1e400", "x"] {
            assert!(seconds(bad).is_err() && rate(bad).is_err() && qos(bad).is_err(), "{bad}");
        }
        assert!(rate("0").is_err() && qos("3").is_err());
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(rate("0.001"), Ok(0.001));
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
}
