//! The options of the command line.

use std::net::IpAddr;
use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::file::{File, read_ca};
use super::limit as limit_named;
use super::{Configured, private};
use crate::builder::Builder;
use crate::emulator::Emulator;
use crate::environment::{Environment, Format, Transport};
use crate::error::Error;
use crate::server::AUTH;
use crate::settings::Limits;

/// The options that `aliyun-mqtt-emulator` and `aliyun-mqtt emulator` share.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct Options {
    /// Transport of the printed endpoint: tcp, tls, ws or wss; tls and wss need --write-ca
    #[arg(long, value_name = "NAME", default_value = "tcp", value_parser = transport())]
    pub transport: Transport,
    /// Write the certificate of the emulator's CA to this file, in PEM form
    #[arg(long, value_name = "PATH")]
    pub write_ca: Option<PathBuf>,
    /// Write the variables to this file, which only its owner can read
    #[arg(long, value_name = "PATH")]
    pub env_file: Option<PathBuf>,
    /// How to write the variables: shell, powershell, or plain for NAME=VALUE
    #[arg(long, value_name = "FORMAT", default_value = "shell", value_parser = format(), overrides_with = "env_format")]
    pub env_format: Format,
    /// Refuse this topic filter as the service does if a permission is missing; may be repeated
    #[arg(long, value_name = "FILTER")]
    forbid: Vec<String>,
    /// Enforce all limits that the service documents
    #[arg(long)]
    strict: bool,
    /// Set a limit to a number, on or off, such as rate=20; may be repeated
    #[arg(long, value_name = "NAME=VALUE", hide_short_help = true)]
    limit: Vec<String>,
    /// Hand out temporary keys of this RAM role, as the metadata service and STS do, on the ports of the API
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    ram_role: Option<String>,
    /// Let tokens age this many times faster, at least 1; with 20, a minute takes 3 s
    #[arg(long, value_name = "FACTOR", hide_short_help = true)]
    time_scale: Option<f64>,
    /// Keep at most COUNT log entries, which --watch and the API's traces show [default: 1000000]
    #[arg(long, value_name = "COUNT", hide_short_help = true)]
    log_entries: Option<NonZero<usize>>,
    /// Keep at most this many bytes of log entries, including payloads [default: 134217728]
    #[arg(long, value_name = "BYTES", hide_short_help = true)]
    log_bytes: Option<NonZero<usize>>,
    /// Listen on this address; with any other than 127.0.0.1, others can use the emulator [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", hide_short_help = true)]
    listen: Option<IpAddr>,
    /// Add this host name or address to the server's certificate; may be repeated
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    tls_name: Vec<String>,
    /// Demand device certificates for MQTT over TLS, issued by a CA in this PEM file
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    client_ca: Option<PathBuf>,
    /// Serve the control API on this port, for tests in any language; 0 chooses a free one
    #[arg(long, value_name = "PORT")]
    control_port: Option<u16>,
    /// Serve a page for the browser on the port of the control API, and print the link to it on stderr
    #[arg(long)]
    pub web: bool,
    /// Serve the control API on this address [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", hide_short_help = true)]
    control_listen: Option<IpAddr>,
    /// Accept this name in the Host header of the control API, with any port; may be repeated
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    control_host: Vec<String>,
    #[command(flatten)]
    ports: Ports,
}

/// Ports; 0 chooses a free one.
#[derive(Debug, Args)]
#[command(next_help_heading = "Ports [default: 0, a free one]")]
struct Ports {
    /// Port of mqtt://
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Port of mqtts://
    #[arg(long, value_name = "PORT")]
    tls_port: Option<u16>,
    /// Port of ws://
    #[arg(long, value_name = "PORT")]
    ws_port: Option<u16>,
    /// Port of wss://
    #[arg(long, value_name = "PORT")]
    wss_port: Option<u16>,
    /// Port of the API over http://
    #[arg(long, value_name = "PORT")]
    api_port: Option<u16>,
    /// Port of the API over https://
    #[arg(long, value_name = "PORT")]
    api_tls_port: Option<u16>,
}

/// The settings file, and the names that replace those in it. Each program has options of its own for them; what is
/// empty is not given.
#[derive(Debug, Default)]
pub struct Given {
    /// The path of the settings file.
    pub config: Option<PathBuf>,
    /// The instance id.
    pub instance_id: Option<String>,
    /// The group ids.
    pub group_ids: Vec<String>,
    /// The parent topics.
    pub parent_topics: Vec<String>,
}

