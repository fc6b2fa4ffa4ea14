//! The options that do not belong to a single command, including the settings.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Args, Command};

use super::{Auth, Key, Used};
use crate::lang::Lang;
use crate::report::{Color, LogLevel};
use crate::values::{self, PROTOCOLS};

const WHERE: &str = "Connection";
const WHO: &str = "Login";
const HOW: &str = "Connection details";
const API: &str = "Service API (OpenAPI)";

/// The options that do not belong to a single command. None of them takes a secret as its value.
///
/// Settings are accepted before the name of every command, and after the names of commands that use them
/// ([`all_settings`]); the other options anywhere.
#[derive(Debug, Args)]
pub(crate) struct GlobalArgs {
    /// Configuration file [default: aliyun-mqtt/config.toml in $XDG_CONFIG_HOME or ~/.config]
    #[arg(long, value_name = "PATH", global = true, hide_short_help = true)]
    pub(crate) config: Option<PathBuf>,
    /// Profile of the configuration file
    #[arg(long, short = 'P', value_name = "PROFILE", global = true)]
    pub(crate) profile: Option<String>,
    /// Language of help, hints and doctor's report [default: by ALIYUN_MQTT_LANG, or else by the locale]
    #[arg(long, value_name = "LANGUAGE", global = true, hide_short_help = true, ignore_case = true)]
    pub(crate) lang: Option<Lang>,
    /// When to use colors [NO_COLOR is respected]
    #[arg(long, value_name = "WHEN", global = true, hide_short_help = true, default_value = "auto")]
    pub(crate) color: Color,
    /// The lowest level of log messages to print on stderr
    #[arg(long, value_name = "LEVEL", global = true, hide_short_help = true, default_value = "warn")]
    pub(crate) log: LogLevel,
    /// Pass the environment variables that hold secrets on to commands (--exec, *_command)
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) pass_secrets: bool,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
}

/// The settings, which can also be given by the environment or the configuration file; flags have precedence.
#[derive(Debug, Default, Args)]
pub(crate) struct SettingArgs {
    /// Endpoint: host, host:port, or a URL with mqtt://, mqtts://, ws:// or wss://
    #[arg(long, short = 'e', value_name = "ENDPOINT", help_heading = WHERE)]
    endpoint: Option<String>,
    /// Instance id
    #[arg(long, value_name = "ID", help_heading = WHERE)]
    instance_id: Option<String>,
    /// Group id, the first part of the client id
    #[arg(long, short = 'g', value_name = "GID", help_heading = WHERE)]
    group_id: Option<String>,
    /// Device id, the second part of the client id [default: a random one]
    #[arg(long, value_name = "ID", help_heading = WHERE)]
    device_id: Option<String>,
    /// Complete client id, GroupID@@@DeviceID; any id with custom authentication
    #[arg(long, short = 'i', value_name = "ID", help_heading = WHERE)]
    client_id: Option<String>,
    /// Parent topic, for commands that do not name a topic: p2p, token, doctor
    #[arg(long, value_name = "NAME", hide_short_help = true, help_heading = WHERE)]
    parent_topic: Option<String>,

