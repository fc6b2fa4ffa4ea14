//! The options of every command: where the settings come from, and the settings themselves.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Args, Command};

use super::{Auth, Key, Used};
use crate::report::{Color, LogLevel};

const WHERE: &str = "Connection";
const WHO: &str = "Login";
const HOW: &str = "Connection details";
const API: &str = "Service API (OpenAPI)";

/// Options that are no command's own. None takes a secret as its value.
///
/// The settings stand before the name of a command, and behind it where the command takes them ([`all_settings`]); the others
/// anywhere.
#[derive(Debug, Args)]
pub(crate) struct GlobalArgs {
    /// Configuration file [default: aliyun-mqtt/config.toml in $XDG_CONFIG_HOME or ~/.config]
    #[arg(long, value_name = "PATH", global = true, hide_short_help = true)]
    pub(crate) config: Option<PathBuf>,
    /// Profile of the configuration file
    #[arg(long, short = 'P', value_name = "PROFILE", global = true)]
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
    #[arg(long, short = 'e', value_name = "ENDPOINT", help_heading = WHERE)]
    endpoint: Option<String>,
    /// Instance id
    #[arg(long, value_name = "ID", help_heading = WHERE)]
    instance_id: Option<String>,
    /// Group id, the first part of the client id
    #[arg(long, short = 'g', value_name = "GID", help_heading = WHERE)]
    group_id: Option<String>,
    /// Device id, the second part of the client id [default: a new one]
    #[arg(long, value_name = "ID", help_heading = WHERE)]
    device_id: Option<String>,
    /// Whole client id, GroupID@@@DeviceID; with custom authentication any id
    #[arg(long, short = 'i', value_name = "ID", help_heading = WHERE)]
    client_id: Option<String>,
    /// Parent topic, for what is addressed without a topic: p2p, token, doctor
    #[arg(long, value_name = "NAME", hide_short_help = true, help_heading = WHERE)]
    parent_topic: Option<String>,

    /// How to log in [default: signature]
    #[arg(long, value_name = "MODE", value_parser = auth_names(), hide_short_help = true, help_heading = WHO)]
    auth: Option<String>,
    /// AccessKey id
    #[arg(long, value_name = "ID", hide_short_help = true, help_heading = WHO)]
    access_key_id: Option<String>,
    /// File with the AccessKey secret; - is stdin, fd:N an open file
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = WHO)]
    access_key_secret_file: Option<OsString>,
    /// File with the security token of a temporary AccessKey (STS; API only)
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = WHO)]
    security_token_file: Option<OsString>,
    /// File with the token of token mode, RW|...; read again at each connect [without one, a token is applied for]
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = WHO)]
    token_file: Option<OsString>,
    /// AccessKey id of the device credential
    #[arg(long, value_name = "ID", hide_short_help = true, help_heading = WHO)]
    device_access_key_id: Option<String>,
    /// File with the AccessKey secret of the device credential
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = WHO)]
    device_access_key_secret_file: Option<OsString>,
    /// User name of custom authentication
    #[arg(long, value_name = "NAME", hide_short_help = true, help_heading = WHO)]
    user: Option<String>,
    /// File with the secret of custom authentication
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = WHO)]
    password_file: Option<OsString>,

    /// CA certificates to trust besides the system's, PEM
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = HOW)]
    ca_file: Option<OsString>,
    /// Certificate of the client, PEM
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = HOW)]
    client_cert_file: Option<OsString>,
    /// Key of that certificate, PEM
    #[arg(long, value_name = "PATH", hide_short_help = true, help_heading = HOW)]
    client_key_file: Option<OsString>,
    /// HTTP proxy, http://host:port; env: what https_proxy and no_proxy say
    #[arg(long, value_name = "URL", hide_short_help = true, help_heading = HOW)]
    proxy: Option<String>,
    /// MQTT version [default: 3.1.1]
    #[arg(long, value_name = "VERSION", value_parser = Listed(vec!["3.1.1", "5"]), hide_short_help = true, help_heading = HOW)]
    protocol: Option<String>,
    /// With false the server keeps the session, which needs a device id [default: true]
    #[arg(long, value_name = "BOOL", value_parser = Listed(vec!["true", "false"]), hide_short_help = true, help_heading = HOW)]
    clean_session: Option<String>,
    /// How long the broker keeps the session, in seconds (MQTT 5)
    #[arg(long, value_name = "SECONDS", hide_short_help = true, help_heading = HOW)]
    session_expiry: Option<String>,
    /// Keep-alive in seconds, 5 to 480 [default: 60]
    #[arg(long, value_name = "SECONDS", hide_short_help = true, help_heading = HOW)]
    keep_alive: Option<String>,
    /// How long one request may take, in seconds, 1 to 3600 [default: 30]
    #[arg(long, value_name = "SECONDS", help_heading = HOW)]
    timeout: Option<String>,
    /// Largest payload to send, and to receive if above 192 KB, in bytes [default: 65536]
    #[arg(long, value_name = "BYTES", hide_short_help = true, help_heading = HOW)]
    max_payload: Option<String>,

    /// URL of the API [default: by region]
    #[arg(long, value_name = "URL", hide_short_help = true, help_heading = API)]
    api_endpoint: Option<String>,
    /// Region of the instance, such as cn-hangzhou
    #[arg(long, value_name = "ID", hide_short_help = true, help_heading = API)]
    region_id: Option<String>,
    #[arg(skip)]
    used: Used,
}

fn auth_names() -> Listed {
    Listed(Auth::NAMES.map(|(name, _)| name).to_vec())
}

/// Text that is completed to these values, and any other is passed on: it is refused where the setting is read, in the same
/// words whether a flag, a variable or the file gives it.
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

/// The settings as options of a command and its subcommands.
///
/// They have the ids of [`SettingArgs`] at the top of the tree: clap hands their values up to it, whether an option stands
/// before the name of the command or behind it.
pub(crate) fn all_settings() -> Vec<Arg> {
    let tree = SettingArgs::augment_args(Command::new("settings"));
    tree.get_arguments().map(|argument| argument.clone().global(true)).collect()
}

/// The options of these settings only.
pub(crate) fn some_settings(keys: &[Key]) -> Vec<Arg> {
    let named = |argument: &Arg| keys.iter().any(|key| argument.get_long() == Some(&key.row().flag[2..]));
    let mut arguments = all_settings();
    arguments.retain(named);
    arguments
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