impl Options {
    /// Returns the builder with the settings of the options and of the file that they name.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a value that is not possible, [`Error::Io`] for a file that cannot be read.
    pub fn configure(&self, given: Given) -> Result<Configured, Error> {
        if self.transport.is_tls() && self.write_ca.is_none() {
            return Err(Error::Invalid(format!(
                "--transport {} needs --write-ca, since clients could not verify the certificate otherwise",
                self.transport
            )));
        }
        let mut warnings = Vec::new();
        let mut file = File::default();
        if let Some(path) = &given.config {
            file = File::read(path)?;
            if file.has_secrets() && private::is_open_to_others(path) {
                warnings.push(format!("{} holds a secret and others may read it: chmod 600 it", path.display()));
            }
        }
        let mut limits = if self.strict || file.strict { Limits::strict() } else { Limits::default() };
        if let Some(path) = &given.config {
            file.limits(path, &mut limits)?;
        }
        for limit in &self.limit {
            let (name, value) = limit
                .split_once('=')
                .ok_or_else(|| Error::Invalid(format!("--limit {limit:?} is not of the form NAME=VALUE")))?;
            limit_named::set(&mut limits, name, limit_named::parse(name, value)?)?;
        }
        let mut builder = Emulator::builder().limits(limits);
        if let Some(id) = given.instance_id.or(file.instance_id.take()) {
            builder = builder.instance_id(id);
        }
        let from =
            |given: Vec<String>, file: &mut Vec<String>| if given.is_empty() { std::mem::take(file) } else { given };
        builder = from(given.group_ids, &mut file.group_ids).into_iter().fold(builder, Builder::group_id);
        builder = from(given.parent_topics, &mut file.parent_topics).into_iter().fold(builder, Builder::parent_topic);
        if let Some(scale) = self.time_scale.or(file.time_scale) {
            if !(scale.is_finite() && scale >= 1.0) {
                return Err(Error::Invalid(
                    "--time-scale must be at least 1: the factor by which tokens age faster; with 20, a token applied \
                     for with 60 s expires after 3 s"
                        .into(),
                ));
            }
            builder = builder.token_time_scale(scale.recip());
        }
        if let Some(address) = self.listen.or(file.listen) {
            if !address.is_loopback() {
                warnings.push(format!("others can use this emulator: it listens on {address}"));
            }
            builder = builder.address(address);
        }
        // Any key of its table in the file asks for the control API; of the options, only the port and the page do.
        let control = &file.control;
        let is_asked_for = self.web || control.is_asked_for();
        if let Some(port) = self.control_port.or(control.port).or(is_asked_for.then_some(0)) {
            builder = builder.control_port(port);
            if self.web || control.web {
                builder = builder.page();
            }
            if let Some(address) = self.control_listen.or(control.listen) {
                if !address.is_loopback() {
                    warnings.push(format!(
                        "others who know its token can control this emulator: its control API listens on {address}"
                    ));
                }
                builder = builder.control_address(address);
            }
            builder = self.control_host.iter().fold(builder, Builder::control_host);
        } else if self.control_listen.is_some() || !self.control_host.is_empty() {
            return Err(Error::Invalid("--control-listen and --control-host need --control-port or --web".into()));
        }
        if let Some(path) = &given.config {
            builder = file.apply(path, builder)?;
        }
        Ok(Configured { builder: self.apply(builder)?, warnings })
    }

    /// Returns the environment of an emulator with these options, and writes its files. It has one way to log in,
    /// `ALIYUN_MQTT_AUTH`, unless the caller has chosen one: the AccessKey and the token offer two.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be written.
    pub fn environment(&self, emulator: &Emulator) -> Result<Environment, Error> {
        let mut environment = emulator.environment(self.transport, self.write_ca.as_deref())?;
        if std::env::var_os(AUTH).is_none_or(|mode| mode.is_empty()) {
            environment.push_front(AUTH, "signature".to_owned());
        }
        if let Some(path) = &self.env_file {
            private::write(path, &environment.text(self.env_format))
                .map_err(|error| Error::io(format!("write {}", path.display()), error))?;
        }
        Ok(environment)
    }

    /// Applies the options that simply replace or extend the settings of the file.
    fn apply(&self, mut builder: Builder) -> Result<Builder, Error> {
        builder = self.forbid.iter().fold(builder, Builder::forbid);
        builder = self.tls_name.iter().fold(builder, Builder::tls_name);
        if let Some(role) = &self.ram_role {
            builder = builder.ram_role(role);
        }
        if let Some(path) = &self.client_ca {
            builder = builder.client_ca(read_ca(path)?);
        }
        if let Some(entries) = self.log_entries {
            builder = builder.log_capacity(entries.get());
        }
        if let Some(bytes) = self.log_bytes {
            builder = builder.log_bytes(bytes.get());
        }
        let Ports { port, tls_port, ws_port, wss_port, api_port, api_tls_port } = self.ports;
        type Set = fn(Builder, u16) -> Builder;
        for (port, set) in [
            (port, Builder::tcp_port as Set),
            (tls_port, Builder::tls_port),
            (ws_port, Builder::ws_port),
            (wss_port, Builder::wss_port),
            (api_port, Builder::api_port),
            (api_tls_port, Builder::api_tls_port),
        ] {
            if let Some(port) = port {
                builder = set(builder, port);
            }
        }
        Ok(builder)
    }
}

fn transport() -> impl TypedValueParser<Value = Transport> {
    PossibleValuesParser::new(["tcp", "tls", "ws", "wss"]).try_map(|text| text.parse::<Transport>())
}

/// For `value_parser`: a format of the variables.
fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(["shell", "powershell", "plain"]).try_map(|text| text.parse::<Format>())
}