    /// How to log in [default: signature, token with a temporary AccessKey, chain without one]
    #[arg(long, value_name = "MODE", value_parser = auth_names(), hide_short_help = true, help_heading = WHO)]
    auth: Option<String>,
    /// AccessKey id [default: the first key that Alibaba Cloud's SDKs would find]
    #[arg(long, value_name = "ID", hide_short_help = true, help_heading = WHO)]
    access_key_id: Option<String>,
    /// File that holds the AccessKey secret; - is stdin, fd:N an open file descriptor
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = WHO)]
    access_key_secret_file: Option<OsString>,
    /// File that holds the security token of a temporary AccessKey (STS; API only)
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = WHO)]
    security_token_file: Option<OsString>,
    /// File that holds the token (RW|...), read at each connect [default: apply for a token]
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = WHO)]
    token_file: Option<OsString>,
    /// AccessKey id of the device credential
    #[arg(long, value_name = "ID", hide_short_help = true, help_heading = WHO)]
    device_access_key_id: Option<String>,
    /// File that holds the AccessKey secret of the device credential
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = WHO)]
    device_access_key_secret_file: Option<OsString>,
    /// User name for custom authentication
    #[arg(long, value_name = "NAME", hide_short_help = true, help_heading = WHO)]
    user: Option<String>,
    /// File that holds the secret for custom authentication
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = WHO)]
    password_file: Option<OsString>,

    /// PEM file of CA certificates to trust in addition to the system's
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = HOW)]
    ca_file: Option<OsString>,
    /// PEM file of the client certificate
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = HOW)]
    client_cert_file: Option<OsString>,
    /// PEM file of the client certificate's private key
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = HOW)]
    client_key_file: Option<OsString>,
    /// HTTP proxy, http://host:port; "env" follows https_proxy and no_proxy
    #[arg(long, value_name = "URL", hide_short_help = true, help_heading = HOW)]
    proxy: Option<String>,
    /// MQTT version [default: 3.1.1]
    #[arg(long, value_name = "VERSION", value_parser = Listed(PROTOCOLS.to_vec()), hide_short_help = true,
        help_heading = HOW)]
    protocol: Option<String>,
    /// Start with a clean session; "false" keeps it on the server and needs a device id [default: true]
    #[arg(long, value_name = "BOOL", value_parser = Listed(vec!["true", "false"]), hide_short_help = true,
        help_heading = HOW)]
    clean_session: Option<String>,
    /// How long the server keeps the session, in seconds (MQTT 5)
    #[arg(long, value_name = "SECONDS", hide_short_help = true, help_heading = HOW)]
    session_expiry: Option<String>,
    /// Keep-alive interval in seconds, 5 to 480 [default: 60]
    #[arg(long, value_name = "SECONDS", hide_short_help = true, help_heading = HOW)]
    keep_alive: Option<String>,
    /// Timeout of each request in seconds, 1 to 3600 [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = timeout, help_heading = HOW)]
    timeout: Option<String>,
    /// Largest payload in bytes; raises the largest that can be received above some 255 KB [default: 65536]
    #[arg(long, alias = "payload-len", value_name = "BYTES", hide_short_help = true, help_heading = HOW)]
    max_payload: Option<String>,

    /// URL of the service API [default: by region]
    #[arg(long, value_name = "URL", hide_short_help = true, help_heading = API)]
    api_endpoint: Option<String>,
    /// Region of the instance, such as cn-hangzhou
    #[arg(long, value_name = "ID", hide_short_help = true, help_heading = API)]
    region_id: Option<String>,
    #[arg(skip)]
    used: Used,
}

/// Checks the value here, too, since some commands use it only after others.
fn timeout(text: &str) -> Result<String, String> {
    values::timeout(text).map(|_| text.to_string())
}

fn auth_names() -> Listed {
    Listed(Auth::ALL.map(Auth::name).to_vec())
}

/// Leaves out the chain among the ways to log in, for a command that has to know the key.
pub(crate) fn without_chain(argument: Arg) -> Arg {
    if argument.get_id() != "auth" {
        return argument;
    }
    let names = Auth::ALL.map(Auth::name).into_iter().filter(|name| *name != Auth::Chain.name());
    let argument = argument.value_parser(Listed(names.collect()));
    argument.help("How to log in [default: signature, token with a temporary AccessKey]")
}

/// Parses any text, but lists these values in help and completions. Other values are refused when the setting is used,
/// with the same error for a flag, a variable and the file.
#[derive(Clone)]
struct Listed(Vec<&'static str>);

impl TypedValueParser for Listed {
    type Value = String;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(PossibleValue::new)))
    }
}

/// Returns the settings as options of a command and its subcommands.
///
/// They have the ids of [`SettingArgs`] at the top of the tree, so clap propagates their values up to it.
pub(crate) fn all_settings() -> Vec<Arg> {
    let tree = SettingArgs::augment_args(Command::new("settings"));
    tree.get_arguments().map(|argument| argument.clone().global(true)).collect()
}

/// Returns only the options of these settings.
#[cfg(feature = "emulator")]
pub(crate) fn some_settings(keys: &[Key]) -> Vec<Arg> {
    let named = |argument: &Arg| keys.iter().any(|key| argument.get_long() == Some(&key.row().flag[2..]));
    let mut arguments = all_settings();
    arguments.retain(named);
    arguments
}

impl SettingArgs {
    /// Returns which settings were used.
    pub(crate) fn used(&self) -> &Used {
        &self.used
    }

    /// Returns the settings given by flags. The value of a secret is the path of its file.
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
